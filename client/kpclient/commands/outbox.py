"""``kpledger outbox``: events that are signed and wait to be sent."""

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from kpclient.clock import now_ms
from kpclient.commands.declared import command
from kpclient.commands.statements import sign_typed
from kpclient.errors import (
    ClientError,
    PartlyRefusedError,
    PartlyUndecidedError,
    UsageError,
)
from kpclient.input.options import (
    ConnectionOptions,
    PassphraseOptions,
    SendingOptions,
    SignerOptions,
    StatementOptions,
)
from kpclient.input.wording import tell_commands
from kpclient.net.answers import full_problem
from kpclient.net.heads import look_up_head
from kpclient.net.ledger_client import LedgerClient
from kpclient.net.node_client import NodeUnreachableError
from kpclient.outbox import WAITING, Outbox, OutboxEntry, TypedStatement
from kpclient.output.console import print_fields, print_json, print_table, print_trouble
from kpclient.output.histories import flatten, tell_event
from kpclient.session import Session
from kpclient.statements.sending import describe_answer, take_answers
from kpledger.api.answers import CommittedAnswer, Problem, RefusedAnswer, SubmitAnswer
from kpledger.base.errors import LedgerError
from kpledger.base.units import format_time
from kpledger.books.query import readable
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.outcome import Rule

_BATCH: Final = 64


@command("outbox list")
def list_waiting(connection: ConnectionOptions) -> None:
    """List the events that wait, oldest first, and those that were refused."""
    outbox = Session(connection).outbox
    waiting, refused = outbox.waiting(), outbox.refused()
    if connection.as_json:
        described = [_describe(one) | {"problem": full_problem(one.problem)} for one in refused]
        unsigned = [_describe_typed(one) for one in outbox.typed()]
        print_json({"waiting": [*map(_describe, waiting), *unsigned], "refused": described})
        return
    rows = [(*_describe(one).values(), "waiting") for one in waiting]
    rows += [(*_describe_typed(one).values(), "unsigned") for one in outbox.typed()]
    rows += [(*_describe(one).values(), "refused") for one in refused]
    print_table(("id", "type", "subject", "author", "signed", "sent", "status"), rows)
    for one in refused:
        print_trouble(_describe_refusal(one.event.event_id.hex(), one.problem))


@command("outbox drop")
def drop(*, event_id: str, connection: ConnectionOptions) -> None:
    """Forget an event that waits or was refused.

    One that was sent and not decided may come to the ledger all the same.
    """
    if not Session(connection).outbox.drop(event_id):
        accepted = "an id that `kpledger outbox list` shows"
        raise UsageError("EVENT-ID", f"the outbox has no event {event_id}", accepted)
    dropped = {"id": event_id, "status": "dropped"}
    if connection.as_json:
        print_json(dropped)
    else:
        print_fields(dropped)


@command("outbox retry")
def retry(*, event_id: str, connection: ConnectionOptions) -> None:
    """Let an event that was refused wait to be sent again, as it is."""
    outbox = Session(connection).outbox
    found = [one for one in outbox.refused() if one.event.event_id.hex() == event_id]
    if not found:
        accepted = "the id of a refused event that `kpledger outbox list` shows"
        raise UsageError("EVENT-ID", f"the outbox has no refused event {event_id}", accepted)
    outbox.take_back(found[0])
    told = {"id": event_id, "status": "waiting"}
    if connection.as_json:
        print_json(told)
    else:
        print_fields(told)


@command("outbox show")
def show_one(*, event_id: str, connection: ConnectionOptions) -> None:
    """Show an event of the outbox whole: what it says, and what became of it."""
    outbox = Session(connection).outbox
    for one in (*outbox.waiting(), *outbox.refused()):
        if one.event.event_id.hex() == event_id:
            _show_entry(one, as_json=connection.as_json)
            return
    for typed in outbox.typed():
        if typed.entry_id == event_id:
            if connection.as_json:
                print_json(msgspec.to_builtins(typed) | {"status": "unsigned"})
            else:
                said = _describe_typed(typed) | flatten(typed.fields)
                print_fields(said | {"status": "unsigned"})
            return
    accepted = "an id that `kpledger outbox list` shows"
    raise UsageError("EVENT-ID", f"the outbox has no event {event_id}", accepted)


def _show_entry(entry: OutboxEntry, *, as_json: bool) -> None:
    is_refused = entry.problem is not None or entry.path.suffix != WAITING
    status = {"status": "refused" if is_refused else "waiting"}
    if as_json:
        problem = {} if entry.problem is None else {"problem": full_problem(entry.problem)}
        print_json(_describe(entry) | status | problem | {"body": readable(entry.event.body)})
        return
    why = _describe_refusal("", entry.problem).partition(": ")[2] if is_refused else ""
    further = {"sent": _describe(entry)["sent"], "refused": why}
    print_fields(
        tell_event(entry.event) | status | {name: one for name, one in further.items() if one}
    )


@command("outbox send")
def send_waiting(connection: ConnectionOptions, *, unlocking: PassphraseOptions) -> None:
    """Send what waits, oldest first; what is recorded leaves the outbox.

    What was typed without a line, and lacked what the ledger holds, is signed now.
    """
    session = Session(connection)
    outbox, answers, unsigned = session.outbox, list[SubmitAnswer](), 0
    with outbox.signing():
        for typed in outbox.typed():
            answers += _send_until(session, typed.at_ms)
            unsigned += not _sign(outbox, typed, connection, unlocking)
        answers += _send_until(session, None)
    _report(session, answers, unsigned, as_json=connection.as_json)


