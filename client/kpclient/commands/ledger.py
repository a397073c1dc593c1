"""``kpledger list``, ``participants`` and ``status``: what the ledger says."""

from typing import Annotated, Final

import msgspec
import typer

from kpclient.errors import UsageError
from kpclient.input.options import ConnectionOptions, FreshnessOptions, OfflineOptions, command
from kpclient.net.ledger_client import LedgerClient
from kpclient.output.console import (
    as_object,
    print_fields,
    print_json,
    print_line,
    print_table,
    readable,
)
from kpclient.output.scheme_table import print_scheme
from kpclient.session import Session
from kpclient.statements.lookup import NotFoundError
from kpledger.api.answers import StatusAnswer
from kpledger.base.errors import MalformedError
from kpledger.base.ids import KPCS, parse_participant
from kpledger.base.units import format_carats, format_time, format_usd
from kpledger.books.certificates import CERTIFICATES, MAX_LISTED, CertificatesQuestion
from kpledger.books.keys import SIGNING_KEYS, KeysAnswer, KeysQuestion
from kpledger.books.organisation import ORGANISATION, OrganisationQuestion
from kpledger.books.participants import (
    PARTICIPANT,
    PARTICIPANTS,
    ParticipantAnswer,
    ParticipantQuestion,
    ParticipantsQuestion,
)
from kpledger.books.scheme import SCHEME, SchemeQuestion
from kpledger.scheme.v1.lifecycles import CertificateState
from kpledger.scheme.v1.records import CertificateRecord

app = typer.Typer()

_MAX_WANTED: Final = 1_000_000


@command(app, "list", example="kpledger list --issuer BW --state CONFIRMED")
def list_certificates(
    connection: ConnectionOptions,
    reading: FreshnessOptions,
    *,
    state: Annotated[
        CertificateState | None, typer.Option("--state", help="Only those in this state.")
    ] = None,
    issuer: Annotated[
        str, typer.Option("--issuer", metavar="CODE", help="Only those that it issued, such as BW.")
    ] = "",
    destination: Annotated[
        str,
        typer.Option("--destination", metavar="CODE", help="Only those sent there, such as IN."),
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=_MAX_WANTED, help="How many are listed at most.")
    ] = 100,
) -> None:
    """List certificates in the order of their numbers."""
    wanted = CertificatesQuestion(
        state=state.value if state else None,
        issuer=check_code(issuer, "--issuer") if issuer else None,
        destination=check_code(destination, "--destination") if destination else None,
    )
    records = Session(connection, newest=reading.newest).inquire(
        lambda ledger: _list(ledger, wanted, limit)
    )
    if connection.as_json:
        print_json({"certificates": [readable(record) for record in records]})
        return
    columns = ("number", "state", "from", "to", "issued", "expires", "carats", "US$")
    print_table(columns, [_certificate_row(record) for record in records])


async def _list(
    ledger: LedgerClient, wanted: CertificatesQuestion, limit: int
) -> tuple[CertificateRecord, ...]:
    found: list[CertificateRecord] = []
    after: str | None = None
    while len(found) < limit:
        left = min(MAX_LISTED, limit - len(found))
        page = await ledger.ask(
            CERTIFICATES, msgspec.structs.replace(wanted, after=after, limit=left)
        )
        found += page.certificates
        after = page.next
        if after is None:
            break
    return tuple(found)


def _certificate_row(record: CertificateRecord) -> tuple[str, ...]:
    return (
        record.number,
        record.state,
        f"{record.issuer}/{record.authority}",
        record.destination,
        record.issued_on,
        record.expires_on,
        format_carats(record.carat_thousandths),
        format_usd(record.value_usd_cents),
    )


@command(app, "participants", example="kpledger participants BW")
def participants(
    connection: ConnectionOptions,
    reading: FreshnessOptions,
    code: Annotated[
        str, typer.Argument(metavar="[CODE|KPCS]", help="Only this one, with all about it.")
    ] = "",
) -> None:
    """List the participants, or show one with its offices, numbers and keys.

    KPCS shows the scheme's own offices, observers, working groups and keys.
    """
    session = Session(connection, newest=reading.newest)
    if code == KPCS:
        _show_organisation(session, as_json=connection.as_json)
        return
    if code:
        _show_participant(session, check_code(code, "CODE"), as_json=connection.as_json)
        return
    found = session.ask(
        lambda ledger: ledger.ask(PARTICIPANTS, ParticipantsQuestion())
    ).participants
    if connection.as_json:
        print_json({"participants": [readable(one) for one in found]})
        return
    columns = ("code", "name", "kind", "status", "authorities", "ranges")
    print_table(columns, [_participant_row(one) for one in found])


