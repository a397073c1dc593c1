"""``kpledger list``, ``participants`` and ``status``: what the ledger says."""

from dataclasses import fields, replace
from typing import Final

import msgspec
from msgspec.structs import asdict

from kpclient.commands.declared import Asking, asks, command
from kpclient.errors import PartlyUndecidedError, UsageError
from kpclient.input.options import ConnectionOptions, FreshnessOptions, OfflineOptions
from kpclient.net.connections import NotTrustworthyError
from kpclient.net.ledger_client import LedgerClient
from kpclient.output.console import (
    print_answer,
    print_fields,
    print_json,
    print_line,
    print_table,
    write_value,
)
from kpclient.session import NotFoundError, Session
from kpledger.api.answers import PublicStatusAnswer, StatusAnswer
from kpledger.base.errors import MalformedError
from kpledger.base.ids import KPCS, parse_participant
from kpledger.base.units import format_time
from kpledger.books.certificates import (
    CERTIFICATES,
    MAX_LISTED,
    CertificatesAnswer,
    CertificatesQuestion,
)
from kpledger.books.keys import SIGNING_KEYS, KeysAnswer, KeysQuestion
from kpledger.books.participants import (
    ORGANISATION,
    PARTICIPANT,
    PARTICIPANTS,
    OrganisationQuestion,
    ParticipantAnswer,
    ParticipantQuestion,
    ParticipantsQuestion,
)
from kpledger.books.scheme import SCHEME, SchemeAnswer, SchemeQuestion
from kpledger.scheme.v1.lifecycles import CertificateState
from kpledger.scheme.v1.policy import Policy
from kpledger.scheme.v1.records import CertificateRecord

_MAX_EMPTY_PAGES: Final = 1000
"""In a row; a node has looked at millions of certificates for so many."""


@asks("list", CERTIFICATES)
def list_certificates(
    asking: Asking[CertificatesQuestion, CertificatesAnswer],
    *,
    state: list[CertificateState] | None = None,
    limit: int = 100,
) -> None:
    """List certificates in the order of their numbers."""
    found: list[CertificateRecord] = []
    after = asking.question.after
    states = ",".join(state or ())
    empty_pages = 0
    while len(found) <= limit:  # one more than is listed, to know whether there are more
        left = min(MAX_LISTED, limit + 1 - len(found))
        question = msgspec.structs.replace(asking.question, state=states, after=after, limit=left)
        page = asking.session.answer(CERTIFICATES, question)
        found += page.certificates
        if page.next is None:
            break
        empty_pages = 0 if page.certificates else empty_pages + 1
        if page.next <= after or empty_pages > _MAX_EMPTY_PAGES:
            raise NotTrustworthyError("the node", "its list of certificates comes to no end")
        after = page.next
    listed = tuple(found[:limit])
    following = listed[-1].number if len(found) > limit else None
    answer = CertificatesAnswer(certificates=listed, next=following)
    if asking.as_json:
        print_json(answer)
    else:
        asking.print_tables(answer)


@command("participants")
def participants(
    connection: ConnectionOptions,
    reading: FreshnessOptions,
    offline: OfflineOptions,
    code: str = "",
) -> None:
    """List the participants, or show one with its offices, numbers and keys.

    KPCS shows the scheme's own offices, observers, working groups and keys.
    """
    session = Session(connection, newest=reading.newest, offline=offline)
    if code == KPCS:
        _show_organisation(session, as_json=connection.as_json)
        return
    if code:
        _show_participant(session, code, as_json=connection.as_json)
        return
    found = session.answer(PARTICIPANTS, ParticipantsQuestion())
    if connection.as_json:
        print_json(found)
        return
    columns = ("code", "name", "kind", "status", "authorities", "ranges")
    print_table(columns, [_participant_row(one) for one in found.participants])


def _show_organisation(session: Session, *, as_json: bool) -> None:
    found = session.answer(ORGANISATION, OrganisationQuestion())
    signing = session.answer(SIGNING_KEYS, KeysQuestion(participant=KPCS, past=True))
    if as_json:
        print_json(asdict(found) | asdict(signing))
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
    offices = ", ".join(
        office.authority if office.closed_at is None else f"{office.authority} (closed)"
        for office in one.authorities
    )
    return (one.code, one.name, one.kind, one.status or "-", offices, str(len(one.ranges)))


