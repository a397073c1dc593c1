"""A policy is read to the letter, and says how many are missing."""

import base64
from pathlib import Path

import msgspec
import pytest
from cosigned import SEALED_AT_S, checkpoint_over, cosign, found_with_voters, seal
from founding import signing_key
from hypothesis import given, strategies as st
from naive import trees
from naive.proofs import Refused

from kpledger.base.errors import BadSignatureError, LedgerError, OversizedError
from kpledger.log.checkpoint import OriginMismatchError, UnsignedByLogError, cosign_checkpoint
from kpledger.log.note import KeyType, NoteKey, UntrustedNoteError, format_vkey
from kpledger.log.policy import (
    MAX_POLICY_BYTES,
    MAX_POLICY_LINES,
    PolicyError,
    TrustPolicy,
    WitnessGroup,
    format_policy,
    parse_policy,
    policy_of,
)

VECTORS = sorted((Path(__file__).parents[3] / "vectors" / "policy").glob("*.json"))

GENESIS = found_with_voters(7)
VOTERS = GENESIS.file.voters
ENTRIES = [b"event-%d" % number for number in range(5)]
OUTSIDE = NoteKey("witness.example/w1", KeyType.COSIGNATURE, signing_key("w1/cosigning").public_key)


class PolicyVector(msgspec.Struct, frozen=True, kw_only=True):
    error: str | None
    """What the refusal says, or part of it."""
    policy: str
    """The octets in base64."""


@pytest.mark.parametrize("vector", VECTORS, ids=lambda path: path.stem)
def test_vector_is_judged_as_it_says(vector: Path) -> None:
    case = msgspec.json.decode(vector.read_bytes(), type=PolicyVector)
    assert (case.error is None) == vector.stem.startswith("good-")
    data = base64.b64decode(case.policy)
    if case.error is None:
        policy = parse_policy(data)
        assert parse_policy(format_policy(policy)) == policy
        return
    with pytest.raises(LedgerError) as caught:
        parse_policy(data)
    assert case.error in str(caught.value)


def test_vectors_are_present() -> None:
    assert len(VECTORS) > 30


@pytest.mark.parametrize(
    ("voters", "needed"), [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (8, 6), (9, 7)]
)
def test_policy_of_a_ledger_wants_more_than_two_thirds(voters: int, needed: int) -> None:
    genesis = found_with_voters(voters)
    policy = policy_of(genesis)
    assert policy.groups == {"voters": WitnessGroup(needed, genesis.file.voters)}
    assert parse_policy(format_policy(policy)) == policy
    enough = seal(genesis, ENTRIES, genesis.file.voters[:needed])
    assert list(policy.judge(enough).cosigners) == list(genesis.file.voters[:needed])
    too_few = seal(genesis, ENTRIES, genesis.file.voters[: needed - 1])
    with pytest.raises(PolicyError) as caught:
        policy.judge(too_few)
    assert (caught.value.have, caught.value.need) == (needed - 1, needed)
    assert caught.value.missing == genesis.file.voters[needed - 1 :]


def test_refusal_counts() -> None:
    with pytest.raises(PolicyError) as caught:
        policy_of(GENESIS).judge(seal(GENESIS, ENTRIES, VOTERS[:4]))
    assert str(caught.value) == (
        "the checkpoint is cosigned by 4 of the 7 in voters, 5 are needed;"
        " missing: za-5, za-6, za-7"
    )


def test_policy_of_a_ledger_is_written_so() -> None:
    genesis = found_with_voters(2)
    lines = format_policy(policy_of(genesis)).decode().split("\n")
    log = NoteKey("ledger.example/kp", KeyType.NOTE, signing_key("za-2/consensus").public_key)
    witness = NoteKey(
        "ledger.example/kp/za-2", KeyType.COSIGNATURE, signing_key("za-2/cosigning").public_key
    )
    assert lines[1] == f"log {format_vkey(log)}"
    assert lines[3:] == [
        f"witness za-2 {format_vkey(witness)}",
        "group voters 2 za-1 za-2",
        "quorum voters",
        "",
    ]


def test_any_voter_may_have_signed_as_the_log() -> None:
    for leader in VOTERS:
        data = seal(GENESIS, ENTRIES, VOTERS[:5], leader=leader)
        [key] = policy_of(GENESIS).judge(data).signed.log_keys
        assert key.public_key == signing_key(f"{leader}/consensus").public_key


def test_signature_of_the_log_is_no_cosignature() -> None:
    with pytest.raises(PolicyError, match="cosigned by 4 of the 7"):
        policy_of(GENESIS).judge(seal(GENESIS, ENTRIES, VOTERS[1:5], leader="za-1"))


def test_cosignatures_alone_are_no_checkpoint() -> None:
    data = seal(GENESIS, ENTRIES, VOTERS, leader="stranger")
    with pytest.raises(UnsignedByLogError):
        policy_of(GENESIS).judge(data)


def test_node_that_does_not_vote_counts_for_nothing() -> None:
    replica = cosign(checkpoint_over(GENESIS, ENTRIES), "in-1")
    data = seal(GENESIS, ENTRIES, VOTERS[:4], others=[replica])
    with pytest.raises(PolicyError, match="cosigned by 4 of the 7"):
        policy_of(GENESIS).judge(data)


