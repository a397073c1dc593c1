"""Counting: what each event adds to the tables of the trade, or takes back from them.

An export is counted once the certificate is validated: at its issue, or where validating is a step
of its own, then. Its period is the quarter of the day of issue, whenever it is validated. It is
taken back when the certificate is voided, replaced or returned unused; a refused or seized shipment
stays an export, for the goods had left. An import is counted when it is confirmed, with the weights
and values found, in the quarter of the day of receipt; where they differ from what was declared,
they are distributed over the declared HS codes in proportion. When both sides agree afterwards what
a discrepant shipment held, the import counts what they agreed on.
"""

from typing import Final

import msgspec

from kpledger.analysis.applied import Applied
from kpledger.analysis.index import IndexChanges
from kpledger.analysis.statistics.tables import Entry, add_entry, take_back_entry
from kpledger.analysis.statistics.totals import day_number
from kpledger.base.codec import decode_trusted, encode
from kpledger.base.state import read_record
from kpledger.books.projections.distribution import distribute
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateKind,
    CertificateReplaced,
    CertificateReturnedUnused,
    CertificateValidated,
    CertificateVoided,
)
from kpledger.scheme.v1.events.importing import (
    DiscrepancyResolved,
    ImportConfirmed,
    ImportConfirmedDiscrepant,
)
from kpledger.scheme.v1.events.statistics import Flow
from kpledger.scheme.v1.records import CertificateRecord, certificate_key

UNVALIDATED: Final = b"trade-unvalidated"
"""Numbers of certificates that were issued and neither validated nor taken back."""

DISCREPANT: Final = b"trade-discrepant"
"""What was found of shipments that both sides have not agreed on yet; by number."""


class _Found(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What an import was counted with."""

    carat_thousandths: int
    value_usd_cents: int
    received_on: str


def count_trade(applied: Applied, changes: IndexChanges) -> None:
    """Count what an event says about trade (a :data:`kpledger.analysis.applied.Projection`)."""
    match applied.event.body:
        case CertificateIssued(certificate=certificate):
            _add_certificate(applied, changes, certificate)
        case CertificateReplaced(certificate=certificate):
            _take_back_export(applied, changes)
            _add_certificate(applied, changes, certificate)
        case CertificateVoided() | CertificateReturnedUnused():
            _take_back_export(applied, changes)
        case CertificateValidated():
            _count_validation(applied, changes)
        case ImportConfirmed() | ImportConfirmedDiscrepant() as body:
            _count_import(applied, changes, body)
        case DiscrepancyResolved() as body:
            _count_resolution(applied, changes, body)
        case _:
            pass


def _add_certificate(applied: Applied, changes: IndexChanges, certificate: Certificate) -> None:
    if certificate.validated_at is None:
        changes.put(UNVALIDATED, certificate.number.encode())
    elif certificate.kind is CertificateKind.NORMAL:
        countries = certificate.origin.countries
        entry = Entry(
            flow=Flow.EXPORT,
            reporter=applied.event.header.author.participant,
            partner=certificate.destination,
            day=certificate.issued_on,
            origin=countries[0] if len(countries) == 1 else "",
            lines=tuple(
                (line.hs, line.carat_thousandths, line.value_usd_cents)
                for line in certificate.lines
            ),
        )
        add_entry(changes, entry, day_number(applied.time_ms))


def _count_validation(applied: Applied, changes: IndexChanges) -> None:
    record = _certificate(applied)
    if record is not None:
        changes.delete(UNVALIDATED, record.number.encode())
        if record.kind is CertificateKind.NORMAL:
            add_entry(changes, _export(record), day_number(applied.time_ms))


def _take_back_export(applied: Applied, changes: IndexChanges) -> None:
    record = _certificate(applied)
    if record is None:
        return
    number = record.number.encode()
    if changes.get(UNVALIDATED, number) is not None:
        changes.delete(UNVALIDATED, number)
    elif record.kind is CertificateKind.NORMAL:
        take_back_entry(changes, _export(record), day_number(applied.time_ms))


def _count_import(
    applied: Applied, changes: IndexChanges, body: ImportConfirmed | ImportConfirmedDiscrepant
) -> None:
    record = _certificate(applied)
    if record is None or record.kind is not CertificateKind.NORMAL:
        return
    found = _Found(
        carat_thousandths=body.carat_thousandths,
        value_usd_cents=body.value_usd_cents,
        received_on=body.received_on,
    )
    add_entry(changes, _import(record, found), day_number(applied.time_ms))
    if isinstance(body, ImportConfirmedDiscrepant):
        changes.put(DISCREPANT, record.number.encode(), encode(found))


def _count_resolution(applied: Applied, changes: IndexChanges, body: DiscrepancyResolved) -> None:
    record = _certificate(applied)
    if record is None:
        return
    number, recorded = record.number.encode(), day_number(applied.time_ms)
    stored = changes.get(DISCREPANT, number)
    if stored is not None:
        changes.delete(DISCREPANT, number)
        found = decode_trusted(stored, _Found)
        take_back_entry(changes, _import(record, found), recorded)
        agreed = msgspec.structs.replace(
            found,
            carat_thousandths=body.carat_thousandths,
            value_usd_cents=body.value_usd_cents,
        )
        add_entry(changes, _import(record, agreed), recorded)


def _certificate(applied: Applied) -> CertificateRecord | None:
    """Read the certificate that an event is about; only what was declared may be relied on."""
    key = certificate_key(applied.event.header.subject)
    return read_record(applied.state, key, CertificateRecord)


def _export(record: CertificateRecord) -> Entry:
    return Entry(
        flow=Flow.EXPORT,
        reporter=record.issuer,
        partner=record.destination,
        day=record.issued_on,
        origin=_origin(record),
        lines=tuple(
            (line.hs, line.carat_thousandths, line.value_usd_cents) for line in record.lines
        ),
    )


def _import(record: CertificateRecord, found: _Found) -> Entry:
    lines = record.lines
    carats = distribute(found.carat_thousandths, [line.carat_thousandths for line in lines])
    values = distribute(found.value_usd_cents, [line.value_usd_cents for line in lines])
    return Entry(
        flow=Flow.IMPORT,
        reporter=record.destination,
        partner=record.issuer,
        day=found.received_on,
        origin=_origin(record),
        lines=tuple(zip((line.hs for line in lines), carats, values, strict=True)),
    )


def _origin(record: CertificateRecord) -> str:
    return record.origins[0] if len(record.origins) == 1 else ""
