"""``kpledger outbox``: events that are signed and wait to be sent."""

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from kpclient.clock import now_ms
from kpclient.commands.declared import command
from kpclient.commands.statements import sign_typed
from kpclient.errors import ClientError, PartlyRefusedError, PartlyUndecidedError, UsageError
from kpclient.input.batch import BatchRow
from kpclient.input.options import (
    ConnectionOptions,
    PassphraseOptions,
    SendingOptions,
    SignerOptions,
    StatementOptions,
)
from kpclient.input.wording import tell_commands
from kpclient.keystore import KeystoreError
from kpclient.net.answers import full_problem
from kpclient.net.heads import look_up_head
from kpclient.net.ledger_client import LedgerClient
from kpclient.net.node_client import NodeUnreachableError
from kpclient.outbox import WAITING, Outbox, OutboxEntry, TypedStatement
from kpclient.output.console import print_answer, print_json, print_table, print_trouble
from kpclient.output.histories import flatten, tell_event
from kpclient.session import Session
from kpclient.statements.sending import ask_about, describe_answer, name_event, take_answers
from kpledger.api.answers import CommittedAnswer, Problem, RefusedAnswer, SubmitAnswer
from kpledger.base.errors import LedgerError
from kpledger.base.units import format_time
from kpledger.books.query import readable
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.outcome import Rule

_BATCH: Final = 64
_MEANT: Final = "if it is meant: kpledger outbox send --yes"
_Done = tuple[OutboxEntry, SubmitAnswer]
"""What was sent, and what became of it."""


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
        print_trouble(f"{name_event(one.event)}: {_tell_why(one.problem)}")


@command("outbox drop")
def drop(*, event_id: str, connection: ConnectionOptions) -> None:
    """Forget an event that waits or was refused.

    One that was sent and not decided may come to the ledger all the same.
    """
    if not Session(connection).outbox.drop(event_id):
        raise _unknown(event_id)
    _tell(event_id, "dropped", connection)


@command("outbox retry")
def retry(*, event_id: str, connection: ConnectionOptions) -> None:
    """Let an event that was refused wait to be sent again, as it is."""
    outbox = Session(connection).outbox
    found = [one for one in outbox.refused() if event_id in one.ids]
    if not found:
        raise _unknown(event_id, "refused event")
    outbox.take_back(found[0])
    _tell(event_id, "waiting", connection)


def _tell(event_id: str, status: str, connection: ConnectionOptions) -> None:
    told = {"id": event_id, "status": status}
    print_answer(told, told, as_json=connection.as_json)


def _unknown(event_id: str, what: str = "event") -> UsageError:
    accepted = "the id of one that `kpledger outbox list` shows"
    return UsageError("EVENT-ID", f"the outbox has no {what} {event_id}", accepted)


@command("outbox show")
def show_one(*, event_id: str, connection: ConnectionOptions) -> None:
    """Show an event of the outbox whole: what it says, and what became of it."""
    outbox = Session(connection).outbox
    for one in (*outbox.waiting(), *outbox.refused()):
        if event_id in one.ids:
            _show_entry(one, as_json=connection.as_json)
            return
    for typed in outbox.typed():
        if typed.entry_id == event_id:
            status = {"status": "unsigned"}
            said = _describe_typed(typed) | flatten(typed.fields)
            whole = msgspec.to_builtins(typed) | status
            print_answer(whole, said | status, as_json=connection.as_json)
            return
    raise _unknown(event_id)


def _show_entry(entry: OutboxEntry, *, as_json: bool) -> None:
    is_refused = entry.problem is not None or entry.path.suffix != WAITING
    status = {"status": "refused" if is_refused else "waiting"}
    problem = {} if entry.problem is None else {"problem": full_problem(entry.problem)}
    whole = _describe(entry) | status | problem | {"body": readable(entry.event.body)}
    why = _tell_why(entry.problem) if is_refused else ""
    further = {"sent": _describe(entry)["sent"], "was unsigned as": entry.typed, "refused": why}
    told = tell_event(entry.event) | status | {name: one for name, one in further.items() if one}
    print_answer(whole, told, as_json=as_json)


@command("outbox send")
def send_waiting(
    connection: ConnectionOptions, *, unlocking: PassphraseOptions, yes: bool = False
) -> None:
    """Send what waits, oldest first; what is recorded leaves the outbox.

    What was typed without a line, and lacked what the ledger holds, is signed now.
    """
    session = Session(connection)
    outbox, done = session.outbox, list[_Done]()
    with outbox.signing():
        held = _hold(session, yes=yes)
        for typed in outbox.typed():
            done += _send_until(session, held, typed.at_ms)
            if typed.subject not in held:
                _sign(outbox, typed, connection, unlocking, yes=yes)
        done += _send_until(session, held)
    _report(session, done, as_json=connection.as_json)


def _hold(session: Session, *, yes: bool) -> set[str]:
    """Ask about what was made without a line; gives the subjects on which nothing is to be sent."""
    held: set[str] = set()
    for one in session.outbox.waiting():
        try:
            ask_about(session, one.event, yes=yes or one.was_asked)
        except NodeUnreachableError:
            raise
        except ClientError as error:
            print_trouble(f"not sent, nor is what follows it: {error}")
            print_trouble(f"  {_MEANT}; or forget it: kpledger outbox drop {_id_of(one)}")
            held.update(BatchRow(0, "", one.event).subjects)
    return held


