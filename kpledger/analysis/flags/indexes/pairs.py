"""Pairs: for each quarter, issuer and destination, what was declared and what became of it.

Declared, withdrawn, held and confirmed amounts stand in the quarter of *issue*, so that each
certificate is compared with its own confirmation; what was received stands once more in the
quarter of *receipt*, which is what the importer's statistics count.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from kpledger.analysis.flags.passages import Move, Moved, Passage
from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.base.units import bound_amount, quarter_of

PAIRS: Final = b"pair"
HELD: Final = b"heldpair"
ODD: Final = b"pairodd"
"""The certificates of a pair and quarter without an answer, or found other than declared."""
_QUARTER_CHARS: Final = 6

_encode: Final = msgspec.msgpack.Encoder().encode


class Sum(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A number of certificates with their weight and value."""

    count: int = 0
    carat_thousandths: int = 0
    value_usd_cents: int = 0

    def plus(self, other: "Sum", sign: int = 1) -> "Sum":
        """Add another, or take it away."""
        return Sum(
            count=self.count + sign * other.count,
            carat_thousandths=bound_amount(self.carat_thousandths + sign * other.carat_thousandths),
            value_usd_cents=bound_amount(self.value_usd_cents + sign * other.value_usd_cents),
        )


class Pair(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A quarter of a pair."""

    declared: Sum = Sum()
    """Issued and not withdrawn."""
    settled: Sum = Sum()
    """As declared, of those that were confirmed."""
    found: Sum = Sum()
    """As found or agreed on afterwards, of the same."""
    held: Sum = Sum()
    """As declared, of those detained, sent back or seized, and neither released nor confirmed."""
    received: Sum = Sum()
    """As found, by the quarter of receipt."""
    lighter: int = 0
    """Clean confirmations that found less than declared, though within the tolerance."""
    heavier: int = 0
    drift: int = 0
    """Found less declared of these, in thousandths of a carat."""

    @property
    def open(self) -> Sum:
        """Declared, and neither confirmed nor held."""
        return self.declared.plus(self.settled, -1).plus(self.held, -1)

    def plus(self, other: "Pair") -> "Pair":
        """Add two."""
        return Pair(
            declared=self.declared.plus(other.declared),
            settled=self.settled.plus(other.settled),
            found=self.found.plus(other.found),
            held=self.held.plus(other.held),
            received=self.received.plus(other.received),
            lighter=self.lighter + other.lighter,
            heavier=self.heavier + other.heavier,
            drift=bound_amount(self.drift + other.drift),
        )


_decode: Final = msgspec.msgpack.Decoder(Pair).decode


def take_pair(moved: Moved, changes: IndexChanges) -> None:
    """Add up what moves between two participants."""
    passage = moved.passage
    if passage.technical:
        return
    declared = Sum(
        count=1,
        carat_thousandths=passage.carat_thousandths,
        value_usd_cents=passage.value_usd_cents,
    )
    issued = quarter_of(passage.issued_on)
    odd = f"{issued}/{passage.issuer}/{passage.destination}/{passage.number}".encode()
    was_held = changes.get(HELD, passage.number.encode()) is not None
    unheld = Sum().plus(declared, -1) if was_held else Sum()
    match moved.move:
        case Move.ISSUED:
            changes.put(ODD, odd, passage.issue)
            _add(changes, issued, passage, Pair(declared=declared))
        case Move.WITHDRAWN:
            changes.delete(ODD, odd)
            taken_back = Sum().plus(declared, -1)
            _add(changes, issued, passage, Pair(declared=taken_back, held=unheld))
        case Move.HELD if not was_held:
            changes.put(HELD, passage.number.encode())
            _add(changes, issued, passage, Pair(held=declared))
        case Move.CONFIRMED | Move.DISCREPANT:
            found = _found(passage)
            difference = passage.found_carat_thousandths - passage.carat_thousandths
            clean = moved.move is Move.CONFIRMED
            if difference == 0:
                changes.delete(ODD, odd)
            settled = Pair(
                settled=declared,
                found=found,
                held=unheld,
                lighter=int(clean and difference < 0),
                heavier=int(clean and difference > 0),
                drift=difference if clean else 0,
            )
            _add(changes, issued, passage, settled)
            _add(changes, quarter_of(passage.received_on), passage, Pair(received=found))
        case Move.RELEASED if was_held:
            changes.delete(HELD, passage.number.encode())
            _add(changes, issued, passage, Pair(held=unheld))
        case Move.RESOLVED if moved.before is not None:
            change = _found(passage).plus(_found(moved.before), -1)
            if passage.found_carat_thousandths == passage.carat_thousandths:
                changes.delete(ODD, odd)
            else:
                changes.put(ODD, odd, passage.issue)
            _add(changes, issued, passage, Pair(found=change))
            _add(changes, quarter_of(passage.received_on), passage, Pair(received=change))
        case _:
            pass


def _found(passage: Passage) -> Sum:
    return Sum(
        count=1,
        carat_thousandths=passage.found_carat_thousandths,
        value_usd_cents=passage.found_value_usd_cents,
    )


def read_pairs(index: IndexReader, quarter: str) -> dict[tuple[str, str], Pair]:
    """Read a quarter of all pairs, by issuer and destination."""
    found = {}
    for key, value in index.scan(PAIRS, f"{quarter}/".encode()):
        _, issuer, destination = key.decode().split("/")
        found[issuer, destination] = _decode(value)
    return found


def read_pair(index: IndexReader, quarter: str, issuer: str, destination: str) -> Pair:
    """Read a quarter of one pair."""
    value = index.get(PAIRS, f"{quarter}/{issuer}/{destination}".encode())
    return Pair() if value is None else _decode(value)


def read_odd(
    index: IndexReader, quarter: str, issuer: str, destination: str, limit: int
) -> Iterator[bytes]:
    """Give the issues of certificates without an answer, or found other than declared."""
    prefix = f"{quarter}/{issuer}/{destination}/".encode()
    return (issue for _, issue in index.scan(ODD, prefix, limit=limit))


def _add(changes: IndexChanges, quarter: str, passage: Passage, pair: Pair) -> None:
    key = f"{quarter}/{passage.issuer}/{passage.destination}".encode()
    before = changes.get(PAIRS, key)
    after = pair if before is None else _decode(before).plus(pair)
    changes.put(PAIRS, key, _encode(after))
