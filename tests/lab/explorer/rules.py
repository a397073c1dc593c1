"""What must hold in every state, and in every step that leads to one.

A rule sees as little as it needs: one step of one node, one node, two nodes, or one node beside the
history. The search calls it once for everything that is different to it, which is far less often
than once a state, and says the same.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from lab.explorer.acts import Act, Restart
from lab.explorer.view import View
from lab.invariants.catalogue import (
    Invariant,
    ViolationError,
    check_forward,
    check_vote,
    is_quorum,
)

from kpnode.pump import Pumped
from kpnode.raft import (
    AppendReply,
    Configuration,
    Entry,
    EntryKind,
    NodeId,
    Term,
    decode_configuration,
)


@dataclass(frozen=True, slots=True)
class Committed:
    """An entry that was committed."""

    entry: Entry
    term: Term
    """Of the leader that committed it."""
    asked: tuple[Configuration, ...]
    """The configurations that were active in that leader's log."""


@dataclass(frozen=True, slots=True)
class History:
    """What must be remembered of the past to judge the present."""

    genesis: Configuration
    leaders: tuple[NodeId | None, ...]
    """Who led each term, from term 1 on."""
    committed: tuple[Committed, ...] = ()
    """The log up to the highest commit index any node ever had."""


class Rules:
    """All of them, and how often each was applied to something new."""

    def __init__(self) -> None:
        self.checks: Counter[Invariant] = Counter()

    def step(self, before: View, after: View, act: Act, pumped: Pumped[Entry]) -> None:
        """Judge one step of one node.

        Raises:
            ViolationError: A rule was broken.
        """
        self._votes(after, pumped)
        self._disk_goes_forward(before, after)
        self._acknowledged_on_disk(after, pumped)
        self._commit(before, after, restarted=isinstance(act, Restart))
        self._applied(before, pumped)
        self._reads(after, pumped)

    def alone(self, node: View) -> None:
        """Judge one node by itself.

        Raises:
            ViolationError: A rule was broken.
        """
        self.checks[Invariant.OneChangeAtATime] += 1
        if node.leads and len(node.pending) > 1:
            what = f"{node.node} leads with {node.pending} pending"
            raise ViolationError(Invariant.OneChangeAtATime, what)
        self.checks[Invariant.NothingLost] += 1
        if node.lost_up_to:
            what = f"{node.node} believes to have lost entries"
            raise ViolationError(Invariant.NothingLost, what)
        self.checks[Invariant.LogMatching] += 1
        _require_match(node, node.log, node.disk)

    def pair(self, left: View, right: View) -> None:
        """Judge two nodes.

        Raises:
            ViolationError: A rule was broken.
        """
        self.checks[Invariant.LogMatching] += 1
        _require_match(left, left.log, right.log)
        _require_match(left, left.disk, right.disk)
        self.checks[Invariant.MatchByAck] += 1
        for leader, peer in ((left, right), (right, left)):
            known = dict(leader.match).get(peer.node, 0)
            if peer.durable.term <= leader.term and peer.disk[:known] != leader.log[:known]:
                raise ViolationError(
                    Invariant.MatchByAck,
                    f"{leader.node} believes {peer.node} to hold its log to {known},"
                    f" which holds {describe_log(peer.disk)}",
                )

    def remember(self, history: History, node: View) -> History:
        """Judge one node by the past, and return the past with what it adds.

        Raises:
            ViolationError: A rule was broken.
        """
        self._leader_is_complete(history, node)
        self._voters(history, node)
        self.checks[Invariant.StateMachineSafety] += 1
        known = history.committed
        for entry, committed in zip(node.log[: node.commit], known, strict=False):
            if entry != committed.entry:
                raise ViolationError(
                    Invariant.StateMachineSafety,
                    f"{node.node} commits {describe_log((entry,))},"
                    f" not {describe_log((committed.entry,))}",
                )
        if node.commit > len(known):
            news = tuple(
                Committed(entry, node.term, _active(history.genesis, node.log, entry.index - 1))
                for entry in node.log[len(known) : node.commit]
            )
            history = replace(history, committed=known + news)
        return self._one_leader(history, node)

    def durable(self, history: History, held: Mapping[NodeId, int]) -> None:
        """Judge where the committed entries are; `held` says how many of them each disk has.

        Raises:
            ViolationError: A rule was broken.
        """
        self.checks[Invariant.CommittedIsDurable] += 1
        for committed in history.committed:
            for configuration in committed.asked:
                holders = [n for n in configuration.voters if held[n] >= committed.entry.index]
                if not is_quorum((configuration,), holders):
                    raise ViolationError(
                        Invariant.CommittedIsDurable,
                        f"{describe_log((committed.entry,))} is committed, and durable at {holders}"
                        f" of {configuration.voters}",
                    )

    def _votes(self, after: View, pumped: Pumped[Entry]) -> None:
        self.checks[Invariant.VoteOnce] += 1
        for message in pumped.outgoing:
            check_vote(message, after.durable)

    def _disk_goes_forward(self, before: View, after: View) -> None:
        self.checks[Invariant.HardStateForward] += 1
        check_forward(after.node, before.durable, after.durable)

    def _acknowledged_on_disk(self, after: View, pumped: Pumped[Entry]) -> None:
        self.checks[Invariant.AckOnDisk] += 1
        for message in pumped.outgoing:
            body = message.body
            if not isinstance(body, AppendReply) or not body.accepted:
                continue
            if body.index > len(after.disk):
                raise ViolationError(
                    Invariant.AckOnDisk,
                    f"{after.node} acknowledges {body.index}, its disk ends at {len(after.disk)}",
                )

    def _commit(self, before: View, after: View, *, restarted: bool) -> None:
        self.checks[Invariant.CommitMonotone] += 1
        if after.commit > len(after.log) or (after.commit < before.commit and not restarted):
            raise ViolationError(
                Invariant.CommitMonotone,
                f"{after.node} goes from commit {before.commit} to {after.commit}"
                f" with {len(after.log)} entries",
            )
        self.checks[Invariant.CommitByOwnTerm] += 1
        counted = before.leads and after.leads and after.commit > before.commit
        if counted and after.log[after.commit - 1].term != after.term:
            raise ViolationError(
                Invariant.CommitByOwnTerm,
                f"{after.node} counts replicas of {describe_log(after.log[after.commit - 1 :][:1])}"
                f" in term {after.term}",
            )

    def _applied(self, before: View, pumped: Pumped[Entry]) -> None:
        self.checks[Invariant.AppliedInOrder] += 1
        indexes = (before.applied, *(entry.index for entry in pumped.applied))
        if any(left + 1 != right for left, right in pairwise(indexes)):
            raise ViolationError(Invariant.AppliedInOrder, f"{before.node} applies {indexes}")

    def _reads(self, after: View, pumped: Pumped[Entry]) -> None:
        """A read's ticket is the number of entries that were committed when it was asked for."""
        self.checks[Invariant.ReadIsLinearizable] += 1
        for grant in pumped.reads:
            if grant.index < grant.ticket:
                raise ViolationError(
                    Invariant.ReadIsLinearizable,
                    f"{after.node} reads at {grant.index}, but {grant.ticket} was committed"
                    " before the read",
                )

    def _one_leader(self, history: History, node: View) -> History:
        self.checks[Invariant.ElectionSafety] += 1
        if not node.leads:
            return history
        place = node.term - 1
        known = history.leaders[place]
        if known not in (None, node.node):
            raise ViolationError(
                Invariant.ElectionSafety, f"{known} and {node.node} both lead term {node.term}"
            )
        if known is not None:
            return history
        leaders = (*history.leaders[:place], node.node, *history.leaders[place + 1 :])
        return replace(history, leaders=leaders)

    def _leader_is_complete(self, history: History, node: View) -> None:
        self.checks[Invariant.LeaderCompleteness] += 1
        if not node.leads:
            return
        for committed in history.committed:
            entry = committed.entry
            if committed.term < node.term and node.log[entry.index - 1 :][:1] != (entry,):
                raise ViolationError(
                    Invariant.LeaderCompleteness,
                    f"{node.node} leads term {node.term} without {describe_log((entry,))}",
                )

    def _voters(self, history: History, node: View) -> None:
        self.checks[Invariant.ActiveConfigurations] += 1
        base, *above = _active(history.genesis, node.log, node.commit)
        if [base, *above] != [node.base, *(configuration for _, configuration in node.pending)]:
            raise ViolationError(
                Invariant.ActiveConfigurations,
                f"{node.node} counts {node.base} and {node.pending}, its log holds {base}, {above}",
            )