def _sign(
    outbox: Outbox,
    typed: TypedStatement,
    connection: ConnectionOptions,
    unlocking: PassphraseOptions,
    *,
    yes: bool,
) -> None:
    """Sign what was typed, and let it wait; if it cannot be, say why."""
    key, *others = typed.keys
    signer = SignerOptions(key=key, passphrase_file=unlocking.passphrase_file)
    by = StatementOptions(
        signer=signer,
        cosign=others,
        sending=SendingOptions(),
        connection=connection,
        yes=typed.yes or yes,
    )
    try:
        outbox.put(sign_typed(typed, by), typed=typed.entry_id, yes=True)
    except NodeUnreachableError:
        raise
    except (ClientError, LedgerError) as error:
        print_trouble(f"{typed.type} on {typed.subject} ({typed.entry_id}) is not signed: {error}")
        print_trouble(f"  {_advise(error, typed.entry_id)}")
        return
    outbox.drop(typed.entry_id)


def _advise(error: ClientError | LedgerError, entry_id: str) -> str:
    """Say how to go on with what could not be signed."""
    field = error.field if isinstance(error, UsageError) else ""
    if isinstance(error, KeystoreError) or field == "passphrase":
        return "it waits: kpledger outbox send, with its key here and the passphrase of that"
    advice = _MEANT if field == "--yes" else "type it again"
    return f"{advice}; or forget it: kpledger outbox drop {entry_id}"


def _send_until(session: Session, held: set[str], time_ms: int | None = None) -> list[_Done]:
    """Send the events that wait, up to a time if one is given; what is ``held`` goes on waiting."""
    waiting = tuple(
        one
        for one in session.outbox.waiting()
        if (time_ms is None or one.event.header.occurred_at <= time_ms)
        and not held & {*BatchRow(0, "", one.event).subjects}
    )
    if not waiting:
        return []
    return session.ask(lambda ledger: _send(ledger, session.outbox, waiting))


def _report(session: Session, done: Sequence[_Done], *, as_json: bool) -> None:
    refused = [(one, answer) for one, answer in done if isinstance(answer, RefusedAnswer)]
    sent = sum(isinstance(answer, CommittedAnswer) for _, answer in done)
    described = [
        _describe(one) | {"was_unsigned_as": one.typed} | describe_answer(answer)
        for one, answer in done
    ]
    if as_json:
        print_json({"sent": sent, "refused": len(refused), "events": described})
    else:
        was_typed = any(one.typed for one, _ in done)
        columns = ("id", "type", "subject", "status", *(["was_unsigned_as"] * was_typed))
        rows = [[str(one[name]) for name in columns] for one in described]
        print_table([one.replace("_", " ") for one in columns], rows)
    for one, answer in refused:
        print_trouble(f"{name_event(one.event)}: {_tell_why(answer.problem)}")
        if answer.problem.rule == Rule.E6.code:
            print_trouble(f"  {_describe_change(session, one)}")
    if refused:
        counted = "1 event was" if len(refused) == 1 else f"{len(refused)} events were"
        raise PartlyRefusedError(f"{counted} refused and set aside; see: kpledger outbox list")
    left = len(session.outbox.waiting()) + len(session.outbox.typed())
    if left:
        raise PartlyUndecidedError(
            "1 event still waits" if left == 1 else f"{left} events still wait"
        )


def _describe_change(session: Session, entry: OutboxEntry) -> str:
    """Say what has happened to a subject that an event on it did not know."""
    subject, made_at = entry.event.header.subject, entry.event.header.occurred_at
    had_line = entry.sent_at is not None and not entry.typed
    rests = f"it was made on what was known at {format_time(entry.known_at or made_at)}"
    if entry.known_at is None and not had_line:
        at = format_time(made_at)
        rests = f"it was typed at {at} without a line, when nothing was known here of {subject}"

    async def look_up(ledger: LedgerClient) -> str:
        head = await look_up_head(ledger, subject)
        newest = None if head is None else await ledger.event(head.event_id)
        if newest is None:
            return f"there is nothing on {subject}"
        header, at = newest.event.header, format_time(newest.block_time_ms)
        return f"the newest event on {subject} is {header.type} by {header.author}, of {at}"

    decide = "drop it, or make the statement again, or retry it: kpledger outbox --help"
    try:
        return f"{rests}; {session.ask(look_up)}; {decide}"
    except ClientError as error:
        return f"{rests}; {error}; {decide}"


async def _send(
    ledger: LedgerClient, outbox: Outbox, waiting: tuple[OutboxEntry, ...]
) -> list[_Done]:
    answers: list[_Done] = []
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
        answers += zip(batch, found, strict=True)
    return answers


def _keep(outbox: Outbox, events: Sequence[SignedEvent]) -> None:
    """Note that events are being sent."""
    for one in events:
        outbox.put(one, sent_at=now_ms())


def _tell_why(problem: Problem | None) -> str:
    rule = f"{problem.rule}: " if problem and problem.rule else ""
    detail = tell_commands(problem.detail) if problem else "it was refused; why was not kept"
    return f"{rule}{detail}"


def _id_of(entry: OutboxEntry) -> str:
    return entry.event.event_id.hex()


def _describe(entry: OutboxEntry) -> dict[str, str]:
    header = entry.event.header
    return {
        "id": _id_of(entry),
        "type": header.type,
        "subject": header.subject,
        "author": str(header.author),
        "signed": format_time(header.occurred_at),
        "sent": "" if entry.sent_at is None else format_time(entry.sent_at),
    }


def _describe_typed(typed: TypedStatement) -> dict[str, str]:
    known = {"id": typed.entry_id, "type": typed.type, "subject": typed.subject}
    return known | {"author": typed.author, "signed": "", "sent": ""}
