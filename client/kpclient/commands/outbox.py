"""``kpledger outbox``: events that are signed and wait to be sent."""

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Final

from kpclient.clock import now_ms
from kpclient.commands.declared import command
from kpclient.errors import PartlyRefusedError, PartlyUndecidedError, UsageError
from kpclient.input.options import ConnectionOptions
from kpclient.net.answers import full_problem
from kpclient.net.ledger_client import LedgerClient
from kpclient.outbox import Outbox, OutboxEntry
from kpclient.output.console import print_fields, print_json, print_table, print_trouble
from kpclient.session import Session
from kpclient.statements.sending import describe_answer, take_answers
from kpledger.api.answers import CommittedAnswer, Problem, RefusedAnswer, SubmitAnswer
from kpledger.base.units import format_time
from kpledger.scheme.event import SignedEvent

_BATCH: Final = 64


@command("outbox list")
def list_waiting(connection: ConnectionOptions) -> None:
    """List the events that wait, oldest first, and those that were refused."""
    outbox = Session(connection).outbox
    waiting, refused = outbox.waiting(), outbox.refused()
    if connection.as_json:
        described = [_describe(one) | {"problem": full_problem(one.problem)} for one in refused]
        print_json({"waiting": [_describe(one) for one in waiting], "refused": described})
        return
    rows = [(*_describe(one).values(), "waiting") for one in waiting]
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


@command("outbox send")
def send_waiting(connection: ConnectionOptions) -> None:
    """Send the events that wait, oldest first; what is recorded leaves the outbox."""
    session = Session(connection)
    outbox = session.outbox
    waiting = outbox.waiting()
    answers = session.ask(lambda ledger: _send(ledger, outbox, waiting)) if waiting else []
    refused = [one for one in answers if isinstance(one, RefusedAnswer)]
    sent = sum(isinstance(one, CommittedAnswer) for one in answers)
    if connection.as_json:
        described = [{"id": one.id, **describe_answer(one)} for one in answers]
        print_json({"sent": sent, "refused": len(refused), "events": described})
    else:
        rows = [(one.id or "", str(describe_answer(one)["status"])) for one in answers]
        print_table(("id", "status"), rows)
    for one in refused:
        print_trouble(_describe_refusal(one.id or "", one.problem))
    if refused:
        counted = "1 event was" if len(refused) == 1 else f"{len(refused)} events were"
        raise PartlyRefusedError(f"{counted} refused and set aside; see: kpledger outbox list")
    if sent < len(answers):
        left = len(answers) - sent
        raise PartlyUndecidedError(
            "1 event still waits" if left == 1 else f"{left} events still wait"
        )


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
    detail = problem.detail if problem else "it was refused; why was not kept"
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
