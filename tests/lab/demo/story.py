"""The story: a year of trade on a network that loses its leader on the way, and the audit of it."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.demo.mischief import Attempt, make_attempts
from lab.demo.network import Network, Position
from lab.demo.paperwork import Registry, Signed
from lab.demo.review import Review, review_copy
from lab.demo.trade import generate_trade
from lab.demo.trade_shipment import Outcome, Shipment, summarise
from lab.demo.trade_tables import OTHERS, Tables

from kpclient.net.answers import NodeStatus
from kpclient.net.ledger_client import Committed, LedgerClient, Refused
from kpclient.net.node_client import NodeClient
from kpledger.log.audit import AuditVerdict
from kpledger.scheme.envelope import decode_envelope

MAX_BATCH = 256
_PATIENCE_S = 30.0
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


class Story:
    """One run of the demonstration."""

    def __init__(self, network: Network, tables: Tables, *, certificates: int, seed: int) -> None:
        """Prepare to tell it on a running network."""
        self._network = network
        self._tables = tables
        self._certificates = certificates
        self._seed = seed
        self._expected: dict[str, int] = {}
        self.findings = Findings()

    async def tell(self, workspace: Path, say: Say, *, keep: bool) -> Findings:
        """Run all of it; what did not hold stands in the findings' failures."""
        network, findings = self._network, self.findings
        now_ms = time.time_ns() // 1_000_000
        registry = Registry(network.genesis.chain, network.keys, seed=self._seed, now_ms=now_ms)
        say(f"drawing and signing a year of {self._certificates} certificates (synthetic)")
        shipments = generate_trade(self._tables, certificates=self._certificates, seed=self._seed)
        offices = list(registry.open_offices())
        papers = [registry.write(shipment) for shipment in shipments]
        year = [signed for _, signed in sorted((one for all_ in papers for one in all_), key=_time)]
        self._count(shipments)
        line = NodeClient(network.genesis, network.urls, timeout_s=_PATIENCE_S, observe=_believe)
        async with line:
            remote = LedgerClient(network.genesis, line)
            say(f"opening an office in each of {len(network.keys.roots)} participants")
            await self._submit(remote, offices)
            half = len(year) // 2
            say(f"recording the first half of the year: {half} events")
            started = time.monotonic()
            await self._submit(remote, year[:half])
            await self._lose_leader(remote, year[half:], say)
            findings.submit_s = time.monotonic() - started
            say("trying what must not be possible")
            used = papers[0][0][1].subject
            await self._misbehave(remote, list(make_attempts(registry, shipments[0], used)))
        await self._catch_up(say)
        await self._review(workspace, say, keep=keep)
        return findings

    def _count(self, shipments: Sequence[Shipment]) -> None:
        self.findings.certificates = len(shipments)
        for outcome in Outcome:
            count = sum(shipment.outcome is outcome for shipment in shipments)
            self.findings.outcomes[outcome.value] = count
        self.findings.published = {
            origin: amount.carat_thousandths for origin, amount in self._tables.production.items()
        }
        self._expected = {
            origin: amount.carat_thousandths for origin, amount in summarise(shipments).items()
        }

    async def _submit(self, remote: LedgerClient, events: Sequence[Signed]) -> None:
        for batch in cut_batches(events):
            answers = await remote.submit([decode_envelope(one.envelope) for one in batch])
            for signed, answer in zip(batch, answers, strict=True):
                match answer:
                    case Committed():
                        place = answer.height, answer.index
                        self.findings.acknowledged[signed.event_id] = place
                    case Refused():
                        problem = f"{answer.problem.rule}: {answer.problem.detail}"
                        self._fail(f"an honest event on {signed.subject} was refused: {problem}")
                    case _:
                        self._fail(f"an event on {signed.subject} was not decided in time")
            self.findings.events += len(batch)

    async def _lose_leader(self, remote: LedgerClient, events: Sequence[Signed], say: Say) -> None:
        """Kill the leader while events are on their way, and measure how long nobody leads."""
        network, findings = self._network, self.findings
        before = await network.wait_for_leader()
        submitting = asyncio.create_task(self._submit(remote, events))
        await self._wait_for_progress(before)
        await network.kill(before.node)
        killed = time.monotonic()
        findings.killed = before.node
        say(f"killed the leader {before.node} (SIGKILL) in term {before.term}")
        after = await network.wait_for_leader(above_term=before.term)
        findings.leaderless_s = time.monotonic() - killed
        say(f"{after.node} leads in term {after.term}, after {findings.leaderless_s:.2f} s")
        await submitting

    async def _wait_for_progress(self, before: Position) -> None:
        """Wait until the second half has begun to arrive, so that the kill hits work under way."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            positions = await self._network.positions()
            if max(one.tree_size for one in positions) > before.tree_size:
                return

    async def _misbehave(self, remote: LedgerClient, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            [answer] = await remote.submit([decode_envelope(attempt.event.envelope)])
            rule = answer.problem.rule if isinstance(answer, Refused) else ""
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
        if dict(review.carats_by_origin) != self._expected:
            self._fail("the ledger's origins do not add up to the year's")
        for origin, carats in review.carats_by_origin.items():
            name = origin if origin in findings.published else OTHERS
            findings.recorded[name] = findings.recorded.get(name, 0) + carats

    def _fail(self, problem: str) -> None:
        self.findings.failures.append(problem)


def _time(paper: tuple[int, Signed]) -> int:
    return paper[0]


def _believe(_node: str, _status: NodeStatus) -> None:
    """Take a node's first status as it is: this network was founded a moment ago."""


def cut_batches(events: Sequence[Signed]) -> Iterator[list[Signed]]:
    """Cut events into batches in which no subject stands twice, nearly in their order.

    Events of one batch travel side by side, and an event that follows another on its subject must
    not overtake it. So a stretch of the year is sent in waves: the first event on each subject,
    then the second, and so on.
    """
    for begin in range(0, len(events), MAX_BATCH):
        waves: list[list[Signed]] = []
        seen: dict[str, int] = {}
        for event in events[begin : begin + MAX_BATCH]:
            wave = seen.get(event.subject, 0)
            seen[event.subject] = wave + 1
            if wave == len(waves):
                waves.append([])
            waves[wave].append(event)
        yield from waves
