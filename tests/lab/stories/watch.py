"""What must hold after every line of a scenario, whatever the line was.

The checkers of the simulator see every message, save and application. What can be seen only by
looking at all nodes at once is here.
"""

from collections.abc import Mapping

from lab.invariants import (
    AckOnDisk,
    Answers,
    Checker,
    CommitByOwnTerm,
    ElectionSafety,
    HardStateForward,
    Invariant,
    LogMatching,
    StateMachineSafety,
    ViolationError,
    VoteOnce,
)
from lab.invariants.catalogue import is_quorum
from lab.simulator.disk import SimDisk
from lab.simulator.machine import Applied
from lab.stories.actor import Actor

from kpnode.pump import Pumped
from kpnode.raft import Index, NodeId, Role, Status, Term


class Watch:
    """Every rule, and for whom it is waived."""

    def __init__(self, actors: Mapping[str, Actor], genesis: Applied) -> None:
        self._actors = actors
        self._commit: dict[str, Index] = {}
        self._damaged: list[NodeId] = []
        self._disks = {actor.name: actor.disk for actor in actors.values()}
        self._commits = StateMachineSafety(genesis, self._disks)
        self._checkers: tuple[Checker, ...] = (
            VoteOnce(),
            HardStateForward(),
            AckOnDisk(self._leader_disk),
            ElectionSafety(),
            CommitByOwnTerm(),
            LogMatching(),
            self._commits,
            Answers(self._commits),
        )

    def on_damage(self, actor: Actor) -> None:
        """Expect no longer that the node keeps what it promised before."""
        self._damaged.append(actor.name)
        for checker in self._checkers:
            checker.on_loss(actor.name)

    def on_start(self, actor: Actor) -> None:
        """See a node start."""
        self._disks[actor.name] = actor.disk
        self._commit.pop(actor.name, None)
        for checker in self._checkers:
            checker.on_start(actor.name, actor.disk, actor.stored)

    def on_request(self, ticket: int) -> None:
        """See something asked for."""
        for checker in self._checkers:
            checker.on_request(ticket)

    def on_work(self, actor: Actor, pumped: Pumped[Applied]) -> None:
        """See all that came out of a node."""
        term = actor.disk.hard_state.term
        for checker in self._checkers:
            checker.on_save(actor.name, actor.disk)
            for role in pumped.roles:
                checker.on_role(actor.name, role, actor.disk)
            for applied in pumped.applied:
                checker.on_applied(actor.name, term, applied)
            for message in pumped.outgoing:
                checker.on_message(message, actor.disk)
            for grant in pumped.reads:
                checker.on_read(actor.name, grant)
            for dropped in pumped.dropped:
                checker.on_dropped(dropped)

    def on_line(self) -> None:
        """Look at all nodes at once.

        Raises:
            ViolationError: They cannot all be right.
        """
        running = {n: a.core.status() for n, a in self._actors.items() if a.core is not None}
        self._require_rising_commits(running)
        self._require_equal_commits(running)
        self._require_true_match(running)
        self._require_kept_commits(running)

    def _require_rising_commits(self, running: Mapping[str, Status]) -> None:
        for name, status in running.items():
            before = self._commit.get(name, Index(0))
            if not before <= status.commit <= status.last_index or status.applied < before:
                raise ViolationError(
                    Invariant.CommitMonotone, f"{name} had committed {before}: {status}"
                )
            self._commit[name] = min(status.commit, status.applied)

    def _require_equal_commits(self, running: Mapping[str, Status]) -> None:
        """Compare what is committed and, as far as the node knows, on its disk."""
        safe = {name: min(s.commit, s.persisted) for name, s in running.items()}
        for left, right in ((x, y) for x in safe for y in safe if x < y):
            height = Index(min(safe[left], safe[right]))
            if self._link(left, height) != self._link(right, height):
                raise ViolationError(
                    Invariant.StateMachineSafety,
                    f"{left} and {right} have committed other logs up to {height}",
                )

    def _require_true_match(self, running: Mapping[str, Status]) -> None:
        """What a leader believes of a peer is so, until a later term takes it away."""
        for lead in running.values():
            for peer in lead.peers:
                actor = self._actors.get(peer.node)
                if actor is None or peer.node in self._damaged:
                    continue
                height = Index(min(peer.match, lead.persisted))
                held, own = actor.disk.link_at(height), self._link(lead.node, height)
                if actor.disk.hard_state.term <= lead.term and held != own:
                    raise ViolationError(
                        Invariant.MatchByAck,
                        f"{lead.node} believes that {peer.node} holds {height}",
                    )

    def _require_kept_commits(self, running: Mapping[str, Status]) -> None:
        """The newest committed entry stays on a majority of disks; damaged ones are not asked."""
        safe = {name: Index(min(s.commit, s.persisted)) for name, s in running.items()}
        best = max(safe, key=lambda name: safe[name], default=None)
        if best is None:
            return
        # If only one node knows so far of a commit it may be of a configuration not applied yet.
        height = Index(min(safe[best], self._commits.height))
        link, configuration = self._link(best, height), self._commits.configuration
        held = [
            v for v in configuration.voters if v in self._damaged or self._link(v, height) == link
        ]
        if not is_quorum((configuration,), held):
            raise ViolationError(
                Invariant.CommittedIsDurable, f"{height} is on the disks of {held} only"
            )

    def _link(self, name: str, height: Index) -> bytes | None:
        return self._actors[name].disk.link_at(height)

    def _leader_disk(self, name: NodeId, term: Term) -> SimDisk | None:
        """Return the disk of a node if it leads in this term at this moment."""
        actor = self._actors.get(name)
        if actor is None or actor.core is None:
            return None
        status = actor.core.status()
        return actor.disk if (status.role, status.term) == (Role.LEADER, term) else None
