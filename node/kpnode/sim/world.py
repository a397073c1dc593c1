"""One simulated life: nodes, links, disks, clients, weather, and the checkers that watch.

First the safety phase, in which everything fails as the climate wills and nothing wrong may happen;
then the liveness phase, in which nothing fails any more and all that is asked for must happen.
"""

from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from random import Random

from kpnode.pump import Pumped
from kpnode.raft import (
    Configuration,
    Entry,
    EntryKind,
    Envelope,
    Index,
    InvariantError,
    NodeId,
    RaftConfig,
    Received,
    Role,
    Term,
    Tick,
    Unreachable,
)
from kpnode.sim.checkers import (
    AckOnDisk,
    Answers,
    Checker,
    CommitByOwnTerm,
    CommitForever,
    HardStateForward,
    LogMatching,
    OneLeader,
    ViolationError,
    VoteOnce,
)
from kpnode.sim.disk import CrashPoint, SimCrashError, SimDisk
from kpnode.sim.network import SimNetwork
from kpnode.sim.node import Applied, SimNode
from kpnode.sim.options import SimOptions
from kpnode.sim.planted import PlantedBug
from kpnode.sim.workload import Wish, Workload

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
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self.now = 0
        self.counts: Counter[str] = Counter()
        self._options = options or SimOptions.from_prng(Random(f"climate {seed}"))
        self._prng = Random(f"life {seed}")
        self._trace = trace
        self._hash = sha256()
        names = tuple(
            NodeId(f"n{n}") for n in range(1, self._options.voters + self._options.spares + 1)
        )
        genesis = Applied(
            Entry(Index(0), Term(0), EntryKind.NOOP, b""),
            b"",
            Configuration(names[: self._options.voters]),
        )
        self.nodes = {
            name: SimNode(
                _raft_config(name, seed, self._options),
                genesis,
                bug.disk(self._draw_crash_point),
                bug.core,
            )
            for name in names
        }
        disks = {name: node.disk for name, node in self.nodes.items()}
        self._commits = CommitForever(genesis, disks)
        self._checkers: tuple[Checker, ...] = (
            VoteOnce(),
            HardStateForward(),
            AckOnDisk(self._leader_disk),
            OneLeader(),
            CommitByOwnTerm(),
            LogMatching(),
            self._commits,
            Answers(self._commits),
        )
        self._network = SimNetwork(self._prng, delay_ticks=self._options.delay_ticks)
        self._workload = Workload(self._prng, names)
        for node in self.nodes.values():
            self._start(node)

    def run_safety(self, ticks: int) -> None:
        """Live through the climate.

        Raises:
            ViolationError: A checker saw what must never be.
        """
        for _ in range(ticks):
            self.tick()

    def run_liveness(self) -> None:
        """Let nothing fail any more, and wait until the cluster has done what it is there for.

        Raises:
            ViolationError: A checker saw what must never be, or nothing moves.
        """
        self._options = self._options.healed()
        self._network.heal(delay_ticks=self._options.delay_ticks)
        self._note("heal")
        patience = _SETTLE_ELECTIONS * self._options.election_ticks
        longest = max(node.disk.last_index() for node in self.nodes.values())
        patience += _SETTLE_TICKS_PER_ENTRY * longest
        first = Index(self._commits.height + 1)
        asked: set[bytes] = set()
        for _ in range(patience):
            self.tick()
            for leader in self._leaders():
                proposal = self._workload.proposal()
                asked.add(proposal.payload.rstrip())
                self._ask(leader, proposal)
            if not asked.isdisjoint(self._commits.payloads(first, self._settled())):
                return
        raise ViolationError("Liveness", f"no progress within {patience} ticks of fair weather")

    def tick(self) -> None:
        """Let one tick pass: weather, arrivals, clocks, wishes, then every node does its work."""
        self.now += 1
        self._weather()
        for envelope in self._network.due(self.now):
            if self.nodes[envelope.recipient].core is not None:
                self.nodes[envelope.recipient].inbox.append(Received(envelope))
        for node in self.nodes.values():
            if node.core is not None and not self._chance(self._options.stall):
                node.inbox.append(Tick())
        for wish in self._workload.wishes(self._options):
            # Whoever believes it leads may be asked, also if it leads nobody any more.
            leaders = self._leaders()
            everyone = list(self.nodes.values())
            self._ask(self._prng.choice(leaders or everyone), wish)
        nodes = [node for node in self.nodes.values() if node.inbox]
        self._prng.shuffle(nodes)
        for node in nodes:
            self._step(node)

    def digest(self) -> str:
        """Return the hash of all that happened so far."""
        return self._hash.hexdigest()

    def _ask(self, node: SimNode, wish: Wish) -> None:
        if node.core is not None:
            for checker in self._checkers:
                checker.on_request(wish.ticket)
            node.inbox.append(wish)

    def _settled(self) -> Index:
        """Return how far every voter has applied."""
        return min(self._commits.applied_by(v) for v in self._commits.configuration.voters)

    def _step(self, node: SimNode) -> None:
        """Let a node work; its power may fail meanwhile."""
        truncations = node.disk.truncations
        try:
            pumped = node.step()
        except SimCrashError:
            self.counts["crashes inside a save"] += 1
            self._stop(node)
            return
        except InvariantError as error:
            raise ViolationError("Invariant", f"{node.name} stops: {error}") from error
        finally:
            self.counts["truncations"] += node.disk.truncations - truncations
            for checker in self._checkers:
                checker.on_save(node.name, node.disk)
        self._watch(node, pumped)
        for envelope in pumped.outgoing:
            self._post(envelope)

    def _watch(self, node: SimNode, pumped: Pumped[Applied]) -> None:
        """Show the checkers all that came out of a node."""
        term = node.disk.hard_state.term
        for checker in self._checkers:
            for role in pumped.roles:
                checker.on_role(node.name, role, node.disk)
            for applied in pumped.applied:
                checker.on_applied(node.name, term, applied)
            for envelope in pumped.outgoing:
                checker.on_message(envelope, node.disk)
            for grant in pumped.reads:
                checker.on_read(node.name, grant)
            for dropped in pumped.dropped:
                checker.on_dropped(dropped)
        for role in pumped.roles:
            self._note(f"{node.name} {role}")
            self.counts["elections"] += role.role is Role.LEADER
        for item in (*pumped.applied, *pumped.reads, *pumped.dropped):
            self._note(f"{node.name} {item}")
        self.counts.update(f"dropped: {dropped.reason.value}" for dropped in pumped.dropped)
        self.counts["reads granted"] += len(pumped.reads)
        self.counts["applications"] += len(pumped.applied)

    def _post(self, envelope: Envelope) -> None:
        options = self._options
        self._note(f"{envelope.sender} > {envelope.recipient} {envelope.message}")
        self.counts["messages"] += 1
        if self._chance(options.loss):
            self.counts["messages lost"] += 1
            return
        copies = 1 + self._chance(options.copies)
        self.counts["messages copied"] += copies - 1
        for _ in range(copies):
            straggles = self._chance(options.straggle)
            self._network.post(envelope, now=self.now, straggles=straggles)

    def _weather(self) -> None:
        options = self._options
        if self._network.is_cut and self._chance(options.heal):
            self._network.heal()
            self._note("heal")
        elif self._chance(options.partition):
            self._partition()
        for node in self.nodes.values():
            if node.core is None:
                if self._chance(options.restart):
                    self._start(node)
            elif self._chance(options.crash):
                self.counts["crashes"] += 1
                self._stop(node)
            elif self._chance(options.unreachable):
                node.inbox.append(Unreachable(self._prng.choice(list(self.nodes))))

    def _partition(self) -> None:
        names = list(self.nodes)
        self._prng.shuffle(names)
        # A leader cut off, alone or with few, is what makes logs diverge.
        leaders = {node.name for node in self._leaders()} if self._chance(500) else set()
        names.sort(key=lambda name: name not in leaders)
        at = self._prng.randint(1, max(1, len(names) // 2))
        one_way = self._chance(300)
        self._network.cut(names[:at], names[at:], one_way=one_way)
        self.counts["partitions"] += 1
        self._note(f"cut {names[:at]} from {names[at:]}, one way: {one_way}")

    def _start(self, node: SimNode) -> None:
        self._note(f"{node.name} starts")
        node.start(
            late=lambda: self._chance(self._options.late_report),
            lazy=lambda: self._chance(self._options.lazy_machine),
            scan=self._chance(500),
        )
        for checker in self._checkers:
            checker.on_start(node.name, node.disk, node.stored)

    def _stop(self, node: SimNode) -> None:
        self._note(f"{node.name} stops")
        node.stop()

    def _leaders(self) -> list[SimNode]:
        """Return every running node that believes it leads."""
        return [
            node
            for node in self.nodes.values()
            if node.core is not None and node.core.status().role is Role.LEADER
        ]

    def _leader_disk(self, name: NodeId, term: Term) -> SimDisk | None:
        """Return the disk of a node if it leads in this term at this moment."""
        node = self.nodes[name]
        if node.core is None:
            return None
        status = node.core.status()
        return node.disk if (status.role, status.term) == (Role.LEADER, term) else None

    def _draw_crash_point(self) -> CrashPoint | None:
        if not self._chance(self._options.crash_in_save):
            return None
        return self._prng.choice((CrashPoint.BEFORE, CrashPoint.AFTER))

    def _chance(self, per_thousand: int) -> bool:
        return self._prng.randrange(1000) < per_thousand

    def _note(self, text: str) -> None:
        line = f"{self.now} {text}"
        self._hash.update(line.encode())
        if self._trace is not None:
            self._trace(line)


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
