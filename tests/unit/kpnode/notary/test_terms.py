"""Which terms could begin, and who leads them: only by the word of a majority, and remembered."""

from typing import Final

import pytest
from branches import Branch
from electing import elect, signer_of
from founding import VOTERS, make_genesis
from voices import Majority, hand_over

from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError
from kpledger.log.certificates import TermProof, decode_term_proof
from kpledger.log.statements import Electorate, verifies
from kpnode.notary.attachment import Attachment, encode_attachment
from kpnode.notary.terms import Terms

ELECTORATE: Final = Electorate.of(make_genesis())
BASE: Final = Branch().end
BOTH: Final = Majority((signer_of("bw-1"), signer_of("eu-1")))
ALONE: Final = Majority((signer_of("eu-1"),))
OPENING: Final = elect("bw-1", term=3, base=BASE)


def make_terms() -> Terms:
    return Terms(ELECTORATE, verifies)


def show(proof: TermProof) -> Attachment:
    return Attachment(term_proof=encode(proof))


def test_leader_is_who_was_elected() -> None:
    terms = make_terms()
    assert (terms.leader(3), terms.prove(3)) == (None, Attachment())
    assert terms.learn_opening(OPENING.encoded) == OPENING
    assert terms.learn(3, Attachment(opening=OPENING.encoded)) == "bw-1"
    assert terms.leader(3) == "bw-1"
    assert terms.prove(3) == Attachment(opening=OPENING.encoded)


def test_what_is_known_is_not_verified_again() -> None:
    checked: list[bytes] = []

    def check(key: bytes, message: bytes, signature: bytes) -> bool:
        checked.append(message)
        return verifies(key, message, signature)

    terms = Terms(ELECTORATE, check)
    for _ in range(3):
        terms.learn_opening(OPENING.encoded)
    assert len(checked) == 2
    # Other votes for the same leader are as good, and change nothing.
    again = elect("bw-1", term=3, base=BASE, voters=("bw-1", "za-1"))
    assert terms.learn_opening(again.encoded) == again
    assert terms.prove(3) == Attachment(opening=OPENING.encoded)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        OPENING.encoded[:-1],
        ALONE.elect("bw-1", term=3, base=BASE).encoded,
        OPENING.encoded[:-1] + bytes([OPENING.encoded[-1] ^ 1]),
    ],
)
def test_votes_that_elect_nobody_are_refused(payload: bytes) -> None:
    terms = make_terms()
    with pytest.raises(LedgerError):
        terms.learn(3, Attachment(opening=payload))
    assert (terms.openings, terms.proofs) == ({}, {})


def test_second_leader_of_a_term_is_refused_and_its_voters_are_noted() -> None:
    terms = make_terms()
    terms.learn_opening(OPENING.encoded)
    rival = elect("za-1", term=3, base=BASE, voters=("eu-1", "za-1"))
    with pytest.raises(LedgerError, match="bw-1 was elected in that term as well"):
        terms.learn_opening(rival.encoded)
    assert terms.leader(3) == "bw-1"
    assert [(one.voter, one.candidate) for one in terms.double] == [
        ("eu-1", "bw-1"),
        ("eu-1", "za-1"),
    ]


def test_term_may_begin_by_pre_votes_or_by_the_word_of_its_leader() -> None:
    terms = make_terms()
    allowed = BOTH.allow("za-1", term=7)
    assert terms.learn(7, show(allowed)) == "za-1"
    assert terms.prove(7) == show(allowed)
    handed = hand_over(signer_of("bw-1"), OPENING, "eu-1")
    assert terms.learn(4, show(handed)) == "eu-1"
    assert terms.nominators == {4: ("bw-1", "eu-1")}
    assert terms.leader(7) is None


@pytest.mark.parametrize(
    ("term", "shown", "problem"),
    [
        (8, show(BOTH.allow("za-1", term=7)), "it is of term 7, not 8"),
        (7, show(ALONE.allow("za-1", term=7)), "2 are needed"),
        (7, show(TermProof(term=7, candidate="za-1")), "2 are needed"),
        (4, show(hand_over(signer_of("za-1"), OPENING, "eu-1")), "za-1 was not elected"),
        (7, Attachment(term_proof=b"\x80"), "term proof"),
    ],
)
def test_term_that_could_not_begin_is_refused(term: int, shown: Attachment, problem: str) -> None:
    terms = make_terms()
    with pytest.raises(LedgerError, match=problem):
        terms.learn(term, shown)
    assert (terms.proofs, terms.nominators) == ({}, {})


def test_nothing_shown_proves_nothing() -> None:
    terms = make_terms()
    assert terms.learn(3, Attachment()) is None
    assert terms.learn(4, Attachment(opening=OPENING.encoded)) is None
    assert terms.leader(3) == "bw-1"


def test_own_term_is_proven_by_as_many_pre_votes_as_are_needed() -> None:
    terms = make_terms()
    terms.add_support(signer_of("eu-1").pre_vote("bw-1", term=4))
    for voter in ("za-1", "eu-1"):
        terms.add_support(signer_of(voter).pre_vote("bw-1", term=5))
    assert {one.term for one in terms.support.values()} == {5}
    terms.begin_own(5, signer_of("bw-1").pre_vote("bw-1", term=5))
    proof = decode_term_proof(terms.prove(5).term_proof or b"")
    proof.verify(ELECTORATE)
    assert [one.voter for one in proof.pre_votes] == ["bw-1", "za-1"]


def test_own_term_is_proven_by_the_nomination_it_follows() -> None:
    terms = make_terms()
    terms.learn_opening(OPENING.encoded)
    terms.nomination = signer_of("bw-1").nominate("eu-1", term=3)
    terms.begin_own(4, signer_of("eu-1").pre_vote("eu-1", term=4))
    proof = decode_term_proof(terms.prove(4).term_proof or b"")
    proof.verify(ELECTORATE)
    assert (proof.nomination, proof.pre_votes) == (terms.nomination, ())
    # It says nothing of the term after that.
    terms.add_support(signer_of("za-1").pre_vote("eu-1", term=5))
    terms.begin_own(5, signer_of("eu-1").pre_vote("eu-1", term=5))
    decode_term_proof(terms.prove(5).term_proof or b"").verify(ELECTORATE)


@pytest.mark.parametrize("shown", [show(BOTH.allow("za-1", term=3)), Attachment()])
def test_stored_proof_is_known_after_a_restart(shown: Attachment) -> None:
    terms = make_terms()
    terms.recall(3, encode_attachment(shown))
    assert terms.prove(3) == shown


@pytest.mark.parametrize(
    "stored", [b"", b"\xff", encode_attachment(show(BOTH.allow("za-1", term=2)))]
)
def test_stored_proof_of_something_else_is_none(stored: bytes) -> None:
    terms = make_terms()
    terms.recall(3, stored)
    assert terms.proofs == {}


def test_no_more_terms_are_remembered_than_a_few_of_the_newest() -> None:
    terms = make_terms()
    for term in range(1, 41):
        opening = elect(VOTERS[term % 3], term=term, base=BASE)
        terms.learn_opening(opening.encoded)
        terms.learn(100 + term, show(BOTH.allow("za-1", term=100 + term)))
        opening = elect("bw-1", term=200 + term, base=BASE)
        terms.learn(201 + term, show(hand_over(signer_of("bw-1"), opening, "eu-1")))
    for kept in (terms.openings, terms.proofs, terms.votes, terms.nominators):
        assert len(kept) == 16
    assert min(terms.openings) == 25
