"""The judge of a chaos run: a good history passes, and each kind of lie in it is found.

Every bad history is the good one with one thing changed.
"""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from lab.chaos.checker import FinalLedger, Kind, check
from lab.chaos.history import Outcome, Place, Read, Record, Submission

EVENTS = (("a", Place(2, 0)), ("b", Place(3, 1)), ("c", Place(3, 2)))
NODES = ("bw-1", "za-2", "ae-3")

History = list[Record]
Ledgers = list[FinalLedger]


def good_ledgers() -> Ledgers:
    return [FinalLedger(node, "SOUND", 3, EVENTS) for node in NODES]


def submit(event: str, invoked: float, returned: float, place: Place | None) -> Submission:
    return Submission(
        client="one",
        node="bw-1",
        event=event,
        invoked_s=invoked,
        returned_s=returned,
        outcome=Outcome.UNKNOWN if place is None else Outcome.OK,
        place=place,
    )


def read(event: str, invoked: float, *, seen: bool, as_of: int | None) -> Read:
    place = dict(EVENTS).get(event) if seen else None
    return Read(
        client="two",
        node="za-2",
        event=event,
        linearizable=True,
        invoked_s=invoked,
        returned_s=invoked + 0.5,
        outcome=Outcome.OK,
        seen=seen,
        place=place,
        as_of=as_of,
    )


def good_history() -> History:
    """a is acknowledged, then b is submitted; c is of unknown outcome, and d is refused."""
    refused = msgspec.structs.replace(submit("d", 5, 6, None), outcome=Outcome.REFUSED)
    return [
        read("a", 0, seen=False, as_of=1),
        submit("a", 1, 2, Place(2, 0)),
        read("a", 2.5, seen=True, as_of=2),
        read("b", 2.5, seen=False, as_of=2),
        submit("b", 3, 4, Place(3, 1)),
        submit("c", 3, 4, None),
        read("c", 4.5, seen=True, as_of=3),
        read("never", 4.5, seen=False, as_of=3),
        refused,
    ]


def kinds_of(history: History, ledgers: Ledgers) -> set[Kind]:
    return {violation.kind for violation in check(history, ledgers)}


def test_good_history_is_accepted() -> None:
    assert check(good_history(), good_ledgers()) == []


def forget(event: str) -> Callable[[Ledgers], None]:
    def change(ledgers: Ledgers) -> None:
        for place, ledger in enumerate(ledgers):
            ledgers[place] = replace(
                ledger, events=tuple(one for one in ledger.events if one[0] != event)
            )

    return change


def test_acknowledged_event_that_no_node_holds_is_lost() -> None:
    ledgers = good_ledgers()
    forget("b")(ledgers)
    assert kinds_of(good_history(), ledgers) == {Kind.LOST}


def test_acknowledged_event_that_one_node_lacks_is_lost_and_a_fork() -> None:
    ledgers = good_ledgers()
    ledgers[2] = replace(ledgers[2], events=(EVENTS[0], EVENTS[2]))
    assert kinds_of(good_history(), ledgers) == {Kind.LOST, Kind.FORKED}


def test_acknowledged_event_beyond_every_ledger_is_lost() -> None:
    history = [*good_history(), submit("e", 7, 8, Place(9, 3))]
    assert kinds_of(history, good_ledgers()) == {Kind.LOST}


def test_node_that_is_behind_has_lost_nothing() -> None:
    ledgers = good_ledgers()
    ledgers[1] = replace(ledgers[1], height=2, events=EVENTS[:1])
    assert check(good_history(), ledgers) == []


def test_event_at_another_place_than_promised_has_moved() -> None:
    history = good_history()
    history[4] = submit("b", 3, 4, Place(3, 2))
    assert kinds_of(history, good_ledgers()) == {Kind.MOVED}


def test_event_that_was_shown_elsewhere_has_moved() -> None:
    history = good_history()
    history[6] = msgspec.structs.replace(
        read("c", 4.5, seen=True, as_of=3), place=Place(2, 1), linearizable=False
    )
    assert kinds_of(history, good_ledgers()) == {Kind.MOVED}


def test_event_that_stands_twice_is_doubled() -> None:
    again = (*EVENTS, ("c", Place(3, 3)))
    ledgers = [replace(ledger, events=again) for ledger in good_ledgers()]
    assert Kind.DOUBLED in kinds_of(good_history()[:6], ledgers)


def test_refused_event_that_is_present_is_found() -> None:
    history = good_history()
    history[5] = msgspec.structs.replace(submit("c", 3, 4, None), outcome=Outcome.REFUSED)
    assert kinds_of(history, good_ledgers()) == {Kind.REFUSED}