def _sign(
    outbox: Outbox,
    typed: TypedStatement,
    connection: ConnectionOptions,
    unlocking: PassphraseOptions,
) -> bool:
    """Sign what was typed, and let it wait; tells whether it could be."""
    key, *others = typed.keys
    signer = SignerOptions(key=key, passphrase_file=unlocking.passphrase_file)
    by = StatementOptions(
        signer=signer,
        cosign=others,
        sending=SendingOptions(),
        connection=connection,
        yes=typed.yes,
    )
    try:
        outbox.put(sign_typed(typed, by), typed=typed.entry_id)
    except NodeUnreachableError:
        raise
    except (ClientError, LedgerError) as error:
        print_trouble(f"{typed.type} on {typed.subject} ({typed.entry_id}) is not signed: {error}")
        print_trouble(f"  type it again, or forget it: kpledger outbox drop {typed.entry_id}")
        return False
    outbox.drop(typed.entry_id)
    return True


def _send_until(session: Session, time_ms: int | None) -> list[SubmitAnswer]:
    """Send the events that wait, and were signed until a time."""
    waiting = tuple(
        one
        for one in session.outbox.waiting()
        if time_ms is None or one.event.header.occurred_at <= time_ms
    )
    if not waiting:
        return []
    return session.ask(lambda ledger: _send(ledger, session.outbox, waiting))


def _report(
    session: Session, answers: Sequence[SubmitAnswer], unsigned: int, *, as_json: bool
) -> None:
    refused = [one for one in answers if isinstance(one, RefusedAnswer)]
    sent = sum(isinstance(one, CommittedAnswer) for one in answers)
    if as_json:
        described = [{"id": one.id, **describe_answer(one)} for one in answers]
        print_json({"sent": sent, "refused": len(refused), "events": described})
    else:
        rows = [(one.id or "", str(describe_answer(one)["status"])) for one in answers]
        print_table(("id", "status"), rows)
    set_aside = {one.event.event_id.hex(): one for one in session.outbox.refused()}
    for one in refused:
        print_trouble(_describe_refusal(one.id or "", one.problem))
        entry = set_aside.get(one.id or "")
        if entry is not None and one.problem.rule == Rule.E6.code:
            print_trouble(f"  {_describe_change(session, entry)}")
    if refused:
        counted = "1 event was" if len(refused) == 1 else f"{len(refused)} events were"
        raise PartlyRefusedError(f"{counted} refused and set aside; see: kpledger outbox list")
    left = len(answers) - sent + unsigned
    if left:
        raise PartlyUndecidedError(
            "1 event still waits" if left == 1 else f"{left} events still wait"
        )


def _describe_change(session: Session, entry: OutboxEntry) -> str:
    """Say what has happened to a subject that an event on it did not know."""
    subject = entry.event.header.subject
    made = format_time(entry.known_at or entry.event.header.occurred_at)

    async def look_up(ledger: LedgerClient) -> str:
        head = await look_up_head(ledger, subject)
        newest = None if head is None else await ledger.event(head.event_id)
        if newest is None:
            return f"there is nothing on {subject}"
        header, at = newest.event.header, format_time(newest.block_time_ms)
        return f"the newest event on {subject} is {header.type} by {header.author}, of {at}"

    decide = "drop it, or make the statement again, or retry it: kpledger outbox --help"
    try:
        return f"it was made on what was known at {made}; {session.ask(look_up)}; {decide}"
    except ClientError as error:
        return f"it was made on what was known at {made}; {error}; {decide}"


async def _send(
    ledger: LedgerClient, outbox: Outbox, waiting: tuple[OutboxEntry, ...]
) -> list[SubmitAnswer]:
    answers: list[SubmitAnswer] = []
    for start in itertools.count(0, _BATCH):
        batch = waiting[start : start + _BATCH]
        if not batch:
            return answers
        # Whatever is decided leaves at once: if the connection breaks now, it is not sent again.
        events = [one.event for one in batch]
        keep = partial(_keep, outbox, events)
        found = take_answers(events, await ledger.submit(events, before=keep))
        for one, answer in zip(batch, found, strict=True):
            if isinstance(answer, CommittedAnswer):
                outbox.remove(one)
            elif isinstance(answer, RefusedAnswer):
                outbox.set_aside(one, answer.problem)
        answers += found
    return answers


def _keep(outbox: Outbox, events: Sequence[SignedEvent]) -> None:
    """Note that events are being sent."""
    for one in events:
        outbox.put(one, sent_at=now_ms())


def _describe_refusal(event_id: str, problem: Problem | None) -> str:
    rule = f"{problem.rule}: " if problem and problem.rule else ""
    detail = tell_commands(problem.detail) if problem else "it was refused; why was not kept"
    return f"event {event_id}: {rule}{detail}"


def _describe(entry: OutboxEntry) -> dict[str, str]:
    header = entry.event.header
    return {
        "id": entry.event.event_id.hex(),
        "type": header.type,
        "subject": header.subject,
        "author": str(header.author),
        "signed": format_time(header.occurred_at),
        "sent": "" if entry.sent_at is None else format_time(entry.sent_at),
    }


def _describe_typed(typed: TypedStatement) -> dict[str, str]:
    return {
        "id": typed.entry_id,
        "type": typed.type,
        "subject": typed.subject,
        "author": typed.author,
        "signed": "",
        "sent": "",
    }
