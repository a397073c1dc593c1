"""How the leader's log gets to the others: appends, heartbeats, commits, reads, hand-over.

What is to be sent is decided in `flush`, once per `Ready`, from where each peer stands. So all that
was proposed since the last one travels together. Not here: what followers do with it (`following`).
"""

from kpnode.raft.interface import ConfigProposed, DropReason, ReadRequested, TransferRequested
from kpnode.raft.membership import encode_configuration, is_quorum, quorum_value
from kpnode.raft.messages import (
    AppendReply,
    AppendRequest,
    HeartbeatReply,
    HeartbeatRequest,
    TimeoutNow,
)
from kpnode.raft.progress import Progress
from kpnode.raft.state import Leadership, RaftState, Transfer
from kpnode.raft.types import NO_INDEX, Entry, EntryKind, Index, NodeId


def open_term(state: RaftState, opening: bytes = b"") -> None:
    """Become the leader of the current term, and open it with an entry of its own."""
    first = Index(state.log.last_index + 1)
    state.set_leader(state.node)
    state.elapsed_ticks = 0
    lead = Leadership(
        opened_at=first,
        peers={peer: Progress(next=first, recently_active=False) for peer in state.peers},
    )
    state.role_state = lead
    # Without an entry of its own a leader can commit nothing of earlier terms (thesis 3.6.2), and
    # does not know what is committed, which reads depend on (6.4).
    _append(state, lead, EntryKind.NOOP, opening)


def tick_leader(state: RaftState, lead: Leadership) -> None:
    """Let time pass for a leader: heartbeats, the quorum check, a transfer's deadline."""
    lead.heartbeat_elapsed_ticks += 1
    if lead.heartbeat_elapsed_ticks >= state.config.heartbeat_ticks:
        _broadcast_heartbeat(state, lead)
        if lead.transfer is not None:
            lead.transfer.asked = False
    if lead.transfer is not None:
        lead.transfer.elapsed_ticks += 1
        if lead.transfer.elapsed_ticks >= state.config.election_ticks:
            state.drop(lead.transfer.ticket, DropReason.TRANSFER_TIMED_OUT)
            lead.transfer = None
    # A leader that hears no majority would keep clients waiting for ever (thesis 6.2).
    state.elapsed_ticks += 1
    if state.elapsed_ticks >= state.config.election_ticks:
        state.elapsed_ticks = 0
        _check_quorum(state, lead)


def propose(
    state: RaftState, lead: Leadership, ticket: int, kind: EntryKind, payload: bytes
) -> None:
    """Append an entry for the driver, or say why not."""
    # The successor needs all of the log, which therefore must not grow meanwhile (thesis 3.10).
    if lead.transfer is not None:
        state.drop(ticket, DropReason.TRANSFERRING)
    elif _is_full(state, lead, len(payload)):
        state.drop(ticket, DropReason.TOO_MUCH_UNCOMMITTED)
    else:
        _append(state, lead, kind, payload)
        state.tickets.append((state.log.last_index, ticket))


def propose_configuration(state: RaftState, lead: Leadership, item: ConfigProposed) -> None:
    """Append a change of voters, or say why not.

    One at a time, and only once an entry of the own term is committed: before that an earlier
    leader's change may be around that this one does not know of (Ongaro, raft-dev, 2015-07-10).
    """
    if state.membership.pending:
        state.drop(item.ticket, DropReason.CONFIG_PENDING)
    elif state.log.commit < lead.opened_at:
        state.drop(item.ticket, DropReason.TERM_NOT_OPEN)
    else:
        propose(state, lead, item.ticket, EntryKind.CONFIG, encode_configuration(item.config))


def request_read(state: RaftState, lead: Leadership, item: ReadRequested) -> None:
    """Queue a linearizable read, or say why not."""
    if len(lead.reads) >= state.config.max_waiting_reads:
        state.drop(item.ticket, DropReason.TOO_MANY_READS)
    else:
        lead.reads.waiting.append(item.ticket)


def request_transfer(state: RaftState, lead: Leadership, item: TransferRequested) -> None:
    """Begin to hand leadership over (thesis 3.10), or say why not."""
    if lead.transfer is not None:
        state.drop(item.ticket, DropReason.TRANSFERRING)
    elif item.target == state.node or item.target not in state.membership.newest.voters:
        state.drop(item.ticket, DropReason.BAD_TARGET)
    else:
        lead.transfer = Transfer(item.ticket, item.target)


def handle_append_reply(
    state: RaftState, lead: Leadership, sender: NodeId, reply: AppendReply
) -> None:
    """Learn how far a peer is."""
    progress = lead.peers[sender]
    # A refusal is a sign of life as well: a long search for agreement must not look like a
    # partition (CCF's long_divergence_sync).
    progress.recently_active = True
    if not reply.accepted:
        ceiling = Index(min(reply.hint_index, reply.index - 1))
        progress.refused(
            reply.index, state.log.agreement(floor=NO_INDEX, ceiling=ceiling, term=reply.hint_term)
        )
    # Beyond the own log nothing was sent in this term: no honest peer can have acknowledged it.
    elif reply.index <= state.log.last_index:
        progress.accepted(reply.index)
        commit(state, lead)


def handle_heartbeat_reply(
    state: RaftState, lead: Leadership, sender: NodeId, reply: HeartbeatReply
) -> None:
    """Note a sign of life; it may confirm reads, and it gets a stalled peer moving."""
    progress = lead.peers[sender]
    progress.recently_active = True
    # A round that was not begun yet can confirm nothing, whoever says so.
    if reply.round <= lead.reads.round:
        progress.round = max(progress.round, reply.round)
    progress.heard(behind=progress.held < state.log.last_index or reply.commit < state.log.commit)
    _confirm_reads(state, lead)


