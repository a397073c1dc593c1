"""``kpledger show``: an event, a certificate, or whatever else an event may be about.

Events are verified: their ids are the hashes of what was signed, and their signatures hold. What a
node says about a subject is its claim; what a chain says that is verified here, is not.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from kpclient.commands.declared import command
from kpclient.commands.trace import describe_claims
from kpclient.errors import UsageError
from kpclient.input.options import ConnectionOptions, FreshnessOptions, OfflineOptions
from kpclient.net.answers import VerifiedEvent
from kpclient.net.connections import NotTrustworthyError
from kpclient.net.node_client import NoAccessError, read_from
from kpclient.output.console import (
    print_answer,
    print_fields,
    print_json,
    print_table,
    print_trouble,
)
from kpclient.output.histories import (
    HISTORY_COLUMNS,
    describe_certificate,
    describe_event,
    flatten,
    history_row,
    tell_event,
)
from kpclient.replay.replayed_ledger import LedgerView
from kpclient.session import NotFoundError, Session
from kpclient.statements.signing import read_signed
from kpledger.base.ids import KPCS
from kpledger.base.units import format_carats, format_time
from kpledger.books.certificates import CERTIFICATE, HISTORY, CertificateQuestion
from kpledger.books.keys import KEY, KeyQuestion
from kpledger.books.subject import MAX_EVENTS, SUBJECT, SubjectQuestion
from kpledger.books.trace import TRACE, TraceQuestion
from kpledger.books.verification import VERIFICATION
from kpledger.scheme.v1.events.decisions import PositionTaken, Stance
from kpledger.scheme.v1.events.governance import ChairRecovered, ParticipantRecovered
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    ShipmentDetained,
    SuspectJudged,
    SuspectReported,
)
from kpledger.scheme.v1.events.life import EventCountersigned, OpeningWithdrawn
from kpledger.scheme.v1.ids import NUMBER_PATTERN
from kpledger.scheme.v1.lifecycles import CaseState
from kpledger.scheme.v1.records import CertificateRecord
from kpledger.scheme.v1.subjects import Subject

_OPENS_A_CASE: Final = (ArrivalRecorded.TYPE, ShipmentDetained.TYPE)
_MAX_HISTORY: Final = 10_000
"""Events that are asked for one by one."""
_DECISION: Final = re.compile(r"[A-Z]+-[0-9]{4}-[A-Z0-9-]+")
"""How the scheme calls its decisions; no certificate has such a number."""
_EVENT_ID: Final = re.compile(r"[0-9a-f]{64}")
_record_decoder: Final = msgspec.json.Decoder(dict[str, object] | None)
_SUBJECT: Final = re.compile(r"[A-Za-z0-9/-]{1,80}")


@command("show")
def show(
    what: str, connection: ConnectionOptions, reading: FreshnessOptions, offline: OfflineOptions
) -> None:
    """Show a certificate, another subject or an event, with its history.

    A file with a signed event, as --offline writes it, is shown as well; no node is asked.
    """
    session = Session(connection, newest=reading.newest, offline=offline, recalls=False)
    if _SUBJECT.fullmatch(what) is None:
        if Path(what).exists():
            handed = read_signed(Path(what))
            print_answer(describe_event(handed), tell_event(handed), as_json=connection.as_json)
            return
        accepted = "a subject, such as BW00000042, the id of an event, or a file with a signed one"
        problem = f"there is no file {what[:80]!r}, and no subject or event is called so"
        raise UsageError("SUBJECT", problem, accepted)
    if _DECISION.fullmatch(what):
        what = f"{KPCS}/{Subject.DECISION}/{what}"
    if _EVENT_ID.fullmatch(what):
        recorded = session.view(lambda ledger: ledger.event(bytes.fromhex(what)))
        # A key is named in the same form.
        if recorded is not None:
            added = session.view(lambda ledger: _fetch_countersigners(ledger, recorded))
            officers = session.view(lambda ledger: _fetch_officers(ledger, [recorded]))
            _print_event(recorded, officers, added, as_json=connection.as_json)
            return
    is_number = re.match(NUMBER_PATTERN, what) is not None
    fetch = _fetch_certificate if is_number else _fetch_subject
    try:
        found = session.view(lambda ledger: fetch(ledger, what))
        officers = session.view(lambda ledger: _fetch_officers(ledger, found.events))
        if found.head is not None and not session.is_offline:
            session.recall.keep_head(what, found.head)
    except NoAccessError as error:
        if not is_number:
            raise
        _verify(session, what, as_json=connection.as_json)
        print_trouble(f"this is what everybody may see. The rest: {error}")
        return
    if connection.as_json:
        told = [_describe(one, officers) for one in found.events]
        print_json(found.described | {"history": told})
        return
    print_fields(found.fields)
    more = "there may be later ones, which only the books hold"
    is_cut = len(found.events) == MAX_EVENTS
    rows = [history_row(one.event, one.block_time_ms, officers) for one in found.events]
    print_table(HISTORY_COLUMNS, rows, more=more if is_cut else "")


def _verify(session: Session, number: str, *, as_json: bool) -> None:
    """Show what everybody may know of a certificate."""
    question = CertificateQuestion(number=number)
    found = session.ask(lambda ledger: ledger.ask(VERIFICATION, question))
    if found.number != number:
        problem = f"asked for {number}, it answers about {found.number}"
        raise NotTrustworthyError("the node", problem)
    known = found.certificate
    if known is None:
        raise NotFoundError(f"certificate {number}")
    goods = (f"{line.hs} {format_carats(line.carat_thousandths)} ct" for line in known.lines)
    told = {
        "certificate": number,
        "state": known.state,
        **({"suspect": "a key that was stolen has signed for it"} if known.suspect else {}),
        "issuer": known.issuer,
        "destination": known.destination,
        "issued": known.issued_on,
        "expires": known.expires_on,
        "carats": format_carats(known.carat_thousandths),
        "goods": "; ".join(goods),
    }
    print_answer({"verification": found}, told, as_json=as_json)


class _Found(NamedTuple):
    """What a subject is, and its history."""

    described: dict[str, object]
    """For programs."""
    fields: dict[str, str]
    """For people."""
    events: tuple[VerifiedEvent, ...]
    head: bytes | None = None


def _print_event(
    recorded: VerifiedEvent, officers: Mapping[bytes, str], added: list[str], *, as_json: bool
) -> None:
    if as_json:
        print_json(_describe(recorded, officers) | {"countersigners": added})
        return
    place = {
        "recorded": format_time(recorded.block_time_ms),
        "height": str(recorded.height),
        "officers": ", ".join(officers.values()),
        "countersigners": ", ".join(added),
    }
    print_fields(tell_event(recorded.event) | {name: one for name, one in place.items() if one})


def _describe(recorded: VerifiedEvent, officers: Mapping[bytes, str]) -> dict[str, object]:
    return describe_event(recorded.event) | {
        "officers": [officers[key] for key in recorded.event.signers if key in officers],
        "height": recorded.height,
        "index": recorded.index,
        "block_time_ms": recorded.block_time_ms,
    }


async def _fetch_events(ledger: LedgerView, ids: tuple[str, ...]) -> tuple[VerifiedEvent, ...]:
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


async def _fetch_countersigners(ledger: LedgerView, recorded: VerifiedEvent) -> list[str]:
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


async def _fetch_officers(ledger: LedgerView, events: Iterable[VerifiedEvent]) -> dict[bytes, str]:
    """Give the names of the officers who signed, by their keys, where a key has one."""
    keys = dict.fromkeys(key for one in events for key in one.event.signers)
    found = {key: await ledger.find(KEY, KeyQuestion(key=key.hex())) for key in keys}
    return {key: one.officer for key, one in found.items() if one is not None and one.officer}


async def _tell_reports(ledger: LedgerView, reports: Iterable[str]) -> dict[str, str]:
    """Tell what papers with this number were reported as suspect, and what was said of them."""
    told: list[str] = []
    for subject in reports:
        found = await ledger.ask(SUBJECT, SubjectQuestion(subject=subject))
        words = [str(found.state)]
        for one in await _fetch_events(ledger, found.events):
            match one.event.body:
                case SuspectReported(remarks=remarks):
                    words.append(remarks)
                case SuspectJudged(verdict=verdict, remarks=remarks):
                    words.append(": ".join(filter(None, (verdict, remarks))))
        told.append(f"{subject} ({', '.join(filter(None, words))})")
    return {"reported as suspect": "; ".join(told)} if told else {}


async def _fetch_certificate(ledger: LedgerView, number: str) -> _Found:
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
    told |= await _tell_reports(ledger, history.reports)
    told |= _tell_suspects(suspects) | _tell_withdrawal(events)
    lineage = await ledger.ask(TRACE, TraceQuestion(subject=number, limit=1))
    claims = [claim for one in lineage.shipments[:1] for claim in describe_claims(one)]
    told |= {"claims": "; ".join(claims)} if claims else {}
    fields = describe_certificate(record, [one.event for one in events]) | told
    known = {"certificate": record, "suspects": suspects, "reports": history.reports}
    return _Found(known, fields, events, record.head)


async def _fetch_subject(ledger: LedgerView, subject: str) -> _Found:
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
