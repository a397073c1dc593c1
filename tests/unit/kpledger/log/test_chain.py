"""The chain: sealing is verifying, and every field that lies is named."""

from typing import Final

import pytest
from founding import (
    FOUNDED_MS,
    NOW_MS,
    OFFICES,
    MemoryLedger,
    RefusedError,
    found_ledger,
    issue,
    make_certificate,
    make_confirmation,
    make_event,
    make_genesis,
    number_of,
    open_trade,
    opening_events,
    signing_key,
    vary,
)
from hypothesis import given, settings, strategies as st

from kpledger.base.codec import encode
from kpledger.base.errors import BadSignatureError, LedgerError, NotCanonicalError
from kpledger.base.hashing import EMPTY_ROOT, hash_leaf
from kpledger.base.multiset import MultisetHash
from kpledger.base.state import MemoryState
from kpledger.log.block import (
    MAX_COUNT,
    BlockHeader,
    BlockKind,
    SealedBlock,
    decode_block,
    decode_block_header,
    encode_block,
)
from kpledger.log.chain import Tip, execute_entry, execute_noop, genesis_tip, seal_block
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.layout import StoredEntry
from kpledger.log.merkle import Frontier, compute_root
from kpledger.scheme.envelope import PAYLOAD_TYPE, Envelope, decode_envelope, sign_event
from kpledger.scheme.event import EventSignature, SignedEvent
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.certificate import CertificateIssued

TRADE: Final = open_trade()
ISSUES: Final = tuple(
    make_event("BW/gaborone", CertificateIssued(certificate=make_certificate(number_of("BW", n))))
    for n in (1, 2, 3)
)
BLOCK, EXECUTION = TRADE.seal(*ISSUES)
HEADER: Final = EXECUTION.header


def _reseal(header: BlockHeader, events: tuple[bytes, ...] = ISSUES, leader: str = "bw-1") -> bytes:
    return encode_block(header, events, signing_key(f"{leader}/consensus"))


def _fault(block: bytes) -> InvalidBlockError:
    with pytest.raises(InvalidBlockError) as caught:
        TRADE.verify(block)
    assert caught.value.height == HEADER.height
    return caught.value


def test_block_is_verified_to_what_was_sealed() -> None:
    verified = TRADE.verify(BLOCK)
    assert (verified.tip, verified.header) == (EXECUTION.tip, HEADER)
    assert verified.changes.written == EXECUTION.changes.written
    assert [event.encoded for event in verified.events] == list(ISSUES)


def test_header_says_what_the_ledger_is_after_the_block() -> None:
    envelopes = [
        event
        for block in TRADE.blocks
        for event in (decode_block(block).events if isinstance(block, bytes) else ())
    ]
    state = {**TRADE.state.pairs, **EXECUTION.changes.written}
    digest = MultisetHash().exchange(removed=(), added=tuple(state.items()))
    assert (
        BlockHeader(
            chain=TRADE.genesis.chain,
            era=0,
            term=1,
            height=TRADE.tip.height + 1,
            prev_head=TRADE.tip.head,
            first_event=len(envelopes),
            event_count=3,
            payload_root=compute_root(map(hash_leaf, ISSUES)),
            tree_size=len(envelopes) + 3,
            tree_root=compute_root(map(hash_leaf, (*envelopes, *ISSUES))),
            state_digest=digest.digest,
            config_hash=TRADE.genesis.config_hash,
            leader="bw-1",
            time_ms=NOW_MS,
            kind=BlockKind.BLOCK,
        )
        == HEADER
    )


ALTERED: Final[list[tuple[str, object]]] = [
    ("chain", bytes(32)),
    ("era", 1),
    ("term", 0),
    ("height", HEADER.height + 1),
    ("height", HEADER.height - 1),
    ("prev_head", bytes(32)),
    ("first_event", HEADER.first_event + 1),
    ("event_count", 2),
    ("payload_root", bytes(32)),
    ("tree_size", HEADER.tree_size + 1),
    ("tree_root", bytes(32)),
    ("state_digest", bytes(32)),
    ("config_hash", bytes(32)),
    ("time_ms", NOW_MS - 1),
    ("kind", BlockKind.NOOP),
    ("kind", BlockKind.CONFIG),
]


@pytest.mark.parametrize(("field", "value"), ALTERED)
def test_field_that_lies_is_named_even_when_its_leader_signed_it(field: str, value: object) -> None:
    assert _fault(_reseal(vary(HEADER, **{field: value}))).field == field


def test_fault_shows_what_was_found_and_what_was_expected() -> None:
    found = [
        str(_fault(_reseal(vary(HEADER, prev_head=bytes(32))))),
        str(_fault(_reseal(vary(HEADER, tree_size=99)))),
    ]
    height, expected = HEADER.height, HEADER.prev_head.hex()
    assert found == [
        f"block {height} is invalid at prev_head: {'00' * 32} is not {expected}",
        f"block {height} is invalid at tree_size: 99 claimed, {HEADER.tree_size} computed",
    ]


def test_every_field_of_the_header_was_altered() -> None:
    assert {field for field, _ in ALTERED} | {"leader"} == set(HEADER.__struct_fields__)


