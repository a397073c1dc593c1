"""Rules about terms, votes and leaders."""

from collections.abc import Sequence

from lab.invariants.base import Checker
from lab.invariants.catalogue import candidate_of, check_forward, check_vote, is_quorum
from lab.simulator.disk import SimDisk
from lab.simulator.machine import Applied

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    HardState,
    HeartbeatReply,
    HeartbeatRequest,
    Input,
    Message,
    MessageBody,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    Received,
    Role,
    RoleChange,
    Status,
    Term,
    Tick,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)

_NOTHING = HardState(Term(0), None)

_Request = tuple[type[MessageBody], NodeId, Term]
"""The reply asked for, who asks, and for which term."""


class VoteOnce(Checker):
    """A node gives one vote per term, its own included, and has it on disk before it says so."""

    def __init__(self) -> None:
        self._votes: dict[tuple[NodeId, Term], NodeId] = {}

    def on_loss(self, node: NodeId) -> None:
        """Forget with it."""
        self._votes = {key: vote for key, vote in self._votes.items() if key[0] != node}

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """Look at every vote that leaves."""
        candidate = candidate_of(message)
        if candidate is not None:
            voter, term = message.sender, message.body.term
            known = self._votes.setdefault((voter, term), candidate)
            if known != candidate:
                raise self.violation(f"{voter} votes for {known} and {candidate} in {term}")
        check_vote(message, disk.hard_state)


class HardStateForward(Checker):
    """On disk a term never falls, and a vote changes only with the term."""

    def __init__(self) -> None:
        self._seen: dict[NodeId, HardState] = {}

    def on_loss(self, node: NodeId) -> None:
        """Begin again."""
        self._seen.pop(node, None)

    def on_save(self, node: NodeId, disk: SimDisk) -> None:
        """Compare with what was there before."""
        new = disk.hard_state
        old = self._seen.get(node, _NOTHING)
        if new is old:
            return
        check_forward(node, old, new)
        self._seen[node] = new

    def on_start(self, node: NodeId, disk: SimDisk, stored: Applied) -> None:
        """A crash is no excuse."""
        del stored
        self.on_save(node, disk)

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """No message is ahead of the disk."""
        check_vote(message, disk.hard_state)


class TermByCampaign(Checker):
    """A term begins with a node that campaigns in it; asking whether one could is no campaign."""

    def __init__(self) -> None:
        self._begun: set[Term] = {Term(0)}

    def on_save(self, node: NodeId, disk: SimDisk) -> None:
        """Look at every term that reaches a disk."""
        state = disk.hard_state
        if state.term in self._begun:
            return
        if state.voted_for != node:
            raise self.violation(f"{node} is in term {state.term}, in which nobody campaigned")
        self._begun.add(state.term)


class ElectionSafety(Checker):
    """A term has one leader."""

    def __init__(self) -> None:
        self._leaders: dict[Term, NodeId] = {}

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """Look at who speaks as a leader."""
        del disk
        if isinstance(message.body, AppendRequest | HeartbeatRequest | TimeoutNow):
            self._note(message.body.term, message.sender)

    def on_role(self, node: NodeId, role: RoleChange, disk: SimDisk) -> None:
        """Look at who begins to lead."""
        del disk
        if role.role is Role.LEADER:
            self._note(role.term, node)

    def _note(self, term: Term, node: NodeId) -> None:
        known = self._leaders.setdefault(term, node)
        if known != node:
            raise self.violation(f"{known} and {node} both lead term {term}")


