"""Certificates: a majority, each voter once, all of one thing, or nothing."""

from itertools import pairwise
from typing import Final

import pytest
from electing import elect, finalise, signer_of
from founding import VOTERS, make_genesis, signing_key, vary
from hypothesis import given, strategies as st

from kpledger.base.codec import encode
from kpledger.base.errors import BadSignatureError, LedgerError, MalformedError
from kpledger.log.certificates import (
    MAX_CERTIFICATE_BYTES,
    MAX_OPENING_BYTES,
    MAX_TERM_PROOF_BYTES,
    CertificateError,
    CommitCertificate,
    LeaderCertificate,
    TermProof,
    certify_commit,
    decode_commit_certificate,
    decode_opening,
    decode_term_proof,
)
from kpledger.log.genesis import MAX_GENESIS_VOTERS
from kpledger.log.statements import (
    Electorate,
    LogEnd,
    StatementSigner,
    UnknownVoterError,
    Vote,
    VoterStatement,
)

ELECTORATE: Final = Electorate.of(make_genesis())
BASE: Final = LogEnd(term=2, index=7, head=b"\x07" * 32)
NEXT: Final = LogEnd(term=3, index=8, head=b"\x08" * 32)
OPENING: Final = elect("eu-1", term=3, base=BASE, voters=VOTERS)
BW_VOTE, EU_VOTE, ZA_VOTE = OPENING.votes
COMMIT: Final = finalise(NEXT, voters=VOTERS)
PRE_VOTES: Final = tuple(signer_of(one).pre_vote("bw-1", term=4) for one in VOTERS)
BY_PRE_VOTES: Final = TermProof(term=4, candidate="bw-1", pre_votes=PRE_VOTES)
BY_NOMINATION: Final = TermProof(
    term=4,
    candidate="bw-1",
    nomination=signer_of("eu-1").nominate("bw-1", term=3),
    opening=OPENING.encoded,
)
Certificate = LeaderCertificate | CommitCertificate | TermProof


def only(proof: TermProof, *voters: str) -> TermProof:
    return vary(proof, pre_votes=tuple(one for one in proof.pre_votes if one.voter in voters))


def accepts(certificate: Certificate) -> bool:
    try:
        certificate.verify(ELECTORATE)
    except LedgerError:
        return False
    return True


@pytest.mark.parametrize("certificate", [OPENING, COMMIT, BY_PRE_VOTES, BY_NOMINATION])
def test_what_a_majority_signed_convinces(certificate: Certificate) -> None:
    certificate.verify(ELECTORATE)


def test_a_leader_certificate_says_who_leads_which_term_after_which_block() -> None:
    assert (OPENING.term, OPENING.candidate, OPENING.base) == (3, "eu-1", BASE)


def test_a_commit_certificate_says_which_block_and_what_each_voter_signed() -> None:
    assert COMMIT.end == NEXT
    assert COMMIT.acknowledgements == tuple(signer_of(one).acknowledge(NEXT) for one in VOTERS)


@given(st.permutations(VOTERS), st.integers(0, len(VOTERS)))
def test_a_majority_is_needed_and_enough(voters: list[str], count: int) -> None:
    chosen = set(voters[:count])
    enough = count >= ELECTORATE.majority
    votes = tuple(one for one in OPENING.votes if one.voter in chosen)
    by = tuple(one for one in COMMIT.by if one.voter in chosen)
    if votes:
        assert accepts(LeaderCertificate(votes)) is enough
    assert accepts(vary(COMMIT, by=by)) is enough
    assert accepts(only(BY_PRE_VOTES, *chosen)) is enough


@given(st.lists(st.integers(0, 2), min_size=2, max_size=4))
def test_each_voter_stands_once_in_the_one_order(places: list[int]) -> None:
    """So that no signature counts twice, and equal certificates are equal bytes."""
    ascending = all(left < right for left, right in pairwise(places))
    votes = tuple(OPENING.votes[place] for place in places)
    by = tuple(COMMIT.by[place] for place in places)
    pre_votes = tuple(PRE_VOTES[place] for place in places)
    assert accepts(LeaderCertificate(votes)) is ascending
    assert accepts(vary(COMMIT, by=by)) is ascending
    assert accepts(vary(BY_PRE_VOTES, pre_votes=pre_votes)) is ascending