@pytest.mark.parametrize("leader", ["in-1", "xx-1", ""])
def test_block_by_a_node_that_does_not_vote_is_refused(leader: str) -> None:
    """in-1 is a node of the network; only voters make blocks."""
    assert _fault(_reseal(vary(HEADER, leader=leader), leader=leader)).field == "leader"


def test_another_voter_may_lead() -> None:
    block, execution = TRADE.seal(*ISSUES, leader="za-1")
    assert (TRADE.verify(block).tip, execution.header.leader) == (execution.tip, "za-1")


def test_block_under_the_name_of_another_voter_is_refused() -> None:
    with pytest.raises(BadSignatureError) as caught:
        TRADE.verify(_reseal(HEADER, leader="eu-1"))
    assert caught.value.key == signing_key("bw-1/consensus").public_key


def test_event_that_was_altered_after_sealing_is_found() -> None:
    altered = bytearray(ISSUES[1])
    altered[-1] ^= 1
    block = _reseal(HEADER, (ISSUES[0], bytes(altered), ISSUES[2]))
    fault = _fault(block)
    assert (fault.field, "does not verify" in fault.problem) == ("events[1]", True)


@pytest.mark.parametrize(
    ("events", "field"),
    [
        (ISSUES[::-1], "payload_root"),
        (ISSUES[:2], "event_count"),
        ((*ISSUES[:2], sign_event(decode_envelope(ISSUES[2]).payload, [])), "events[2]"),
        ((*ISSUES[:2], b"\xc0"), "events[2]"),
    ],
)
def test_other_events_under_the_same_header_are_refused(
    events: tuple[bytes, ...], field: str
) -> None:
    assert _fault(_reseal(HEADER, events)).field == field


@pytest.mark.parametrize(
    ("event", "rule", "field"),
    [
        (ISSUES[0], Rule.E6, "nonce"),
        (
            make_event(
                "BW/gaborone",
                CertificateIssued(certificate=vary(make_certificate("BW000001"), remarks="again")),
            ),
            Rule.E3,
            "body.certificate.number",
        ),
        (
            make_event("BW/gaborone", CertificateIssued(certificate=make_certificate("ZA000001"))),
            Rule.E3,
            "body.certificate.number",
        ),
    ],
)
def test_refused_event_inside_a_block_refuses_the_block(
    event: bytes, rule: Rule, field: str
) -> None:
    fault = _fault(_reseal(vary(HEADER, event_count=4), (*ISSUES, event)))
    assert fault.field == "events[3]"
    assert fault.refusal is not None
    assert (fault.refusal.rule, fault.refusal.field) == (rule, field)


def test_block_whose_header_is_not_canonical_is_refused() -> None:
    header = encode(HEADER)
    longer = header.replace(b"\xa3era\x00", b"\xa3era\xcc\x00")
    assert longer != header
    block = encode(SealedBlock(header=longer, signature=bytes(64), events=ISSUES))
    with pytest.raises(NotCanonicalError, match="block header"):
        TRADE.verify(block)


def test_time_may_stand_still_and_move_on() -> None:
    ledger = open_trade()
    ledger.record(ISSUES[0])
    ledger.now_ms += 1
    ledger.record(ISSUES[1])
    assert (ledger.tip.time_ms, TRADE.tip.time_ms) == (NOW_MS + 1, NOW_MS)


def test_signatures_that_were_verified_before_need_not_be_verified_again() -> None:
    seen: list[bytes] = []

    def remember(event: SignedEvent) -> None:
        seen.append(event.event_id)

    signature = EventSignature(keyid=signing_key("BW/gaborone").public_key, sig=bytes(64))
    payload = decode_envelope(ISSUES[0]).payload
    forged = encode(Envelope(payload=payload, payloadType=PAYLOAD_TYPE, signatures=(signature,)))
    block, execution = TRADE.seal(forged)
    assert _fault(block).field == "events[0]"
    entry = StoredEntry(kind=1, term=1, payload=block)
    verified = execute_entry(TRADE.genesis, TRADE.tip, TRADE.state, entry, verify_event=remember)
    assert (verified.tip, seen) == (execution.tip, [decode_envelope(forged).event_id])


def test_first_tip_stands_on_the_genesis_file() -> None:
    genesis = make_genesis()
    seed = genesis.seed_state(MemoryState())
    digest = MultisetHash().exchange(removed=(), added=tuple(seed.written.items()))
    assert genesis_tip(genesis, seed) == Tip(
        height=0,
        term=0,
        head=genesis.chain,
        time_ms=FOUNDED_MS,
        tree=Frontier.empty(),
        digest=digest,
    )


