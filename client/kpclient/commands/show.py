"""``kpledger show``: an event, a certificate, or whatever else an event may be about.

Events are verified: their ids are the hashes of what was signed, and their signatures hold. What a
node says about a subject is its claim.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from kpclient.commands.declared import command
from kpclient.commands.trace import describe_claims
from kpclient.errors import UsageError
from kpclient.input.options import ConnectionOptions, FreshnessOptions
from kpclient.net.answers import VerifiedEvent
from kpclient.net.ledger_client import LedgerClient
from kpclient.net.node_client import NoAccessError, NotTrustworthyError, read_from
from kpclient.output.console import (
    print_fields,
    print_json,
    print_table,
    print_trouble,
    write_value,
)
from kpclient.session import NotFoundError, Session
from kpledger.base.ids import KPCS
from kpledger.base.units import format_carats, format_time, format_usd
from kpledger.books.certificates import CERTIFICATE, HISTORY, CertificateQuestion
from kpledger.books.query import readable
from kpledger.books.subject import MAX_EVENTS, SUBJECT, SubjectQuestion
from kpledger.books.trace import TRACE, TraceQuestion
from kpledger.books.verification import VERIFICATION
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateReplaced,
    CertificateValidated,
    Party,
)
from kpledger.scheme.v1.events.decisions import PositionTaken, Stance
from kpledger.scheme.v1.events.governance import ChairRecovered, ParticipantRecovered
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    DiscrepancyResolved,
    ImportConfirmed,
    ImportConfirmedDiscrepant,
    ShipmentDetained,
)
from kpledger.scheme.v1.events.life import EventCountersigned, OpeningWithdrawn
from kpledger.scheme.v1.ids import NUMBER_PATTERN
from kpledger.scheme.v1.lifecycles import CaseState
from kpledger.scheme.v1.records import CertificateRecord
from kpledger.scheme.v1.subjects import Subject

_OPENS_A_CASE: Final = (ArrivalRecorded.TYPE, ShipmentDetained.TYPE)
_MAX_HISTORY: Final = 10_000
"""Events that are asked for one by one."""
_EVENT_ID: Final = re.compile(r"[0-9a-f]{64}")
_record_decoder: Final = msgspec.json.Decoder(dict[str, object] | None)
_SUBJECT: Final = re.compile(r"[A-Za-z0-9/-]{1,80}")


@command("show")
def show(what: str, connection: ConnectionOptions, reading: FreshnessOptions) -> None:
    """Show a certificate, another subject or an event, with its history."""
    session = Session(connection, newest=reading.newest)
    if _SUBJECT.fullmatch(what) is None:
        accepted = "a subject, such as BW00000042 or ZW/review/2026-1, or the id of an event"
        raise UsageError(
            "SUBJECT", f"{what[:80]!r} is neither a subject nor the id of an event", accepted
        )
    if _EVENT_ID.fullmatch(what):
        recorded = session.ask(lambda ledger: ledger.event(bytes.fromhex(what)))
        # A key is named in the same form.
        if recorded is not None:
            added = session.ask(lambda ledger: _fetch_countersigners(ledger, recorded))
            _print_event(recorded, added, as_json=connection.as_json)
            return
    is_number = re.match(NUMBER_PATTERN, what) is not None
    fetch = _fetch_certificate if is_number else _fetch_subject
    try:
        found = session.ask(lambda ledger: fetch(ledger, what))
    except NoAccessError as error:
        if not is_number:
            raise
        _verify(session, what, as_json=connection.as_json)
        print_trouble(f"this is what everybody may see. The rest: {error}")
        return
    if connection.as_json:
        print_json(found.described | {"history": [_describe_event(one) for one in found.events]})
        return
    print_fields(found.fields)
    columns = ("recorded", "event", "author", "id")
    more = "there may be later ones, which only the books hold"
    is_cut = len(found.events) == MAX_EVENTS
    print_table(columns, map(_history_row, found.events), more=more if is_cut else "")


def _verify(session: Session, number: str, *, as_json: bool) -> None:
    """Show what everybody may know of a certificate.

    Raises:
        NotFoundError: it is not on the ledger.
    """
    question = CertificateQuestion(number=number)
    found = session.ask(lambda ledger: ledger.ask(VERIFICATION, question))
    if found.number != number:
        problem = f"asked for {number}, it answers about {found.number}"
        raise NotTrustworthyError("the node", problem)
    known = found.certificate
    if known is None:
        raise NotFoundError(f"certificate {number}")
    if as_json:
        print_json({"verification": found})
        return
    print_fields(
        {
            "certificate": number,
            "state": known.state,
            **({"suspect": "a key that was stolen has signed for it"} if known.suspect else {}),
            "issuer": known.issuer,
            "destination": known.destination,
            "issued": known.issued_on,
            "expires": known.expires_on,
            "carats": format_carats(known.carat_thousandths),
            "goods": "; ".join(
                f"{line.hs} {format_carats(line.carat_thousandths)} ct" for line in known.lines
            ),
        }
    )


class _Found(NamedTuple):
    """What a subject is, and its history."""

    described: dict[str, object]
    """For programs."""
    fields: dict[str, str]
    """For people."""
    events: tuple[VerifiedEvent, ...]


def _print_event(recorded: VerifiedEvent, added: list[str], *, as_json: bool) -> None:
    described = _describe_event(recorded) | {"countersigners": added}
    if as_json:
        print_json(described)
    else:
        body = described.pop("body")
        print_fields(flatten(described) | flatten(body))


def _describe_event(recorded: VerifiedEvent) -> dict[str, object]:
    header = recorded.event.header
    return {
        "id": recorded.event.event_id.hex(),
        "type": header.type,
        "subject": header.subject,
        "author": str(header.author),
        "occurred_at": header.occurred_at,
        "prev": header.prev.hex() if header.prev else None,
        "signers": [key.hex() for key in recorded.event.signers],
        "height": recorded.height,
        "index": recorded.index,
        "block_time_ms": recorded.block_time_ms,
        "body": readable(recorded.event.body),
    }


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
    return {} if value is None else {label: write_value(name, value)}


async def _fetch_events(ledger: LedgerClient, ids: tuple[str, ...]) -> tuple[VerifiedEvent, ...]:
    events: list[VerifiedEvent] = []
    if len(ids) > _MAX_HISTORY:
        problem = f"a history of {len(ids)} events is longer than {_MAX_HISTORY}"
        raise NotTrustworthyError("the node", problem)
    for event_id in ids:
        recorded = await ledger.event(bytes.fromhex(event_id))
        if recorded is None:
            problem = f"a history of it names event {event_id}, which it does not have"
            raise NotTrustworthyError("the node", problem)
        events.append(recorded)
    return tuple(events)


async def _fetch_countersigners(ledger: LedgerClient, recorded: VerifiedEvent) -> list[str]:
    """Give the keys that signed an event after it was recorded; each signature is verified."""
    event = recorded.event
    keys: dict[str, None] = {}
    for later in await _fetch_events(ledger, recorded.countersigned):
        body, author = later.event.body, later.event.header.author
        named = body.event if isinstance(body, EventCountersigned) else None
        if (named, author) != (event.event_id, event.header.author):
            problem = f"event {later.event.event_id.hex()} does not countersign what it is said to"
            raise NotTrustworthyError("the node", problem)
        keys |= dict.fromkeys(key.hex() for key in later.event.signers)
    return [key for key in keys if bytes.fromhex(key) not in event.signers]


async def _fetch_certificate(ledger: LedgerClient, number: str) -> _Found:
    asked = CertificateQuestion(number=number)
    record = await ledger.find(CERTIFICATE, asked)
    if record is None:
        raise NotFoundError(f"certificate {number}")
    if record.number != number:
        problem = f"asked for {number}, it gives {record.number}"
        raise NotTrustworthyError("the node", problem)
    history = await ledger.ask(HISTORY, asked)
    events = await _fetch_events(ledger, tuple(one.id for one in history.events))
    # Notes and approvals stand in its history and do not move it.
    if record.head not in {one.event.event_id for one in events}:
        problem = f"its history of {number} does not hold event {record.head.hex()}"
        raise NotTrustworthyError("the node", problem)
    suspects = [one.id for one in history.events if one.suspect]
    named = _name_cases(record, events)
    cases = [await ledger.ask(SUBJECT, SubjectQuestion(subject=one)) for one in named]
    withdrawn = [one.subject for one in cases if one.state == CaseState.WITHDRAWN]
    telling = (f"{one} (opened by mistake)" if one in withdrawn else one for one in named)
    told = {"cases": ", ".join(telling)} if named else {}
    told |= _tell_suspects(suspects) | _tell_withdrawal(events)
    lineage = await ledger.ask(TRACE, TraceQuestion(subject=number, limit=1))
    claims = [claim for one in lineage.shipments[:1] for claim in describe_claims(one)]
    told |= {"claims": "; ".join(claims)} if claims else {}
    fields = describe_certificate(record, events) | told
    return _Found({"certificate": record, "suspects": suspects}, fields, events)


async def _fetch_subject(ledger: LedgerClient, subject: str) -> _Found:
    found = await ledger.ask(SUBJECT, SubjectQuestion(subject=subject))
    if found.kind is None and not found.events:
        raise NotFoundError(subject)
    record = read_from("the node", bytes(found.record), _record_decoder.decode) or {}
    known = {"subject": subject, "kind": found.kind, "state": found.state, "head": found.head}
    events = await _fetch_events(ledger, found.events)
    told = _tell_suspects(found.suspects) | _tell_recoveries(events) | _tell_withdrawal(events)
    if subject.startswith(f"{KPCS}/{Subject.DECISION}/"):
        told |= _tell_positions(record, events)
    described = {**known, "suspects": found.suspects, "record": record}
    return _Found(described, flatten({**known, **record}) | told, events)


def _tell_suspects(suspects: Sequence[str]) -> dict[str, str]:
    """Tell which events in a history may be a thief's."""
    told = f"{', '.join(suspects)}: signed with keys that were stolen, see flag F16"
    return {"suspect": told} if suspects else {}