def test_too_few_and_one_twice_are_named() -> None:
    with pytest.raises(CertificateError) as few:
        LeaderCertificate((BW_VOTE,)).verify(ELECTORATE)
    with pytest.raises(CertificateError) as twice:
        vary(COMMIT, by=(COMMIT.by[0], COMMIT.by[0])).verify(ELECTORATE)
    assert str(few.value) == "the leader certificate of term 3: 1 of 3 voters signed, 2 are needed"
    assert str(twice.value) == (
        "the commit certificate of block 8 in term 3:"
        " voters are not ascending without repeats: ['bw-1', 'bw-1']"
    )
    assert few.value.what == "the leader certificate of term 3"
    assert few.value.problem == "1 of 3 voters signed, 2 are needed"


def vote_of_eu(candidate: str = "eu-1", *, term: int = 3, base: LogEnd = BASE) -> Vote:
    return signer_of("eu-1").vote(candidate, term=term, candidate_end=base, voter_end=BASE)


@pytest.mark.parametrize(
    "other",
    [
        vote_of_eu("za-1"),
        vote_of_eu(term=4),
        vote_of_eu(base=vary(BASE, term=1)),
        vote_of_eu(base=vary(BASE, index=6)),
        vote_of_eu(base=vary(BASE, head=bytes(32))),
    ],
    ids=["candidate", "term", "term of its log", "length of its log", "head of its log"],
)
def test_votes_for_different_things_elect_nobody(other: Vote) -> None:
    with pytest.raises(CertificateError, match="eu-1 and bw-1 voted for different things"):
        LeaderCertificate((BW_VOTE, other)).verify(ELECTORATE)


def test_voters_may_have_logs_of_their_own() -> None:
    own = LogEnd(term=1, index=2, head=b"\x02" * 32)
    behind = signer_of("za-1").vote("eu-1", term=3, candidate_end=BASE, voter_end=own)
    LeaderCertificate((BW_VOTE, behind)).verify(ELECTORATE)


STRANGER: Final = StatementSigner(ELECTORATE, "in-1", signing_key("in-1/consensus"), 1)


@pytest.mark.parametrize(
    "certificate",
    [
        LeaderCertificate(
            (BW_VOTE, STRANGER.vote("eu-1", term=3, candidate_end=BASE, voter_end=BASE))
        ),
        certify_commit([signer_of("bw-1").acknowledge(NEXT), STRANGER.acknowledge(NEXT)]),
        vary(BY_PRE_VOTES, pre_votes=(PRE_VOTES[0], STRANGER.pre_vote("bw-1", term=4))),
    ],
)
def test_a_node_that_does_not_vote_does_not_count(certificate: Certificate) -> None:
    with pytest.raises(UnknownVoterError, match="'in-1'"):
        certificate.verify(ELECTORATE)


FORGED: Final = StatementSigner(ELECTORATE, "eu-1", signing_key("in-1/consensus"), 1)


@pytest.mark.parametrize(
    "certificate",
    [
        LeaderCertificate(
            (BW_VOTE, FORGED.vote("eu-1", term=3, candidate_end=BASE, voter_end=BASE))
        ),
        certify_commit([signer_of("bw-1").acknowledge(NEXT), FORGED.acknowledge(NEXT)]),
        vary(BY_PRE_VOTES, pre_votes=(PRE_VOTES[0], FORGED.pre_vote("bw-1", term=4))),
        vary(BY_NOMINATION, nomination=FORGED.nominate("bw-1", term=3)),
    ],
)
def test_one_forged_signature_is_one_too_many(certificate: Certificate) -> None:
    with pytest.raises(BadSignatureError, match="eu-1 in term"):
        certificate.verify(ELECTORATE)


