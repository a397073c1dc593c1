"""The judge of a history: pure functions from what clients were told and what nodes hold to faults.

Every event has a place in one total order, so linearizability needs no search here: it is the
agreement of every answer with that order and with real time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.chaos.history import Outcome, Place, Read, Record, Submission, reads, submissions

SOUND = "SOUND"
"""The verdict of an audit that has found nothing."""


class Kind(StrEnum):
    """What can be wrong."""

    LOST = "lost"
    """Acknowledged, and not on a node's ledger at the end."""
    MOVED = "moved"
    """Acknowledged or shown at another place than it has in the end."""
    DOUBLED = "doubled"
    """On one ledger twice."""
    REFUSED = "refused yet present"
    """A client heard that a rule refuses it, and it is there."""
    DISORDERED = "disordered"
    """Acknowledged before another was submitted, and placed after it."""
    STALE = "stale"
    """A linearizable read that shows less than had been acknowledged or read before it began."""
    INCONSISTENT = "inconsistent"
    """A read that does not show what stands at or below the height it names."""
    PHANTOM = "phantom"
    """A read that shows what nobody had submitted, or what is on no ledger at the end."""
    FORKED = "forked"
    """Two nodes with different ledgers."""
    UNSOUND = "unsound"
    """The audit of a node's directory does not find it sound."""
    LATCHED = "latched"
    """A node stopped taking part though its disk had room."""
    DIED = "died"
    """A node's process ended by itself, or would not end in order."""
    STUCK = "stuck"
    """After everything healed, the network did not come to one head and take events in time."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that must not be, with the evidence."""

    kind: Kind
    detail: str


@dataclass(frozen=True, slots=True)
class FinalLedger:
    """What one node holds at the end."""

    node: str
    verdict: str
    """What the audit of its directory says; ``SOUND`` or worse."""
    height: int
    """The newest committed block."""
    events: tuple[tuple[str, Place], ...]
    """Every committed event, in order."""


def check(records: Sequence[Record], ledgers: Sequence[FinalLedger]) -> list[Violation]:
    """Judge a run by its history and by what every node holds at the end."""
    sent, asked = submissions(records), reads(records)
    places = dict(max(ledgers, key=lambda ledger: ledger.height).events)
    return [
        *_check_ledgers(ledgers),
        *_check_acknowledged(sent, ledgers),
        *_check_refused(sent, ledgers),
        *_check_order(sent, places),
        *_check_freshness(sent, asked),
        *_check_memory(sent, asked),
        *_check_sights(sent, asked, places),
    ]


def _check_ledgers(ledgers: Sequence[FinalLedger]) -> Iterator[Violation]:
    longest = max(ledgers, key=lambda ledger: ledger.height)
    for ledger in ledgers:
        if ledger.verdict != SOUND:
            yield Violation(Kind.UNSOUND, f"{ledger.node}: {ledger.verdict}")
        seen: dict[str, Place] = {}
        for event, place in ledger.events:
            if event in seen:
                where = f"at {_where(seen[event])} and at {_where(place)}"
                yield Violation(Kind.DOUBLED, f"{event} stands on {ledger.node} {where}")
            seen[event] = place
        expected = tuple(one for one in longest.events if one[1].height <= ledger.height)
        if ledger.events != expected:
            difference = _find_difference(longest, expected, ledger)
            yield Violation(Kind.FORKED, f"up to height {ledger.height}, {difference}")


def _find_difference(
    longest: FinalLedger, expected: Sequence[tuple[str, Place]], ledger: FinalLedger
) -> str:
    for mine, theirs in zip(expected, ledger.events, strict=False):
        if mine != theirs:
            one = f"{longest.node} has {mine[0]} at {_where(mine[1])}"
            return f"{one}, {ledger.node} {theirs[0]} at {_where(theirs[1])}"
    counts = f"{len(expected)} events, {ledger.node} {len(ledger.events)}"
    return f"{longest.node} has {counts}"


def _check_acknowledged(
    sent: Iterable[Submission], ledgers: Sequence[FinalLedger]
) -> Iterator[Violation]:
    """See that nothing acknowledged is missing or elsewhere; who is behind is not judged here."""
    held = [(ledger.node, ledger.height, dict(ledger.events)) for ledger in ledgers]
    highest = max(ledger.height for ledger in ledgers)
    for one in sent:
        if one.outcome is not Outcome.OK or one.place is None:
            continue
        promise = f"{one.event}, acknowledged by {one.node} at {_where(one.place)}"
        for node, height, places in held:
            place = places.get(one.event)
            if place is None and one.place.height > height and height < highest:
                continue
            if place is None:
                yield Violation(Kind.LOST, f"{promise}, is not on {node}")
            elif place != one.place:
                yield Violation(Kind.MOVED, f"{promise}, is on {node} at {_where(place)}")


def _check_refused(
    sent: Iterable[Submission], ledgers: Sequence[FinalLedger]
) -> Iterator[Violation]:
    present = {event for ledger in ledgers for event, _ in ledger.events}
    for one in sent:
        if one.outcome is Outcome.REFUSED and one.event in present:
            yield Violation(Kind.REFUSED, f"{one.event}: {one.node} said {one.detail}")


