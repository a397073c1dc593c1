"""A year of trade on a network that loses its leader on the way, and the audit of it."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lab.demo.attempts import Attempt, make_attempts
from lab.demo.network import Network
from lab.demo.review import Review, count_outcomes, review_copy
from lab.year.days import YEAR
from lab.year.shipments import Shipments
from lab.year.tables import OTHERS, Tables
from lab.year.year import make_trade

from kpclient.net.ledger_client import LedgerClient, is_decided
from kpclient.net.node_client import NodeClient, NodeUnreachableError
from kpledger.api.answers import CommittedAnswer, PublicStatusAnswer, RefusedAnswer, SubmitAnswer
from kpledger.log.audit import AuditVerdict
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import Author, SignedEvent
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.ids import ROOT

MAX_BATCH = 256
_STANDSTILL_S = 30.0
"""So long events are sent before it is looked whether anything has moved meanwhile."""
Say = Callable[[str], None]


@dataclass(slots=True)
class Findings:
    """What the demonstration has seen."""

    acknowledged: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Height and index that a node promised, by event id."""
    refused: list[tuple[Attempt, str]] = field(default_factory=list)
    """The attempts and the rule each was refused with; empty when it was not."""
    outcomes: dict[str, int] = field(default_factory=dict)
    certificates: int = 0
    events: int = 0
    submit_s: float = 0.0
    leaderless_s: float = 0.0
    killed: str = ""
    catch_up_s: float = 0.0
    failures: list[str] = field(default_factory=list)
    review: Review | None = None
    published: dict[str, int] = field(default_factory=dict)
    """Published production of the year in thousandths of a carat, by origin."""
    recorded: dict[str, int] = field(default_factory=dict)
    """The same of the ledger's own-origin exports; what was published as others, added up."""


