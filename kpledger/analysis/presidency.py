"""Who presided over the scheme when: the record knows the present Chair, this index all of them."""

import struct
from typing import Final

import msgspec

from kpledger.analysis.applied import Applied
from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.base.codec import decode_trusted, encode
from kpledger.scheme.v1.events.decisions import ChairRotated, ViceChairElected

PRESIDENCY: Final = b"presidency"
"""The index of changes: u64 block time, u64 event index; to a :class:`Presidency`."""

_NEWEST: Final = b"newest"
"""Where the last one stands too, for the next to follow; behind every time."""

_WHEN: Final = struct.Struct(">QQ")


class Presidency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who presides, and who is to follow."""

    chair: str | None = None
    vice_chair: str | None = None
    year: int | None = None


def project_presidency(applied: Applied, changes: IndexChanges) -> None:
    """Write down who presides after a hand-over or an election."""
    body = applied.event.body
    match body:
        case ChairRotated():
            now = Presidency(chair=body.chair, vice_chair=body.vice_chair, year=body.year)
        case ViceChairElected():
            newest = changes.get(PRESIDENCY, _NEWEST)
            before = Presidency() if newest is None else decode_trusted(newest, Presidency)
            now = msgspec.structs.replace(before, vice_chair=body.vice_chair)
        case _:
            return
    changes.put(PRESIDENCY, _WHEN.pack(applied.time_ms, applied.index), encode(now))
    changes.put(PRESIDENCY, _NEWEST, encode(now))


def read_presidency(index: IndexReader, time_ms: int) -> Presidency:
    """Give who presided at an instant; nobody is known before the first hand-over."""
    last = None
    for key, value in index.scan(PRESIDENCY):
        if key == _NEWEST or _WHEN.unpack(key)[0] > time_ms:
            break
        last = value
    return Presidency() if last is None else decode_trusted(last, Presidency)
