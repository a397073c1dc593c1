"""``kpledger show``: an event, a certificate, or whatever else an event may be about.

Events are verified: their ids are the hashes of what was signed, and their signatures hold. What a
node says about a subject is its claim.
"""

import re
from typing import Annotated, Final

import msgspec
import typer

from kpclient.answers import Recorded
from kpclient.commands.lookup import NotOnLedgerError
from kpclient.commands.options import Connection, Reading, command
from kpclient.commands.session import Session
from kpclient.errors import UsageError
from kpclient.line import NotTrustworthyError
from kpclient.output import print_fields, print_json, print_table, readable
from kpclient.remote import Remote
from kpledger.analysis.subject import SUBJECT, SubjectAnswer, SubjectQuestion
from kpledger.ids import NUMBER_PATTERN
from kpledger.records import CertificateRecord
from kpledger.units import format_carats, format_time, format_usd

app = typer.Typer()

_EVENT_ID: Final = re.compile(r"[0-9a-f]{64}")
_SUBJECT: Final = re.compile(r"[A-Za-z0-9/-]{1,80}")


@command(app, "show", example="kpledger show BW00000042")
def show(
    what: Annotated[
        str, typer.Argument(metavar="SUBJECT|EVENT-ID", help="BW00000042, ZW/policy, an event.")
    ],
    connection: Connection,
    reading: Reading,
) -> None:
    """Show a certificate, anything else that events are about, or an event, with its history."""
    session = Session(connection, newest=reading.newest)
    if _SUBJECT.fullmatch(what) is None:
        accepted = "a subject, as BW00000042 or ZW/review/2026-1, or the id of an event"
        raise UsageError("SUBJECT", f"{what[:80]!r} is none", accepted)
    if _EVENT_ID.fullmatch(what) and _show_event(session, what, as_json=connection.as_json):
        return
    if re.match(NUMBER_PATTERN, what):
        _show_certificate(session, what, as_json=connection.as_json)
    else:
        _show_subject(session, what, as_json=connection.as_json)


def _show_event(session: Session, event_id: str, *, as_json: bool) -> bool:
    """Show an event; False if there is none: a key is named in the same form."""
    recorded = session.ask(lambda remote: remote.event(bytes.fromhex(event_id)))
    if recorded is None:
        return False
    described = _describe_event(recorded)
    if as_json:
        print_json(described)
        return True
    fields = {name: str(value) for name, value in described.items() if name != "body"}
    fields["occurred_at"] = format_time(recorded.event.header.occurred_at)
    fields["block_time_ms"] = format_time(recorded.block_time_ms)
    print_fields(fields | _flatten(described["body"]))
    return True


def _describe_event(recorded: Recorded) -> dict[str, object]:
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


def _flatten(value: object, name: str = "") -> dict[str, str]:
    if not isinstance(value, dict):
        return {name: str(value)}
    flat: dict[str, str] = {}
    for key, one in value.items():
        flat |= _flatten(one, f"{name}.{key}" if name else str(key))
    return flat


async def _fetch_events(remote: Remote, ids: tuple[str, ...]) -> tuple[Recorded, ...]:
    events: list[Recorded] = []
    for event_id in ids:
        recorded = await remote.event(bytes.fromhex(event_id))
        if recorded is None:
            problem = f"a history of it names event {event_id}, which it does not have"
            raise NotTrustworthyError("the node", problem)
        events.append(recorded)
    return tuple(events)


async def _fetch_certificate(
    remote: Remote, number: str
) -> tuple[CertificateRecord, tuple[Recorded, ...]]:
    record = await remote.certificate(number)
    if record is None:
        raise NotOnLedgerError(f"certificate {number}")
    events = await _fetch_events(remote, tuple(one.id for one in await remote.history(number)))
    # Notes and approvals stand in its history and do not move it.
    if record.head not in {one.event.event_id for one in events}:
        problem = f"its history of {number} does not hold event {record.head.hex()}"
        raise NotTrustworthyError("the node", problem)
    return record, events


async def _fetch_subject(
    remote: Remote, subject: str
) -> tuple[SubjectAnswer, tuple[Recorded, ...]]:
    found = await remote.ask(SUBJECT.path, SubjectQuestion(subject=subject), SUBJECT.answer)
    if found.kind is None and not found.events:
        raise NotOnLedgerError(subject)
    return found, await _fetch_events(remote, found.events)


def _show_subject(session: Session, subject: str, *, as_json: bool) -> None:
    found, events = session.ask(lambda remote: _fetch_subject(remote, subject))
    record = msgspec.json.decode(found.record, type=dict[str, object] | None) or {}
    known = {"subject": subject, "kind": found.kind, "state": found.state, "head": found.head}
    if as_json:
        history = [_describe_event(one) for one in events]
        print_json({**known, "record": record, "history": history})
        return
    print_fields({name: value for name, value in known.items() if value} | _flatten(record))
    _print_history(events)


def _show_certificate(session: Session, number: str, *, as_json: bool) -> None:
    record, events = session.ask(lambda remote: _fetch_certificate(remote, number))
    if as_json:
        certificate = {"certificate": readable(record)}
        print_json(certificate | {"history": [_describe_event(one) for one in events]})
        return
    print_fields(
        {
            "certificate": record.number,
            "state": " ".join((record.state, *record.marks)),
            "issuer": f"{record.issuer}/{record.authority}",
            "destination": record.destination,
            "issued": record.issued_on,
            "expires": record.expires_on,
            "exporter": f"{record.exporter.name}, {record.exporter.address}",
            "importer": f"{record.importer.name}, {record.importer.address}",
            "origin": ", ".join(record.origins) or "mixed",
            "parcels": str(record.parcels),
            "carats": format_carats(record.carat_thousandths),
            "value": f"US$ {format_usd(record.value_usd_cents)}",
        }
        | ({"replaces": record.replaces} if record.replaces else {})
        | ({"replaced by": record.replaced_by} if record.replaced_by else {})
    )
    _print_history(events)


def _print_history(events: tuple[Recorded, ...]) -> None:
    print_table(("recorded", "event", "author", "id"), [_history_row(one) for one in events])


def _history_row(recorded: Recorded) -> tuple[str, ...]:
    header = recorded.event.header
    return (
        format_time(recorded.block_time_ms),
        header.type,
        str(header.author),
        recorded.event.event_id.hex(),
    )
