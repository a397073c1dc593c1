"""Likeness: what should stand on one certificate alone: seals, photographs, a weight on a lane."""

from collections.abc import Callable
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


def exchange_lane(
    changes: IndexChanges, *, issuer: str, destination: str, carat_thousandths: int, mine: Earlier
) -> Earlier | None:
    """Note a shipment on its lane; gives the newest of the same weight on the lane back."""
    changes.put(LANES, f"{issuer}/{destination}/{carat_thousandths}".encode(), _encode(mine))
    stored = changes.get(LANES, f"{destination}/{issuer}/{carat_thousandths}".encode())
    return None if stored is None else _decode(stored)
