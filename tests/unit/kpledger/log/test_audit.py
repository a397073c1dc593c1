"""The auditor finds the exact block that does not follow, and nothing else."""

import functools
from collections.abc import Sequence
from dataclasses import replace

import pytest
from founding import (
    NOW_MS,
    MemoryLedger,
    event_id_of,
    issue,
    make_certificate,
    make_confirmation,
    make_event,
    make_genesis,
    make_genesis_file,
    number_of,
    open_trade,
    signing_key,
    vary,
)
from hypothesis import given, settings, strategies as st

from kpledger.base.codec import encode
from kpledger.base.errors import AnotherLedgerError
from kpledger.base.hashing import sha256
from kpledger.log.audit import (
    Auditor,
    AuditProgress,
    AuditReport,
    AuditVerdict,
    Signer,
    Violation,
    defer_signatures,
    find_bad_signature,
    report_sound,
    report_undecided,
    report_violation,
)
from kpledger.log.block import BlockHeader, decode_block, decode_block_header, encode_block
from kpledger.log.genesis import Genesis, GenesisPolicy, format_genesis, parse_genesis
from kpledger.log.layout import StoredEntry, encode_stored_entry
from kpledger.scheme.envelope import Envelope, open_envelope
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.version import RulesSince

NOOP, BLOCK, CONFIG = range(3)
SHIPMENTS = 3
CUT_AT_AN_OPENING = 6


def store(block: int | bytes, term: int = 1) -> bytes:
    """Give a block of a memory ledger as a node stores it."""
    if isinstance(block, int):
        return encode_stored_entry(StoredEntry(kind=NOOP, term=block, payload=b""))
    return encode_stored_entry(StoredEntry(kind=BLOCK, term=term, payload=block))


@functools.cache
def make_chain() -> tuple[bytes, ...]:
    """Found, open a trade, then issue and confirm; one event a block, a second term in between."""
    ledger = open_trade()
    terms = [1] * len(ledger.blocks)
    for serial in range(1, SHIPMENTS + 1):
        certificate = make_certificate(number_of("BW", serial))
        issued = issue(ledger, certificate)
        terms.append(ledger.tip.term)
        if serial == 1:
            ledger.open_term(2)
            terms.append(2)
        confirmation = make_confirmation(certificate)
        ledger.record(make_event("EU/antwerp", confirmation, prev=event_id_of(issued)))
        terms.append(ledger.tip.term)
    return tuple(store(block, term) for block, term in zip(ledger.blocks, terms, strict=True))


def audit(chain: Sequence[bytes], genesis: Genesis | None = None) -> AuditReport:
    """Audit stored entries from height 1 on."""
    genesis = genesis or make_genesis()
    auditor = Auditor(genesis)
    for height, stored in enumerate(chain, start=1):
        before = auditor.progress
        violation = auditor.feed(height, stored)
        if violation is not None:
            assert auditor.progress == before
            return report_violation(genesis, before, violation)
    return report_sound(genesis, auditor.progress)


def finding(report: AuditReport) -> tuple[AuditVerdict, int, int | None, str | None]:
    return report.verdict, report.height, report.first_bad_height, report.field


def violation_at(
    height: int, field: str, *, signed: int | None = None
) -> tuple[AuditVerdict, int, int, str]:
    """Give what is to be found; the report goes up to the last block below that has a signature."""
    if signed is None:
        signed = max((one for one in signed_heights() if one < height), default=0)
    return AuditVerdict.VIOLATION, signed, height, field


def put_at(height: int, stored: bytes) -> list[bytes]:
    """Give the chain with another entry at a height."""
    chain = list(make_chain())
    chain[height - 1] = stored
    return chain


def payload_at(height: int) -> bytes:
    return make_chain()[height - 1][10:]


def signed_heights() -> list[int]:
    return [height for height in range(1, len(make_chain()) + 1) if payload_at(height)]


def reseal(at: int, changes: dict[str, object], *, signer: str = "bw-1") -> bytes:
    """Alter the header of the block at a height and sign it again, as a voter could."""
    block = decode_block(payload_at(at))
    header: BlockHeader = vary(decode_block_header(block.header), **changes)
    payload = encode_block(header, block.events, signing_key(f"{signer}/consensus"))
    return store(payload, term_at(at))


def term_at(height: int) -> int:
    return int.from_bytes(make_chain()[height - 1][2:10], "big")


