"""What a node does with the messages of its leader."""

from kpnode.raft.messages import AppendReply, AppendRequest, HeartbeatReply, HeartbeatRequest
from kpnode.raft.state import RaftState
from kpnode.raft.types import NO_INDEX, Index, NodeId


def handle_append_request(state: RaftState, sender: NodeId, request: AppendRequest) -> None:
    """Take in entries that continue a log both sides share, or say where they may agree."""
    log = state.log
    if log.term_at(request.prev_index) != request.prev_term:
        hint = log.agreement(floor=log.commit, ceiling=request.prev_index, term=request.prev_term)
        state.send(
            sender,
            AppendReply(
                state.term,
                accepted=False,
                index=request.prev_index,
                hint_index=hint,
                hint_term=log.require_term(hint),
            ),
        )
        return
    # Only a real conflict may truncate: an old, short append can arrive after a newer, longer one.
    missing = log.missing(request.entries, compared=state.config.signed)
    # Only a leader that lies overwrites within its term. What this node signed it keeps to.
    if missing and state.config.signed and missing[0].index <= state.verified:
        return
    if missing:
        state.append(missing)
    # What was compared is what is acknowledged; entries beyond may stem from another leader.
    verified = Index(request.prev_index + len(request.entries))
    state.verify(verified)
    # Not up to the end of the log: what follows may be a rest of another leader's (thesis 3.5).
    state.advance_commit(min(request.commit, verified))
    state.send(sender, AppendReply(state.term, accepted=True, index=verified))


def handle_heartbeat_request(state: RaftState, sender: NodeId, request: HeartbeatRequest) -> None:
    """Answer a sign of life; learn of commits, but only of entries compared in this term.

    A leader speaks here of no commit that this node did not acknowledge to it. One beyond the log
    means that the disk was wiped or rolled back (etcd #10166, Fabric #3639), or that it lies.
    """
    if request.commit > state.log.last_index and state.may_have_acknowledged(request.commit):
        state.note_loss(request.commit)
    # Its own signature has come back to it: no leader can make that up.
    if state.config.signed and request.acknowledged > state.log.last_index:
        state.note_loss(request.acknowledged)
    state.advance_commit(min(request.commit, state.verified))
    state.send(sender, HeartbeatReply(state.term, request.round, state.log.commit))


def refuse_old_leader(
    state: RaftState, sender: NodeId, request: AppendRequest | HeartbeatRequest
) -> None:
    """Tell a leader of an earlier term that its time is over, and nothing else.

    It may lead the current term by the time it hears of this. Therefore the answer repeats neither
    the round nor the index of the request: beside the current term a round of the earlier one would
    confirm reads that were asked for later.
    """
    if isinstance(request, AppendRequest):
        state.send(sender, AppendReply(state.term, accepted=False, index=NO_INDEX))
    else:
        state.send(sender, HeartbeatReply(state.term, round=0, commit=state.log.commit))
