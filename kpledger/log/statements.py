"""What voters sign in consensus besides blocks: votes, acknowledgements, pre-votes, nominations.

Each statement stands for itself: with the genesis file alone anybody can say whose it is and what
it promises, on which ledger and among which voters. So two of them that no honest voter signs
together convict their signer, whoever shows them. What is signed is never MessagePack but an ASCII
tag, a zero byte and fields of fixed width; nodes stand in it by their consensus keys.

Who may count on which statement is told in :mod:`kpledger.log.certificates`.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Self, TypeVar

import msgspec
from msgspec import Meta

from kpledger.base.errors import BadSignatureError, LedgerError
from kpledger.base.ids import Digest32, NodeName, Signature64
from kpledger.base.keys import SigningKey, verify_signature
from kpledger.log.block import LogCount
from kpledger.log.genesis import Genesis
from kpledger.log.note import NoteKey

MAX_STATEMENT_BYTES: Final = 1024
"""The longest encoded statement has some 400."""

ERA: Final = 0
"""The only era until a ledger can be recovered from a disaster."""

_COMMON: Final = struct.Struct(">32sI32sQ")
"""What every statement begins with after its tag: chain, era, configuration, term."""
_ACKNOWLEDGED: Final = struct.Struct(">Q32sI")
_VOTED: Final = struct.Struct(">32sQQ32sQQ32sI")
_SUPPORTED: Final = struct.Struct(">32sI")

Generation = Annotated[int, Meta(ge=1, le=2**32 - 1)]
"""Rises with each start of a node on its storage, on its disk before it signs anything: so a disk
that was restored or copied does not speak with the voice of its successor unnoticed."""

SignatureCheck = Callable[[bytes, bytes, bytes], bool]
"""Tells whether a key (32 bytes) signed a message (any bytes) with a signature (64 bytes)."""

SignatureNote = Callable[[bytes, bytes, bytes], None]
"""Takes note of the same three, which hold."""


class UnknownVoterError(LedgerError):
    """A statement of, or about, a node that is no voter of the ledger."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is not a voter")
        self.name = name