def _check_order(sent: Sequence[Submission], places: Mapping[str, Place]) -> Iterator[Violation]:
    """See that the order of the ledger contains the order in which clients saw things happen."""
    begun: dict[str, Submission] = {}
    for one in sent:
        if one.event in places:
            first = begun.setdefault(one.event, one)
            if one.invoked_s < first.invoked_s:
                begun[one.event] = one
    acknowledged = sorted(
        (one for one in sent if one.outcome is Outcome.OK and one.event in places),
        key=lambda one: one.returned_s,
    )
    latest: Submission | None = None
    done = iter(acknowledged)
    upcoming = next(done, None)
    for one in sorted(begun.values(), key=lambda one: one.invoked_s):
        while upcoming is not None and upcoming.returned_s < one.invoked_s:
            if latest is None or places[upcoming.event].index > places[latest.event].index:
                latest = upcoming
            upcoming = next(done, None)
        if latest is not None and places[one.event].index < places[latest.event].index:
            later = f"{one.event} at {_where(places[one.event])}, submitted at {one.invoked_s:.3f}"
            earlier = f"{latest.event} at {_where(places[latest.event])}"
            when = f"acknowledged at {latest.returned_s:.3f}"
            yield Violation(Kind.DISORDERED, f"{later}, comes before {earlier}, {when}")


@dataclass(frozen=True, slots=True)
class _Mark:
    """At this time somebody knew that the ledger had reached this height."""

    at_s: float
    height: int
    who: str


def _check_freshness(sent: Iterable[Submission], asked: Iterable[Read]) -> Iterator[Violation]:
    """See that no linearizable read names a height below what was known when it began."""
    fresh = [(one, one.as_of) for one in asked if one.linearizable and one.as_of is not None]
    marks = [
        _Mark(one.returned_s, one.place.height, f"{one.node} acknowledged {one.event}")
        for one in sent
        if one.outcome is Outcome.OK and one.place is not None
    ]
    marks += [_Mark(one.returned_s, as_of, f"{one.node} was read") for one, as_of in fresh]
    known = iter(sorted(marks, key=lambda mark: mark.at_s))
    upcoming = next(known, None)
    highest: _Mark | None = None
    for one, as_of in sorted(fresh, key=lambda pair: pair[0].invoked_s):
        while upcoming is not None and upcoming.at_s < one.invoked_s:
            if highest is None or upcoming.height > highest.height:
                highest = upcoming
            upcoming = next(known, None)
        if highest is not None and as_of < highest.height:
            read = f"{one.node}, asked at {one.invoked_s:.3f} for {one.event}, said height {as_of}"
            known_before = f"height {highest.height} at {highest.at_s:.3f} ({highest.who})"
            yield Violation(Kind.STALE, f"{read}; known before: {known_before}")


def _check_memory(sent: Iterable[Submission], asked: Sequence[Read]) -> Iterator[Violation]:
    """See that no linearizable read misses an event that was acknowledged or shown before."""
    known: dict[str, tuple[float, str]] = {}
    told = [(one.event, one.returned_s, one.node) for one in sent if one.outcome is Outcome.OK]
    told += [
        (one.event, one.returned_s, one.node) for one in asked if one.linearizable and one.seen
    ]
    for event, at_s, node in told:
        known[event] = min((at_s, node), known.get(event, (at_s, node)))
    for read in asked:
        if read.linearizable and not read.seen and read.event in known:
            at_s, node = known[read.event]
            if at_s < read.invoked_s:
                story = (
                    f"{read.node}, asked at {read.invoked_s:.3f} for {read.event}, shows nothing"
                )
                yield Violation(Kind.STALE, f"{story}; {node} showed or took it by {at_s:.3f}")


def _check_sights(
    sent: Iterable[Submission], asked: Iterable[Read], places: Mapping[str, Place]
) -> Iterator[Violation]:
    """See that every read, also a local one, shows what stands there and nothing else."""
    first_sent: dict[str, float] = {}
    for one in sent:
        first_sent[one.event] = min(one.invoked_s, first_sent.get(one.event, one.invoked_s))
    for read in asked:
        place = places.get(read.event)
        story = f"{read.event} on {read.node} at {read.returned_s:.3f}, as of {read.as_of}"
        if not read.seen:
            if place is not None and read.as_of is not None and place.height <= read.as_of:
                yield Violation(
                    Kind.INCONSISTENT, f"{story}: absent, though it is at {_where(place)}"
                )
        elif place is None:
            yield Violation(Kind.PHANTOM, f"{story}: shown, and on no ledger at the end")
        elif first_sent.get(read.event, float("inf")) > read.returned_s:
            yield Violation(Kind.PHANTOM, f"{story}: shown before anybody had submitted it")
        elif read.place is not None and read.place != place:
            yield Violation(
                Kind.MOVED, f"{story}: shown at {_where(read.place)}, is at {_where(place)}"
            )


def _where(place: Place) -> str:
    return f"height {place.height} index {place.index}"