def _show_participant(session: Session, code: str, *, as_json: bool) -> None:
    try:
        parse_participant(code)
    except MalformedError as error:
        raise UsageError("CODE", error.problem, "two capital letters, such as BW") from None
    one = session.find(PARTICIPANT, ParticipantQuestion(code=code))
    if one is None:
        raise NotFoundError(f"participant {code}")
    signing = session.answer(SIGNING_KEYS, KeysQuestion(participant=code, past=True))
    if as_json:
        print_json({"participant": one} | asdict(signing))
        return
    since = [
        f"{of.status} from {write_value('effective_from', of.effective_from)} ({of.decision})"
        for of in one.standings
    ]
    now = {"status": one.status or "takes no part yet", "standings": "; ".join(since)}
    print_fields({"code": one.code, "name": one.name, "kind": one.kind, **now})
    for office in one.authorities:
        roles = ", ".join(office.roles)
        closed = "" if office.closed_at is None else f": closed {format_time(office.closed_at)}"
        print_line(f"{code}/{office.authority}: {office.title}, {office.place}: {roles}{closed}")
    for allotted in one.ranges:
        run = allotted.range
        serials = f"{run.first:0{run.width}d} to {run.last:0{run.width}d}"
        until = "" if run.use_until.startswith("9999") else f" to {run.use_until}"
        ended = allotted.retired_at
        retired = "" if ended is None else f": withdrawn {format_time(ended)}"
        days = f"for use from {run.use_from}{until}{retired}"
        print_line(f"{code}/{allotted.authority}: {run.prefix} {serials}, {days}")
    _print_keys(code, signing)


def _print_keys(code: str, signing: KeysAnswer) -> None:
    columns = ("signs for", "officer", "key", "from", "until", "revoked as", "doubted since")
    rows = [
        (
            f"{code}/{one.authority}",
            one.officer or "",
            one.key,
            write_value("valid_from", one.valid_from),
            format_time(ended) if (ended := one.revoked_at or one.office_closed_at) else "",
            one.reason or ("office closed" if one.office_closed_at else ""),
            "" if one.suspect_since is None else format_time(one.suspect_since),
        )
        for one in signing.keys
    ]
    print_table(columns, rows)


@asks("status", SCHEME)
def status(asking: Asking[SchemeQuestion, SchemeAnswer], *, at: str = "") -> None:
    """Show where the ledger stands or, with --at, who could trade on a day.

    Where the ledger stands is said by a node, after checking whose ledger it keeps.
    """
    offline, as_json = asking.by.offline, asking.as_json
    if at:
        question = SchemeQuestion(at="" if at == "now" else at)
        scheme = replace(asking, question=question).answer()
        if as_json:
            print_json(scheme)
        else:
            _print_scheme(asking, scheme)
        return
    if offline.replay or offline.copy is not None:
        raise UsageError(
            "--at", "a replay says nothing about a node", "--at DAY, or neither --replay nor --copy"
        )
    found = asking.session.ask(_fetch_status)
    print_answer(found, _describe_status(found), as_json=as_json)
    if found.height == 0 and found.age_s > 0 and not found.ready:
        problem = f"{found.node} has never heard the others, and holds nothing yet"
        raise PartlyUndecidedError(f"{problem}; its operator finds why in its alarms")


def _describe_status(found: PublicStatusAnswer) -> dict[str, str]:
    """Tell people what a node says of itself, all or what it says to everybody."""
    place = {
        "chain": found.chain,
        "height": str(found.height),
        "head": found.head,
        "events": str(found.tree_size),
        "root": found.tree_root,
    }
    if not isinstance(found, StatusAnswer):
        works = "takes events" if found.ready else "takes no events now"
        return {"node": f"{found.node}, {works} (it tells us no more)", **place}
    return {
        "node": f"{found.node} of {found.participant}, {found.role} in term {found.term}",
        "leader": found.leader or "none known",
        "voters": ", ".join(found.voters),
        "ledger": found.origin,
        **place,
        "height": f"{found.height}, {format_time(found.block_time_ms)}",
        "state digest": found.state_digest,
        "storage": found.storage.failed or found.storage.durability,
        **{f"alarm {place}": alarm for place, alarm in enumerate(found.alarms, start=1)},
    }


def _print_scheme(asking: Asking[SchemeQuestion, SchemeAnswer], found: SchemeAnswer) -> None:
    """Print who took part, what was restricted, and what held."""
    print_fields(
        {
            "day": found.day,
            "chair": found.chair or "not known",
            "vice-chair": found.vice_chair or "not known",
            "to come": ", ".join(found.awaited) or "nobody",
        }
    )
    asking.print_tables(found)
    print_line("policy")
    policies = {"all": found.policy} | {one.participant: one.policy for one in found.own_policies}
    print_table(
        ("value", *policies),
        [
            (one.name, *(write_value(one.name, getattr(p, one.name)) for p in policies.values()))
            for one in fields(Policy)
        ],
    )


async def _fetch_status(ledger: LedgerClient) -> PublicStatusAnswer:
    await ledger.verify_genesis()
    return await ledger.status()
