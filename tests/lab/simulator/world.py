"""One simulated life: nodes, links, disks, clients, weather, and the checkers that watch.

First the safety phase, in which everything fails as the climate wills and nothing wrong may happen;
then the liveness phase, in which nothing fails any more and all that is asked for must happen.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from random import Random

from lab.invariants import (
    AckOnDisk,
    ActiveConfigurations,
    Answers,
    Checker,
    CommitByOwnTerm,
    CommitByQuorum,
    CommitTrue,
    ElectionQuorum,
    ElectionSafety,
    HandOver,
    HardStateForward,
    History,
    Invariant,
    LogMatching,
    MatchByAck,
    OneChangeAtATime,
    Panel,
    QuietAfterLoss,
    QuorumChecked,
    ReadConfirmed,
    RefusalTrue,
    Restless,
    StateMachineSafety,
    Sticky,
    TermByCampaign,
    TransferEnds,
    ViolationError,
    VoteOnce,
)
from lab.planted import PlantedBug
from lab.simulator.coverage import Coverage
from lab.simulator.fleet import Fleet
from lab.simulator.founded import make_event, make_genesis
from lab.simulator.journal import Journal
from lab.simulator.ledgernode import LedgerNode
from lab.simulator.machine import Applied
from lab.simulator.node import SimNode, name_nodes
from lab.simulator.options import SimOptions
from lab.simulator.weather import Weather
from lab.simulator.workload import Clients, Operators

from kpledger.scheme.event import SignedEvent
from kpnode.raft import Configuration, Entry, EntryKind, Index, NodeId, RaftConfig, Term

_SOUND = PlantedBug()
_SETTLE_ELECTIONS = 40
_SETTLE_TICKS_PER_ENTRY = 4


class World:
    """Everything there is, for one seed."""

    def __init__(
        self,
        seed: int,
        *,
        options: SimOptions | None = None,
        bug: PlantedBug = _SOUND,
        kept: bool = False,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        """Build the world of a seed, or of other options under the same luck.

        Args:
            seed: Decides everything.
            options: The climate, instead of the seed's.
            bug: What is wrong with the nodes.
            kept: Whether to keep a hash of all that happens.
            trace: Where to write all that happens.
        """
        climate = options or SimOptions.from_prng(Random(f"climate {seed}"))
        self.options = replace(climate, **bug.climate)
        prng = Random(f"life {seed}")
        self.journal = Journal(kept=kept, trace=trace)
        self.fleet = Fleet(prng, self.options, self.journal)
        self._tickets = count(1)
        self._signed: dict[bytes, SignedEvent] = {}
        names = name_nodes(self.options.voters + self.options.spares)
        genesis = Applied(
            Entry(Index(0), Term(0), EntryKind.NOOP, b""),
            b"",
            Configuration(names[: self.options.voters]),
        )
        for name in names:
            self.fleet.nodes[name] = self._build(name, seed, genesis, bug)
        disks = {name: node.disk for name, node in self.fleet.nodes.items()}
        self._commits = StateMachineSafety(genesis, disks)
        self.coverage = Coverage(self.fleet.counts, disks)
        self.fleet.panel = Panel((*self._checkers(), self.coverage))
        self._weather = Weather(prng, self.fleet, self._commits)
        self._clients = Clients(prng, self.fleet, self._tickets, self._draw)
        self._operators = Operators(prng, self.fleet, self._tickets)
        self._prng = prng
        for node in self.fleet.nodes.values():
            self.fleet.start(node)

    @property
    def now(self) -> int:
        """The time, in ticks."""
        return self.journal.now

    @property
    def counts(self) -> Counter[str]:
        """What happened, how often."""
        return self.fleet.counts

    def run_safety(self, ticks: int) -> None:
        """Live through the climate.

        Raises:
            ViolationError: A checker saw what must never be.
        """
        for _ in range(ticks):
            self.tick()

    def run_liveness(self) -> None:
        """Let nothing fail any more, and wait until the cluster has done what it is there for.

        That is: a new event is applied by every voter, a new read is answered, and so is every
        client that still asks for what happened to an old event.

        Raises:
            ViolationError: A checker saw what must never be, or nothing moves.
        """
        self._weather.clear()
        clients, fleet = self._clients, self.fleet
        patience = _SETTLE_ELECTIONS * self.options.election_ticks
        longest = max(node.disk.last_index() for node in fleet.nodes.values())
        patience += _SETTLE_TICKS_PER_ENTRY * longest
        # Nobody can stamp less than a clock that was ahead: all wait until theirs are as far.
        patience += max(node.ahead_ticks for node in fleet.nodes.values())
        asked: dict[bytes, None] = {}
        clients.settled.clear()
        clients.answered = 0
        wants = "a new event is applied by every voter"
        for _ in range(patience):
            self.tick()
            known = [index for event, index in clients.settled.items() if event in asked]
            if not any(index <= self._settled() for index in known):
                # One at a time, or a cluster that is slow by its options would only fall behind.
                if not known and asked.keys().isdisjoint(clients.open):
                    clients.begin(self.now)
                    asked[clients.newest] = None
            elif not clients.answered:
                wants = "a read is answered"
                clients.read()
            elif clients.open:
                wants = "clients hear of their events"
            else:
                return
        raise ViolationError(
            Invariant.Liveness, f"{patience} ticks of fair weather, and not yet: {wants}"
        )

    def tick(self) -> None:
        """Let one tick pass: weather, arrivals, clocks, wishes, then every node does its work."""
        self.journal.now += 1
        now = self.journal.now
        self._weather.blow(now)
        self.fleet.deliver(now)
        self._weather.tick(now)
        self._clients.act(now)
        self._operators.act()
        nodes = [n for n in self.fleet.nodes.values() if n.inbox or n.submitted or n.frozen]
        self._prng.shuffle(nodes)
        for node in nodes:
            self.fleet.step(node, now)

    def digest(self) -> str:
        """Return the hash of all that happened so far."""
        return self.journal.digest()

    def _settled(self) -> Index:
        """Return how far every voter has applied."""
        return min(self._commits.applied_by(v) for v in self._commits.configuration.voters)

    def _checkers(self) -> tuple[Checker, ...]:
        election_ticks = self.options.election_ticks
        checkers: tuple[Checker, ...] = (
            VoteOnce(),
            HardStateForward(),
            TermByCampaign(),
            ElectionSafety(),
            ElectionQuorum(),
            AckOnDisk(self.fleet.leader_disk),
            RefusalTrue(self.fleet.leader_disk),
            MatchByAck(),
            CommitByQuorum(),
            CommitByOwnTerm(),
            LogMatching(),
            self._commits,
            CommitTrue(self._commits),
            ActiveConfigurations(),
            OneChangeAtATime(),
            HandOver(),
            QuietAfterLoss(),
            Answers(self._commits),
            ReadConfirmed(),
            History(),
            QuorumChecked(election_ticks),
            TransferEnds(election_ticks),
        )
        if self.options.ledger:
            # The engine listens to no leader that sent a bad block; these two would not know.
            return checkers
        return (*checkers, Restless(election_ticks), Sticky(election_ticks))

    def _build(self, name: NodeId, seed: int, genesis: Applied, bug: PlantedBug) -> SimNode:
        config = _raft_config(name, seed, self.options)
        disk = bug.disk(self.fleet.draw_crash_point, genesis.configuration)
        if not self.options.ledger:
            return bug.node(
                config,
                genesis,
                disk,
                core_class=bug.core,
                machine_class=bug.machine,
                tickets=self._tickets,
            )
        return LedgerNode(
            config,
            genesis,
            disk,
            founded=make_genesis(genesis.configuration.voters),
            events=self._signed,
            core_class=bug.core,
            tickets=self._tickets,
            counts=self.fleet.counts,
        )

    def _draw(self, number: int) -> bytes:
        """Make the event of a number; return its id."""
        if not self.options.ledger:
            return b"e%d" % number
        event = make_event(make_genesis(name_nodes(self.options.voters)), number)
        self._signed[event.event_id] = event
        return event.event_id


def _raft_config(name: NodeId, seed: int, options: SimOptions) -> RaftConfig:
    return RaftConfig(
        node=name,
        election_ticks=options.election_ticks,
        heartbeat_ticks=options.heartbeat_ticks,
        seed=seed,
        max_append_entries=options.max_append_entries,
        max_append_bytes=options.max_append_bytes,
        window=options.window,
        max_uncommitted_bytes=options.max_uncommitted_bytes,
        max_apply_bytes=options.max_apply_bytes,
    )
