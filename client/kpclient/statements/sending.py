"""Sending: what every command does with an event once it is signed."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from kpclient.errors import ClientError
from kpclient.files import PRIVATE_FILE, check_destination, is_stdout, write_public
from kpclient.input.options import ConnectionOptions, SendingOptions
from kpclient.net.answers import NO_PROBLEM, describe_problem, full_problem
from kpclient.net.ledger_client import is_decided
from kpclient.net.node_client import NodeUnreachableError
from kpclient.net.refusals import NodeProblemError
from kpclient.output.console import print_fields, print_json, print_line, print_text, print_trouble
from kpclient.session import Session
from kpledger.api.answers import (
    CommittedAnswer,
    Problem,
    RefusedAnswer,
    SubmitAnswer,
    UnavailableAnswer,
)
from kpledger.base.units import format_time
from kpledger.command import EXIT_REFUSED
from kpledger.scheme.envelope import format_envelope_json
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.outcome import Rule

_FOR_NOW: Final = Rule.E15.code


class WouldBeRefusedError(ClientError):
    """A rehearsal ended with a refusal; it says which rule, where, and what would be accepted."""

    EXIT_CODE: ClassVar[int] = EXIT_REFUSED

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"would be refused: {problem.field}: {problem.detail}")
        self._problem = problem

    def describe(self) -> dict[str, str]:
        """Give what is known about it, name by name."""
        known = describe_problem(self._problem)
        del known["type"]
        return known


def send(
    session: Session, event: SignedEvent, *, connection: ConnectionOptions, sending: SendingOptions
) -> None:
    """Send an event, hand it on in a file or rehearse it, and say what became of it.

    Raises:
        UsageError: the file exists, or cannot be written.
        NodeProblemError: it is refused.
        WouldBeRefusedError: it would be.
        NodeUnreachableError: no node answers, and it is not to be kept.
        ClientError: nobody knows yet.
    """
    if sending.offline is not None:
        _hand_on(event, sending.offline, as_json=connection.as_json)
        return
    if sending.dry_run:
        _rehearse(session, event, as_json=connection.as_json)
        return
    outbox = session.outbox
    # What was said before and may still come to the ledger is not to be said twice: the very same
    # bytes have to be sent again, not others.
    earlier = outbox.find_same(event)
    meant = event if earlier is None else earlier.event
    about: dict[str, object] = (
        {} if earlier is None else {"waiting_since": meant.header.occurred_at}
    )
    try:
        (answer,) = session.ask(lambda ledger: ledger.submit([meant]))
    except NodeUnreachableError as error:
        if not sending.offline_ok:
            raise
        outbox.put(meant)
        about |= {"status": "waiting", "reason": str(error)}
        _show(meant, about, as_json=connection.as_json)
        return
    if not is_decided(answer):
        outbox.put(meant)
        undecided = f"event {meant.event_id.hex()} is not decided yet ({_reason(answer)})"
        since = f" since {format_time(meant.header.occurred_at)}" if earlier else ""
        raise ClientError(f"{undecided}; it waits in the outbox{since}: kpledger outbox send")
    if isinstance(answer, RefusedAnswer):
        if earlier is not None and answer.problem.rule != _FOR_NOW:
            outbox.set_aside(earlier, answer.problem)
        raise NodeProblemError(answer.problem)
    if earlier is not None:
        outbox.remove(earlier)
    _show(meant, describe_answer(answer) | about, as_json=connection.as_json)
    tell_unrecorded(meant, answer)


def take_answers(
    events: Sequence[SignedEvent], answers: Sequence[SubmitAnswer]
) -> list[SubmitAnswer]:
    """Tell what somebody should know of the answers to a batch, and give them as they count.

    What is over a quota is left open, for the very same event is accepted later; so is what was
    refused after it and may rest on it.
    """
    taken: list[SubmitAnswer] = []
    late: Problem | None = None
    for event, answer in zip(events, answers, strict=True):
        tell_unrecorded(event, answer)
        if isinstance(answer, RefusedAnswer) and (late or answer.problem.rule == _FOR_NOW):
            late = late or answer.problem
            taken.append(UnavailableAnswer(id=answer.id or "", problem=late))
        else:
            taken.append(answer)
    if late is not None:
        print_trouble(f"{late.detail}; accepted: {late.accepted}")
    return taken


def tell_unrecorded(event: SignedEvent, answer: SubmitAnswer) -> None:
    """Say which signatures of an event that was sent are not recorded with it, and what to do.

    Whoever sends an event first fixes what is recorded; its id is the same with fewer signatures.
    """
    recorded = answer.signers if isinstance(answer, CommittedAnswer) else ()
    missing = [key.hex() for key in event.signers if recorded and key.hex() not in recorded]
    for key in missing:
        event_id = event.event_id.hex()
        print_trouble(
            f"event {event_id} was recorded before, without the signature by key {key};"
            f" to add it: kpledger countersign {event_id} --key NAME"
        )


def _hand_on(event: SignedEvent, file: Path, *, as_json: bool) -> None:
    """Write a signed event for another signer."""
    content = format_envelope_json(event.encoded) + b"\n"
    if is_stdout(file):
        print_text(content.decode())
        return
    check_destination("--offline", file, form="json")
    write_public(file, content, mode=PRIVATE_FILE)
    written = {"id": event.event_id.hex(), "status": "written", "file": str(file)}
    if as_json:
        print_json(written)
    else:
        print_fields(written)


def describe_answer(answer: SubmitAnswer) -> dict[str, object]:
    """Give what became of an event, name by name."""
    match answer:
        case CommittedAnswer():
            return {
                "status": "committed",
                "height": answer.height,
                "index": answer.index,
                "block_time_ms": answer.block_time_ms,
                "duplicate": answer.duplicate,
                "signers": list(answer.signers),
            }
        case RefusedAnswer():
            return {"status": "refused", "problem": full_problem(answer.problem)}
        case _:
            return {"status": "undecided", "reason": _reason(answer)}


def _reason(answer: SubmitAnswer) -> str:
    return (
        answer.problem.detail if isinstance(answer, UnavailableAnswer) else "not committed in time"
    )


def _rehearse(session: Session, event: SignedEvent, *, as_json: bool) -> None:
    (result,) = session.ask(lambda ledger: ledger.rehearse([event]))
    if not result.accepted:
        raise WouldBeRefusedError(result.problem or NO_PROBLEM)
    if as_json:
        print_json({"status": "acceptable", "type": event.header.type})
    else:
        print_line(f"would be accepted: {event.header.type} on {event.header.subject}")


def _show(event: SignedEvent, answer: dict[str, object], *, as_json: bool) -> None:
    header = event.header
    about: dict[str, object] = {
        "id": event.event_id,
        "type": header.type,
        "subject": header.subject,
        "author": str(header.author),
    }
    if as_json:
        print_json(about | answer)
        return
    # That it was there before is worth a line; that it was not, none.
    hidden = (
        "block_time_ms",
        "waiting_since",
        "signers",
        *(() if answer.get("duplicate") else ("duplicate",)),
    )
    shown = {name: str(value) for name, value in answer.items() if name not in hidden}
    time_ms = answer.get("block_time_ms")
    if isinstance(time_ms, int):
        shown["block time"] = format_time(time_ms)
    since = answer.get("waiting_since")
    if isinstance(since, int):
        shown["made"] = f"{format_time(since)}, kept in the outbox since; no second event was made"
    holds_from = getattr(event.body, "effective_from", None)
    if isinstance(holds_from, int):
        shown["holds from"] = format_time(holds_from)
    print_fields(
        {
            "event": event.event_id.hex(),
            "what": f"{header.type} on {header.subject} by {header.author}",
        }
        | shown
    )