@pytest.mark.parametrize("change", [{"term": 4}, {"index": 9}, {"head": bytes(32)}])
def test_acknowledgements_of_another_block_make_nothing_final(change: dict[str, object]) -> None:
    with pytest.raises(BadSignatureError):
        vary(COMMIT, **change).verify(ELECTORATE)


def test_acknowledgements_of_another_generation_make_nothing_final() -> None:
    by = (vary(COMMIT.by[0], generation=2), *COMMIT.by[1:])
    with pytest.raises(BadSignatureError):
        vary(COMMIT, by=by).verify(ELECTORATE)


def test_acknowledgements_are_gathered_in_any_order() -> None:
    assert certify_commit(reversed(COMMIT.acknowledgements)) == COMMIT


def test_acknowledgements_of_none_or_of_different_blocks_are_not_gathered() -> None:
    other = signer_of("eu-1").acknowledge(vary(NEXT, head=bytes(32)))
    with pytest.raises(CertificateError, match="acknowledgements of 2 blocks"):
        certify_commit([COMMIT.acknowledgements[0], other])
    with pytest.raises(CertificateError, match="acknowledgements of 0 blocks"):
        certify_commit([])


@pytest.mark.parametrize(
    ("proof", "problem"),
    [
        (vary(BY_PRE_VOTES, term=5), "bw-1 supports bw-1 in term 4"),
        (vary(BY_PRE_VOTES, candidate="eu-1"), "bw-1 supports bw-1 in term 4"),
        (vary(BY_PRE_VOTES, pre_votes=()), "0 of 3 voters signed"),
        (vary(BY_PRE_VOTES, opening=OPENING.encoded), "comes without a nomination"),
        (vary(BY_NOMINATION, term=5), "the nomination is of bw-1 after term 3"),
        (vary(BY_NOMINATION, candidate="za-1"), "the nomination is of bw-1 after term 3"),
        (vary(BY_NOMINATION, pre_votes=PRE_VOTES), "comes with its leader's certificate alone"),
        (vary(BY_NOMINATION, opening=None), "comes with its leader's certificate alone"),
        (
            vary(BY_NOMINATION, nomination=signer_of("bw-1").nominate("bw-1", term=3)),
            "bw-1 was not elected in term 3",
        ),
        (
            vary(BY_NOMINATION, opening=elect("eu-1", term=2, base=BASE).encoded),
            "eu-1 was not elected in term 3",
        ),
        (
            vary(BY_NOMINATION, opening=elect("eu-1", term=3, base=BASE, voters=["bw-1"]).encoded),
            "1 of 3 voters signed, 2 are needed",
        ),
    ],
)
def test_why_a_term_could_not_begin_is_named(proof: TermProof, problem: str) -> None:
    with pytest.raises(CertificateError, match=problem):
        proof.verify(ELECTORATE)


def test_certificates_come_back_from_their_bytes() -> None:
    assert decode_opening(OPENING.encoded) == OPENING
    assert decode_commit_certificate(encode(COMMIT)) == COMMIT
    for proof in (BY_PRE_VOTES, BY_NOMINATION):
        assert decode_term_proof(encode(proof)) == proof


def test_limits_hold_the_largest_certificates() -> None:
    names = [f"za-{number:029}" for number in range(MAX_GENESIS_VOTERS)]
    keys = {name: signing_key(name) for name in names}
    electorate = Electorate(
        bytes(32), bytes(32), {name: key.public_key for name, key in keys.items()}
    )
    end = LogEnd(term=2**53 - 2, index=2**53 - 2, head=b"\xff" * 32)
    signers = [StatementSigner(electorate, one, key, 2**32 - 1) for one, key in keys.items()]
    opening = LeaderCertificate(
        tuple(
            one.vote(names[0], term=2**53 - 1, candidate_end=end, voter_end=end) for one in signers
        )
    )
    opening.verify(electorate)
    assert decode_opening(opening.encoded) == opening
    commit = certify_commit(one.acknowledge(end) for one in signers)
    assert decode_commit_certificate(encode(commit)) == commit
    proofs = [
        TermProof(
            term=2**53 - 1,
            candidate=names[1],
            pre_votes=tuple(one.pre_vote(names[1], term=2**53 - 1) for one in signers),
        ),
        TermProof(
            term=2**53,
            candidate=names[1],
            nomination=signers[0].nominate(names[1], term=2**53 - 1),
            opening=opening.encoded,
        ),
    ]
    assert max(len(encode(one)) for one in proofs) < MAX_TERM_PROOF_BYTES
    assert decode_term_proof(encode(proofs[0])) == proofs[0]