def verifies(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature verifies (:func:`kpledger.base.keys.verify_signature`)."""
    try:
        verify_signature(public_key, message, signature, what="a statement")
    except BadSignatureError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Electorate:
    """The voters of a ledger and the keys of its nodes: all it takes to judge what they sign."""

    chain: bytes
    """Hash of the genesis file."""
    config_hash: bytes
    keys: Mapping[str, bytes]
    """The consensus key of each voter, by its name."""
    origin: str = ""
    """The first line of the ledger's checkpoints."""
    note_keys: Mapping[NoteKey, str] = field(default_factory=dict)
    """Whose each key is under which checkpoints are signed."""

    @classmethod
    def of(cls, genesis: Genesis) -> Self:
        """Give those that a genesis file names."""
        return cls(
            genesis.chain,
            genesis.config_hash,
            genesis.consensus_keys,
            genesis.file.origin,
            genesis.note_keys,
        )

    @property
    def majority(self) -> int:
        """How many of the voters decide: more than half."""
        return len(self.keys) // 2 + 1

    def key(self, voter: str) -> bytes:
        """Give the key of a voter.

        Raises:
            UnknownVoterError: it is none.
        """
        try:
            return self.keys[voter]
        except KeyError:
            raise UnknownVoterError(voter) from None

    def begin(self, tag: bytes, term: int) -> bytes:
        """Give what the bytes to be signed begin with."""
        return tag + b"\x00" + _COMMON.pack(self.chain, ERA, self.config_hash, term)


class LogEnd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a log ends: its last block. Before the first: term 0, index 0, the chain id."""

    term: LogCount
    """Term of that block."""
    index: LogCount
    """Its height."""
    head: Digest32
    """Its head."""

    @property
    def place(self) -> tuple[int, int]:
        """In the order in which logs are compared (Raft thesis 3.6.1)."""
        return self.term, self.index


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """*My disk holds the chain up to this block, and I hold to it in its term* (thesis 3.5).

    It is said in the term in which the block was made, and of no older block: a majority that holds
    one of those does not make it final (thesis 3.6.2, figure 3.7), and whoever said so would stand
    convicted when it is overwritten.
    """

    voter: NodeName
    term: LogCount
    """Of the block, and of the leader to whom it is said."""
    index: LogCount
    head: Digest32
    generation: Generation
    signature: Signature64

    def preimage(self, electorate: Electorate) -> bytes:
        """Give the bytes that are signed."""
        fields = _ACKNOWLEDGED.pack(self.index, self.head, self.generation)
        return electorate.begin(b"kpledger/acknowledgement/v1", self.term) + fields


class Vote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """*In this term I vote for this candidate; its log ends there, mine here* (thesis 3.4)."""

    voter: NodeName
    term: LogCount
    candidate: NodeName
    candidate_end: LogEnd
    voter_end: LogEnd
    generation: Generation
    signature: Signature64

    def preimage(self, electorate: Electorate) -> bytes:
        """Give the bytes that are signed.

        Raises:
            UnknownVoterError: the candidate is no voter.
        """
        candidate, own = self.candidate_end, self.voter_end
        fields = _VOTED.pack(
            electorate.key(self.candidate),
            *(candidate.term, candidate.index, candidate.head),
            *(own.term, own.index, own.head),
            self.generation,
        )
        return electorate.begin(b"kpledger/vote/v1", self.term) + fields


class PreVote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """*I hear no leader: let this candidate begin this term* (thesis 9.6). It promises nothing."""

    voter: NodeName
    term: LogCount
    candidate: NodeName
    generation: Generation
    signature: Signature64

    def preimage(self, electorate: Electorate) -> bytes:
        """Give the bytes that are signed.

        Raises:
            UnknownVoterError: the candidate is no voter.
        """
        fields = _SUPPORTED.pack(electorate.key(self.candidate), self.generation)
        return electorate.begin(b"kpledger/pre-vote/v1", self.term) + fields


class Nomination(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """*I lead this term and ask that node to lead the next one* (thesis 3.10)."""

    voter: NodeName
    """The leader."""
    term: LogCount
    """The one that it leads."""
    candidate: NodeName
    """Its successor, who may campaign in the next term without asking for pre-votes."""
    generation: Generation
    signature: Signature64

    def preimage(self, electorate: Electorate) -> bytes:
        """Give the bytes that are signed.

        Raises:
            UnknownVoterError: the successor is no voter.
        """
        fields = _SUPPORTED.pack(electorate.key(self.candidate), self.generation)
        return electorate.begin(b"kpledger/nomination/v1", self.term) + fields


_SupportT = TypeVar("_SupportT", PreVote, Nomination)
_UnsignedT = TypeVar("_UnsignedT", Acknowledgement, Vote, PreVote, Nomination)

VoterStatement = Acknowledgement | Vote | PreVote | Nomination
"""Everything that a voter signs in consensus besides blocks."""

BindingStatement = Acknowledgement | Vote | Nomination
"""What a voter is bound by; a pre-vote promises nothing."""


def verify_statement(
    statement: VoterStatement, electorate: Electorate, check: SignatureCheck = verifies
) -> None:
    """Verify that a statement is the voter's who is named in it.

    Raises:
        UnknownVoterError: nobody of that name votes.
        BadSignatureError: the signature does not verify.
    """
    key = electorate.key(statement.voter)
    if not check(key, statement.preimage(electorate), statement.signature):
        kind = type(statement).__name__.lower()
        raise BadSignatureError(f"the {kind} of {statement.voter} in term {statement.term}", key)


@dataclass(frozen=True, slots=True)
class StatementSigner:
    """Signs as one voter, on one ledger, from one start of its storage."""

    electorate: Electorate
    voter: str
    key: SigningKey
    generation: int
    note: SignatureNote = lambda *_: None
    """Hears of every signature, so that nobody need verify what was signed here."""

    def acknowledge(self, end: LogEnd) -> Acknowledgement:
        """Acknowledge the chain up to a block of the current term; the disk must hold it already.

        Older blocks are not to be signed for, whatever the reply to their leader says of them.
        """
        unsigned = Acknowledgement(
            voter=self.voter,
            term=end.term,
            index=end.index,
            head=end.head,
            generation=self.generation,
            signature=b"",
        )
        return self._sign(unsigned)

    def vote(self, candidate: str, *, term: int, candidate_end: LogEnd, voter_end: LogEnd) -> Vote:
        """Vote for a candidate in a term; the disk must hold the vote already."""
        unsigned = Vote(
            voter=self.voter,
            term=term,
            candidate=candidate,
            candidate_end=candidate_end,
            voter_end=voter_end,
            generation=self.generation,
            signature=b"",
        )
        return self._sign(unsigned)

    def pre_vote(self, candidate: str, *, term: int) -> PreVote:
        """Let a candidate begin a term."""
        return self._support(PreVote, candidate, term)

    def nominate(self, successor: str, *, term: int) -> Nomination:
        """Ask a successor to campaign after a term that this voter leads."""
        return self._support(Nomination, successor, term)

    def _support(self, kind: type[_SupportT], candidate: str, term: int) -> _SupportT:
        unsigned = kind(
            voter=self.voter,
            term=term,
            candidate=candidate,
            generation=self.generation,
            signature=b"",
        )
        return self._sign(unsigned)

    def _sign(self, unsigned: _UnsignedT) -> _UnsignedT:
        message = unsigned.preimage(self.electorate)
        signature = self.key.sign(message)
        self.note(self.key.public_key, message, signature)
        return msgspec.structs.replace(unsigned, signature=signature)
