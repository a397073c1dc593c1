"""Likeness: what should stand on one certificate alone: seals, photographs, a weight on a lane."""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from kpledger.analysis.index import IndexChanges

MARKS: Final = b"sealmark"
LANES: Final = b"lane"

_encode: Final = msgspec.msgpack.Encoder().encode


class Earlier(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The certificate that was there before."""

    number: str
    day: str
    event: bytes


_decode: Final = msgspec.msgpack.Decoder(Earlier).decode


def exchange_mark(
    changes: IndexChanges, mark: str, mine: Earlier, *, is_free: Callable[[str], bool]
) -> Earlier | None:
    """Put a mark on a certificate; gives another that has it already and did not set it free."""
    key = mark.encode()
    stored = changes.get(MARKS, key)
    earlier = None if stored is None else _decode(stored)
    if earlier is None or is_free(earlier.number):
        changes.put(MARKS, key, _encode(mine))
        return None
    return None if earlier.number == mine.number else earlier


def note_on_lane(
    changes: IndexChanges, *, issuer: str, destination: str, carat_thousandths: int, mine: Earlier
) -> None:
    """Note a shipment on its lane, under its weight."""
    lane = f"{issuer}/{destination}/{carat_thousandths}/{mine.day}/{mine.number}"
    changes.put(LANES, lane.encode(), _encode(mine))


def read_lane(
    changes: IndexChanges, *, issuer: str, destination: str, carat_thousandths: int
) -> Iterator[Earlier]:
    """Give the shipments of one weight on a lane, the newest first."""
    lane = f"{issuer}/{destination}/{carat_thousandths}/"
    for _, value in reversed(list(changes.scan(LANES, lane.encode()))):
        yield _decode(value)
