"""Listings: certificates by state, issuer and destination, each in the order of their numbers."""

from dataclasses import dataclass
from typing import Final

from kpledger.analysis.applied import Applied
from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.base.state import read_record
from kpledger.scheme.v1.events.certificate import CertificateReplaced
from kpledger.scheme.v1.lifecycles.certificate import CertificateState
from kpledger.scheme.v1.records import CertificateRecord, certificate_key

LISTED: Final = b"listed"
"""Number; to the state and the destination that it is listed under."""
STATES: Final = b"bystate"
"""State, a slash, number."""
ISSUERS: Final = b"byissuer"
"""Issuer, a slash, number: a number may begin with the code of a territory, or with an old one."""
DESTINATIONS: Final = b"bydestination"
"""Destination, a slash, number."""

MAX_STEPS: Final = 5_000
"""Seeks for one page, so that two filters that never meet cannot read everything."""


@dataclass(frozen=True, slots=True)
class Page:
    """Numbers of certificates, in order."""

    numbers: tuple[str, ...]
    next: str | None
    """After which number to go on; None: there are no more."""


def project_listing(applied: Applied, changes: IndexChanges) -> None:
    """List a certificate under what it has become."""
    body = applied.event.body
    _list(applied.event.header.subject, applied, changes)
    if isinstance(body, CertificateReplaced):
        _list(body.certificate.number, applied, changes)


def _list(number: str, applied: Applied, changes: IndexChanges) -> None:
    record = read_record(applied.state, certificate_key(number), CertificateRecord)
    if record is None:
        return
    key, now = number.encode(), (record.state.encode(), record.destination.encode())
    listed = changes.get(LISTED, key)
    before = (b"", b"") if listed is None else tuple(listed.split(b"/"))
    if listed is None:
        changes.put(ISSUERS, record.issuer.encode() + b"/" + key)
    for name, old, new in zip((STATES, DESTINATIONS), before, now, strict=True):
        if old != new:
            if old:
                changes.delete(name, old + b"/" + key)
            changes.put(name, new + b"/" + key)
    if before != now:
        changes.put(LISTED, key, b"/".join(now))


def read_page(
    index: IndexReader,
    *,
    state: CertificateState | None,
    issuer: str | None,
    destination: str | None,
    after: str | None,
    limit: int,
) -> Page:
    """Give the certificates that meet all filters; None: any will do."""
    wanted = ((STATES, state), (ISSUERS, issuer), (DESTINATIONS, destination))
    streams = [(name, f"{value}/".encode()) for name, value in wanted if value]
    start = b"" if after is None else after.encode() + b"\0"
    if len(streams) > 1:
        return _meet(index, streams, start, limit)
    name, head = streams[0] if streams else (LISTED, b"")
    found = index.scan(name, head, start=head + start, limit=limit)
    numbers = tuple(key[len(head) :].decode() for key, _ in found)
    return Page(numbers, numbers[-1] if len(numbers) == limit else None)


def _meet(index: IndexReader, streams: list[tuple[bytes, bytes]], start: bytes, limit: int) -> Page:
    """Give what stands in every stream: each in turn is wound on to where another one is."""
    found: list[str] = []
    place, last = start, None
    for _ in range(MAX_STEPS):
        heads: list[bytes] = []
        for name, head in streams:
            first = next(index.scan(name, head, start=head + place, limit=1), None)
            if first is None:
                return Page(tuple(found), None)
            heads.append(first[0][len(head) :])
        place, last = max(heads), min(heads).decode()
        if len(set(heads)) == 1:
            found.append(last)
            if len(found) == limit:
                break
            place += b"\0"
    return Page(tuple(found), last)