def _tell_withdrawal(events: tuple[VerifiedEvent, ...]) -> dict[str, str]:
    """Tell what was opened by mistake, as whoever opened it says."""
    reasons = [
        one.event.body.reason for one in events if isinstance(one.event.body, OpeningWithdrawn)
    ]
    return {"withdrawn": f"opened by mistake: {'; '.join(reasons)}"} if reasons else {}


def _tell_positions(
    record: Mapping[str, object], events: tuple[VerifiedEvent, ...]
) -> dict[str, str]:
    """Tell who signed for a decision, and who is only said to support it."""
    said = {
        one.event.header.author.participant: one.event.body
        for one in events
        if isinstance(one.event.body, PositionTaken)
    }
    text = record.get("document")
    signed = [
        code
        for code, body in said.items()
        if body.stance is Stance.SUPPORT and text in (None, body.document.hex())
    ]
    against = [code for code, body in said.items() if body.stance is Stance.OBJECTION]
    named = record.get("supports")
    by_word = [str(one) for one in named if one not in signed] if isinstance(named, list) else []
    return {
        "signed for it": ", ".join(sorted(signed)) or "nobody",
        "objects to it": ", ".join(sorted(against)) or "nobody",
        "on the Chair's word alone": ", ".join(by_word) or "nobody",
    }


