"""How a leader comes to be: pre-vote, vote, and what makes a node refuse either.

A node that waited in vain first asks whether it could win (pre-vote, thesis 9.6), then raises its
term and asks for votes (3.4). Whoever has heard from a leader recently refuses both (4.2.3), so a
node that comes back from a partition, or was removed, disturbs nobody. Only the leader itself can
lift that rule, by asking a successor to campaign (3.10).
"""

from kpnode.raft.interface import VoteSigned
from kpnode.raft.membership import encode_opening, is_quorum
from kpnode.raft.messages import PreVoteReply, PreVoteRequest, VoteReply, VoteRequest
from kpnode.raft.replication import open_term
from kpnode.raft.state import Campaign, Leadership, RaftState
from kpnode.raft.types import NodeId, Term


def tick_election(state: RaftState) -> None:
    """Let time pass for a node that does not lead."""
    state.elapsed_ticks += 1
    if state.elapsed_ticks < state.election_timeout_ticks:
        return
    # Else it would refuse the others for that leader's sake, and send clients there for ever.
    state.leader = None
    if _may_campaign(state):
        _start_pre_vote(state)


def handle_pre_vote_request(state: RaftState, sender: NodeId, request: PreVoteRequest) -> None:
    """Say whether the sender could have this node's vote; nothing changes here.

    Not even a timer: a grant is no sign of life from a leader.
    """
    granted = (
        request.term > state.term
        and not hears_another_leader(state, sender)
        and _is_up_to_date(state, request)
    )
    # The own term in a refusal frees an asker that is stuck in a lower one (canonical/raft #279).
    state.send(
        sender,
        PreVoteReply(
            request.term if granted else state.term,
            granted,
            commit_index=state.log.commit,
            commit_term=state.log.require_term(state.log.commit),
        ),
    )


def handle_pre_vote_reply(state: RaftState, sender: NodeId, reply: PreVoteReply) -> None:
    """Count a grant; learn a higher term from a refusal, and from either what is committed.

    Without the latter a removed leader can strand its successor: the successor does not know that
    the removal is committed, so it needs the vote of the removed node, which refuses because its
    log is longer, and which itself knows that it may not lead any more.
    """
    if not reply.granted and reply.term > state.term:
        state.follow(reply.term, None)
    elif isinstance(state.role_state, Campaign) and state.role_state.pre:
        # Logs that agree in one entry agree in all before it (thesis 3.5).
        if state.log.term_at(reply.commit_index) == reply.commit_term:
            state.advance_commit(reply.commit_index)
        if not state.membership.is_voter(state.node):
            state.follow(state.term, None)
        elif reply.granted and reply.term == state.term + 1:
            _count(state, state.role_state, sender)


def handle_vote_request(state: RaftState, sender: NodeId, request: VoteRequest) -> None:
    """Give or refuse the vote of a term; the same request gets the same answer again."""
    if request.term > state.term:
        # A node that was removed may have been asked, late, to succeed; it still disturbs nobody.
        asked = request.transfer and state.membership.is_voter(sender)
        if not asked and hears_another_leader(state, sender):
            return
        state.follow(request.term, None)
    # A vote is given again to the same candidate, since the first answer may have been lost (thesis
    # 3.4). A leader that was heard has the majority of this term already.
    is_open = state.voted_for is None and state.last_led < state.term
    granted = request.term == state.term and (
        state.voted_for == sender or (is_open and _is_up_to_date(state, request))
    )
    if granted and state.voted_for is None:
        state.follow(state.term, None)
        state.voted_for = sender
        state.elapsed_ticks = 0
    state.send(sender, VoteReply(state.term, granted))


def handle_vote_reply(state: RaftState, sender: NodeId, reply: VoteReply) -> None:
    """Count a vote of the current term, once per sender."""
    if isinstance(state.role_state, Campaign) and not state.role_state.pre and reply.granted:
        _count(state, state.role_state, sender, reply.attached)


def handle_vote_signed(state: RaftState, item: VoteSigned) -> None:
    """Count the own vote, now that it is signed; the campaign may be over by then."""
    campaign = state.role_state
    if isinstance(campaign, Campaign) and not campaign.pre:
        _count(state, campaign, state.node, item.attached)


def handle_timeout_now(state: RaftState) -> None:
    """Campaign at once, and without pre-vote: the leader wants it."""
    if _may_campaign(state):
        _start_vote(state, transfer=True)


def _may_campaign(state: RaftState) -> bool:
    return state.membership.is_voter(state.node) and not state.lost_up_to


def hears_another_leader(state: RaftState, asker: NodeId) -> bool:
    """Tell whether a leader other than the asker spoke within the shortest election timeout.

    A leader hears itself as long as its quorum check keeps it in office. The asker's own presence
    is no reason to refuse it: it may have lost its quorum and want it back (hashicorp #605).
    """
    if isinstance(state.role_state, Leadership):
        return True
    return state.leader not in (None, asker) and state.elapsed_ticks < state.config.election_ticks


def _is_up_to_date(state: RaftState, request: PreVoteRequest | VoteRequest) -> bool:
    """Compare the ends of the raw logs, committed or not (thesis 3.6.1)."""
    own = max(state.log_end, state.least_end)
    return (request.last_term, request.last_index) >= own


def _start_pre_vote(state: RaftState) -> None:
    state.elapsed_ticks = 0
    state.role_state = Campaign(pre=True)
    log = state.log
    for peer in state.peers:
        state.send(peer, PreVoteRequest(Term(state.term + 1), log.last_index, log.last_term))
    _count(state, state.role_state, state.node)


def _start_vote(state: RaftState, *, transfer: bool) -> None:
    state.follow(Term(state.term + 1), None)
    state.elapsed_ticks = 0
    state.voted_for = state.node
    state.role_state = Campaign(pre=False)
    log = state.log
    for peer in state.peers:
        state.send(peer, VoteRequest(state.term, log.last_index, log.last_term, transfer))
    if not state.config.signed:
        _count(state, state.role_state, state.node)


def _count(state: RaftState, campaign: Campaign, voter: NodeId, attached: bytes = b"") -> None:
    """Add a grant and move on when every active configuration has a majority of them.

    The own vote counts at once although it is not durable yet: nothing that follows from it leaves
    this node before the `Ready` that saves it. One that is signed counts when it is, since nothing
    may be signed before it is durable.
    """
    campaign.granted.setdefault(voter, attached)
    if not is_quorum(state.membership.active, campaign.granted):
        return
    # A node that is alone wins either in the very call that begins it.
    if campaign.pre:
        _start_vote(state, transfer=False)
    else:
        open_term(state, encode_opening(campaign.granted) if state.config.signed else b"")