class Demonstration:
    """One run of it."""

    def __init__(self, network: Network, tables: Tables, *, certificates: int, seed: int) -> None:
        """Prepare to run it on a running network."""
        self._network = network
        self._tables = tables
        self._certificates = certificates
        self._seed = seed
        self._expected: dict[str, int] = {}
        self.findings = Findings()

    async def run(self, workspace: Path, say: Say, *, keep: bool) -> Findings:
        """Run all of it; what did not hold stands in the findings' failures."""
        network, findings = self._network, self.findings
        say(f"drawing and signing a year of {self._certificates} certificates (synthetic)")
        trade = make_trade(
            self._tables,
            certificates=self._certificates,
            seed=self._seed,
            chain=network.genesis.chain,
            founded=network.founded,
            stated_ms=time.time_ns() // 1_000_000,
        )
        offices = [decode_envelope(one.envelope) for one in trade.offices]
        year = [decode_envelope(one.envelope) for one in trade.events]
        self._expect(year, trade.shipments)
        node_client = NodeClient(
            network.genesis, network.urls, timeout_s=_STANDSTILL_S, observe=_believe
        )
        async with node_client:
            client = LedgerClient(network.genesis, node_client)
            active, founders = len(trade.participants.codes), len(self._tables.participants)
            say(f"opening the offices of the {active} of {founders} participants that {YEAR} had")
            await self._submit(client, offices)
            half = len(year) // 2
            say(f"recording the first half of the year: {half} events")
            # The offices are not of the year that is timed.
            findings.events = 0
            started = time.monotonic()
            await self._submit(client, year[:half])
            await self._lose_leader(client, year[half:], say)
            findings.submit_s = time.monotonic() - started
            say("trying what must not be possible")
            first = next(one for one in year if one.header.type == CertificateIssued.TYPE)
            await self._try_all(client, list(make_attempts(trade.shipments, first)))
        await self._catch_up(say)
        await self._review(workspace, say, keep=keep)
        return findings

    def _expect(self, year: Sequence[SignedEvent], shipments: Shipments) -> None:
        self.findings.outcomes = count_outcomes(year)
        self.findings.certificates = sum(self.findings.outcomes.values())
        self.findings.published = {
            origin: amount.carat_thousandths for origin, amount in self._tables.production.items()
        }
        self._expected = {
            origin: amount.carat_thousandths
            for origin, amount in shipments.expected.own_origin().items()
        }

    async def _submit(self, client: LedgerClient, events: Sequence[SignedEvent]) -> None:
        for batch in cut_batches(events):
            answers = await self._bring(client, batch)
            for event in batch:
                subject = event.header.subject
                match answer := answers.get(event.event_id):
                    case CommittedAnswer():
                        place = answer.height, answer.index
                        self.findings.acknowledged[event.event_id] = place
                    case RefusedAnswer():
                        problem = f"{answer.problem.rule}: {answer.problem.detail}"
                        self._fail(f"an honest event on {subject} was refused: {problem}")
                    case _:
                        self._fail(f"an event on {subject} was not decided, and nothing moves")
            self.findings.events += len(batch)

    async def _bring(
        self, client: LedgerClient, batch: Sequence[SignedEvent]
    ) -> dict[bytes, SubmitAnswer]:
        """Send events until all are decided, or nothing has moved while they were sent again."""
        answers: dict[bytes, SubmitAnswer] = {}
        reached: object = None
        while left := [one for one in batch if not is_decided(answers.get(one.event_id))]:
            with suppress(NodeUnreachableError):
                for event, answer in zip(left, await client.submit(left), strict=True):
                    answers[event.event_id] = answer
            sizes = {one.node: one.tree_size for one in await self._network.positions()}
            if reached == (reached := (len(left), sizes)):
                break
        return answers

    async def _lose_leader(
        self, client: LedgerClient, events: Sequence[SignedEvent], say: Say
    ) -> None:
        """Kill the leader while events are on their way, and measure how long nobody leads."""
        network, findings = self._network, self.findings
        before = await network.wait_for_leader()
        submitting = asyncio.create_task(self._submit(client, events))
        # So that the kill hits work under way.
        await network.wait_for_events(before.tree_size)
        await network.kill(before.node)
        killed = time.monotonic()
        findings.killed = before.node
        say(f"killed the leader {before.node} (SIGKILL) in term {before.term}")
        after = await network.wait_for_leader(above_term=before.term)
        findings.leaderless_s = time.monotonic() - killed
        say(f"{after.node} leads in term {after.term}, after {findings.leaderless_s:.2f} s")
        await submitting

    async def _try_all(self, client: LedgerClient, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            [answer] = await client.submit([attempt.event])
            rule = (answer.problem.rule or "") if isinstance(answer, RefusedAnswer) else ""
            self.findings.refused.append((attempt, rule))
            if rule != attempt.rule:
                self._fail(f"{attempt.what} should be refused by {attempt.rule}, not {rule!r}")

    async def _catch_up(self, say: Say) -> None:
        """Start the killed node again, and wait until it stands where all stand."""
        findings = self.findings
        started = time.monotonic()
        await self._network.restart(findings.killed)
        position = await self._network.wait_until_equal()
        findings.catch_up_s = time.monotonic() - started
        say(f"restarted {findings.killed}; all nodes stand at height {position.height}")

    async def _review(self, workspace: Path, say: Say, *, keep: bool) -> None:
        """Copy the directory of a node that was stopped for it, and audit the copy."""
        network, findings = self._network, self.findings
        name = next(one.name for one in network.announcement.nodes if one.name != findings.killed)
        await network.terminate(name)
        say(f"auditing a copy of {name}'s directory, with the genesis file alone")
        place = network.place(name).directory
        review = await asyncio.to_thread(review_copy, network.genesis, place, workspace / "copy")
        findings.review = review
        if keep:
            await network.restart(name)
        if review.report.verdict is not AuditVerdict.SOUND:
            self._fail(f"the audit says {review.report.verdict}: {review.report.problem}")
        lost = [
            event_id
            for event_id, place in findings.acknowledged.items()
            if review.places.get(event_id) != place
        ]
        if lost:
            self._fail(f"{len(lost)} acknowledged events are not where they were promised")
        if len(review.places) != len(findings.acknowledged):
            self._fail(
                f"{len(review.places)} events on the ledger,"
                f" {len(findings.acknowledged)} were acknowledged"
            )
        if dict(review.carat_thousandths_by_origin) != self._expected:
            self._fail("the ledger's origins do not add up to the year's")
        for origin, carats in review.carat_thousandths_by_origin.items():
            name = origin if origin in findings.published else OTHERS
            findings.recorded[name] = findings.recorded.get(name, 0) + carats

    def _fail(self, problem: str) -> None:
        self.findings.failures.append(problem)


def _believe(_node: str, _status: PublicStatusAnswer) -> None:
    """Take a node's first status as it is: this network was founded a moment ago."""


def cut_batches(events: Sequence[SignedEvent]) -> Iterator[list[SignedEvent]]:
    """Cut events into batches in which none follows another, nearly in their order.

    Events of one batch travel side by side, and an event must not overtake one before it on its
    subject, nor the one that it names, nor what the same root said before. So a stretch of the year
    is sent in waves: first what follows nothing in it, then what follows that, and so on.
    """
    for begin in range(0, len(events), MAX_BATCH):
        waves: list[list[SignedEvent]] = []
        after: dict[bytes | str | Author | None, int] = {}
        for event in events[begin : begin + MAX_BATCH]:
            header = event.header
            names: list[bytes | str | Author] = [header.subject]
            names += [header.author] if header.author.authority == ROOT else []
            wave = max(after.get(name, 0) for name in (*names, header.prev))
            after |= dict.fromkeys((*names, event.event_id), wave + 1)
            if wave == len(waves):
                waves.append([])
            waves[wave].append(event)
        yield from waves