def with_head(version: int, count: int) -> bytes:
    return bytes([version, count]) + OPENING.encoded[2:]


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (b"", "requires a buffer"),
        (b"\x01", "requires a buffer"),
        (b"\x01\x00", "it carries no vote"),
        (with_head(0, 3), "version 0"),
        (with_head(2, 3), "version 2"),
        (with_head(1, 2), "announced"),
        (with_head(1, 4), "requires a buffer"),
        (OPENING.encoded[:-1], "announced"),
        (OPENING.encoded + b"\0", "announced"),
        (b"\x01\x01\xff\xff\xff\xff", "announced"),
        (bytes(MAX_OPENING_BYTES + 1), f"limit {MAX_OPENING_BYTES}"),
        (b"\x01\x01\x00\x00\x00\x01\x80", "vote"),
    ],
)
def test_opening_that_cannot_be_read_is_refused(payload: bytes, problem: str) -> None:
    with pytest.raises(LedgerError, match=problem):
        decode_opening(payload)


@given(st.integers(0, len(OPENING.encoded) - 1), st.integers(0, 7))
def test_no_bit_of_an_opening_can_be_changed(place: int, bit: int) -> None:
    changed = bytearray(OPENING.encoded)
    changed[place] ^= 1 << bit
    with pytest.raises(LedgerError):
        decode_opening(bytes(changed)).verify(ELECTORATE)


@given(st.integers(0, len(encode(COMMIT)) - 1), st.integers(0, 7))
def test_no_bit_of_a_commit_certificate_can_be_changed(place: int, bit: int) -> None:
    changed = bytearray(encode(COMMIT))
    changed[place] ^= 1 << bit
    with pytest.raises(LedgerError):
        decode_commit_certificate(bytes(changed)).verify(ELECTORATE)


@pytest.mark.parametrize("proof", [BY_PRE_VOTES, BY_NOMINATION])
@given(data=st.data(), bit=st.integers(0, 7))
def test_no_bit_of_a_term_proof_can_be_changed(
    proof: TermProof, data: st.DataObject, bit: int
) -> None:
    changed = bytearray(encode(proof))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << bit
    with pytest.raises(LedgerError):
        decode_term_proof(bytes(changed)).verify(ELECTORATE)


@pytest.mark.parametrize(
    ("decode_one", "limit"),
    [
        (decode_commit_certificate, MAX_CERTIFICATE_BYTES),
        (decode_term_proof, MAX_TERM_PROOF_BYTES),
    ],
)
def test_oversized_certificate_is_not_read(decode_one: object, limit: int) -> None:
    assert callable(decode_one)
    with pytest.raises(LedgerError, match=f"{limit}"):
        decode_one(bytes(limit + 1))


def test_a_certificate_of_nobody_is_not_read() -> None:
    with pytest.raises(MalformedError):
        decode_commit_certificate(encode(vary(COMMIT, by=())))


def test_whoever_verifies_elsewhere_is_asked_for_each_voter() -> None:
    asked: list[bytes] = []

    def check(key: bytes, _message: bytes, _signature: bytes) -> bool:
        asked.append(key)
        return True

    OPENING.verify(ELECTORATE, check)
    COMMIT.verify(ELECTORATE, check)
    BY_PRE_VOTES.verify(ELECTORATE, check)
    assert asked == [ELECTORATE.keys[one] for one in VOTERS] * 3
    BY_NOMINATION.verify(ELECTORATE, check)
    statements: tuple[VoterStatement, ...] = (*OPENING.votes, *OPENING.votes[1:2])
    assert asked[9:] == [ELECTORATE.keys[one.voter] for one in statements]