def with_events(height: int, *events: bytes) -> bytes:
    """Put other events into a block, signed by a voter."""
    header = decode_block_header(decode_block(payload_at(height)).header)
    payload = encode_block(header, events, signing_key("bw-1/consensus"))
    return store(payload, term_at(height))


LAST = 2 + 3 + 2 * SHIPMENTS
ISSUED = 5
"""Height of the first issue: a term, three offices, then trade."""


def test_sound_chain_is_reported_whole() -> None:
    ledger = open_trade()
    chain = [store(block) for block in ledger.blocks]
    assert audit(chain) == AuditReport(
        verdict=AuditVerdict.SOUND,
        chain=make_genesis().chain.hex(),
        height=4,
        head=ledger.tip.head.hex(),
        block_time_ms=NOW_MS,
        tree_size=10,
        tree_root=ledger.tip.tree.root().hex(),
        state_digest=ledger.tip.digest.digest.hex(),
        terms=1,
        voteless_terms=1,
        elected={},
        signed_blocks=3,
        unsigned_openings=0,
        voters=3,
        final_up_to=0,
        final_by=(),
        uncertified=4,
        signers=(Signer("bw-1", 4),),
        one_voter_from=1,
        events_by_type={
            "authority_registered": 3,
            "decision_recorded": 1,
            "key_added": 3,
            "number_range_allocated": 3,
        },
        rules=(RulesSince(version=1, height=1),),
        first_bad_height=None,
        field=None,
        problem=None,
    )


def test_events_and_terms_are_counted() -> None:
    report = audit(make_chain())
    assert (report.verdict, report.height, report.terms) == (AuditVerdict.SOUND, LAST, 2)
    assert report.signed_blocks == LAST - 2
    assert report.events_by_type == {
        "authority_registered": 3,
        "certificate_issued": SHIPMENTS,
        "decision_recorded": 1,
        "import_confirmed": SHIPMENTS,
        "key_added": 3,
        "number_range_allocated": 3,
    }
    assert report.tree_size == sum(report.events_by_type.values())


@pytest.mark.parametrize("height", signed_heights())
@settings(max_examples=25)
@given(choice=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_flipped_bit_is_found_at_its_height(height: int, choice: int, bit: int) -> None:
    """Any bit of any block, its frame included: that block is the first bad one."""
    stored = bytearray(make_chain()[height - 1])
    stored[choice % len(stored)] ^= 1 << bit
    report = audit(put_at(height, bytes(stored)))
    assert (report.verdict, report.first_bad_height) == (AuditVerdict.VIOLATION, height)
    assert finding(report)[:2] == violation_at(height, "")[:2]


@pytest.mark.parametrize("height", signed_heights())
def test_truncated_block_is_found_at_its_height(height: int) -> None:
    report = audit(put_at(height, make_chain()[height - 1][:-1]))
    assert finding(report) == violation_at(height, "entry")


@pytest.mark.parametrize("signer", ["in-1", "stranger"])
def test_altered_block_signed_by_a_non_voter_is_found(signer: str) -> None:
    altered = reseal(ISSUED, {"time_ms": NOW_MS + 1, "leader": signer}, signer=signer)
    assert finding(audit(put_at(ISSUED, altered))) == violation_at(ISSUED, "leader")


def test_altered_block_signed_under_a_voters_name_by_another_key_is_found() -> None:
    altered = reseal(ISSUED, {"time_ms": NOW_MS + 1}, signer="in-1")
    assert finding(audit(put_at(ISSUED, altered))) == violation_at(ISSUED, "signature")


def test_block_replaced_by_a_voter_is_found_where_the_old_chain_goes_on() -> None:
    """A voter can sign another block; what was built on the first one convicts it."""
    ledger = open_trade()
    other = make_event(
        "BW/gaborone", CertificateIssued(certificate=make_certificate("BW000077")), nonce=7
    )
    replaced = store(ledger.record(other))
    assert audit([*make_chain()[: ISSUED - 1], replaced]).verdict is AuditVerdict.SOUND
    # Block 6 opens a term and names no predecessor.
    report = audit(put_at(ISSUED, replaced))
    assert finding(report) == violation_at(ISSUED + 2, "prev_head")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chain", sha256(b"another genesis")),
        ("height", ISSUED + 1),
        ("prev_head", sha256(b"another block")),
        ("config_hash", sha256(b"other voters")),
        ("term", 0),
        ("time_ms", NOW_MS - 1),
        ("first_event", 0),
        ("event_count", 2),
        ("payload_root", sha256(b"other events")),
        ("tree_size", 12),
        ("tree_root", sha256(b"another tree")),
        ("state_digest", sha256(b"another state")),
        ("era", 1),
    ],
)
def test_untrue_header_field_is_named(field: str, value: object) -> None:
    report = audit(put_at(ISSUED, reseal(ISSUED, {field: value})))
    assert finding(report) == violation_at(ISSUED, field)