def test_event_that_stands_before_one_acknowledged_earlier_is_disordered() -> None:
    history = good_history()
    # c is acknowledged before b is submitted, and stands behind it.
    history[5] = submit("c", 2, 2.2, Place(3, 2))
    assert Kind.DISORDERED in kinds_of(history, good_ledgers())


def test_unacknowledged_event_counts_in_the_order_too() -> None:
    history: History = [submit("b", 1, 2, Place(3, 1)), submit("a", 3, 4, None)]
    assert kinds_of(history, good_ledgers()) == {Kind.DISORDERED}


def test_order_counts_from_the_first_of_several_attempts() -> None:
    history: History = [
        submit("a", 3, 4, Place(2, 0)),
        submit("b", 1, 2, Place(3, 1)),
        submit("a", 0, 1, None),
    ]
    assert check(history, good_ledgers()) == []


def test_concurrent_events_may_stand_in_any_order() -> None:
    history: History = [submit("b", 1, 3, Place(3, 1)), submit("a", 2.9, 4, Place(2, 0))]
    assert check(history, good_ledgers()) == []


def test_linearizable_read_below_an_acknowledged_height_is_stale() -> None:
    history = [*good_history(), read("never", 4.5, seen=False, as_of=2)]
    assert kinds_of(history, good_ledgers()) == {Kind.STALE}


def test_linearizable_read_below_the_height_of_an_earlier_one_is_stale() -> None:
    history: History = [
        submit("c", 1, 9, None),
        read("c", 2, seen=True, as_of=3),
        read("never", 3, seen=False, as_of=2),
    ]
    assert kinds_of(history, good_ledgers()) == {Kind.STALE}


def test_linearizable_read_that_misses_what_was_acknowledged_is_stale() -> None:
    history = [*good_history(), read("a", 2.5, seen=False, as_of=None)]
    assert kinds_of(history, good_ledgers()) == {Kind.STALE}


def test_linearizable_read_that_misses_what_was_read_before_is_stale() -> None:
    history = [*good_history(), read("c", 5.5, seen=False, as_of=None)]
    assert kinds_of(history, good_ledgers()) == {Kind.STALE}


def test_local_read_may_be_behind() -> None:
    behind = msgspec.structs.replace(read("b", 5, seen=False, as_of=2), linearizable=False)
    assert check([*good_history(), behind], good_ledgers()) == []


def test_linearizable_read_may_overlap_an_acknowledgement() -> None:
    history = [*good_history(), read("a", 1.9, seen=False, as_of=1)]
    assert check(history, good_ledgers()) == []


def test_read_that_hides_what_stands_below_its_height_is_inconsistent() -> None:
    hiding = msgspec.structs.replace(read("a", 5, seen=False, as_of=3), linearizable=False)
    assert kinds_of([*good_history(), hiding], good_ledgers()) == {Kind.INCONSISTENT}


def test_read_of_what_is_nowhere_in_the_end_is_a_phantom() -> None:
    history = [*good_history(), read("d", 6.5, seen=True, as_of=3)]
    assert kinds_of(history, good_ledgers()) == {Kind.PHANTOM}


def test_read_of_what_nobody_has_submitted_yet_is_a_phantom() -> None:
    history: History = [read("a", 0, seen=True, as_of=2), submit("a", 1, 2, Place(2, 0))]
    assert kinds_of(history, good_ledgers()) == {Kind.PHANTOM}


def test_read_without_an_answer_says_nothing() -> None:
    unanswered = msgspec.structs.replace(
        read("a", 5, seen=False, as_of=None), outcome=Outcome.UNKNOWN
    )
    assert check([*good_history(), unanswered], good_ledgers()) == []


def test_ledgers_with_another_order_are_a_fork() -> None:
    ledgers = good_ledgers()
    ledgers[0] = replace(ledgers[0], events=(EVENTS[0], ("c", Place(3, 1)), ("b", Place(3, 2))))
    assert Kind.FORKED in kinds_of([], ledgers)


@pytest.mark.parametrize("verdict", ["exit code 1: VIOLATION", "exit code 2: UNDECIDED"])
def test_ledger_that_is_not_sound_is_found(verdict: str) -> None:
    ledgers = good_ledgers()
    ledgers[1] = replace(ledgers[1], verdict=verdict)
    assert kinds_of(good_history(), ledgers) == {Kind.UNSOUND}


def test_violation_names_event_node_and_places() -> None:
    history = good_history()
    history[1] = submit("a", 1, 2, Place(2, 7))
    details = [violation.detail for violation in check(history, good_ledgers())]
    promised = "a, acknowledged by bw-1 at height 2 index 7, is on {} at height 2 index 0"
    assert details == [promised.format(node) for node in NODES]