def commit(state: RaftState, lead: Leadership) -> None:
    """Commit what a majority of every active configuration holds durably.

    With `signed` that takes a certificate: a peer's word is not enough.
    """
    if state.config.signed:
        return
    held: dict[NodeId, int] = {peer: progress.held for peer, progress in lead.peers.items()}
    # The leader's own disk is one among the others (thesis 10.2.1).
    held[state.node] = state.log.persisted
    index = Index(quorum_value(state.membership.active, held))
    # Only an entry of the own term may be committed by counting replicas (thesis 3.6.2): an older
    # one can still be overwritten by a leader that never saw it.
    if state.log.term_at(index) == state.term:
        _advance_commit(state, lead, index)


def commit_certified(state: RaftState, lead: Leadership, index: Index) -> None:
    """Commit what a majority signed in this term; there may be no certificate of anything else."""
    if state.log.term_at(index) == state.term:
        _advance_commit(state, lead, index)


def _advance_commit(state: RaftState, lead: Leadership, index: Index) -> None:
    replaced = state.advance_commit(index)
    while lead.uncommitted and lead.uncommitted[0][0] <= index:
        lead.uncommitted_bytes -= lead.uncommitted.popleft()[1]
    if replaced:
        _retire(state, lead)


def flush(state: RaftState, lead: Leadership) -> None:
    """Put everything into the outbox that the peers are due."""
    if lead.reads.waiting and state.log.commit >= lead.opened_at:
        lead.reads.begin_round(state.log.commit)
        _broadcast_heartbeat(state, lead)
        _confirm_reads(state, lead)
    for peer, progress in lead.peers.items():
        while progress.wants(
            last_index=state.log.last_index, commit=state.log.commit, window=state.config.window
        ):
            _send_append(state, peer, progress)
    transfer = lead.transfer
    if transfer is not None and not transfer.asked and transfer.target in lead.peers:
        # One that lacks entries would lose its election, and this leader its term with it.
        transfer.asked = lead.peers[transfer.target].held == state.log.last_index
        if transfer.asked:
            state.send(transfer.target, TimeoutNow(state.term))


def _append(state: RaftState, lead: Leadership, kind: EntryKind, payload: bytes) -> None:
    index = Index(state.log.last_index + 1)
    state.append((Entry(index, state.term, kind, payload),))
    if state.config.signed:
        # Its own disk acknowledges like the others', and is bound by that like them.
        state.verify(index)
    lead.uncommitted.append((index, len(payload)))
    lead.uncommitted_bytes += len(payload)
    if kind is EntryKind.CONFIG:
        known = lead.peers
        lead.peers = {
            peer: known.get(peer) or Progress(next=index, recently_active=True)
            for peer in state.peers
        }


def _is_full(state: RaftState, lead: Leadership, payload_bytes: int) -> bool:
    """Tell whether a payload is too much; a single one always fits, or it never would."""
    count = state.log.last_index - state.log.commit + len(state.overwritten)
    total_bytes = lead.uncommitted_bytes + payload_bytes
    return count >= state.config.max_uncommitted_entries or (
        lead.uncommitted_bytes > 0 and total_bytes > state.config.max_uncommitted_bytes
    )


def _check_quorum(state: RaftState, lead: Leadership) -> None:
    """Step down unless a quorum answered since the last check (thesis 6.2)."""
    heard = [peer for peer, progress in lead.peers.items() if progress.recently_active]
    if not is_quorum(state.membership.active, [state.node, *heard]):
        state.follow(state.term, None)
        return
    for progress in lead.peers.values():
        progress.recently_active = False


def _broadcast_heartbeat(state: RaftState, lead: Leadership) -> None:
    lead.heartbeat_elapsed_ticks = 0
    for peer, progress in lead.peers.items():
        # Beyond what it acknowledged a follower may hold entries of another leader in those places.
        known = min(progress.match, state.log.commit)
        state.send(peer, HeartbeatRequest(state.term, known, lead.reads.round))


def _send_append(state: RaftState, peer: NodeId, progress: Progress) -> None:
    config, log = state.config, state.log
    previous = Index(progress.next - 1)
    term = log.require_term(previous)
    entries: tuple[Entry, ...] = ()
    # A poke beyond the window may not carry any.
    if len(progress.in_flight) < config.window:
        last = Index(min(log.last_index, previous + config.max_append_entries))
        entries = log.entries(progress.next, last, config.max_append_bytes)
    state.send(peer, AppendRequest(state.term, previous, term, entries, log.commit))
    progress.sent(entries, log.commit)


def _confirm_reads(state: RaftState, lead: Leadership) -> None:
    rounds = {peer: progress.round for peer, progress in lead.peers.items()}
    rounds[state.node] = lead.reads.round
    state.reads += lead.reads.confirm(quorum_value(state.membership.active, rounds))


def _retire(state: RaftState, lead: Leadership) -> None:
    """Part with the peers that a committed configuration left out, or step down."""
    known, remaining = lead.peers, state.peers
    # For some the last thing they hear from this leader: it tells them, as far as they can follow,
    # what is committed, and so that the old configuration is over.
    for peer, progress in known.items():
        _send_append(state, peer, progress)
    lead.peers = {peer: known[peer] for peer in remaining}
    if state.membership.is_voter(state.node):
        commit(state, lead)
        # The answers of those who remain may be enough now, and no other may come.
        _confirm_reads(state, lead)
        return
    # A removed leader serves until its removal is committed (thesis 4.2.2), then names the voter
    # that holds most of its log; by name among equals.
    best = max(lead.peers[peer].held for peer in remaining)
    successor = next(peer for peer in remaining if lead.peers[peer].held == best)
    state.send(successor, TimeoutNow(state.term))
    state.follow(state.term, None)
