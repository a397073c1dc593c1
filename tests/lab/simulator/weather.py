"""What befalls the nodes: partitions, crashes, pauses, clocks, disks."""

from random import Random

from lab.invariants import StateMachineSafety
from lab.simulator.fleet import Fleet
from lab.simulator.network import CutShape, draw_cut
from lab.simulator.node import SimNode

from kpnode.raft import Index, NodeId, Tick, Unreachable

_LONGEST_PAUSE = 3
"""In election timeouts."""
_FREE_SPACE = 20
"""Per tick: the space comes back."""
_FURTHEST_JUMP_MS = 120_000
_SHAPES = (CutShape.HALVES,) * 3 + (CutShape.ONE_WAY,) * 2 + tuple(CutShape)


class Weather:
    """Lets everything fail as the climate wills."""

    def __init__(self, prng: Random, fleet: Fleet, commits: StateMachineSafety) -> None:
        self._prng = prng
        self._fleet = fleet
        self._commits = commits
        names = list(fleet.nodes)
        self._jumpers = prng.sample(names, (len(names) - 1) // 2)
        """A minority, or what they say could become the time of the ledger."""
        skew = fleet.options.skew
        for node in fleet.nodes.values():
            node.clock.rate += prng.randint(-skew, skew)

    def blow(self, now: int) -> None:
        """Let one tick of weather pass."""
        fleet, options = self._fleet, self._fleet.options
        if fleet.network.is_cut and fleet.chance(options.heal):
            fleet.network.heal()
            if fleet.journal.kept:
                fleet.journal.note("heal")
        elif fleet.chance(options.partition):
            self._partition()
        for node in fleet.nodes.values():
            if node.core is None:
                self._restart(node)
            elif fleet.chance(options.crash):
                fleet.counts["crashes"] += 1
                fleet.stop(node)
            else:
                self._trouble(node, now)

    def tick(self, now: int) -> None:
        """Let the clocks of the running nodes go on."""
        fleet = self._fleet
        for node in fleet.nodes.values():
            ticks = node.clock.advance(now)
            if node.core is None or (now < node.wakes_at and not node.frozen):
                continue
            if ticks == 1:
                if not fleet.chance(fleet.options.stall):
                    node.inbox.append(Tick())
            else:
                node.inbox += [Tick()] * ticks

    def clear(self) -> None:
        """Let nothing fail any more."""
        fleet = self._fleet
        fleet.options = fleet.options.healed()
        fleet.network.heal(delay_ticks=fleet.options.delay_ticks)
        for node in fleet.nodes.values():
            node.clock.set_right()
            node.disk.full = False
            node.wakes_at = 0
        if fleet.journal.kept:
            fleet.journal.note("fair weather")

    def _partition(self) -> None:
        fleet = self._fleet
        names = list(fleet.nodes)
        self._prng.shuffle(names)
        # A leader cut off, alone or with few, is what makes logs diverge.
        leaders = {node.name for node in fleet.leaders()} if fleet.chance(500) else set[NodeId]()
        names.sort(key=lambda name: name not in leaders)
        shape = self._prng.choice(_SHAPES)
        links = draw_cut(names, shape, self._prng)
        fleet.network.cut(links)
        fleet.counts[f"partitions: {shape.value}"] += bool(links)
        if fleet.journal.kept:
            fleet.journal.note(f"cut {shape.value}: {links}")

    def _trouble(self, node: SimNode, now: int) -> None:
        """Let something befall a node that it survives."""
        fleet, options = self._fleet, self._fleet.options
        if fleet.chance(options.pause):
            self._pause(node, now)
        if fleet.chance(options.unreachable):
            node.inbox.append(Unreachable(self._prng.choice(list(fleet.nodes))))
        if fleet.chance(options.full):
            node.disk.full = True
        if node.name in self._jumpers and fleet.chance(options.jump):
            node.clock.offset_ms = self._prng.randint(-_FURTHEST_JUMP_MS, _FURTHEST_JUMP_MS)

    def _pause(self, node: SimNode, now: int) -> None:
        election_ticks = self._fleet.options.election_ticks
        length = 1 + int(self._prng.random() * _LONGEST_PAUSE * election_ticks)
        node.wakes_at = max(node.wakes_at, now + length)
        self._fleet.counts["pauses longer than an election timeout"] += length > 2 * election_ticks
        if self._fleet.journal.kept:
            self._fleet.journal.note(f"{node.name} pauses for {length}")

    def _restart(self, node: SimNode) -> None:
        fleet = self._fleet
        if node.disk.full:
            node.disk.full = not fleet.chance(_FREE_SPACE)
        elif fleet.chance(fleet.options.restart):
            if fleet.chance(fleet.options.lose):
                self._lose(node)
            fleet.start(node)

    def _lose(self, node: SimNode) -> None:
        """Let a disk come back with less, if the promises made for it hold without it.

        All it held must be committed, and held by a majority of others: then no quorum that was
        counted, or is to be counted, rests on what is lost. Its votes may go with it only if the
        election of the newest term was decided by the votes of others.
        """
        fleet, height = self._fleet, self._commits.height
        voters = self._commits.configuration.voters
        others = [fleet.nodes[name] for name in voters if name != node.name]
        holding = sum(self._commits.holds(other.disk, height) for other in others)
        last = node.disk.last_index()
        if (
            fleet.options.reconfigure
            or 2 * holding <= len(voters)
            or not 0 < last <= height
            or not self._commits.holds(node.disk, last)
        ):
            return
        keep = Index(int(self._prng.random() * last))
        votes = keep == 0 or self._prng.random() < 1 / 2
        votes = votes and self._is_decided_without(node)
        if votes:
            keep = Index(0)
        fleet.counts["disks that came back empty" if votes else "disks rolled back"] += 1
        fleet.lose(node, keep, self._commits.at(keep), votes=votes)

    def _is_decided_without(self, node: SimNode) -> bool:
        nodes = self._fleet.nodes.values()
        term = node.disk.hard_state.term
        if any(other.disk.hard_state.term != term for other in nodes):
            return False
        states = [other.disk.hard_state for other in nodes if other is not node]
        votes = [(state.term, state.voted_for) for state in states]
        return any(
            2 * votes.count((term, leader.name)) > len(self._fleet.nodes)
            for leader in self._fleet.leaders()
            if leader.status is not None and leader.status.term == term
        )
