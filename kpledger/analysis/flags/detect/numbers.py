"""F7: numbers that were passed over."""

from collections.abc import Iterator
from dataclasses import dataclass

from kpledger.analysis.flags.finding import Finding, hexadecimal
from kpledger.analysis.flags.indexes.serials import format_number, read_used
from kpledger.analysis.flags.look import Look
from kpledger.analysis.flags.passages import Passage, read_passage
from kpledger.base.units import add_days, day_of
from kpledger.scheme.v1.records import AllottedRange, RangesRecord, ranges_key


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of a range that were never issued although a later one was."""

    first: str
    last: str
    count: int
    after: Passage
    """The next number that was issued."""


def read_ranges(look: Look, code: str) -> tuple[AllottedRange, ...]:
    """Give the number ranges of a participant."""
    record = look.book.record(ranges_key(code), RangesRecord)
    return record.ranges if record is not None else ()


def read_gaps(look: Look, allotted: AllottedRange) -> Iterator[Gap]:
    """Give the gaps of a range, in order."""
    run, expected = allotted.range, allotted.range.first
    for first, last in read_used(look.book.index, run):
        after = read_passage(look.book.index, format_number(run, first))
        if first > expected and after is not None:
            yield Gap(
                first=format_number(run, expected),
                last=format_number(run, first - 1),
                count=first - expected,
                after=after,
            )
        expected = last + 1


def detect_gaps(look: Look) -> Iterator[Finding]:
    """F7: numbers that were passed over some time ago."""
    found: list[Finding] = []
    for code in look.codes:
        for allotted in read_ranges(look, code):
            for gap in read_gaps(look, allotted):
                day = add_days(day_of(gap.after.recorded_at), look.settings.f7.gap_days)
                if day <= look.at and look.covers(day):
                    found.append(_finding(code, allotted, gap, day))
    yield from sorted(found, key=lambda one: (one.day, one.subject), reverse=True)


def _finding(code: str, allotted: AllottedRange, gap: Gap, day: str) -> Finding:
    numbers = f"{gap.first} to {gap.last}" if gap.count > 1 else gap.first
    what = f"{gap.count} numbers were" if gap.count > 1 else "The number was"
    return Finding(
        flag="F7",
        subject=gap.first if gap.count == 1 else f"{gap.first}-{gap.last}",
        participant=code,
        partner="",
        day=day,
        measure=gap.count,
        explanation=(
            f"{numbers} of {code}/{allotted.authority}: {what} passed over when {gap.after.number}"
            f" was issued on {gap.after.issued_on}. Spoiled blanks are the usual reason; blanks"
            f" that went missing are the other one."
        ),
        evidence=hexadecimal(gap.after.issue),
    )
