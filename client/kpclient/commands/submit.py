"""``kpledger submit``: put many events on the ledger, each exactly once, whatever happens.

The file is taken in segments. The events of a segment are signed and written to the journal, then
sent in lanes that run side by side; all events on one certificate are in one lane, in the order of
the file. A segment ends before an event that is not about a certificate, because what follows may
depend on it: such events are sent one after the other.
"""

import asyncio
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec

from kpclient.clock import now_ms
from kpclient.commands.declared import command
from kpclient.errors import PartlyRefusedError, PartlyUndecidedError, UsageError
from kpclient.files import write_durably
from kpclient.input.batch import BatchRow, EventDraft, count_rows, read_rows
from kpclient.input.options import ConnectionOptions, SignerOptions
from kpclient.input.wording import tell_commands
from kpclient.journal import Decided, Journal, Signed
from kpclient.keystore import UnknownKeyError
from kpclient.net.answers import NO_PROBLEM, full_problem
from kpclient.net.heads import FOLLOWING, FOUNDING, Head, look_up_head
from kpclient.net.ledger_client import LedgerClient, is_decided
from kpclient.output.console import (
    Advance,
    print_answer,
    print_trouble,
    show_progress,
    warn_of_suspect,
)
from kpclient.session import Session
from kpclient.statements.caution import ask_first, depends_on_state, find_caution
from kpclient.statements.sending import take_answers
from kpclient.statements.signing import Keyring
from kpledger.api.answers import CommittedAnswer, Problem, RefusedAnswer, SubmitAnswer
from kpledger.base.errors import LedgerError, MalformedError
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import SignedEvent

BATCH: Final = 128
"""Events in one request; some 128 KiB, well below what a node accepts."""
_LOOKUPS: Final = 16
"""Certificates asked for side by side."""
_SHOWN: Final = 20
"""Refusals shown on a terminal; the file has them all."""


@command("submit")
def submit(
    *,
    file: Path,
    signer: SignerOptions,
    connection: ConnectionOptions,
    jobs: int = 4,
    yes: bool = False,
) -> None:
    """Submit the events of a file; run again, it goes on where it stopped.

    A line is a signed envelope (DSSE JSON), or a draft that is signed with the keys it names, or
    with --key. What was sent is in FILE.progress, what was refused in FILE.refused.
    """
    # A line may follow what an earlier one has just made, whichever node is asked.
    session = Session(connection, newest=True)
    if not file.is_file():  # nor a pipe, for it is read twice
        raise UsageError("FILE", f"{file} is not a file", "a file with a JSON object on each line")
    total = count_rows(file)
    with (
        Journal(Path(f"{file}.progress"), session.genesis.chain) as journal,
        show_progress("events", total) as advance,
    ):
        run = Submission(session, signer, journal, jobs=jobs, yes=yes)
        undecided = session.ask(lambda ledger: run.send_file(ledger, file, advance))
    _report(file, run, undecided, as_json=connection.as_json)


