"""What people see of a certificate, and of the events in a history."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from kpclient.output.console import write_value
from kpledger.base.units import format_carats, format_time, format_usd
from kpledger.books.query import readable
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateReplaced,
    CertificateValidated,
    Party,
)
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    DiscrepancyResolved,
    ImportConfirmed,
    ImportConfirmedDiscrepant,
)
from kpledger.scheme.v1.records import CertificateRecord

HISTORY_COLUMNS: Final = ("recorded", "event", "author", "says", "id")
_TOLD_ABOVE: Final = ("certificate", "exporter", "importer", "number")
"""Fields of events that the certificate itself shows."""
_AMOUNTS: Final = {"carat thousandths": ("carats", "ct"), "value usd cents": ("US$", "US$")}
"""How names of amounts end in words, what people call them, and their unit."""


def flatten(value: object, name: str = "") -> dict[str, str]:
    """Give names and values in words; what is not there (null) is left out.

    Each thing in a list gets a line of its own.
    """
    if isinstance(value, dict):
        flat: dict[str, str] = {}
        for key, one in value.items():
            flat |= flatten(one, f"{name} {key}".strip())
        return flat
    label = name.replace("_", " ")
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        each = (flatten(one).items() for one in value)
        return {
            f"{label.removesuffix('s')} {place}": "; ".join(map(" ".join, told))
            for place, told in enumerate(each, start=1)
        }
    if value is None:
        return {}
    for unit, (called, sign) in _AMOUNTS.items():
        if label.endswith(unit):
            return {label.removesuffix(unit) + called: write_value(name, value, unit=sign)}
    return {label: write_value(name, value)}


def describe_certificate(
    record: CertificateRecord, events: Sequence[SignedEvent]
) -> dict[str, str]:
    """Tell people what a certificate declares, what was found, and where it stands."""
    fields = {
        "certificate": record.number,
        "kind": f"{record.kind} for {record.case}" if record.case else "",
        "state": ", ".join((record.state, *(one.replace("_", " ") for one in record.marks))),
        "issuer": f"{record.issuer}/{record.authority}",
        "destination": record.destination,
        "issued": record.issued_on,
        "expires": record.expires_on,
        "exporter": _write_party(record.exporter),
        "importer": _write_party(record.importer),
        "origin": ", ".join(record.origins) or "mixed",
        "zones": ", ".join(record.zones),
        "parcels": str(record.parcels),
        "carats": format_carats(record.carat_thousandths),
        "value": f"US$ {format_usd(record.value_usd_cents)}",
        "sources": "; ".join(
            f"{format_carats(source.carat_thousandths)} ct of {source.number}"
            for source in record.sources
        ),
        "goods": "; ".join(
            f"{line.hs} {format_carats(line.carat_thousandths)} ct"
            f" US$ {format_usd(line.value_usd_cents)}"
            for line in record.lines
        ),
        "seals": ", ".join(_sealed_with(record.number, events)),
        "exported": record.exported_on,
        **_describe_arrival(record, events),
        "replaces": record.replaces,
        "replaced by": record.replaced_by,
    }
    return {name: value for name, value in fields.items() if value}


def _write_party(party: Party) -> str:
    licence = f"licence {party.licence}" if party.licence else ""
    return ", ".join(filter(None, (party.name, party.address, licence)))


def _sealed_with(number: str, events: Sequence[SignedEvent]) -> Iterator[str]:
    """Give the seals that a certificate was issued with, and those of its validation."""
    for one in events:
        match one.body:
            case CertificateIssued(certificate=Certificate(number=issued, seals=seals)):
                yield from seals if issued == number else ()
            case CertificateReplaced(certificate=Certificate(number=issued, seals=seals)):
                yield from seals if issued == number else ()
            case CertificateValidated(seals=seals):
                yield from seals


def _describe_arrival(record: CertificateRecord, events: Sequence[SignedEvent]) -> dict[str, str]:
    """Tell how the goods arrived, and what was found in them where it is not what is declared."""
    told: dict[str, str] = {}
    for one in events:
        match one.body:
            # Later arrivals under a certificate are those of other goods.
            case ArrivalRecorded() as body if "arrived" not in told and record.arrived_on:
                weighed = body.found_carat_thousandths
                parts = (
                    body.arrived_on,
                    "" if body.seals_intact else "seals broken",
                    "" if weighed is None else f"{format_carats(weighed)} ct weighed",
                )
                told["arrived"] = ", ".join(filter(None, parts))
            case ImportConfirmed() | ImportConfirmedDiscrepant() as body:
                told["received"] = body.received_on
                if _amounts(body) != _amounts(record):
                    told["found"] = _write_amounts(body)
                if isinstance(body, ImportConfirmedDiscrepant):
                    told["cause"] = ": ".join(filter(None, (body.cause, body.remarks)))
            case DiscrepancyResolved() as body:
                told["agreed"] = _write_amounts(body)
    return told


_Goods = CertificateRecord | ImportConfirmed | ImportConfirmedDiscrepant | DiscrepancyResolved
"""What says how much there is: as declared, as found, as agreed."""


def _amounts(goods: _Goods) -> tuple[int, int, int]:
    return goods.parcels, goods.carat_thousandths, goods.value_usd_cents


def _write_amounts(goods: _Goods) -> str:
    parcels, carats, value = _amounts(goods)
    counted = f"{parcels} parcel{'' if parcels == 1 else 's'}"
    return f"{counted}, {format_carats(carats)} ct, US$ {format_usd(value)}"


def describe_event(event: SignedEvent) -> dict[str, object]:
    """Give what an event says and who signed it, for programs."""
    header = event.header
    return {
        "id": event.event_id.hex(),
        "type": header.type,
        "subject": header.subject,
        "author": str(header.author),
        "occurred_at": header.occurred_at,
        "prev": header.prev.hex() if header.prev else None,
        "signers": [key.hex() for key in event.signers],
        "body": readable(event.body),
    }


def tell_event(event: SignedEvent) -> dict[str, str]:
    """Tell people what an event says and who signed it."""
    described = describe_event(event)
    body = described.pop("body")
    return flatten(described) | flatten(body)


def history_row(
    event: SignedEvent, recorded_ms: int, officers: Mapping[bytes, str]
) -> tuple[str, ...]:
    """Tell what an event in a history says, as cells under :data:`HISTORY_COLUMNS`."""
    header = event.header
    named = ", ".join(officers[key] for key in event.signers if key in officers)
    body = readable(event.body)
    said = body.items() if isinstance(body, dict) else ()
    told = flatten({name: one for name, one in said if name not in _TOLD_ABOVE})
    return (
        format_time(recorded_ms),
        header.type,
        f"{header.author} ({named})" if named else str(header.author),
        "; ".join(f"{name} {one}" for name, one in told.items() if one),
        event.event_id.hex(),
    )
