"""Sending: what every command does with an event once it is signed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kpclient.clock import now_ms
from kpclient.errors import ClientError, FileError
from kpclient.files import PRIVATE_FILE, check_destination, is_stdout, write_public
from kpclient.input.batch import BatchRow
from kpclient.input.options import ConnectionOptions, SendingOptions
from kpclient.input.wording import tell_commands
from kpclient.net.answers import NO_PROBLEM, full_problem
from kpclient.net.connections import NotTrustworthyError
from kpclient.net.heads import FOLLOWING, FOUNDING, look_up_head
from kpclient.net.ledger_client import is_decided
from kpclient.net.node_client import NodeUnreachableError
from kpclient.net.refusals import NodeProblemError
from kpclient.outbox import Outbox, OutboxEntry, TypedStatement
from kpclient.output.console import (
    print_answer,
    print_json,
    print_line,
    print_text,
    print_trouble,
    write_value,
)
from kpclient.session import Session
from kpclient.statements.caution import MEANT, ask_first, depends_on_state, find_caution
from kpledger.api.answers import (
    CommittedAnswer,
    PendingAnswer,
    Problem,
    RefusedAnswer,
    SubmitAnswer,
    UnavailableAnswer,
)
from kpledger.base.units import format_time
from kpledger.reading import say_trouble
from kpledger.scheme.envelope import format_envelope_json
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.outcome import Rule

_FOR_NOW: Final = Rule.E15.code
_AHEAD: Final = 64
"""So many events at most go ahead of one."""


class WouldBeRefusedError(NodeProblemError):
    """A rehearsal ended with a refusal; it says which rule, where, and what would be accepted."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.args = (f"would be refused: {problem.field}: {problem.detail}",)


class UndecidedError(ClientError):
    """What was sent may have been recorded, or may be yet; it is kept until that is known."""

    def __init__(self, event: SignedEvent, reason: str, *, waited: bool = False) -> None:
        since = f" since {format_time(event.header.occurred_at)}" if waited else ""
        undecided = f"event {event.event_id.hex()} is not decided yet ({reason})"
        super().__init__(f"{undecided}; it waits in the outbox{since}: kpledger outbox send")
        self.reason = reason


def send(
    session: Session,
    event: SignedEvent,
    *,
    connection: ConnectionOptions,
    sending: SendingOptions,
    earlier: OutboxEntry | None,
    yes: bool,
) -> None:
    """Send an event, hand it on in a file or rehearse it, and say what became of it.

    If it was made ``earlier`` it waits there; whoever has said ``yes`` is not asked again.

    Raises:
        UsageError: the file exists, or cannot be written.
        NodeProblemError: it is refused.
        WouldBeRefusedError: it would be.
        NodeUnreachableError: no node answers, and it is not to be kept.
        UndecidedError: nobody knows yet.
        ClientError: it could not be kept, and was not sent.
    """
    if sending.offline is not None:
        _hand_on(event, sending.offline, as_json=connection.as_json)
        return
    if sending.dry_run:
        _rehearse(session, event, as_json=connection.as_json)
        return
    outbox, about = session.outbox, dict[str, object]()
    if earlier is not None:
        about = {"waiting_since": earlier.event.header.occurred_at}
        about |= {"was_unsigned_as": earlier.typed} if earlier.typed else {}
        print_trouble(_describe_earlier(earlier))
    try:
        if earlier is not None:
            ask_about(session, event, yes=yes or earlier.was_asked)
        answer = _submit(session, event, earlier)
    except (NodeUnreachableError, UndecidedError) as error:
        if not sending.offline_ok:
            raise
        known_at = session.recall.used_at_ms
        outbox.put(event, known_at=known_at, yes=yes)
        about |= {"status": "waiting", "reason": str(getattr(error, "reason", error))}
        if known_at is not None:
            about["made_on"] = f"what was known at {format_time(known_at)}"
        _show(event, about, as_json=connection.as_json)
        return
    _show(event, describe_answer(answer) | about, as_json=connection.as_json)
    # Not before its author has been told: who has not types it again, and means this one.
    outbox.remove(outbox.put(event))
    tell_unrecorded(event, answer)


def ask_about(
    session: Session,
    event: SignedEvent,
    *,
    yes: bool,
    rehearses: bool = False,
    accepted: str = MEANT,
) -> None:
    """Ask first about an event that was signed before, by where its subject stands now.

    Raises:
        UsageError, ClientError: as :func:`kpclient.statements.caution.ask_first` does.
        NodeUnreachableError: nobody knows.
    """
    subject, head = event.header.subject, None
    if not yes and depends_on_state(event.header.type):
        head = session.ask(lambda ledger: look_up_head(ledger, subject))
    caution = find_caution(event.body, subject, head, event.event_id)
    said = caution and f"{name_event(event)}: {caution}"
    ask_first(said, yes=yes, rehearses=rehearses, accepted=accepted)


