"""What leaves a node, with the proofs and signatures it rests on.

Statements are signed here, which is after the save that they rest on: nobody ever holds a promise
of this node that its disk does not.
"""

from dataclasses import replace
from typing import Final

from msgspec.structs import replace as replace_fields

from kpledger.base.codec import encode
from kpledger.log.statements import LogEnd, Vote, VoterStatement
from kpnode.notary.attachment import MAX_PATH, Attachment, encode_attachment
from kpnode.notary.records import Records
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Message,
    MessageBody,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    Term,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)

_VOTELESS_PATH: Final = 256
"""So many blocks of an earlier version a candidate shows, for voters that lag behind: whose log
they end in knows them for its own."""
_AGAIN: Final = 32 << 20
"""Bytes of blocks that a peer may be sent again at once: twice what is under way at most."""
_AGAIN_PER_TICK: Final = 512 << 10


class Release:
    """Attaches to messages what proves them, for one node."""

    def __init__(self, records: Records) -> None:
        """Take proofs from these records."""
        self._records = records
        self._said: tuple[Term, Index, Attachment] | None = None
        self._sent: dict[NodeId, Index] = {}
        self._again: dict[NodeId, int] = {}
        self._vote_given: Vote | None = None

    def tick(self) -> None:
        """Let one tick pass: peers may be sent a little more again of what they were sent."""
        self._again = {
            peer: size - _AGAIN_PER_TICK
            for peer, size in self._again.items()
            if size > _AGAIN_PER_TICK
        }

    def enter_term(self) -> None:
        """Forget what was sent in another term."""
        self._sent.clear()

    def release(self, message: Message) -> Message | None:
        """Give a message with what it rests on; None if this node cannot show that."""
        body, attached = message.body, self._attach(message.recipient, message.body)
        if attached is None or self._asks_again(message.recipient, body):
            return None
        if isinstance(body, HeartbeatRequest):
            said = self._records.acknowledged.get(message.recipient)
            known = Index(0 if said is None else said.index)
            body = replace(body, acknowledged=known)
        return replace(message, body=replace(body, attached=encode_attachment(attached)))

    def _asks_again(self, peer: NodeId, body: MessageBody) -> bool:
        """Tell whether a peer is to wait for blocks that it was sent in this term already.

        A line that breaks, or a disk that loses something, needs some of them again; who asks for
        all of them again and again costs a leader its time.
        """
        if not isinstance(body, AppendRequest) or not body.entries:
            return False
        newest, last = self._sent.get(peer, Index(0)), body.entries[-1].index
        if last > newest:
            self._sent[peer] = last
            return False
        before = self._again.get(peer, 0)
        if before > _AGAIN:
            return True
        self._again[peer] = before + sum(len(entry.payload) for entry in body.entries)
        return False

    def _attach(self, peer: NodeId, body: MessageBody) -> Attachment | None:
        records = self._records
        attached: Attachment | None = Attachment()
        match body:
            case AppendRequest():
                # Until the peer has answered, it may not know who leads.
                shown = Attachment() if peer in records.acknowledged else self._own_term()
                attached = replace_fields(shown, commit=records.commits.encoded)
            case AppendReply() if body.accepted and body.index:
                attached = self._acknowledge(body)
            case HeartbeatRequest():
                said = records.acknowledged.get(peer)
                statement = None if said is None else encode(said)
                attached = replace_fields(
                    self._own_term(), commit=records.commits.encoded, statement=statement
                )
            case AppendReply() | HeartbeatReply() if peer in records.behind:
                attached = self._own_term()
            case PreVoteRequest() | VoteRequest():
                attached = self._claim(body)
            case PreVoteReply():
                attached = self._support(peer, body)
            case VoteReply():
                attached = self._vote(peer, body)
            case TimeoutNow():
                nomination = records.signer.nominate(peer, term=body.term)
                attached = replace_fields(self._own_term(), statement=encode(nomination))
        return attached

    def _own_term(self) -> Attachment:
        return self._records.terms.prove(self._records.core.term)

    def _acknowledge(self, body: AppendReply) -> Attachment | None:
        records = self._records
        if records.core.term_at(body.index) != body.term:
            # Blocks of an earlier term are not final because a majority holds them (figure 3.7).
            return Attachment()
        if self._said is not None and self._said[:2] == (body.term, body.index):
            return self._said[2]
        head = records.chain.head_at(body.index)
        if head is None:
            return None
        end = LogEnd(term=body.term, index=body.index, head=head)
        said = _sign(records.signer.acknowledge(end))
        self._said = body.term, body.index, said
        return said

    def _claim(self, body: PreVoteRequest | VoteRequest) -> Attachment | None:
        """Show the own log from the newest block that is known to be final."""
        records = self._records
        if records.chain.end.place != (body.last_term, body.last_index):
            return None  # it has grown since: a leader was heard
        if records.promise is not None:
            return None  # this log lacks what was promised; nobody should vote for it
        newest, last = records.commits.newest, records.chain.end.index
        lowest = max(1, min(records.voteless_up_to, last) - _VOTELESS_PATH)
        first = lowest if newest is None else newest.index
        if last - first >= MAX_PATH:
            return None
        path = records.chain.shown(first, last) if last else ()
        shown = self._own_term()
        return Attachment(
            opening=shown.opening,
            term_proof=shown.term_proof,
            commit=records.commits.encoded,
            path=path,
        )

    def _support(self, peer: NodeId, body: PreVoteReply) -> Attachment:
        records = self._records
        commit = records.commits.encoded
        if not body.granted:
            return replace_fields(self._own_term(), commit=commit)
        if records.supported is None or records.supported[0] < body.term:
            records.supported = body.term, records.ticks
        return replace_fields(_sign(records.signer.pre_vote(peer, term=body.term)), commit=commit)

    def _vote(self, peer: NodeId, body: VoteReply) -> Attachment | None:
        records = self._records
        if not body.granted:
            return self._own_term()
        vote, end = self._vote_given, records.ends.get((body.term, peer))
        # It is said again as it was: the candidate's log may be shown otherwise meanwhile.
        if vote is None or (vote.term, vote.candidate) != (body.term, peer):
            if end is None:
                return None
            vote = records.signer.vote(
                peer, term=body.term, candidate_end=end, voter_end=records.chain.end
            )
            self._vote_given = vote
        return _sign(vote)


def _sign(statement: VoterStatement) -> Attachment:
    return Attachment(statement=encode(statement))