def _require_match(node: View, left: tuple[Entry, ...], right: tuple[Entry, ...]) -> None:
    for index in range(min(len(left), len(right)), 0, -1):
        if left[index - 1].term == right[index - 1].term:
            if left[:index] != right[:index]:
                raise ViolationError(
                    Invariant.LogMatching,
                    f"{node.node} and another log agree at {index} and not before:"
                    f" {describe_log(left)} and {describe_log(right)}",
                )
            return


def held_of(history: History, node: View) -> int:
    """Return how many of the committed entries the node would still have after a crash."""
    pairs = zip(history.committed, node.disk, strict=False)
    different = (at for at, (committed, entry) in enumerate(pairs) if committed.entry != entry)
    return next(different, min(len(history.committed), len(node.disk)))


def _active(
    genesis: Configuration, log: tuple[Entry, ...], commit: int
) -> tuple[Configuration, ...]:
    """Return the configurations in force at `commit` and above it."""
    base, above = genesis, []
    for entry in log:
        if entry.kind is EntryKind.CONFIG:
            configuration = decode_configuration(entry.payload)
            if entry.index <= commit:
                base = configuration
            else:
                above.append(configuration)
    return (base, *above)


def describe_log(log: tuple[Entry, ...]) -> str:
    """Return index, term and kind of each entry."""
    text = ", ".join(f"{entry.index}@{entry.term} {entry.kind.name}" for entry in log)
    return f"[{text}]"