def test_block_that_opens_a_term_is_derived_by_everybody_alike() -> None:
    ledger = MemoryLedger(make_genesis())
    opened = execute_noop(ledger.genesis, ledger.tip, ledger.state, 7)
    assert opened.header == BlockHeader(
        chain=ledger.genesis.chain,
        era=0,
        term=7,
        height=1,
        prev_head=ledger.genesis.chain,
        first_event=0,
        event_count=0,
        payload_root=EMPTY_ROOT,
        tree_size=0,
        tree_root=EMPTY_ROOT,
        state_digest=ledger.tip.digest.digest,
        config_hash=ledger.genesis.config_hash,
        leader="",
        time_ms=FOUNDED_MS,
        kind=BlockKind.NOOP,
    )
    assert (opened.events, opened.changes.written) == ((), {})
    assert execute_noop(ledger.genesis, ledger.tip, ledger.state, 7).tip == opened.tip


@pytest.mark.parametrize("term", [0, 1])
def test_term_rises_with_the_block_that_opens_it(term: int) -> None:
    ledger = found_ledger()
    with pytest.raises(InvalidBlockError) as caught:
        ledger.open_term(term)
    assert (caught.value.height, caught.value.field) == (2, "term")


def test_block_of_events_cannot_be_empty() -> None:
    builder_less, execution = found_ledger().seal()
    assert execution.header.event_count == 0
    with pytest.raises(LedgerError, match="at events"):
        decode_block(builder_less)


def test_refused_event_leaves_the_block_as_it_was() -> None:
    ledger = open_trade()
    tip = ledger.tip
    with pytest.raises(RefusedError, match="E6"):
        ledger.record(ISSUES[0], ISSUES[0])
    assert ledger.tip == tip


def _replay(blocks: list[int | bytes]) -> tuple[Tip, dict[bytes, bytes]]:
    genesis = make_genesis()
    state = MemoryState()
    seed = genesis.seed_state(MemoryState())
    tip = genesis_tip(genesis, seed)
    state.apply(seed)
    for block in blocks:
        if isinstance(block, int):
            entry = StoredEntry(kind=0, term=block, payload=b"")
        else:
            term = decode_block_header(decode_block(block).header).term
            entry = StoredEntry(kind=1, term=term, payload=block)
        execution = execute_entry(genesis, tip, state, entry)
        state.apply(execution.changes)
        tip = execution.tip
    return tip, state.pairs


@st.composite
def ledgers(draw: st.DrawFn) -> tuple[MemoryLedger, list[Tip]]:
    """Draw a ledger of a few blocks, and the tip after each of its blocks."""
    ledger = found_ledger()
    tips = [ledger.tip]
    for office in OFFICES:
        ledger.record(*opening_events(office))
        tips.append(ledger.tip)
    waiting: list[str] = []
    serial = 0
    for step in draw(st.lists(st.sampled_from(["issue", "confirm", "term", "wait"]), max_size=8)):
        if step == "issue":
            serial += 1
            waiting.append(number_of("BW", serial))
            issue(ledger, make_certificate(waiting[-1]))
        elif step == "term":
            ledger.open_term(ledger.tip.term + draw(st.integers(1, 3)))
        elif step == "wait":
            ledger.now_ms += draw(st.integers(0, 1_000))
            continue
        elif waiting:
            number = waiting.pop()
            body = make_confirmation(make_certificate(number))
            prev = ledger.certificate(number).head
            ledger.record(make_event("EU/antwerp", body, prev=prev))
        else:
            continue
        tips.append(ledger.tip)
    return ledger, tips


@settings(max_examples=30)
@given(ledgers())
def test_every_prefix_of_a_chain_verifies_to_the_tip_it_had(
    drawn: tuple[MemoryLedger, list[Tip]],
) -> None:
    ledger, tips = drawn
    assert [_replay(ledger.blocks[: n + 1])[0] for n in range(len(tips))] == tips
    assert _replay(ledger.blocks) == (ledger.tip, ledger.state.pairs)


@settings(max_examples=30)
@given(ledgers(), st.data())
def test_chain_without_one_of_its_blocks_does_not_verify(
    drawn: tuple[MemoryLedger, list[Tip]], data: st.DataObject
) -> None:
    blocks = drawn[0].blocks
    missing = data.draw(st.integers(0, len(blocks) - 2))
    if all(isinstance(block, int) for block in blocks[missing + 1 :]):
        # Blocks that only open terms are derived, not received: there is nothing to find.
        return
    with pytest.raises(LedgerError):
        _replay(blocks[:missing] + blocks[missing + 1 :])


@given(st.integers(0, len(BLOCK) - 1), st.integers(1, 255))
def test_block_with_a_changed_byte_never_verifies(position: int, change: int) -> None:
    changed = bytearray(BLOCK)
    changed[position] ^= change
    with pytest.raises(LedgerError):
        TRADE.verify(bytes(changed))


def test_sealed_block_is_the_same_bytes_every_time() -> None:
    assert seal_block(EXECUTION, signing_key("bw-1/consensus")) == BLOCK
    assert decode_block_header(decode_block(BLOCK).header) == HEADER


@pytest.mark.parametrize("term", [1, MAX_COUNT + 1])
def test_noop_of_a_term_that_does_not_rise_or_leaves_the_range_is_refused(term: int) -> None:
    ledger = found_ledger()
    with pytest.raises(InvalidBlockError, match="at term"):
        execute_noop(ledger.genesis, ledger.tip, ledger.state, term)