@dataclass
class Submission:
    """One run over a file."""

    session: Session
    signer: SignerOptions
    journal: Journal
    jobs: int = field(kw_only=True)
    yes: bool = field(kw_only=True, default=False)
    """Whether drafts may accuse somebody, or do what cannot be undone."""
    heads: dict[str, Head] = field(default_factory=dict)
    """The newest event on each certificate, as far as this file has made one."""
    lines: set[int] = field(default_factory=set)
    """Those that the file has, as far as it was read."""
    before: set[int] = field(default_factory=set)
    """Those of them that an earlier run has decided."""

    async def send_file(self, ledger: LedgerClient, file: Path, advance: Advance) -> int:
        """Send every line that is not decided yet; gives how many were left open.

        Raises:
            JournalError: the file was changed since an earlier run.
            ClientError: the nodes cannot be reached, or a key cannot be opened.
        """
        for segment in _cut(read_rows(file, now_ms=now_ms()), self.jobs * BATCH):
            events = await self._sign(ledger, segment)
            answers = await self._send_lanes(ledger, events)
            self.journal.write(
                _decide(self.journal.signed[number], answer)
                for number, answer in answers.items()
                if is_decided(answer)
            )
            self._forget_refused(segment)
            undecided = sum(not is_decided(one) for one in answers.values())
            if undecided:
                return undecided  # what follows may depend on it
            advance(len(segment))
        return 0

    @cached_property
    def keyring(self) -> Keyring:
        """The opened keys; a file of signed envelopes needs none."""
        return Keyring(self.session, self.signer)

    async def _sign(
        self, ledger: LedgerClient, segment: Sequence[BatchRow]
    ) -> dict[int, SignedEvent]:
        """Give the events of a segment that are not decided, each in the journal already."""
        events: dict[int, SignedEvent] = {}
        fresh: list[Signed] = []
        cautions: list[str] = []
        await self._look_up(ledger, segment)
        for line in segment:
            self.journal.check_text(line.number, line.text)
            self.lines.add(line.number)
            known = self.journal.signed.get(line.number)
            done = self.journal.decided.get(line.number)
            if done is not None:
                self.before.add(line.number)
                if done.event_id is not None and done.outcome != "refused":
                    self._remember(line, bytes.fromhex(done.event_id))
                continue
            if known is not None:
                event = decode_envelope(known.envelope)
            else:
                cautions += self._find_cautions(line)
                written = self._write(line)
                if isinstance(written, LedgerError):
                    self.journal.write([_decide_unreadable(line, written)])
                    continue
                event = written
                fresh.append(
                    Signed(
                        line=line.number,
                        text=line.text,
                        event_id=event.event_id.hex(),
                        envelope=event.encoded,
                    )
                )
            events[line.number] = event
            self._remember(line, event.event_id)
        if not self.yes:
            # Nothing of the segment is kept or sent before.
            for one in cautions[:-1][:_SHOWN]:
                print_trouble(f"warning: {one}")
            accepted = "--yes, for all lines where that is meant"
            ask_first(cautions[-1] if cautions else "", yes=False, accepted=accepted)
        self.journal.write(fresh)
        return events

    def _find_cautions(self, line: BatchRow) -> list[str]:
        """Find what whoever sends a line should know, after all that the file says before it."""
        if isinstance(line.content, LedgerError):
            return []
        subject = line.subjects[0]
        head = self.heads.get(subject)
        event_id = line.content.event_id if isinstance(line.content, SignedEvent) else b""
        caution = find_caution(line.content.body, subject, head, event_id)
        return [f"line {line.number}: {caution}"] if caution else []

    def _write(self, line: BatchRow) -> SignedEvent | LedgerError:
        draft = line.content
        if not isinstance(draft, EventDraft):
            return draft
        head = self.heads.get(draft.subject) if draft.follows else None
        prev = draft.prev if head is None else head.event_id
        try:
            return self.keyring.write(
                draft.body,
                keys=draft.keys or ("",),
                subject=draft.subject,
                prev=prev,
                occurred_at=draft.occurred_at,
            )
        except LedgerError as error:
            return error
        except UnknownKeyError as error:
            accepted = "names that `kpledger keys list` shows"
            raise UsageError("FILE", f"line {line.number}: {error}", accepted) from None

    def _remember(self, line: BatchRow, event_id: bytes) -> None:
        """Keep in mind what is the newest event on a certificate now."""
        if line.governs or isinstance(line.content, LedgerError):
            return
        kind = line.content.body.TYPE
        if kind not in FOLLOWING and kind not in FOUNDING:
            return  # it is about the certificate and does not move it
        old, *new = line.subjects
        before = None if kind in FOUNDING and not new else self.heads.get(old)
        self.heads[old] = (before or Head(event_id)).after(kind, event_id)
        self.heads |= dict.fromkeys(new, Head(event_id))

    def _forget_refused(self, segment: Sequence[BatchRow]) -> None:
        """Ask the ledger anew where a line that was to be followed has been refused."""
        for line in segment:
            done = self.journal.decided.get(line.number)
            if done is not None and done.outcome == "refused":
                for subject in line.subjects:
                    self.heads.pop(subject, None)

    async def _look_up(self, ledger: LedgerClient, segment: Sequence[BatchRow]) -> None:
        """Ask for the newest event on subjects that this file has not touched before."""
        for line in segment:
            if line.governs:
                # Others may have moved it, or a certificate's arrival opened it: never remembered.
                self.heads.pop(line.subjects[0], None)
        wanted = {
            line.subjects[0]
            for line in segment
            if line.number not in self.journal.signed
            and line.number not in self.journal.decided
            and not isinstance(line.content, LedgerError)
            and (
                getattr(line.content, "follows", False) or depends_on_state(line.content.body.TYPE)
            )
            and line.subjects[0] not in self.heads
        }
        gate = asyncio.Semaphore(_LOOKUPS)

        async def look_up(subject: str) -> None:
            async with gate:
                head = await look_up_head(ledger, subject)
            if head is not None:
                self.heads[subject] = head
                if head.is_suspect:
                    warn_of_suspect(subject)

        await asyncio.gather(*(look_up(subject) for subject in sorted(wanted)))

    async def _send_lanes(
        self, ledger: LedgerClient, events: dict[int, SignedEvent]
    ) -> dict[int, SubmitAnswer]:
        lanes = _assign_lanes(events, self.jobs)
        found = await asyncio.gather(*(_send_lane(ledger, lane) for lane in lanes))
        return {number: answer for answers in found for number, answer in answers.items()}


