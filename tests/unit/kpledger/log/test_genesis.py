"""The genesis file: what it founds, and every way in which it cannot."""

from collections.abc import Callable

import msgspec
import pytest
from founding import (
    FOUNDED_MS,
    NODES,
    PARTICIPANTS,
    VOTERS,
    make_genesis,
    make_genesis_file,
    public_hex,
    signing_key,
    vary,
)
from hypothesis import given, strategies as st

from kpledger.base.errors import GenesisError
from kpledger.base.hashing import Domain, hash_with_domain
from kpledger.base.state import MemoryState, read_record
from kpledger.log.genesis import (
    MAX_GENESIS_BYTES,
    GenesisFile,
    GenesisPolicy,
    GenesisRecovery,
    format_genesis,
    parse_genesis,
)
from kpledger.scheme.v1.events.decisions import PolicyValues
from kpledger.scheme.v1.events.governance import Standing
from kpledger.scheme.v1.measures import StandingSince
from kpledger.scheme.v1.records import (
    SCHEME_KEY,
    HouseRecord,
    KeyRecord,
    ParticipantRecord,
    PolicyRecord,
    PolicySince,
    SchemeRecord,
)
from kpledger.scheme.version import RULES_KEY, RulesRecord, RulesSince

Change = Callable[[GenesisFile], GenesisFile]


def _vary_node(file: GenesisFile, **changes: object) -> GenesisFile:
    return vary(file, nodes=(vary(file.nodes[0], **changes), *file.nodes[1:]))


def _vary_participant(file: GenesisFile, **changes: object) -> GenesisFile:
    first = vary(file.participants[0], **changes)
    return vary(file, participants=(first, *file.participants[1:]))


def _vary_policy(**changes: object) -> Change:
    return lambda file: vary(file, policy=vary(file.policy, **changes))


SMALL_ORDER = "01" + "00" * 31

BAD: list[tuple[str, Change, str]] = [
    ("format", lambda file: vary(file, format="kpledger-genesis/2"), "at format"),
    ("rules", lambda file: vary(file, rules_version=2), "at rules_version"),
    ("origin-empty", lambda file: vary(file, origin=""), "at origin"),
    ("origin-with-space", lambda file: vary(file, origin="a b"), "at origin"),
    ("origin-with-newline", lambda file: vary(file, origin="ledger\n"), "at origin"),
    ("created-before-1970", lambda file: vary(file, created_at=-1), "at created_at"),
    ("no-participants", lambda file: vary(file, participants=()), "at participants"),
    ("no-nodes", lambda file: vary(file, nodes=()), "at nodes"),
    ("no-voters", lambda file: vary(file, voters=()), "at voters"),
    ("ten-voters", lambda file: vary(file, voters=tuple("abcdefghij")), "at voters"),
    ("voters-unsorted", lambda file: vary(file, voters=file.voters[::-1]), "at voters: not in"),
    ("voter-twice", lambda file: vary(file, voters=("bw-1", "bw-1")), "at voters: a name"),
    ("voter-unknown", lambda file: vary(file, voters=("xx-1",)), "at voters: xx-1 is not one of"),
    ("node-twice", lambda file: vary(file, nodes=file.nodes + file.nodes[:1]), "at nodes: a name"),
    (
        "participant-twice",
        lambda file: vary(file, participants=file.participants * 2),
        "at participants: a name",
    ),
    (
        "node-of-nobody",
        lambda file: _vary_node(file, participant="XX"),
        "at nodes.bw-1: XX is not one of the participants",
    ),
    (
        "consensus-key-is-tls-key",
        lambda file: _vary_node(file, tls_key=file.nodes[0].consensus_key),
        "at keys: one key is used twice",
    ),
    (
        "chair-key-is-root-key",
        lambda file: vary(file, chair_key=public_hex("BW/root")),
        "at keys: one key is used twice",
    ),
    (
        "secretariat-key-of-small-order",
        lambda file: vary(file, secretariat_key=SMALL_ORDER),
        "is not a canonical point",
    ),
    (
        "root-key-of-small-order",
        lambda file: _vary_participant(file, root_key=SMALL_ORDER),
        "is not a canonical point",
    ),
    (
        "tls-key-of-small-order",
        lambda file: _vary_node(file, tls_key=SMALL_ORDER),
        "is not a canonical point",
    ),
    ("key-short", lambda file: vary(file, chair_key="00"), "at chair_key"),
    ("key-in-capitals", lambda file: vary(file, chair_key="A" * 64), "at chair_key"),
    ("code", lambda file: _vary_participant(file, code="bw"), r"at participants\[0\].code"),
    ("name-empty", lambda file: _vary_participant(file, name=""), r"at participants\[0\].name"),
    ("name-nfd", lambda file: _vary_participant(file, name="Cote\u0301"), "not NFC"),
    ("node-name", lambda file: _vary_node(file, name="BW 1"), r"at nodes\[0\].name"),
    ("validity-0", _vary_policy(max_validity_days=0), "at policy.max_validity_days"),
    ("carat-tolerance", _vary_policy(carat_tolerance_ppm=100_001), "at policy.carat"),
    ("carat-least", _vary_policy(carat_tolerance_thousandths=1_001), "at policy.carat"),
    ("value-tolerance", _vary_policy(value_tolerance_ppm=-1), "at policy.value"),
    ("value-least", _vary_policy(value_tolerance_usd_cents=-1), "at policy.value"),
    ("quota-0", _vary_policy(notes_quota=9), "at policy.notes_quota"),
    ("quota-offices-0", _vary_policy(quota_offices=0), "at policy.quota_offices"),
    (
        "too-few-witnesses",
        lambda file: vary(file, recovery=GenesisRecovery(witnesses=4, chair_quorum=2)),
        "at recovery.witnesses: needs 5 participants that are no ENTITY; there are 4",
    ),
    (
        "no-quorum",
        lambda file: vary(file, recovery=GenesisRecovery(witnesses=1, chair_quorum=5)),
        "at recovery.chair_quorum: needs 5",
    ),
    ("skew", _vary_policy(clock_skew_ms=3_600_001), "at policy.clock_skew_ms"),
]


