"""Papers: certificates that wait for something, by the day it is due; and all, by issuer and day.

Without news of the goods they stand by their day of expiry; arrived and not confirmed, by the day
of arrival. While goods are detained they stand nowhere, and where they were when they are released.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from kpledger.analysis.flags.passages import Move, Moved, Passage
from kpledger.analysis.index import IndexChanges, IndexReader

OPEN: Final = b"openpaper"
ARRIVED: Final = b"arrivedpaper"
ISSUED: Final = b"issuedpaper"
BEGAN: Final = b"firstissue"
_DAY_CHARS: Final = 10


class Paper(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What lists of certificates need."""

    number: str
    issuer: str
    destination: str
    carat_thousandths: int
    issue: bytes
    """The event that issued it."""
    origin: str
    """The country of origin; empty where there are several or none."""


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Paper).decode


def take_paper(moved: Moved, changes: IndexChanges) -> None:
    """Keep the lists as certificates move."""
    passage = moved.passage
    waits_since = f"{passage.there_on}/{passage.number}".encode()
    match moved.move:
        case Move.ISSUED:
            paper = _encode(_paper_of(passage))
            changes.put(OPEN, _open_key(passage), paper)
            by_issuer = f"{passage.issuer}/{passage.issued_on}/{passage.number}"
            changes.put(ISSUED, by_issuer.encode(), paper)
            began = changes.get(BEGAN, b"")
            if began is None or passage.issued_on.encode() < began:
                changes.put(BEGAN, b"", passage.issued_on.encode())
        case Move.ARRIVED:
            changes.delete(OPEN, _open_key(passage))
            changes.put(ARRIVED, waits_since, _encode(_paper_of(passage)))
        case Move.RELEASED if passage.there_on:
            changes.put(ARRIVED, waits_since, _encode(_paper_of(passage)))
        case Move.RELEASED:
            changes.put(OPEN, _open_key(passage), _encode(_paper_of(passage)))
        case Move.VALIDATED | Move.EXPORTED | Move.RESOLVED | Move.AGAIN:
            pass
        case _:
            changes.delete(OPEN, _open_key(passage))
            if passage.there_on:
                changes.delete(ARRIVED, waits_since)


def read_open(
    index: IndexReader, from_expiry: str, until_expiry: str
) -> Iterator[tuple[str, Paper]]:
    """Give certificates without news that expired on some days, the newest first."""
    yield from _read_back(index, OPEN, from_expiry, until_expiry)


def read_arrived(
    index: IndexReader, from_arrival: str, until_arrival: str
) -> Iterator[tuple[str, Paper]]:
    """Give arrivals of some days that nobody has confirmed, the newest first."""
    yield from _read_back(index, ARRIVED, from_arrival, until_arrival)


def read_issued(
    index: IndexReader, issuer: str, from_day: str, until_day: str
) -> Iterator[tuple[str, Paper]]:
    """Give what an issuer issued, withdrawn or not, in the order of days."""
    head = f"{issuer}/"
    for key, value in index.scan(ISSUED, head.encode(), start=f"{head}{from_day}".encode()):
        day = key[len(head) : len(head) + 10].decode()
        if day > until_day:
            return
        yield day, _decode(value)


def read_began(index: IndexReader) -> str:
    """Give the first day of issue on the ledger; empty before there is one."""
    return (index.get(BEGAN, b"") or b"").decode()


def _read_back(
    index: IndexReader, name: bytes, from_day: str, until_day: str
) -> Iterator[tuple[str, Paper]]:
    # Numbers are letters and digits: a tilde lies behind all of them.
    for key, value in index.scan(name, start=f"{until_day}/~".encode(), reverse=True):
        day = key[:_DAY_CHARS].decode()
        if day < from_day:
            return
        yield day, _decode(value)


def _open_key(passage: Passage) -> bytes:
    return f"{passage.expires_on}/{passage.number}".encode()


def _paper_of(passage: Passage) -> Paper:
    return Paper(
        number=passage.number,
        issuer=passage.issuer,
        destination=passage.destination,
        carat_thousandths=passage.carat_thousandths,
        issue=passage.issue,
        origin=passage.origins[0] if len(passage.origins) == 1 else "",
    )