def test_event_that_breaks_a_rule_is_named_with_its_rule() -> None:
    """A leader and a majority that let a breach pass do not get it past an auditor."""
    certificate = make_certificate("BW000001", destination="BW")
    breach = make_event("BW/gaborone", CertificateIssued(certificate=certificate))
    report = audit(put_at(ISSUED, with_events(ISSUED, breach)))
    assert finding(report) == violation_at(ISSUED, "events[0]")
    assert (report.problem or "").startswith("E4 (KPCS II(a), III(c)): ")


def forge_event_signature(height: int) -> bytes:
    (event,) = decode_block(payload_at(height)).events
    envelope = open_envelope(event)
    (signature,) = envelope.signatures
    forged: Envelope = vary(
        envelope,
        signatures=(vary(signature, sig=bytes([signature.sig[0] ^ 1]) + signature.sig[1:]),),
    )
    return with_events(height, encode(forged))


def test_event_with_a_forged_signature_is_named() -> None:
    report = audit(put_at(ISSUED, forge_event_signature(ISSUED)))
    assert finding(report) == violation_at(ISSUED, "events[0]")


def test_signatures_are_found_bad_without_any_state() -> None:
    key = signing_key("BW/gaborone").public_key.hex()
    assert find_bad_signature(ISSUED, forge_event_signature(ISSUED)) == Violation(
        ISSUED, "events[0]", f"the signature on the event does not verify under key {key}"
    )


def test_signatures_of_a_sound_chain_are_good() -> None:
    found = [find_bad_signature(height, stored) for height, stored in enumerate(make_chain(), 1)]
    assert found == [None] * LAST


@pytest.mark.parametrize(
    "stored",
    [b"", b"\x01\x01", store(b"no block"), store(1), with_events(ISSUED, b"\xc1", b"\x81")],
)
def test_bytes_without_signatures_have_no_bad_one(stored: bytes) -> None:
    assert find_bad_signature(1, stored) is None


def test_deferred_signatures_are_left_to_others() -> None:
    auditor = Auditor(make_genesis(), verify_event=defer_signatures)
    for height, stored in enumerate(make_chain()[: ISSUED - 1], start=1):
        assert auditor.feed(height, stored) is None
    violation = auditor.feed(ISSUED, forge_event_signature(ISSUED))
    # The forged envelope is another leaf, which the header does not cover.
    assert (violation and violation.field) == "payload_root"


def test_reordered_blocks_are_found_at_the_first_of_them() -> None:
    chain = list(make_chain())
    chain[2], chain[3] = chain[3], chain[2]
    assert finding(audit(chain)) == violation_at(3, "height")


def test_removed_block_is_found_at_its_place() -> None:
    chain = make_chain()
    assert finding(audit(chain[:3] + chain[4:])) == violation_at(4, "height")


def test_duplicated_block_is_found_at_its_second_place() -> None:
    chain = make_chain()
    assert finding(audit(chain[:4] + chain[3:])) == violation_at(5, "height")


@pytest.mark.parametrize("given_height", [1, 4])
def test_block_under_another_height_is_found(given_height: int) -> None:
    auditor = Auditor(make_genesis())
    assert auditor.feed(1, make_chain()[0]) is None
    violation = auditor.feed(given_height, make_chain()[1])
    problem = f"block {given_height} comes where block 2 is due"
    assert violation == Violation(2, "height", problem)


@pytest.mark.parametrize("length", range(2, LAST + 1))
def test_chain_that_was_cut_is_sound_and_shorter(length: int) -> None:
    report = audit(make_chain()[:length])
    signed = length - 1 if length == CUT_AT_AN_OPENING else length
    assert (report.verdict, report.height) == (AuditVerdict.SOUND, signed)
    assert report.unsigned_openings == length - signed