@pytest.mark.parametrize(("change", "problem"), [pytest.param(*row[1:], id=row[0]) for row in BAD])
def test_file_that_cannot_found_a_ledger_is_refused(change: Change, problem: str) -> None:
    encoded = format_genesis(change(make_genesis_file()))
    with pytest.raises(GenesisError, match=problem):
        parse_genesis(encoded)


def test_file_without_a_recovery_key_is_refused_with_the_reason() -> None:
    encoded = format_genesis(make_genesis_file())
    key = b',\n      "recovery_key": "' + public_hex("EU/recovery").encode() + b'"'
    assert key in encoded
    problem = r"at participants\[1\]: .* recovery_key is missing; found .* for ever"
    with pytest.raises(GenesisError, match=problem):
        parse_genesis(encoded.replace(key, b""))


@pytest.mark.parametrize(
    ("encoded", "problem"),
    [
        (b"", "malformed"),
        (b"[]", "malformed"),
        (b"{}", "the field .* is missing"),
        (b"\xff", "malformed"),
        (b'{"format": "\xff"}', "malformed"),
        (b"[" * 100_000, "malformed"),
        (b" " * (MAX_GENESIS_BYTES + 1), f"the limit is {MAX_GENESIS_BYTES}"),
        (format_genesis(make_genesis_file()) + b"{}", "malformed"),
        (
            format_genesis(make_genesis_file()).replace(b'"format"', b'"form"'),
            "the field form is not known",
        ),
    ],
)
def test_other_bytes_are_refused(encoded: bytes, problem: str) -> None:
    with pytest.raises(GenesisError, match=problem):
        parse_genesis(encoded)


@given(
    st.integers(1, 3660), st.integers(0, 100_000), st.integers(0, 1_000_000), st.integers(0, 1000)
)
def test_file_survives_being_written_and_read(
    days: int, carats: int, value: int, skew: int
) -> None:
    policy = GenesisPolicy(
        max_validity_days=days,
        carat_tolerance_ppm=carats,
        value_tolerance_ppm=value,
        clock_skew_ms=skew,
    )
    file = make_genesis_file(policy=policy)
    assert parse_genesis(format_genesis(file)).file == file


