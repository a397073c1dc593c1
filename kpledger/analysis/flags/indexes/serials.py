"""Serials: which numbers were issued, as intervals, so that gaps are read and not searched for."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from kpledger.analysis.flags.passages import Move, Moved
from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.base.state import StateReader, read_record
from kpledger.scheme.v1.events.governance import NumberRange
from kpledger.scheme.v1.records import AllottedRange, RangesRecord, ranges_key

STARTS: Final = b"serialstart"
"""First serial of an interval; the value is its last."""
ENDS: Final = b"serialend"
"""Last serial of an interval; the value is its first."""
HIGHEST: Final = b"serialtop"
"""The highest serial used in a range."""

_BYTES: Final = 8
_NUMBER: Final = re.compile(r"^([A-Z-]+)([0-9]+)\Z")

_encode: Final = msgspec.msgpack.Encoder().encode


class Highest(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The highest serial of a range so far, and its issue."""

    serial: int
    number: str
    issued_on: str
    issue: bytes


_decode: Final = msgspec.msgpack.Decoder(Highest).decode


def split_number(number: str) -> tuple[str, int, int]:
    """Give prefix, width and serial of a certificate number; an empty prefix if it is none."""
    match = _NUMBER.match(number)
    return (match[1], len(match[2]), int(match[2])) if match else ("", 0, 0)


def format_number(run: NumberRange, serial: int) -> str:
    """Spell a number of a range."""
    return f"{run.prefix}{serial:0{run.width}d}"


def find_range(state: StateReader, issuer: str, number: str) -> AllottedRange | None:
    """Find the range that a number lies in."""
    record = read_record(state, ranges_key(issuer), RangesRecord)
    prefix, width, serial = split_number(number)
    for one in record.ranges if record is not None else ():
        run = one.range
        if (run.prefix, run.width) == (prefix, width) and run.first <= serial <= run.last:
            return one
    return None


def take_serial(moved: Moved, changes: IndexChanges) -> Highest | None:
    """Note a number as used; gives the highest of its range so far if that lies above it."""
    if moved.move is not Move.ISSUED:
        return None
    passage = moved.passage
    prefix, width, serial = split_number(passage.number)
    _join(changes, f"{prefix}/{width}/".encode(), serial)
    allotted = find_range(moved.applied.state, passage.issuer, passage.number)
    first = allotted.range.first if allotted is not None else 0
    key = f"{prefix}/{width}/{first}".encode()
    stored = changes.get(HIGHEST, key)
    highest = None if stored is None else _decode(stored)
    if highest is not None and highest.serial > serial:
        return highest
    top = Highest(
        serial=serial, number=passage.number, issued_on=passage.issued_on, issue=passage.issue
    )
    changes.put(HIGHEST, key, _encode(top))
    return None


def read_used(index: IndexReader, run: NumberRange) -> Iterator[tuple[int, int]]:
    """Give the intervals of a range that were used, first and last, in order."""
    head = f"{run.prefix}/{run.width}/".encode()
    for key, value in index.scan(STARTS, head):
        first, last = int.from_bytes(key[len(head) :], "big"), int.from_bytes(value, "big")
        if first > run.last:
            return
        if last >= run.first:
            yield max(first, run.first), min(last, run.last)


def _join(changes: IndexChanges, head: bytes, serial: int) -> None:
    first = last = serial
    before = changes.get(ENDS, head + _pack(serial - 1)) if serial else None
    if before is not None:
        first = int.from_bytes(before, "big")
        changes.delete(ENDS, head + _pack(serial - 1))
    after = changes.get(STARTS, head + _pack(serial + 1))
    if after is not None:
        last = int.from_bytes(after, "big")
        changes.delete(STARTS, head + _pack(serial + 1))
    changes.put(STARTS, head + _pack(first), _pack(last))
    changes.put(ENDS, head + _pack(last), _pack(first))


def _pack(serial: int) -> bytes:
    return serial.to_bytes(_BYTES, "big")