def test_openings_that_lengthen_a_chain_are_not_counted() -> None:
    """Anybody can write them, and so make a chain that was cut look as long as it was."""
    chain = make_chain()
    cut = audit(chain[:5])
    longer = audit([*chain[:5], store(2), store(3), store(9)])
    assert longer == replace(cut, unsigned_openings=3)
    assert (longer.height, longer.terms) == (5, 1)


def test_a_report_says_which_voters_have_signed_how_far_up() -> None:
    """Of one voter's rewritten chain nobody but this voter has signed the newest part."""
    ledger = open_trade()
    for serial, leader in enumerate(("za-1", "bw-1", "eu-1", "eu-1"), start=1):
        issued = CertificateIssued(certificate=make_certificate(number_of("BW", serial)))
        ledger.record(make_event("BW/gaborone", issued, nonce=serial), leader=leader)
    report = audit([store(block) for block in ledger.blocks])
    assert report.signers == (Signer("eu-1", 8), Signer("bw-1", 6), Signer("za-1", 5))
    assert report.one_voter_from == 7


def test_inserted_opening_of_a_term_is_found_at_the_next_block() -> None:
    """It is unsigned, so it is the block after it that does not fit."""
    chain = make_chain()
    report = audit([*chain[:4], store(2), *chain[4:]])
    assert finding(report) == violation_at(6, "height", signed=4)


def test_second_opening_of_a_term_is_found() -> None:
    chain = make_chain()
    report = audit([*chain[:4], store(1), *chain[4:]])
    assert finding(report) == violation_at(5, "term")


def test_opening_of_a_term_with_a_payload_is_found() -> None:
    entry = encode_stored_entry(StoredEntry(kind=NOOP, term=1, payload=b"x"))
    assert finding(audit(put_at(1, entry))) == violation_at(1, "payload")


def test_block_stored_under_another_term_is_found() -> None:
    entry = encode_stored_entry(StoredEntry(kind=BLOCK, term=2, payload=payload_at(ISSUED)))
    assert finding(audit(put_at(ISSUED, entry))) == violation_at(ISSUED, "term")


def test_change_of_voters_is_found() -> None:
    entry = encode_stored_entry(StoredEntry(kind=CONFIG, term=1, payload=b"x"))
    assert finding(audit(put_at(ISSUED, entry))) == violation_at(ISSUED, "kind")


def test_another_ledger_is_known_by_its_first_signed_block() -> None:
    """The block that opens a term names no chain: it follows from any genesis file."""
    file = make_genesis_file(policy=GenesisPolicy(max_validity_days=61))
    other = parse_genesis(format_genesis(file))
    with pytest.raises(AnotherLedgerError, match=f"chain id is {make_genesis().chain.hex()}"):
        audit(make_chain(), other)


def test_a_block_of_another_ledger_in_the_middle_is_a_violation() -> None:
    """What is of this ledger below it was signed, so that somebody has put it there."""
    spliced = [*make_chain()[:-1], reseal(LAST, {"chain": bytes(32)})]
    assert finding(audit(spliced)) == violation_at(LAST, "chain")


@pytest.mark.parametrize("length", [0, 1])
def test_chain_without_a_signed_block_decides_nothing(length: int) -> None:
    report = audit(make_chain()[:length])
    assert (report.verdict, report.height) == (AuditVerdict.UNDECIDED, 0)
    assert report.unsigned_openings == length
    assert report.problem == "the chain is empty: it has no signed block"


def test_undecided_report_says_why_and_how_far() -> None:
    genesis = make_genesis()
    ledger: MemoryLedger = open_trade()
    progress = AuditProgress(ledger.tip, ledger.tip, terms=1, signed_blocks=3)
    report = report_undecided(genesis, progress, "the line went dead")
    expected = replace(
        report_sound(genesis, progress),
        verdict=AuditVerdict.UNDECIDED,
        problem="the line went dead",
    )
    assert report == expected


def test_whoever_looks_on_sees_each_sound_block_and_no_other() -> None:
    seen: list[int] = []
    auditor = Auditor(make_genesis(), observe=lambda one: seen.append(one.header.height))
    chain = make_chain()
    for height, stored in enumerate(chain[:-1], start=1):
        assert auditor.feed(height, stored) is None
    assert auditor.feed(len(chain), chain[-2]) is not None
    assert seen == list(range(1, len(chain)))
