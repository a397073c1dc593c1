"""Who leads which term, and why terms could begin: what a node knows of it, verified."""

from dataclasses import dataclass, field
from typing import Final, TypeVar

from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError
from kpledger.log.certificates import (
    CertificateError,
    LeaderCertificate,
    TermProof,
    decode_opening,
    decode_term_proof,
)
from kpledger.log.statements import Electorate, Nomination, PreVote, SignatureCheck, Vote
from kpnode.notary.attachment import Attachment, decode_attachment, encode_attachment

_KeptT = TypeVar("_KeptT")
_KEPT: Final = 16
"""So many of the newest terms are remembered."""


@dataclass(slots=True)
class Terms:
    """The terms of one node's time, as far as it has seen proofs of them."""

    electorate: Electorate
    check: SignatureCheck
    openings: dict[int, LeaderCertificate] = field(default_factory=dict)
    """Who was elected in a term."""
    proofs: dict[int, bytes] = field(default_factory=dict)
    """Why a term could begin, as an attachment; the node may not be in it yet."""
    support: dict[str, PreVote] = field(default_factory=dict)
    """Pre-votes for this node, all of one term."""
    votes: dict[int, dict[str, Vote]] = field(default_factory=dict)
    """Votes that were seen, by term and voter."""
    double: list[Vote] = field(default_factory=list)
    """Votes of one voter in one term that differ, until somebody looks at them."""
    nominators: dict[int, tuple[str, str]] = field(default_factory=dict)
    """In which terms a leader asked a successor to campaign: who asked, and whom."""
    nomination: Nomination | None = None
    """By which a leader asked this node to succeed it."""

    def leader(self, term: int) -> str | None:
        """Give who was elected in a term, None if that was not shown."""
        opening = self.openings.get(term)
        return None if opening is None else opening.candidate

    def learn_opening(self, payload: bytes) -> LeaderCertificate:
        """Take in a leader certificate; what is known already is not verified again.

        Raises:
            LedgerError: it is none.
        """
        opening = decode_opening(payload)
        known = self.openings.get(opening.term)
        if known is not None and known.encoded == payload:
            return known
        opening.verify(self.electorate, self.check)
        for vote in opening.votes:
            self.note_vote(vote)
        if known is not None and known.candidate != opening.candidate:
            raise CertificateError(
                f"the leader certificate of {opening.candidate} in term {opening.term}",
                f"{known.candidate} was elected in that term as well",
            )
        if known is None:
            self.openings[opening.term] = opening
            self.proofs[opening.term] = encode_attachment(Attachment(opening=payload))
            _forget(self.openings)
            _forget(self.proofs)
        return opening

    def note_vote(self, vote: Vote) -> None:
        """Keep a vote that was verified, and see whether its voter has voted otherwise before."""
        votes = self.votes.setdefault(vote.term, {})
        known = votes.setdefault(vote.voter, vote)
        if (known.candidate, known.candidate_end) != (vote.candidate, vote.candidate_end):
            self.double += (known, vote)
        _forget(self.votes)

    def learn(self, term: int, attached: Attachment) -> str | None:
        """Take in what proves that a term began; give the candidate, None if nothing does.

        Raises:
            LedgerError: what is shown does not hold.
        """
        if attached.opening is not None:
            opening = self.learn_opening(attached.opening)
            if opening.term == term:
                return opening.candidate
        if attached.term_proof is None:
            return None
        proof = decode_term_proof(attached.term_proof)
        if proof.term != term:
            raise CertificateError("a term proof", f"it is of term {proof.term}, not {term}")
        proof.verify(self.electorate, self.check)
        if proof.nomination is not None:
            self.nominators[term] = proof.nomination.voter, proof.candidate
            _forget(self.nominators)
        if term not in self.proofs:
            self.proofs[term] = encode_attachment(Attachment(term_proof=attached.term_proof))
            _forget(self.proofs)
        return proof.candidate

    def recall(self, term: int, stored: bytes) -> None:
        """Take in what was stored of the term in which this node stopped, if it is of that."""
        if stored:
            try:
                self.learn(term, decode_attachment(stored))
            except LedgerError:
                # Nothing rests on it but how soon others learn of the term.
                return

    def prove(self, term: int) -> Attachment:
        """Give what proves that a term could begin, nothing if that was never shown."""
        return decode_attachment(self.proofs.get(term, b""))

    def add_support(self, pre_vote: PreVote) -> None:
        """Take in a pre-vote for this node, which was verified; those of other terms are void."""
        if any(one.term != pre_vote.term for one in self.support.values()):
            self.support.clear()
        self.support[pre_vote.voter] = pre_vote

    def begin_own(self, term: int, own: PreVote) -> None:
        """Prove that this node may begin a term: by pre-votes, or by its leader's nomination."""
        nomination = self.nomination
        if nomination is not None and nomination.term + 1 == term:
            opening = self.openings[nomination.term]
            proof = TermProof(
                term=term,
                candidate=own.candidate,
                nomination=nomination,
                opening=opening.encoded,
            )
        else:
            self.add_support(own)
            # No more than are needed: a proof is as short as it can be.
            others = [one for one in self.support.values() if one.voter != own.voter]
            chosen = [own, *others[: self.electorate.majority - 1]]
            pre_votes = tuple(sorted(chosen, key=lambda one: one.voter))
            proof = TermProof(term=term, candidate=own.candidate, pre_votes=pre_votes)
        self.proofs[term] = encode_attachment(Attachment(term_proof=encode(proof)))
        _forget(self.proofs)


def _forget(by_term: dict[int, _KeptT]) -> None:
    while len(by_term) > _KEPT:
        del by_term[min(by_term)]