def _submit(session: Session, event: SignedEvent, earlier: OutboxEntry | None) -> CommittedAnswer:
    """Send an event, and ahead of it what it may rest on; it is kept until it is decided."""
    outbox, ahead = session.outbox, _find_ahead(session.outbox, event)
    for one in ahead:
        drop = f"kpledger outbox drop {one.event.event_id.hex()}"
        accepted = f"kpledger outbox send --yes; or {drop}"
        ask_about(session, one.event, yes=one.was_asked, accepted=accepted)
    events = [*(one.event for one in ahead), event]
    with _keeping(outbox, event, earlier) as keep:
        *before, answer = session.ask(lambda ledger: ledger.submit(events, before=keep))
        for one, its in zip(ahead, before, strict=True):
            became = _settle(outbox, one, its)
            print_trouble(f"{name_event(one.event)}, kept in the outbox: {became}")
        if not is_decided(answer):
            raise UndecidedError(event, _reason(answer), waited=earlier is not None)
        entry = outbox.put(event)
        if isinstance(answer, CommittedAnswer):
            if event.header.type in FOLLOWING | FOUNDING:
                for subject in BatchRow(0, "", event).subjects:
                    session.recall.keep_head(subject, event.event_id)
            return answer
        if earlier is None:
            outbox.remove(entry)
        elif answer.problem.rule != _FOR_NOW:
            outbox.set_aside(entry, answer.problem)
        raise NodeProblemError(answer.problem)


@contextmanager
def _keeping(
    outbox: Outbox, event: SignedEvent, earlier: OutboxEntry | None
) -> Iterator[Callable[[], None]]:
    """Keep an event from before it is sent; gives what is to be called then."""
    kept = False

    def keep() -> None:
        nonlocal kept
        if not kept:
            kept = True
            try:
                outbox.put(event, sent_at=now_ms())
            except (FileError, OSError) as error:
                why = say_trouble(error) if isinstance(error, OSError) else error
                problem = f"nothing was sent, for it has to be kept first: {why}"
                raise ClientError(problem) from None

    try:
        yield keep
    except KeyboardInterrupt:
        if kept:
            print_trouble(str(UndecidedError(event, "interrupted")))
        raise
    except (NodeUnreachableError, NotTrustworthyError) as error:
        if not kept:
            raise
        raise UndecidedError(event, str(error), waited=earlier is not None) from None


def _find_ahead(outbox: Outbox, event: SignedEvent) -> list[OutboxEntry]:
    """Find what has to go first: what waits on the same subject, or was sent by the same author."""
    header = event.header
    return [
        one
        for one in outbox.waiting()
        if (one.event.header.occurred_at, one.event.event_id) < (header.occurred_at, event.event_id)
        and (
            one.event.header.subject == header.subject
            or (one.sent_at is not None and one.event.header.author == header.author)
        )
    ][-_AHEAD:]


def _settle(outbox: Outbox, entry: OutboxEntry, answer: SubmitAnswer) -> str:
    """Take an event out of the outbox if it is decided; gives what became of it, in words."""
    match answer:
        case CommittedAnswer():
            outbox.remove(entry)
            return f"it is on the ledger, in block {answer.height}"
        case RefusedAnswer(problem=problem) if problem.rule != _FOR_NOW:
            outbox.set_aside(entry, problem)
            return f"refused by {problem.rule or 'the node'}: {tell_commands(problem.detail)}"
    return "not decided yet"


def _describe_earlier(earlier: OutboxEntry) -> str:
    header = earlier.event.header
    if earlier.sent_at is None:
        said = f"this waits in the outbox since {format_time(header.occurred_at)}"
    else:
        said = f"this has been sent at {format_time(earlier.sent_at)}, and its fate is not known"
    return f"{said}; the same event is sent, and no second one made (--again makes one)"


def name_event(event: SignedEvent) -> str:
    """Say which event is meant, and what it is."""
    return f"event {event.event_id.hex()} ({event.header.type} on {event.header.subject})"


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
    print_answer(written, written, as_json=as_json)


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
    if isinstance(answer, UnavailableAnswer):
        return answer.problem.detail
    reason = answer.reason if isinstance(answer, PendingAnswer) else None
    return reason or "not committed in time"


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
    # That it was there before is worth a line; that it was not, none.
    hidden = {"waiting_since", "signers", *(() if answer.get("duplicate") else ("duplicate",))}
    holds_from = getattr(event.body, "effective_from", None)
    further = {"holds_from": holds_from} if isinstance(holds_from, int) else {}
    fields = {
        "event": event.event_id.hex(),
        "what": f"{header.type} on {header.subject} by {header.author}",
    } | {
        name.removesuffix("_ms"): write_value(name, value)
        for name, value in (answer | further).items()
        if name not in hidden
    }
    since = answer.get("waiting_since")
    if isinstance(since, int):
        fields["made"] = f"{format_time(since)}, kept in the outbox since; no second event was made"
    print_answer(about | answer, fields, as_json=as_json)


def show_typed(typed: TypedStatement, reason: str, *, as_json: bool) -> None:
    """Say that what was typed is kept, and not signed yet."""
    kept = {"id": typed.entry_id, "type": typed.type, "subject": typed.subject}
    told = kept | {"author": typed.author, "status": "unsigned", "reason": reason}
    following = {"next": "it is signed when there is a line: kpledger outbox send"}
    print_answer(told, told | following, as_json=as_json)
