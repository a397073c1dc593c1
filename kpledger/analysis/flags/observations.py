"""Observations: what was seen at an event, by flag and day, and once more by participant."""

from collections.abc import Iterator
from typing import Final

import msgspec

from kpledger.analysis.applied import Applied
from kpledger.analysis.flags.finding import Observation
from kpledger.analysis.flags.periods import months_between
from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.base.units import bound_amount

SEEN: Final = b"flag"
SEEN_OF: Final = b"flagof"

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Observation).decode


def observe(changes: IndexChanges, applied: Applied, day: str, seen: Observation) -> None:
    """Write an observation down.

    A relative measure of absurd amounts, the largest over the smallest, is cut off: what is beyond
    every threshold need not be exact, but has to be written by every node.
    """
    flag = seen.kind.partition(".")[0]
    seen = msgspec.structs.replace(
        seen,
        measure=bound_amount(seen.measure),
        extents=tuple(bound_amount(extent) for extent in seen.extents),
    )
    place = applied.index.to_bytes(8, "big") + f"{seen.kind}/{seen.subject}".encode()
    value = _encode(seen)
    changes.put(SEEN, f"{flag}/{day}/".encode() + place, value)
    for code in {seen.participant, seen.partner} - {""}:
        changes.put(SEEN_OF, f"{code}/{flag}/{day}/".encode() + place, value)


def read_observations(
    index: IndexReader, flag: str, *, from_day: str, until_day: str, participant: str = ""
) -> Iterator[tuple[str, Observation]]:
    """Give the observations of a flag with their days, the newest first."""
    name, head = (SEEN_OF, f"{participant}/{flag}/") if participant else (SEEN, f"{flag}/")
    for month in reversed(months_between(from_day[:7], until_day[:7])):
        for key, value in index.scan(name, f"{head}{month}".encode(), reverse=True):
            day = key[len(head) : len(head) + 10].decode()
            if from_day <= day <= until_day:
                yield day, _decode(value)