def _show_organisation(session: Session, *, as_json: bool) -> None:
    found = session.answer(ORGANISATION, OrganisationQuestion())
    signing = session.answer(SIGNING_KEYS, KeysQuestion(participant=KPCS, past=True))
    if as_json:
        print_json({**as_object(found), **as_object(signing)})
        return
    for one in found.offices:
        print_line(f"{KPCS}/{one.authority}: {one.title}, {one.place}: {', '.join(one.roles)}")
    for one in found.observers:
        print_line(f"{KPCS}/{one.authority}: {one.title}: observer, {one.observer}")
    for body in found.bodies:
        members = ", ".join((*body.members, *body.observers))
        print_line(f"{body.name}: {body.title}: {body.kind}, chaired by {body.chair}: {members}")
    _print_keys(KPCS, signing)


def _participant_row(one: ParticipantAnswer) -> tuple[str, ...]:
    offices = ", ".join(office.authority for office in one.authorities)
    return (one.code, one.name, one.kind, one.status or "-", offices, str(len(one.ranges)))


def _show_participant(session: Session, code: str, *, as_json: bool) -> None:
    one = session.ask(lambda ledger: ledger.find(PARTICIPANT, ParticipantQuestion(code=code)))
    if one is None:
        raise NotFoundError(f"participant {code}")
    signing = session.answer(SIGNING_KEYS, KeysQuestion(participant=code, past=True))
    if as_json:
        print_json({"participant": readable(one), **as_object(signing)})
        return
    print_fields({"code": one.code, "name": one.name, "kind": one.kind, "status": one.status or ""})
    for standing in one.standings:
        since = format_time(standing.effective_from) if standing.effective_from else "the start"
        print_line(f"{standing.status} from {since} ({standing.decision})")
    for office in one.authorities:
        roles = ", ".join(office.roles)
        print_line(f"{code}/{office.authority}: {office.title}, {office.place}: {roles}")
    for allotted in one.ranges:
        run = allotted.range
        serials = f"{run.first:0{run.width}d} to {run.last:0{run.width}d}"
        days = f"{run.use_from} to {run.use_until}"
        print_line(f"{code}/{allotted.authority}: {run.prefix} {serials}, for use {days}")
    _print_keys(code, signing)


def _print_keys(code: str, signing: KeysAnswer) -> None:
    columns = ("signs for", "officer", "key", "from", "until", "revoked as", "doubted since")
    rows = [
        (
            f"{code}/{one.authority}",
            one.officer or "",
            one.key,
            # A key without a day of its own is good from when it stands on the ledger.
            format_time(one.valid_from) if one.valid_from else "its record",
            "" if one.revoked_at is None else format_time(one.revoked_at),
            one.reason or "",
            "" if one.suspect_since is None else format_time(one.suspect_since),
        )
        for one in signing.keys
    ]
    print_table(columns, rows)


@command(app, "status", example="kpledger status --node http://127.0.0.1:7600 --json")
def status(
    connection: ConnectionOptions,
    offline: OfflineOptions,
    at: Annotated[
        str,
        typer.Option(
            "--at",
            metavar="YYYY-MM-DD|now",
            help="Show the scheme on that day instead of the node.",
        ),
    ] = "",
) -> None:
    """Show where the ledger stands, or with --at who could trade under what at a date.

    Where the ledger stands is said by a node, after checking whose ledger it keeps.
    """
    if at:
        _show_scheme(Session(connection, offline=offline), at, as_json=connection.as_json)
        return
    if offline.replay or offline.copy is not None:
        raise UsageError(
            "--at", "a replay says nothing about a node", "--at DAY, or neither --replay nor --copy"
        )
    found = Session(connection).ask(_fetch_status)
    if connection.as_json:
        print_json(as_object(found))
        return
    print_fields(
        {
            "node": f"{found.node} of {found.participant}, {found.role} in term {found.term}",
            "leader": found.leader or "none known",
            "voters": ", ".join(found.voters),
            "ledger": f"{found.origin}, chain {found.chain}",
            "height": f"{found.height}, {format_time(found.block_time_ms)}",
            "head": found.head,
            "tree": f"{found.tree_size} events, root {found.tree_root}",
            "state digest": found.state_digest,
            "storage": found.storage.failed or found.storage.durability,
        }
    )


def _show_scheme(session: Session, at: str, *, as_json: bool) -> None:
    found = session.answer(SCHEME, SchemeQuestion(at="" if at == "now" else at))
    if as_json:
        print_json(as_object(found))
    else:
        print_scheme(found)


async def _fetch_status(ledger: LedgerClient) -> StatusAnswer:
    await ledger.verify_genesis()
    return await ledger.status()


def check_code(text: str, option: str) -> str:
    """Read a participant's code that somebody typed.

    Raises:
        UsageError: it is none.
    """
    try:
        return parse_participant(text)
    except MalformedError as error:
        raise UsageError(option, error.problem, "two capital letters, such as BW") from None
