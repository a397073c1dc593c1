"""Who names whom: a certificate says where its goods came from, this index where they went.

:mod:`kpledger.analysis.trace` follows it.
"""

from collections.abc import Iterator
from typing import Final

from kpledger.analysis.applied import Applied
from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.scheme.v1.events.certificate import CertificateIssued, CertificateReplaced

LINEAGE: Final = b"lineage"
"""The index of who names what: certificate or case, a zero byte, the certificate naming it."""


def project_lineage(applied: Applied, changes: IndexChanges) -> None:
    """Write down what a new certificate names as its sources, and the case that it moves."""
    body = applied.event.body
    if not isinstance(body, CertificateIssued | CertificateReplaced):
        return
    certificate = body.certificate
    named = [source.number for source in certificate.sources]
    for origin in [*named, *filter(None, (certificate.case,))]:
        changes.put(LINEAGE, _key(origin, certificate.number))


def read_naming(index: IndexReader, named: str) -> Iterator[str]:
    """Give the certificates that name a certificate or case, in the order of their numbers."""
    prefix = _key(named, "")
    for key, _ in index.scan(LINEAGE, prefix):
        yield key[len(prefix) :].decode()


def _key(named: str, naming: str) -> bytes:
    return f"{named}\0{naming}".encode()