def _tell_recoveries(events: tuple[VerifiedEvent, ...]) -> dict[str, str]:
    """Tell what recoveries have ended, and what is to be thought of what was made before."""
    told: list[str] = []
    for one in events:
        match one.event.body:
            case ParticipantRecovered(suspect_height=None) | ChairRecovered(suspect_height=None):
                told.append(f"block {one.height} set keys anew that had been lost")
            case ParticipantRecovered(suspect_height=since) | ChairRecovered(suspect_height=since):
                told.append(
                    f"block {one.height} put back what was arranged from block {since} on;"
                    " statements made since, its own among them, may be a thief's: see flag F16"
                )
    return {"recovery": "; ".join(told)} if told else {}


def describe_certificate(
    record: CertificateRecord, events: tuple[VerifiedEvent, ...]
) -> dict[str, str]:
    """Tell people what a certificate declares, what was found, and where it stands."""
    fields = {
        "certificate": record.number,
        "kind": f"{record.kind} for {record.case}" if record.case else "",
        "state": " ".join((record.state, *record.marks)),
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
        "goods": "; ".join(
            f"{line.hs} {format_carats(line.carat_thousandths)} ct"
            f" US$ {format_usd(line.value_usd_cents)}"
            for line in record.lines
        ),
        "sources": "; ".join(
            f"{format_carats(source.carat_thousandths)} ct of {source.number}"
            for source in record.sources
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


def _sealed_with(number: str, events: tuple[VerifiedEvent, ...]) -> Iterator[str]:
    """Give the seals that a certificate was issued with, and those of its validation."""
    for one in events:
        match one.event.body:
            case CertificateIssued(certificate=Certificate(number=issued, seals=seals)):
                yield from seals if issued == number else ()
            case CertificateReplaced(certificate=Certificate(number=issued, seals=seals)):
                yield from seals if issued == number else ()
            case CertificateValidated(seals=seals):
                yield from seals


def _describe_arrival(
    record: CertificateRecord, events: tuple[VerifiedEvent, ...]
) -> dict[str, str]:
    """Tell how the goods arrived, and what was found in them where it is not what is declared."""
    told: dict[str, str] = {}
    for one in events:
        match one.event.body:
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


def _name_cases(record: CertificateRecord, events: tuple[VerifiedEvent, ...]) -> tuple[str, ...]:
    """Name the cases of a certificate: what opened them was followed by nothing on it."""
    before: dict[bytes, bytes | None] = {
        one.event.event_id: one.event.header.prev for one in events
    }
    moves: set[bytes] = set()
    at: bytes | None = record.head
    while at in before and at not in moves:
        moves.add(at)
        at = before[at]
    opened = [
        one
        for one in events
        if one.event.header.type in _OPENS_A_CASE and one.event.event_id not in moves
    ]
    return tuple(f"{record.number}/{count}" for count, _ in enumerate(opened, start=1))


def _history_row(recorded: VerifiedEvent) -> tuple[str, ...]:
    header = recorded.event.header
    return (
        format_time(recorded.block_time_ms),
        header.type,
        str(header.author),
        recorded.event.event_id.hex(),
    )