def test_file_of_just_the_limit_is_accepted() -> None:
    file = make_genesis_file()
    padded = format_genesis(file).ljust(MAX_GENESIS_BYTES)
    assert parse_genesis(padded).file == file


def test_chain_is_the_hash_of_the_exact_bytes() -> None:
    encoded = format_genesis(make_genesis_file())
    assert parse_genesis(encoded).chain == hash_with_domain(Domain.GENESIS, encoded)
    assert parse_genesis(encoded + b"\n").chain != parse_genesis(encoded).chain


def test_voters_and_their_keys_make_the_configuration() -> None:
    genesis = make_genesis()
    keys = {voter: signing_key(f"{voter}/consensus").public_key for voter in VOTERS}
    voters = [{"consensus_key": key, "name": voter} for voter, key in keys.items()]
    encoded = msgspec.msgpack.encode({"voters": voters})
    assert genesis.consensus_keys == keys
    assert genesis.config_hash == hash_with_domain(Domain.CONFIG, encoded)


def test_node_is_found_by_name_or_the_known_ones_are_named() -> None:
    genesis = make_genesis()
    assert [genesis.node(name).name for name in NODES] == list(NODES)
    with pytest.raises(GenesisError, match="no node 'xx-1'; it has bw-1, eu-1, in-1, za-1"):
        genesis.node("xx-1")


def test_policy_left_out_is_the_documented_one() -> None:
    assert GenesisPolicy() == GenesisPolicy(
        max_validity_days=60,
        carat_tolerance_ppm=1_000,
        carat_tolerance_thousandths=10,
        value_tolerance_ppm=20_000,
        value_tolerance_usd_cents=100,
        signed_supports=0,
        clock_skew_ms=10_000,
        trade_quota=2_500,
        statistics_quota=100,
        governance_quota=2_000,
        notes_quota=100,
        quota_offices=4,
    )


def test_state_begins_with_policy_rules_chair_participants_and_first_keys() -> None:
    state = MemoryState()
    state.apply(make_genesis().seed_state(state))
    own = [f"{code}/{name}" for code in PARTICIPANTS for name in ("root", "recovery")]
    owners = ["KPCS/chair", "KPCS/secretariat", *own]
    keys = {KeyRecord.key_for(signing_key(owner).public_key): owner for owner in owners}
    scheme = {PolicyRecord.key_for("network"), RULES_KEY, SCHEME_KEY}
    houses = map(HouseRecord.key_for, ("KPCS", *PARTICIPANTS))
    members = map(ParticipantRecord.key_for, PARTICIPANTS)
    assert set(state.pairs) == {*scheme, *keys, *houses, *members}
    assert read_record(state, HouseRecord.key_for("BW"), HouseRecord) == HouseRecord(
        keys=(signing_key("BW/root").public_key, signing_key("BW/recovery").public_key)
    )
    values = msgspec.convert(msgspec.structs.asdict(GenesisPolicy()), PolicyValues)
    settled = PolicySince(
        values=values, effective_from=0, recorded_at=FOUNDED_MS, decision=None, height=0
    )
    assert read_record(state, PolicyRecord.key_for("network"), PolicyRecord) == PolicyRecord(
        history=(settled,)
    )
    assert read_record(state, RULES_KEY, RulesRecord) == RulesRecord(
        versions=(RulesSince(version=1, height=1),)
    )
    assert read_record(state, SCHEME_KEY, SchemeRecord) == SchemeRecord(
        chair=None,
        vice_chair=None,
        year=None,
        key=signing_key("KPCS/chair").public_key,
        witnesses=2,
        chair_quorum=3,
    )
    for key, owner in keys.items():
        participant, authority = owner.split("/")
        assert read_record(state, key, KeyRecord) == KeyRecord(
            participant=participant,
            authority=authority,
            valid_from=0,
            revoked_at=None,
            reason=None,
            suspect_since=None,
            height=0,
        )
    for code, (name, kind) in PARTICIPANTS.items():
        active = StandingSince(status=Standing.ACTIVE, effective_from=0, decision="genesis")
        assert read_record(
            state, ParticipantRecord.key_for(code), ParticipantRecord
        ) == ParticipantRecord(
            code=code, name=name, kind=kind, standings=(active,), authority_count=0
        )
