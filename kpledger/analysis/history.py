"""The history of a subject: the events on it, oldest first.

A replacement is on two certificates. An arrival or a detention on a certificate whose life is
closed opens a case (``OPENS_CASE`` of :mod:`kpledger.scheme.v1.lifecycles.certificate`): it is on
the certificate and on the case.
"""

import struct
from collections.abc import Iterator
from typing import Final

from kpledger.analysis.applied import Applied
from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.scheme.v1.events.certificate import CertificateReplaced
from kpledger.scheme.v1.lifecycles.case import OPENING
from kpledger.scheme.v1.lifecycles.certificate import CLOSING
from kpledger.scheme.v1.subjects import case_of_certificate

HISTORY: Final = b"history"
"""The index of the events on a subject: subject, a zero byte, u64 event index; to the event id."""

_CLOSED: Final = b"closed"
"""The index of closed certificates: number; to the u32 number of cases presented under it."""

_INDEX: Final = struct.Struct(">Q")
_COUNT: Final = struct.Struct(">I")


def project_history(applied: Applied, changes: IndexChanges) -> None:
    """Write an event into the history of all that it is about."""
    for subject in _subjects(applied, changes):
        key = subject.encode() + b"\0" + _INDEX.pack(applied.index)
        changes.put(HISTORY, key, applied.event.event_id)


def read_history(index: IndexReader, subject: str, *, limit: int) -> Iterator[bytes]:
    """Give the ids of the events on a subject, oldest first."""
    for _, event_id in index.scan(HISTORY, subject.encode() + b"\0", limit=limit):
        yield event_id


def count_cases(index: IndexReader, number: str) -> int:
    """Give how many further shipments were presented under a closed certificate."""
    count = index.get(_CLOSED, number.encode())
    return 0 if count is None else int(_COUNT.unpack(count)[0])


def _subjects(applied: Applied, changes: IndexChanges) -> tuple[str, ...]:
    header, body = applied.event.header, applied.event.body
    key = header.subject.encode()
    cases = changes.get(_CLOSED, key)
    if cases is not None and header.type in OPENING:
        count = int(_COUNT.unpack(cases)[0]) + 1
        changes.put(_CLOSED, key, _COUNT.pack(count))
        return header.subject, case_of_certificate(header.subject, count)
    if cases is None and header.type in CLOSING and "/" not in header.subject:
        changes.put(_CLOSED, key, _COUNT.pack(0))
    if isinstance(body, CertificateReplaced):
        return header.subject, body.certificate.number
    return (header.subject,)
