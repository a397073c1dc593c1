"""What nodes say to each other: one-way messages, each with the term of its sender.

A reply is a message of its own; nothing waits for it. Loss, repetition, delay and reordering of any
of them is normal life. How they become bytes is the transport's business.

Each has room for what its driver has to say beside it, `attached`: signatures and certificates. The
core reads none of it, and keeps that of votes alone, for the entry that opens a term.
"""

from dataclasses import dataclass

from kpnode.raft.membership import decode_configuration
from kpnode.raft.types import NO_INDEX, NO_TERM, Entry, EntryKind, Index, NodeId, Term


@dataclass(frozen=True, slots=True)
class PreVoteRequest:
    """Asks whether a campaign would succeed; changes nothing at the receiver (thesis 9.6)."""

    term: Term
    """The term the asker would campaign in: one above its own."""
    last_index: Index
    last_term: Term
    attached: bytes = b""


@dataclass(frozen=True, slots=True)
class PreVoteReply:
    """Answers a `PreVoteRequest`."""

    term: Term
    """The term of the request if granted, else the term of the sender."""
    granted: bool
    commit_index: Index = NO_INDEX
    """Newest entry the sender knows to be committed."""
    commit_term: Term = NO_TERM
    """Its term: an asker that has this very entry may take it for committed."""
    attached: bytes = b""


@dataclass(frozen=True, slots=True)
class VoteRequest:
    """Asks for the vote of a term (thesis 3.4)."""

    term: Term
    last_index: Index
    last_term: Term
    transfer: bool
    """The leader itself asked for this election, so its presence is no reason to refuse."""
    attached: bytes = b""


@dataclass(frozen=True, slots=True)
class VoteReply:
    """Answers a `VoteRequest`; the vote is durable before this leaves."""

    term: Term
    granted: bool
    attached: bytes = b""


@dataclass(frozen=True, slots=True)
class AppendRequest:
    """Carries entries that follow (`prev_index`, `prev_term`); without any it probes.

    Raises:
        ValueError: The entries are no possible continuation of a log of this term, or a CONFIG
            entry holds no configuration. A decoder of bytes lets this reach its caller, so that
            the core never meets such a message.
    """

    term: Term
    prev_index: Index
    prev_term: Term
    entries: tuple[Entry, ...]
    commit: Index
    attached: bytes = b""

    def __post_init__(self) -> None:
        index, term = self.prev_index, self.prev_term
        for entry in self.entries:
            if entry.index != index + 1:
                raise ValueError(f"entry {entry.index} follows entry {index}")
            if not term <= entry.term <= self.term:
                raise ValueError(f"entry {entry.index} has term {entry.term} after {term}")
            if entry.kind is EntryKind.CONFIG:
                decode_configuration(entry.payload)
            index, term = entry.index, entry.term


@dataclass(frozen=True, slots=True)
class AppendReply:
    """Answers an `AppendRequest`; what it accepts is durable before this leaves."""

    term: Term
    accepted: bool
    index: Index
    """If accepted the end of the verified range, no more; else the `prev_index` refused, or 0 if
    the request was one of an earlier term."""
    hint_index: Index = NO_INDEX
    """If refused: the sender's log can agree with the leader's up to here at most."""
    hint_term: Term = NO_TERM
    """Term of the sender's entry at `hint_index`."""
    attached: bytes = b""


@dataclass(frozen=True, slots=True)
class HeartbeatRequest:
    """Says that the leader is there; never carries entries, so it never waits for any."""

    term: Term
    commit: Index
    """At most what the receiver is known to hold."""
    round: int
    """Newest round of read confirmation; rounds count from 0 in each term."""
    acknowledged: Index = NO_INDEX
    """Up to here the receiver has acknowledged the log in this term, with proof beside it."""
    attached: bytes = b""


@dataclass(frozen=True, slots=True)
class HeartbeatReply:
    """Answers a `HeartbeatRequest`."""

    term: Term
    round: int
    commit: Index
    """The sender's commit index: tells the leader whether an append has to bring it up."""
    attached: bytes = b""


@dataclass(frozen=True, slots=True)
class TimeoutNow:
    """The leader asks its successor to campaign at once (thesis 3.10)."""

    term: Term
    attached: bytes = b""


ReplyBody = PreVoteReply | VoteReply | AppendReply | HeartbeatReply
"""What answers a message."""

MessageBody = (
    PreVoteRequest | VoteRequest | AppendRequest | HeartbeatRequest | TimeoutNow | ReplyBody
)
"""Everything one core sends to another."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message with its authenticated sender."""

    sender: NodeId
    recipient: NodeId
    body: MessageBody
