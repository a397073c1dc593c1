"""``kpledger outbox``: events that are signed and wait to be sent."""

import itertools
from typing import Final

from kpclient.commands.declared import command
from kpclient.errors import PartlyRefusedError, PartlyUndecidedError
from kpclient.input.options import ConnectionOptions
from kpclient.net.ledger_client import LedgerClient
from kpclient.outbox import Outbox, Waiting
from kpclient.output.console import print_json, print_table, print_trouble
from kpclient.session import Session
from kpclient.statements.sending import describe_answer
from kpledger.api.answers import CommittedAnswer, RefusedAnswer, SubmitAnswer
from kpledger.base.units import format_time

_BATCH: Final = 64


@command("outbox list")
def list_waiting(connection: ConnectionOptions) -> None:
    """List the events that wait, oldest first."""
    waiting = Session(connection).outbox.waiting()
    if connection.as_json:
        print_json({"waiting": [_describe(one) for one in waiting]})
        return
    rows = [tuple(_describe(one).values()) for one in waiting]
    print_table(("id", "type", "subject", "author", "signed"), rows)


@command("outbox send")
def send_waiting(connection: ConnectionOptions) -> None:
    """Send the events that wait, oldest first; what the ledger has leaves the outbox."""
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
        print_trouble(f"event {one.id}: {one.problem.rule or ''} {one.problem.detail}")
    if refused:
        raise PartlyRefusedError(f"{len(refused)} events were refused and set aside")
    if sent < len(answers):
        raise PartlyUndecidedError(f"{len(answers) - sent} events still wait")


async def _send(
    ledger: LedgerClient, outbox: Outbox, waiting: tuple[Waiting, ...]
) -> list[SubmitAnswer]:
    answers: list[SubmitAnswer] = []
    for start in itertools.count(0, _BATCH):
        batch = waiting[start : start + _BATCH]
        if not batch:
            return answers
        # Whatever is decided leaves at once: if the connection breaks now, it is not sent again.
        found = await ledger.submit([one.event for one in batch])
        for one, answer in zip(batch, found, strict=True):
            if isinstance(answer, CommittedAnswer):
                outbox.remove(one)
            elif isinstance(answer, RefusedAnswer):
                outbox.set_aside(one)
        answers += found
    return answers


def _describe(waiting: Waiting) -> dict[str, str]:
    header = waiting.event.header
    return {
        "id": waiting.event.event_id.hex(),
        "type": header.type,
        "subject": header.subject,
        "author": str(header.author),
        "signed": format_time(header.occurred_at),
    }