def test_voter_that_signs_under_two_names_counts_once() -> None:
    twin = cosign(checkpoint_over(GENESIS, ENTRIES), "za-7", key="za-1/cosigning")
    data = seal(GENESIS, ENTRIES, VOTERS[:4], others=[twin])
    with pytest.raises(PolicyError, match="cosigned by 4 of the 7"):
        policy_of(GENESIS).judge(data)


def test_bad_cosignature_of_a_voter_spoils_the_checkpoint() -> None:
    other = cosign(checkpoint_over(GENESIS, ENTRIES[:4]), "za-6")
    with pytest.raises(BadSignatureError):
        policy_of(GENESIS).judge(seal(GENESIS, ENTRIES, VOTERS[:5], others=[other]))


def test_checkpoint_of_another_log_is_refused() -> None:
    logs = policy_of(GENESIS).logs
    policy = TrustPolicy(
        tuple(NoteKey("other.example", key.key_type, key.public_key) for key in logs)
    )
    with pytest.raises(OriginMismatchError, match=r"of ledger.example/kp, the policy knows other"):
        policy.judge(seal(GENESIS, ENTRIES, VOTERS))


def test_policy_that_asks_for_nobody_takes_what_the_log_signed() -> None:
    policy = TrustPolicy(policy_of(GENESIS).logs)
    sealed = policy.judge(seal(GENESIS, ENTRIES, ()))
    assert (sealed.cosigners, sealed.time_s) == ({}, None)
    with pytest.raises(UntrustedNoteError):
        policy.judge(seal(GENESIS, ENTRIES, VOTERS, leader="stranger"))


def test_policy_may_ask_for_voters_and_for_an_outside_witness() -> None:
    own = policy_of(GENESIS)
    policy = TrustPolicy(
        own.logs,
        {**own.witnesses, "W1": OUTSIDE},
        {**own.groups, "both": WitnessGroup(2, ("voters", "W1"))},
        "both",
    )
    assert parse_policy(format_policy(policy)) == policy
    outside = cosign_checkpoint(
        checkpoint_over(GENESIS, ENTRIES),
        name=OUTSIDE.name,
        key=signing_key("w1/cosigning"),
        time_s=SEALED_AT_S,
    )
    policy.judge(seal(GENESIS, ENTRIES, VOTERS[:5], others=[outside]))
    for cosigners, others, missing in (
        (VOTERS, [], ("W1",)),
        (VOTERS[:4], [outside], ("voters",)),
        (VOTERS[:4], [], ("voters", "W1")),
    ):
        with pytest.raises(PolicyError, match=r"of the 2 in both, 2 are needed") as caught:
            policy.judge(seal(GENESIS, ENTRIES, cosigners, others=others))
        assert caught.value.missing == missing


def test_one_witness_can_be_the_quorum() -> None:
    policy = TrustPolicy(policy_of(GENESIS).logs, {"W1": OUTSIDE}, {}, "W1")
    with pytest.raises(PolicyError, match="by 0 of the 1 in W1, 1 is needed; missing: W1"):
        policy.judge(seal(GENESIS, ENTRIES, VOTERS))


def test_time_is_the_median_of_what_cosigners_say() -> None:
    checkpoint = checkpoint_over(GENESIS, ENTRIES)
    times = {"za-1": 10, "za-2": 2**62, "za-3": 30, "za-4": 20, "za-5": 0}
    others = [cosign(checkpoint, node, time_s) for node, time_s in times.items()]
    assert policy_of(GENESIS).judge(seal(GENESIS, ENTRIES, (), others=others)).time_s == 20


def test_size_is_bounded() -> None:
    comments = b"#\n" * (MAX_POLICY_LINES - 1)
    parse_policy(comments + b"quorum none\n")
    with pytest.raises(LedgerError, match="not 1 to 256 complete lines"):
        parse_policy(b"#\n" + comments + b"quorum none\n")
    with pytest.raises(OversizedError):
        parse_policy(b"quorum none\n".ljust(MAX_POLICY_BYTES + 1, b"\n"))


_names = st.sets(st.sampled_from(VOTERS))


@st.composite
def _policies(draw: st.DrawFn) -> TrustPolicy:
    """Draw witnesses, groups over them and over each other, and one of all as the quorum."""
    own = policy_of(GENESIS)
    free, groups = list(VOTERS), {}
    for number in range(draw(st.integers(0, 4))):
        members = draw(st.lists(st.sampled_from(free), min_size=1, unique=True))
        free = [name for name in free if name not in members] + [f"g{number}"]
        groups[f"g{number}"] = WitnessGroup(draw(st.integers(1, len(members))), tuple(members))
    return TrustPolicy(
        own.logs, own.witnesses, groups, draw(st.sampled_from((None, *VOTERS, *groups)))
    )


@given(_policies(), _names)
def test_judged_as_the_quorum_asked_from_above_judges(
    policy: TrustPolicy, cosigners: set[str]
) -> None:
    """A second implementation goes down from the quorum; ours goes up from the witnesses."""
    data = seal(GENESIS, ENTRIES, sorted(cosigners))
    text, _, signatures = data.decode().rpartition("\n\n")
    try:
        trees.judge(format_policy(policy).decode(), text + "\n", signatures[:-1].split("\n"))
        expected = True
    except Refused:
        expected = False
    try:
        policy.judge(data)
        found = True
    except PolicyError:
        found = False
    assert found == expected == policy.is_met(cosigners)