class ElectionQuorum(Checker):
    """A leader has the votes of a majority of *each* configuration that is active in its log."""

    def __init__(self) -> None:
        self._voters: dict[tuple[NodeId, Term], set[NodeId]] = {}
        self._elected: dict[NodeId, Term] = {}

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """Count every vote that leaves."""
        del disk
        body = message.body
        if isinstance(body, VoteReply) and body.granted:
            key = message.recipient, body.term
            self._voters.setdefault(key, {message.recipient}).add(message.sender)

    def on_status(self, node: NodeId, ticks: int, status: Status, disk: SimDisk) -> None:
        """Look at each new leader."""
        del ticks
        if status.role is not Role.LEADER or self._elected.get(node) == status.term:
            return
        self._elected[node] = status.term
        votes = self._voters.get((node, status.term), {node})
        active = disk.active(status.commit)
        if not is_quorum(active, votes):
            voters = " and ".join(str(one.voters) for one in active)
            raise self.violation(
                f"{node} leads term {status.term} by votes of {sorted(votes)}, voters are {voters}"
            )


class Sticky(Checker):
    """Who hears a leader helps nobody else to lead, unless that leader asked for it (4.2.3)."""

    def __init__(self, election_ticks: int) -> None:
        self._election_ticks = election_ticks
        self._terms: dict[NodeId, Term] = {}
        self._contact: dict[NodeId, tuple[NodeId, int]] = {}
        """Each node's leader, and after how many of its ticks it was last heard."""
        self._refusals: dict[NodeId, dict[_Request, NodeId | None]] = {}
        """What a node was asked for in this step, and the leader for whose sake it must refuse."""

    def on_start(self, node: NodeId, disk: SimDisk, stored: Applied) -> None:
        """A node that starts has heard nobody."""
        del stored
        self._terms[node] = disk.hard_state.term
        self._contact.pop(node, None)

    def on_save(self, node: NodeId, disk: SimDisk) -> None:
        """A new term has a leader of its own."""
        if disk.hard_state.term > self._terms.get(node, 0):
            self._terms[node] = disk.hard_state.term
            self._contact.pop(node, None)

    def on_inputs(self, node: NodeId, ticks: int, items: Sequence[Input]) -> None:
        """Follow what a node hears, in order."""
        self._refusals[node] = {}
        for item in items:
            if isinstance(item, Tick):
                ticks += 1
            elif isinstance(item, Received):
                self._hear(node, ticks, item.message)

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """Look at every vote, and every promise of one."""
        del disk
        body = message.body
        if not isinstance(body, PreVoteReply | VoteReply) or not body.granted:
            return
        key = type(body), message.recipient, body.term
        leader = self._refusals.get(message.sender, {}).get(key)
        if leader is not None:
            raise self.violation(
                f"{message.sender} helps {message.recipient} to term {body.term},"
                f" but hears {leader}"
            )

    def _hear(self, node: NodeId, ticks: int, message: Message) -> None:
        sender, body, term = message.sender, message.body, self._terms.get(node, Term(0))
        match body:
            case AppendRequest() | HeartbeatRequest():
                if body.term >= term:
                    self._terms[node] = body.term
                    self._contact[node] = sender, ticks
            case PreVoteRequest():
                self._ask(node, ticks, (PreVoteReply, sender, body.term))
            case VoteRequest():
                if body.term > term and (
                    body.transfer or self._ask(node, ticks, (VoteReply, sender, body.term))
                ):
                    self._terms[node] = body.term
                    self._contact.pop(node, None)
            case TimeoutNow():
                self._contact.pop(node, None)
            case PreVoteReply() | VoteReply() | AppendReply() | HeartbeatReply():
                # Only a refusal of a pre-vote speaks of a term that has begun; to take a grant for
                # one as well only makes this rule a little milder.
                if body.term > term:
                    self._terms[node] = body.term
                    self._contact.pop(node, None)

    def _ask(self, node: NodeId, ticks: int, key: _Request) -> bool:
        """Note a request that must be refused; tell whether it need not be."""
        leader, heard = self._contact.get(node, (key[1], 0))
        if leader == key[1] or ticks - heard >= self._election_ticks:
            # The same request may come twice in a step; one grant is right if either was.
            self._refusals[node][key] = None
            return True
        self._refusals[node].setdefault(key, leader)
        return False
