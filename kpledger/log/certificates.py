"""Statements of a majority together: who was elected, what is final, why a term could begin.

A certificate convinces whoever has the genesis file, and needs no other trust: a majority of the
voters signed it. Two of them that exclude each other share signers, who stand convicted by it
(*CFT-Forensics*, Tang et al., AFT 2024).
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.codec import decode, encode
from kpledger.base.errors import LedgerError, MalformedError
from kpledger.base.ids import Digest32, NodeName, Signature64
from kpledger.log.block import LogCount
from kpledger.log.genesis import MAX_GENESIS_VOTERS
from kpledger.log.statements import (
    MAX_STATEMENT_BYTES,
    Acknowledgement,
    Electorate,
    Generation,
    LogEnd,
    Nomination,
    PreVote,
    SignatureCheck,
    Vote,
    VoterStatement,
    verifies,
    verify_statement,
)

MAX_OPENING_BYTES: Final = 16 * 1024
"""Nine votes have some 4,000."""
MAX_CERTIFICATE_BYTES: Final = 4 * 1024
MAX_TERM_PROOF_BYTES: Final = 2 * MAX_OPENING_BYTES

_OPENING_VERSION: Final = 1
_OPENING_HEAD: Final = struct.Struct(">BB")
_LENGTH: Final = struct.Struct(">I")


class CertificateError(LedgerError):
    """Statements that do not amount to what they are shown for.

    Attributes:
        what: what they were shown for, in words.
        problem: what is missing or wrong.
    """

    def __init__(self, what: str, problem: str) -> None:
        super().__init__(f"{what}: {problem}")
        self.what = what
        self.problem = problem


@dataclass(frozen=True)
class LeaderCertificate:
    """The votes that made somebody the leader of a term: what the block that opens it carries."""

    votes: tuple[Vote, ...]
    """Ascending by voter; all of one term, for one candidate with one log."""

    @property
    def term(self) -> int:
        """The term that they opened."""
        return self.votes[0].term

    @property
    def candidate(self) -> str:
        """Who leads it."""
        return self.votes[0].candidate

    @property
    def base(self) -> LogEnd:
        """Where the leader's log ended when it was elected: the block before the opening."""
        return self.votes[0].candidate_end

    @cached_property
    def encoded(self) -> bytes:
        """The payload of the block that opens the term."""
        parts = [_OPENING_HEAD.pack(_OPENING_VERSION, len(self.votes))]
        for vote in map(encode, self.votes):
            parts += (_LENGTH.pack(len(vote)), vote)
        return b"".join(parts)

    def verify(self, electorate: Electorate, check: SignatureCheck = verifies) -> None:
        """Verify that a majority elected the candidate.

        Raises:
            LedgerError: too few voters, one twice, or votes for different things
                (:class:`CertificateError`); or a signature does not verify.
        """
        what = f"the leader certificate of term {self.term}"
        _verify_voters(what, self.votes, electorate)
        first = self.votes[0]
        for vote in self.votes:
            if (vote.term, vote.candidate, vote.candidate_end) != (
                first.term,
                first.candidate,
                first.candidate_end,
            ):
                problem = f"{vote.voter} and {first.voter} voted for different things"
                raise CertificateError(what, problem)
        _verify_all(self.votes, electorate, check)


def decode_opening(payload: bytes) -> LeaderCertificate:
    """Read the payload of a block that opens a term; nothing is verified.

    Raises:
        LedgerError: oversized, cut, of another version, without votes, or a vote is malformed.
    """
    if len(payload) > MAX_OPENING_BYTES:
        raise MalformedError("opening", f"{len(payload)} bytes, limit {MAX_OPENING_BYTES}")
    try:
        version, count = _OPENING_HEAD.unpack_from(payload)
        at = _OPENING_HEAD.size
        fields: list[bytes] = []
        for _ in range(count):
            (length,) = _LENGTH.unpack_from(payload, at)
            at += _LENGTH.size
            fields.append(payload[at : at + length])
            at += length
    except struct.error as error:
        raise MalformedError("opening", str(error)) from None
    if version != _OPENING_VERSION or at != len(payload):
        problem = f"version {version} of {len(payload)} bytes, where {at} are announced"
        raise MalformedError("opening", problem)
    if not fields:
        raise MalformedError("opening", "it carries no vote")
    votes = (decode(one, Vote, what="vote", max_bytes=MAX_STATEMENT_BYTES) for one in fields)
    return LeaderCertificate(tuple(votes))


class CertifiedBy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One voter's part in a commit certificate."""

    voter: NodeName
    generation: Generation
    signature: Signature64
    """Of its acknowledgement."""


class CommitCertificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A majority's disks hold a block, all said in the term in which it was made: it is final.

    It covers every block before it as well. Only blocks of the own term are committed by counting
    (Raft thesis 3.6.2), so ``term`` is that of the block and that of the acknowledgements. Whoever
    has the block must see that it is; else it shows nothing, and no honest voter has signed it.
    """

    term: LogCount
    index: LogCount
    head: Digest32
    by: Annotated[tuple[CertifiedBy, ...], Meta(min_length=1, max_length=MAX_GENESIS_VOTERS)]
    """Ascending by voter."""

    @property
    def end(self) -> LogEnd:
        """The block that it makes final."""
        return LogEnd(term=self.term, index=self.index, head=self.head)

    @property
    def acknowledgements(self) -> tuple[Acknowledgement, ...]:
        """What each voter signed."""
        return tuple(
            Acknowledgement(
                voter=one.voter,
                term=self.term,
                index=self.index,
                head=self.head,
                generation=one.generation,
                signature=one.signature,
            )
            for one in self.by
        )

    def verify(self, electorate: Electorate, check: SignatureCheck = verifies) -> None:
        """Verify that a majority acknowledged the block.

        Raises:
            LedgerError: too few voters or one twice (:class:`CertificateError`), or a signature
                does not verify.
        """
        what = f"the commit certificate of block {self.index} in term {self.term}"
        acknowledgements = self.acknowledgements
        _verify_voters(what, acknowledgements, electorate)
        _verify_all(acknowledgements, electorate, check)


def certify_commit(acknowledgements: Iterable[Acknowledgement]) -> CommitCertificate:
    """Make a commit certificate of acknowledgements of one block, which are not verified again.

    Raises:
        CertificateError: there are none, or they are of different blocks or terms.
    """
    ordered = sorted(acknowledgements, key=lambda one: one.voter)
    things = {(one.term, one.index, one.head) for one in ordered}
    if len(things) != 1:
        raise CertificateError("a commit certificate", f"acknowledgements of {len(things)} blocks")
    ((term, index, head),) = things
    by = tuple(
        CertifiedBy(voter=one.voter, generation=one.generation, signature=one.signature)
        for one in ordered
    )
    return CommitCertificate(term=term, index=index, head=head, by=by)


def decode_commit_certificate(encoded: bytes) -> CommitCertificate:
    """Decode a commit certificate; nothing is verified.

    Raises:
        LedgerError: oversized, malformed or not canonical.
    """
    what = "commit certificate"
    return decode(encoded, CommitCertificate, what=what, max_bytes=MAX_CERTIFICATE_BYTES)


class TermProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a candidate could begin a term: a majority heard no leader, or the leader asked it to.

    Without it a single voter could use the terms up, and depose leaders by naming higher ones.
    """

    term: LogCount
    candidate: NodeName
    pre_votes: Annotated[tuple[PreVote, ...], Meta(max_length=MAX_GENESIS_VOTERS)] = ()
    """Of a majority, ascending by voter; none if there was a nomination."""
    nomination: Nomination | None = None
    """Of the leader of the term before."""
    opening: bytes | None = None
    """Its leader certificate, as encoded."""

    def verify(self, electorate: Electorate, check: SignatureCheck = verifies) -> None:
        """Verify that the term could begin.

        Raises:
            LedgerError: it could not, as far as this shows, or a signature does not verify.
        """
        what = f"the proof of term {self.term} of {self.candidate}"
        if self.nomination is not None:
            self._verify_nomination(what, self.nomination, electorate, check)
            return
        if self.opening is not None:
            raise CertificateError(what, "a leader's certificate comes without a nomination")
        _verify_voters(what, self.pre_votes, electorate)
        for one in self.pre_votes:
            if (one.term, one.candidate) != (self.term, self.candidate):
                problem = f"{one.voter} supports {one.candidate} in term {one.term}"
                raise CertificateError(what, problem)
        _verify_all(self.pre_votes, electorate, check)

    def _verify_nomination(
        self, what: str, nomination: Nomination, electorate: Electorate, check: SignatureCheck
    ) -> None:
        if (nomination.term + 1, nomination.candidate) != (self.term, self.candidate):
            problem = f"the nomination is of {nomination.candidate} after term {nomination.term}"
            raise CertificateError(what, problem)
        if self.pre_votes or self.opening is None:
            raise CertificateError(what, "a nomination comes with its leader's certificate alone")
        leader = decode_opening(self.opening)
        if (leader.term, leader.candidate) != (nomination.term, nomination.voter):
            problem = f"{nomination.voter} was not elected in term {nomination.term}"
            raise CertificateError(what, problem)
        leader.verify(electorate, check)
        verify_statement(nomination, electorate, check)


def decode_term_proof(encoded: bytes) -> TermProof:
    """Decode the proof of a term; nothing is verified.

    Raises:
        LedgerError: oversized, malformed or not canonical.
    """
    return decode(encoded, TermProof, what="term proof", max_bytes=MAX_TERM_PROOF_BYTES)


def _verify_voters(what: str, statements: Sequence[VoterStatement], electorate: Electorate) -> None:
    """See that a majority speaks, each voter once, in the one order."""
    voters = [one.voter for one in statements]
    if any(left >= right for left, right in pairwise(voters)):
        raise CertificateError(what, f"voters are not ascending without repeats: {voters}")
    if len(voters) < electorate.majority:
        many = f"{len(voters)} of {len(electorate.keys)} voters"
        raise CertificateError(what, f"{many} signed, {electorate.majority} are needed")


def _verify_all(
    statements: Iterable[VoterStatement], electorate: Electorate, check: SignatureCheck
) -> None:
    for one in statements:
        verify_statement(one, electorate, check)
