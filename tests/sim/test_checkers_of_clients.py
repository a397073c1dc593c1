"""Each checker of what clients see notices what it is there for, and nothing that is right."""

import pytest
from lab.invariants import Answers, History, ReadConfirmed, StateMachineSafety, ViolationError
from lab.simulator.disk import SimDisk
from lab.simulator.machine import Applied
from lab.simulator.node import Answer
from sim.sightings import GENESIS, A, B, C, applied, change, disk, entry, picture, said

from kpnode.raft import (
    Dropped,
    DropReason,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    ReadGrant,
    Term,
)


def test_read_may_be_confirmed_by_what_was_active_in_the_middle_of_a_step() -> None:
    """One change is committed, the read is granted by its only voter, and the next one begins."""
    log = disk(1, A)
    log.write(None, (change(1, 1, A),))
    checker = ReadConfirmed()
    checker.on_status(A, 0, picture(), log)
    checker.on_request(7)
    log.write(None, (change(2, 1, A, B, C),))
    checker.on_status(A, 0, picture(commit=1), log)
    checker.on_read(A, ReadGrant(7, Index(1)))
    checker.on_status(A, 0, picture(commit=1), log)
    with pytest.raises(ViolationError, match=r"confirmed by \['a'\] alone"):
        checker.on_read(A, ReadGrant(7, Index(1)))


def history(*at: tuple[int, bytes]) -> History:
    checker = History()
    for index, event in at:
        one = Applied(entry(index, 1), b"", GENESIS.configuration, events=(event,))
        checker.on_applied(A, Term(1), one)
    return checker


def commits(*disks: SimDisk) -> StateMachineSafety:
    checker = StateMachineSafety(GENESIS, dict(zip((A, B, C), disks, strict=True)))
    for node, each in zip((A, B, C), disks, strict=True):
        checker.on_start(node, each, GENESIS)
    return checker


def test_stale_read_is_noticed() -> None:
    log = commits(*(disk(1, None, 1, 1) for _ in range(3)))
    checker = Answers(log)
    log.on_applied(A, Term(1), applied(1))
    checker.on_request(7)
    log.on_applied(A, Term(1), applied(2))
    checker.on_read(B, ReadGrant(7, Index(1)))
    with pytest.raises(ViolationError, match="b reads at 0, but 1 was committed"):
        checker.on_read(B, ReadGrant(7, Index(0)))


@pytest.mark.parametrize("dropped_first", [True, False])
def test_dropped_proposal_that_happens_is_noticed(*, dropped_first: bool) -> None:
    checker = Answers(commits(disk(), disk(), disk()))
    happens = Applied(entry(1, 1), b"", GENESIS.configuration, ticket=7)
    drop = Dropped(7, DropReason.OVERWRITTEN, None)
    if dropped_first:
        checker.on_dropped(drop)
        with pytest.raises(ViolationError, match="dropped proposal 7 is committed"):
            checker.on_applied(A, Term(1), happens)
    else:
        checker.on_applied(A, Term(1), happens)
        with pytest.raises(ViolationError, match="dropped proposal 7 is committed"):
            checker.on_dropped(drop)


@pytest.mark.parametrize("asked_first", [True, False])
def test_read_confirmed_by_an_older_round_is_noticed(*, asked_first: bool) -> None:
    checker = ReadConfirmed()
    checker.on_status(A, 0, picture(), disk(1))
    if asked_first:
        checker.on_request(7)
    checker.on_message(said(A, B, HeartbeatRequest(Term(1), Index(0), 1)), disk(1))
    if not asked_first:
        checker.on_request(7)
    checker.on_message(said(B, A, HeartbeatReply(Term(1), 1, Index(0))), disk(1))
    if asked_first:
        checker.on_read(A, ReadGrant(7, Index(0)))
    else:
        with pytest.raises(ViolationError, match=r"in term 1, confirmed by \['a'\] alone"):
            checker.on_read(A, ReadGrant(7, Index(0)))


def test_event_that_is_applied_twice_is_noticed() -> None:
    history((1, b"e"), (1, b"e"), (2, b"f"))
    with pytest.raises(ViolationError, match="b'e' is applied at 1 and at 2"):
        history((1, b"e"), (2, b"e"))


def test_event_that_is_not_where_it_was_acknowledged_is_noticed() -> None:
    checker = history((1, b"e"))
    checker.on_answer(A, Answer(b"e", Index(1)))
    checker.on_answer(A, Answer(b"x", None))
    for wrong in (Answer(b"e", Index(2)), Answer(b"x", Index(1))):
        with pytest.raises(ViolationError, match="a says"):
            checker.on_answer(A, wrong)


def test_event_that_is_refused_and_applied_is_noticed() -> None:
    checker = history((1, b"e"))
    checker.on_answer(A, Answer(b"x", None, refused=True))
    with pytest.raises(ViolationError, match="a refuses b'e', which is applied"):
        checker.on_answer(A, Answer(b"e", None, refused=True))


def test_event_before_one_that_was_acknowledged_earlier_is_noticed() -> None:
    checker = history((2, b"e"))
    checker.on_answer(A, Answer(b"e", Index(2)))
    checker.on_invoke(b"f")
    late = Applied(entry(1, 1), b"", GENESIS.configuration, events=(b"f",))
    with pytest.raises(ViolationError, match="b'f' is at 1, 2 was acknowledged before"):
        checker.on_applied(B, Term(1), late)


@pytest.mark.parametrize("known_by", ["event", "read"])
def test_read_of_less_than_was_known_is_noticed(known_by: str) -> None:
    checker = history((2, b"e"))
    if known_by == "event":
        checker.on_answer(A, Answer(b"e", Index(2)))
    else:
        checker.on_request(6)
        checker.on_value(A, 6, Index(2))
    checker.on_request(7)
    checker.on_value(A, 7, Index(2))
    with pytest.raises(ViolationError, match="b answers a read from 1, 2 was known before"):
        checker.on_value(B, 7, Index(1))