def _cut(lines: Iterable[BatchRow], size: int) -> Iterator[list[BatchRow]]:
    """Cut lines into segments; one that governs others stands alone.

    A line that relies on another certificate comes after all that the segment before says of it.
    """
    segment: list[BatchRow] = []
    subjects: set[str] = set()
    for line in lines:
        relies = not subjects.isdisjoint(line.relies_on)
        if segment and (len(segment) >= size or line.governs or segment[-1].governs or relies):
            yield segment
            segment, subjects = [], set()
        segment.append(line)
        subjects.update(line.subjects)
    if segment:
        yield segment


def _assign_lanes(events: dict[int, SignedEvent], count: int) -> list[dict[int, SignedEvent]]:
    lanes: list[dict[int, SignedEvent]] = [{} for _ in range(count)]
    lane_of: dict[str, int] = {}
    for number, event in events.items():
        subjects = BatchRow(number, "", event).subjects
        lane = lane_of.get(subjects[0], zlib.crc32(subjects[0].encode()) % count)
        # What happens to a replacement comes after the replacing, so it keeps to its lane.
        lane_of |= dict.fromkeys(subjects, lane)
        lanes[lane][number] = event
    return [lane for lane in lanes if lane]


async def _send_lane(ledger: LedgerClient, lane: dict[int, SignedEvent]) -> dict[int, SubmitAnswer]:
    answers: dict[int, SubmitAnswer] = {}
    items = list(lane.items())
    for start in range(0, len(items), BATCH):
        numbers, batch = zip(*items[start : start + BATCH], strict=True)
        found = take_answers(batch, await ledger.submit(batch))
        answers |= dict(zip(numbers, found, strict=True))
        if not all(map(is_decided, found)):
            break  # what follows may depend on it
    return answers


def _decide(signed: Signed, answer: CommittedAnswer | RefusedAnswer) -> Decided:
    decided = Decided(
        line=signed.line, text=signed.text, event_id=signed.event_id, outcome="committed"
    )
    if isinstance(answer, RefusedAnswer):
        return msgspec.structs.replace(decided, outcome="refused", problem=answer.problem)
    return msgspec.structs.replace(decided, outcome="duplicate") if answer.duplicate else decided


def _decide_unreadable(line: BatchRow, error: LedgerError) -> Decided:
    at = error.field if isinstance(error, MalformedError) else ""
    problem = Problem(
        type=NO_PROBLEM.type, title="not an event", status=0, detail=str(error), field=at
    )
    return Decided(
        line=line.number, text=line.text, event_id=None, outcome="refused", problem=problem
    )


def _report(file: Path, run: Submission, undecided: int, *, as_json: bool) -> None:
    decided = run.journal.decided
    # An earlier run may have decided lines that were deleted since: they are no part of the file.
    ours = [decided[line] for line in sorted(run.lines & decided.keys())]
    gone: Counter[str] = Counter(decided[line].outcome for line in decided.keys() - run.lines)
    gone["undecided"] += len(run.journal.signed.keys() - run.lines)
    refusals = [one for one in ours if one.outcome == "refused"]
    refused_file = Path(f"{file}.refused")
    counts = Counter(one.outcome for one in ours)
    totals = {name: counts[name] for name in ("committed", "duplicate", "refused")}
    totals["undecided"] = undecided
    totals["decided_earlier"] = len(run.before)
    if refusals:
        lines = b"".join(msgspec.json.encode(_refusal(one)) + b"\n" for one in refusals)
        write_durably(refused_file, lines, replace=True)
    elif refused_file.is_file():  # a link to it stays
        refused_file.resolve().unlink()
    earlier: Counter[str] = Counter(one.outcome for one in ours if one.line in run.before)
    told = {
        name: f"{totals[name]}, {earlier[name]} of them by an earlier run"
        if earlier[name]
        else str(totals[name])
        for name in ("committed", "duplicate", "refused", "undecided")
    }
    described = {**totals, "refusals": [_refusal(one) for one in refusals]}
    print_answer(described, told, as_json=as_json)
    for one in refusals[:_SHOWN]:
        problem = one.problem or NO_PROBLEM
        # Only a rule speaks of what may be done; of a draft the types themselves are meant.
        ruled = f"{problem.rule}: {tell_commands(problem.detail)}" if problem.rule else ""
        print_trouble(f"line {one.line}: {ruled or problem.detail}")
    if gone.total():
        what = ", ".join(f"{count} {outcome}" for outcome, count in sorted((+gone).items()))
        print_trouble(f"not counted: lines of an earlier run that {file} no longer has: {what}")
    if undecided:
        raise PartlyUndecidedError(f"{undecided} events are not decided yet; run it again to go on")
    if refusals:
        were = "line was" if len(refusals) == 1 else "lines were"
        raise PartlyRefusedError(f"{len(refusals)} {were} refused; see {refused_file}")


def _refusal(one: Decided) -> dict[str, object]:
    return {"line": one.line, "id": one.event_id, "problem": full_problem(one.problem)}
