"""The consensus core: inputs in, `Ready` out, nothing else.

It has no IO, no clock, no chance and no threads; simulator, replay and production run these lines.
This module sorts inputs and collects outputs. What the protocol says about them stands in
`election`, `replication`, `following` and `reads`.
"""

from typing import assert_never

from kpnode.raft import election, following, replication
from kpnode.raft.interface import (
    Certified,
    ConfigProposed,
    DriverRequest,
    DropReason,
    Input,
    PeerStatus,
    Persisted,
    Proposed,
    ReadRequested,
    Ready,
    Received,
    Role,
    RoleChange,
    Status,
    Tick,
    TransferRequested,
    Unreachable,
    VoteSigned,
)
from kpnode.raft.log import LogReader, RaftLog
from kpnode.raft.membership import Membership
from kpnode.raft.messages import (
    AppendReply,
    AppendRequest,
    HeartbeatReply,
    HeartbeatRequest,
    Message,
    PreVoteReply,
    PreVoteRequest,
    ReplyBody,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from kpnode.raft.state import Leadership, RaftState
from kpnode.raft.types import (
    EntryKind,
    HardState,
    Index,
    InvariantError,
    NodeId,
    RaftConfig,
    Recovered,
    Term,
)

_SCAN_BYTES = 1 << 20


class RaftCore:
    """One node's part in consensus.

    Raises:
        InvariantError: The log is younger than the hard state, which no crash can cause.
    """

    def __init__(self, config: RaftConfig, recovered: Recovered, log: LogReader) -> None:
        raft_log = RaftLog(log, recovered.applied)
        if raft_log.last_term > recovered.hard_state.term:
            raise InvariantError(
                f"the log ends in term {raft_log.last_term},"
                f" the hard state in term {recovered.hard_state.term}"
            )
        membership = _read_membership(recovered, raft_log)
        self._state = RaftState(config, recovered.hard_state, raft_log, membership)
        acknowledged = recovered.hard_state.acknowledged
        known = max(recovered.applied, recovered.lost_up_to, acknowledged)
        if known > raft_log.last_index:
            self._state.note_loss(known)
        self._saved = recovered.hard_state
        self._reported = self._role()

    def handle(self, item: Input) -> None:
        """Take one input; what follows from it is in the next `Ready`.

        Raises:
            InvariantError: A committed entry would be lost; the node must stop.
        """
        state = self._state
        match item:
            case Tick():
                if isinstance(state.role_state, Leadership):
                    replication.tick_leader(state, state.role_state)
                else:
                    election.tick_election(state)
            case Received():
                self._receive(item.message)
            case Persisted():
                state.log.mark_persisted(item.index, item.term)
                if isinstance(state.role_state, Leadership):
                    replication.commit(state, state.role_state)
            case VoteSigned() | Certified():
                self._take_signed(item)
            case Unreachable():
                if isinstance(state.role_state, Leadership) and item.peer in state.role_state.peers:
                    state.role_state.peers[item.peer].lost()
            case Proposed() | ConfigProposed() | ReadRequested() | TransferRequested():
                self._request(item)
            case _:
                assert_never(item)

    def take_ready(self) -> Ready:
        """Move the work out; the caller must do all of it, in the order of the fields."""
        state = self._state
        if isinstance(state.role_state, Leadership):
            replication.flush(state, state.role_state)
        hard_state = HardState(state.term, state.voted_for, state.acknowledged)
        role = self._role()
        ready = Ready(
            hard_state=None if hard_state == self._saved else hard_state,
            entries=state.log.take_unsaved(),
            messages=tuple(state.outbox),
            committed=state.log.take_committed(state.config.max_apply_bytes),
            reads=tuple(state.reads),
            dropped=tuple(state.dropped),
            role=None if role == self._reported else role,
        )
        self._saved, self._reported = hard_state, role
        # What was handed out is the driver's to do: taken twice it would be done twice.
        state.outbox.clear()
        state.reads.clear()
        state.dropped.clear()
        return ready

    def status(self) -> Status:
        """Return a picture of this moment."""
        state = self._state
        lead = state.role_state if isinstance(state.role_state, Leadership) else None
        return Status(
            node=state.node,
            role=state.role,
            term=state.term,
            leader=state.leader,
            voted_for=state.voted_for,
            commit=state.log.commit,
            applied=state.log.applied,
            persisted=state.log.persisted,
            last_index=state.log.last_index,
            last_term=state.log.last_term,
            configurations=state.membership.active,
            peers=tuple(
                PeerStatus(
                    node=peer,
                    match=progress.match,
                    next=progress.next,
                    in_flight=len(progress.in_flight),
                    probing=progress.probing,
                    recently_active=progress.recently_active,
                )
                for peer, progress in (lead.peers.items() if lead else ())
            ),
            transfer_target=self.transfer_target,
            lost_up_to=state.lost_up_to,
        )

    # What the driver asks for at every message costs no whole picture.

    @property
    def node(self) -> NodeId:
        """This node."""
        return self._state.node

    @property
    def role(self) -> Role:
        """This node's part in the current term."""
        return self._state.role

    @property
    def term(self) -> Term:
        """The current term."""
        return self._state.term

    @property
    def leader(self) -> NodeId | None:
        """Who leads the current term, if this node knows."""
        return self._state.leader

    @property
    def transfer_target(self) -> NodeId | None:
        """Whom this leader has asked to succeed it, or is about to."""
        lead = self._state.role_state
        return lead.transfer.target if isinstance(lead, Leadership) and lead.transfer else None

    @property
    def commit(self) -> Index:
        """The log is known to be committed up to here."""
        return self._state.log.commit

    @property
    def persisted(self) -> Index:
        """The log is known to be durable up to here."""
        return self._state.log.persisted

    @property
    def opened_at(self) -> Index | None:
        """Index of the entry that opens the term in which this node leads."""
        lead = self._state.role_state
        return lead.opened_at if isinstance(lead, Leadership) else None

    @property
    def last_index(self) -> Index:
        """Index of the last entry, durable or not."""
        return self._state.log.last_index

    @property
    def lost_up_to(self) -> Index:
        """Index up to which the log is known to have lost entries, 0 if it is not."""
        return self._state.lost_up_to

    def term_at(self, index: Index) -> Term | None:
        """Return the term of an entry of the log, durable or not; None outside of it."""
        return self._state.log.term_at(index)

    def _role(self) -> RoleChange:
        return RoleChange(self._state.role, self._state.term, self._state.leader)

    def _request(self, item: DriverRequest) -> None:
        """Sort a wish of the driver; each is answered under its ticket."""
        state, lead = self._state, self._state.role_state
        if not isinstance(lead, Leadership):
            state.drop(item.ticket, DropReason.NOT_LEADER)
            return
        match item:
            case Proposed():
                replication.propose(state, lead, item.ticket, EntryKind.BLOCK, item.payload)
            case ConfigProposed():
                replication.propose_configuration(state, lead, item)
            case ReadRequested():
                replication.request_read(state, lead, item)
            case TransferRequested():
                replication.request_transfer(state, lead, item)
            case _:
                assert_never(item)

    def _take_signed(self, item: VoteSigned | Certified) -> None:
        """Go on where a signature was waited for; one of another term comes too late."""
        state = self._state
        if item.term != state.term:
            return
        if isinstance(item, VoteSigned):
            election.handle_vote_signed(state, item)
        elif isinstance(state.role_state, Leadership):
            replication.commit_certified(state, state.role_state, item.index)

    def _receive(self, message: Message) -> None:
        """Sort a message; each kind has its own rule for terms that are not the current one."""
        state, sender, body = self._state, message.sender, message.body
        # Whoever took its own messages for another's would follow itself, or vote twice.
        if sender == state.node:
            return
        if state.config.fixed_voters and not state.membership.is_voter(sender):
            return
        match body:
            case PreVoteRequest():
                election.handle_pre_vote_request(state, sender, body)
            case VoteRequest():
                election.handle_vote_request(state, sender, body)
            case AppendRequest() | HeartbeatRequest() | TimeoutNow():
                self._receive_from_leader(sender, body)
            case PreVoteReply() | VoteReply() | AppendReply() | HeartbeatReply():
                # Only who is asked can answer; a removed node with a high term stays unheard.
                if state.membership.is_voter(sender):
                    self._receive_reply(sender, body)
            case _:
                assert_never(body)

    def _receive_from_leader(
        self, sender: NodeId, body: AppendRequest | HeartbeatRequest | TimeoutNow
    ) -> None:
        state = self._state
        if body.term < state.term:
            if not isinstance(body, TimeoutNow):
                following.refuse_old_leader(state, sender, body)
            return
        # Who is no voter as far as this node knows may lead all the same, if the node lags behind.
        # But while it hears a leader that it knows, no stranger deposes that one.
        if not state.membership.is_voter(sender) and election.hears_another_leader(state, sender):
            return
        # A second leader in one term is a lie; whoever authenticates messages collects the proof,
        # and the core stays with the one it knows.
        if body.term == state.term and state.leader not in (None, sender):
            return
        state.follow(body.term, sender)
        match body:
            case AppendRequest():
                following.handle_append_request(state, sender, body)
            case HeartbeatRequest():
                following.handle_heartbeat_request(state, sender, body)
            case TimeoutNow():
                election.handle_timeout_now(state)
            case _:
                assert_never(body)

    def _receive_reply(self, sender: NodeId, body: ReplyBody) -> None:
        state = self._state
        if isinstance(body, PreVoteReply):
            # Its term is that of a campaign that has not begun.
            election.handle_pre_vote_reply(state, sender, body)
        elif body.term > state.term:
            state.follow(body.term, None)
        elif body.term < state.term:
            pass
        elif isinstance(body, VoteReply):
            election.handle_vote_reply(state, sender, body)
        elif isinstance(state.role_state, Leadership) and sender in state.role_state.peers:
            if isinstance(body, AppendReply):
                replication.handle_append_reply(state, state.role_state, sender, body)
            else:
                replication.handle_heartbeat_reply(state, state.role_state, sender, body)


def _read_membership(recovered: Recovered, log: RaftLog) -> Membership:
    """Find the configurations of a log that was just opened."""
    membership = Membership(recovered.configuration)
    first = Index(recovered.configuration_index + 1)
    while page := log.entries(first, log.last_index, _SCAN_BYTES):
        for entry in page:
            membership.append(entry)
        first = Index(page[-1].index + 1)
    membership.commit(log.commit)
    return membership
