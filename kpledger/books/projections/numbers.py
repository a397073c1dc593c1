"""Numbers: which serial numbers were used, as intervals, so that gaps need no search.

And reports of papers that nobody trusted, beside what the ledger knew of the numbers on them.
"""

import re
from typing import Final

from kpledger.books.periods import days_between
from kpledger.books.projections.rows import Rows
from kpledger.books.projections.shipments import BookedEvent, Shipment, Shipments
from kpledger.books.projections.state import BooksState
from kpledger.scheme.v1.events.importing import SuspectReported
from kpledger.scheme.v1.records import AllottedRange, RangesRecord

_NUMBER: Final = re.compile(r"^([A-Z-]+)([0-9]+)\Z")
_KEPT: Final = 5_000

Serial = tuple[str, int, int]
"""Prefix, number of digits, and the number that they are."""


def split_number(number: str) -> Serial:
    """Give prefix, width and serial of a certificate number; an empty prefix if it is none."""
    match = _NUMBER.match(number)
    return (match[1], len(match[2]), int(match[2])) if match else ("", 0, 0)


def find_range(state: BooksState, issuer: str, number: Serial) -> AllottedRange | None:
    """Find the range that a number lies in."""
    record = state.read(RangesRecord.key_for(issuer), RangesRecord)
    prefix, width, serial = number
    # Ranges never overlap, so there is one; of many years', most numbers lie in the last.
    for one in reversed(record.ranges) if record is not None else ():
        run = one.range
        if run.first <= serial <= run.last and (run.prefix, run.width) == (prefix, width):
            return one
    return None


class Numbers:
    """Writes the tables ``number_intervals``, ``number_tops`` and ``suspects``."""

    def __init__(self, rows: Rows, state: BooksState, shipments: Shipments) -> None:
        self._connection = rows.connection
        self._state = state
        self._shipments = shipments
        self._last: dict[Serial, int | None] = {}
        """Intervals by their first number, as far as they were looked for; None: there is none."""
        self._first: dict[Serial, int | None] = {}
        """The same by their last number."""
        self._ends: dict[tuple[str, int], int] = {}
        """The last number used of all, by prefix and width: nothing is sought behind it."""
        self._tops: dict[Serial, tuple[int, int, str]] = {}
        """The highest number of a range: serial, certificate, day of issue."""
        self._dirty_tops: set[Serial] = set()
        self._changed: set[Serial] = set()
        self._begun: dict[Serial, int] = {}
        """The certificate with the first number of an interval, if that is a new one."""
        of_interval = "WHERE prefix = ? AND width = ? AND first = ?"
        self._gone = rows.of(f"DELETE FROM number_intervals {of_interval}")
        self._new = rows.of("INSERT INTO number_intervals")
        self._grown = rows.of(f"UPDATE number_intervals SET last = ? {of_interval}")
        self._new_tops = rows.of("REPLACE INTO number_tops")
        self._suspects = rows.of("INSERT INTO suspects")

    def use(self, shipment: Shipment) -> None:
        """Note a new certificate's number as used, and whether a higher one was used before."""
        record = shipment.record
        number = prefix, width, serial = split_number(record.number)
        self._join(prefix, width, serial, shipment.issue)
        allotted = find_range(self._state, record.issuer, number)
        key = prefix, width, 0 if allotted is None else allotted.range.first
        top = self._tops.get(key) or self._read_top(key)
        if top is not None and top[0] > serial:
            self._tops[key] = top
            days = days_between(top[2], record.issued_on)
            if days >= 1:
                shipment.higher, shipment.days_after_higher = top[1], days
            return
        self._tops[key] = serial, shipment.issue, record.issued_on
        self._dirty_tops.add(key)

    def suspect(self, reported: SuspectReported, at: BookedEvent) -> None:
        """Note a report of a suspect paper, if it has a number."""
        claimed = reported.claimed_number.upper()
        number = "".join(one for one in claimed if one.isalnum() or one == "-")
        if not number:
            return
        known = self._shipments.find(number)
        finding = "NEVER"
        use: tuple[str | None, str | None] = (None, None)
        if known is not None:
            finding = "IN_FORCE" if known.ended is None else "ENDED"
        else:
            allotted = find_range(self._state, reported.claimed_issuer, split_number(number))
            day = reported.claimed_issue
            if allotted is None:
                finding = "OUTSIDE"
            elif day and not allotted.range.use_from <= day <= allotted.range.use_until:
                finding, use = "YEAR", (allotted.range.use_from, allotted.range.use_until)
        header = at.event.header
        paper = number, reported.claimed_issuer, reported.claimed_issue
        certificate = None if known is None else known.issue
        found = header.author.participant, finding, certificate, *use
        self._suspects.append((at.index, at.day, header.subject, *paper, *found))

    def flush(self) -> None:
        """Give what has changed to be written."""
        for one in sorted(self._changed):
            last = self._last[one]
            if last is None:
                self._gone.append(one)
            elif one in self._begun:
                self._new.append((*one, last, self._begun[one]))
            else:
                self._grown.append((last, *one))
        self._new_tops += [(*key, *self._tops[key][:2]) for key in sorted(self._dirty_tops)]
        for written in (self._changed, self._begun, self._last, self._first, self._dirty_tops):
            written.clear()
        if len(self._tops) > _KEPT:
            self._tops.clear()
            self._ends.clear()

    def _join(self, prefix: str, width: int, serial: int, issue: int) -> None:
        first = last = serial
        before, after = (prefix, width, serial - 1), (prefix, width, serial + 1)
        begins = self._find(self._first, "first", "last", before)
        if begins is not None:
            first = begins
            self._first[before] = None
        if serial > self._end_of(prefix, width):
            self._ends[prefix, width] = serial
            ends = None
        else:
            ends = self._find(self._last, "last", "first", after)
        if ends is not None:
            last = ends
            self._last[after] = None
            self._changed.add(after)
        if first == serial:
            self._begun[prefix, width, first] = issue
        self._last[prefix, width, first] = last
        self._first[prefix, width, last] = first
        self._changed.add((prefix, width, first))

    def _find(
        self, known: dict[Serial, int | None], wanted: str, by: str, key: Serial
    ) -> int | None:
        if key not in known:
            row = self._connection.execute(
                f"SELECT {wanted} FROM number_intervals"
                f" WHERE prefix = ? AND width = ? AND {by} = ?",
                key,
            ).fetchone()
            known[key] = None if row is None else row[0]
        return known[key]

    def _end_of(self, prefix: str, width: int) -> int:
        end = self._ends.get((prefix, width))
        if end is None:
            row = self._connection.execute(
                "SELECT max(last) FROM number_intervals WHERE prefix = ? AND width = ?",
                (prefix, width),
            ).fetchone()
            end = self._ends[prefix, width] = -1 if row[0] is None else row[0]
        return end

    def _read_top(self, key: Serial) -> tuple[int, int, str] | None:
        row: tuple[int, int, str] | None = self._connection.execute(
            "SELECT serial, certificate, issued_on FROM number_tops"
            " JOIN certificates ON issue = certificate"
            " WHERE prefix = ? AND width = ? AND first = ?",
            key,
        ).fetchone()
        return row
