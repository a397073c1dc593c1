"""The heads of a chain: what is verified on the way, and where two chains part."""

import pytest
from electing import elect, finalise
from founding import MemoryLedger, make_genesis, open_trade, signing_key, vary
from parted import COMMON, begin, go_on, go_on_elsewhere, grow, read_heads

from kpledger.base.errors import LedgerError
from kpledger.log.block import decode_block, decode_block_header, encode_block
from kpledger.log.heads import VerifiedHeads, find_parting
from kpledger.log.layout import StoredEntry, decode_stored_entry, encode_stored_entry


def seal_again(stored: bytes, *, signer: str, **changes: object) -> bytes:
    """Change the header of a stored block, and sign it as somebody."""
    entry = decode_stored_entry(stored)
    block = decode_block(entry.payload)
    header = vary(decode_block_header(block.header), **changes)
    payload = encode_block(header, block.events, signing_key(f"{signer}/consensus"))
    return encode_stored_entry(StoredEntry(kind=1, term=entry.term, payload=payload))


def test_heads_are_those_of_the_chain_and_so_are_terms_and_leaders() -> None:
    ledger = go_on_elsewhere(4)
    heads = read_heads(ledger.entries)
    assert heads.height == ledger.tip.height == COMMON + 4
    assert heads.head_at(heads.height) == ledger.tip.head
    assert heads.head_at(0) == make_genesis().chain
    assert heads.head_at(heads.height + 1) is None
    assert [heads.term_at(COMMON), heads.term_at(COMMON + 1)] == [1, 2]
    assert heads.leaders_from(COMMON) == ("bw-1", "eu-1")
    assert heads.leaders_from(COMMON + 1) == ("eu-1",)
    assert heads.voters_from(1) == ("bw-1", "eu-1", "za-1")
    assert heads.voters_from(COMMON + 1) == ("eu-1", "za-1")
    assert heads.voters_from(COMMON + 2) == ()


def test_a_chain_of_more_than_one_portion_is_verified_over_their_seam(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kpledger.log.heads._VERIFIED_AT_ONCE", 3)
    ledger = go_on_elsewhere(4)
    assert read_heads(ledger.entries).head_at(COMMON + 4) == ledger.tip.head
    wrong = seal_again(ledger.entries[COMMON + 2], signer="za-1", leader="za-1")
    for height in range(COMMON + 2, COMMON + 4):
        entries = [*ledger.entries[: height - 1], wrong]
        with pytest.raises(LedgerError):
            read_heads(entries)


def test_a_ledger_of_an_earlier_version_opens_its_first_terms_without_votes() -> None:
    ledger = open_trade()
    assert read_heads(ledger.entries).head_at(ledger.tip.height) == ledger.tip.head
    ledger.open_term(2)
    ledger.open_term(3, elect("eu-1", term=3, base=ledger.tip.end))
    assert read_heads(ledger.entries).height == ledger.tip.height
    voteless = encode_stored_entry(StoredEntry(kind=0, term=4, payload=b""))
    with pytest.raises(LedgerError):
        read_heads([*ledger.entries, voteless])


def test_after_votes_in_an_earlier_portion_no_term_opens_without_any(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kpledger.log.heads._VERIFIED_AT_ONCE", 3)
    voteless = encode_stored_entry(StoredEntry(kind=0, term=2, payload=b""))
    with pytest.raises(LedgerError):
        read_heads([*begin().entries, voteless])


@pytest.mark.parametrize(
    ("at", "changes", "signer"),
    [
        pytest.param(5, {}, "eu-1", id="signed by another"),
        pytest.param(5, {"leader": "eu-1"}, "eu-1", id="made by another voter"),
        pytest.param(5, {"prev_head": bytes(32)}, "bw-1", id="after another block"),
        pytest.param(5, {"term": 2}, "bw-1", id="in a term that nobody opened"),
        pytest.param(5, {"chain": bytes(32)}, "bw-1", id="of another ledger"),
        pytest.param(5, {"height": 6}, "bw-1", id="of another height"),
    ],
)
def test_a_block_that_its_elected_leader_did_not_make_is_refused(
    at: int, changes: dict[str, object], signer: str
) -> None:
    entries = begin().entries
    entries[at - 1] = seal_again(entries[at - 1], signer=signer, **changes)
    heads = VerifiedHeads(make_genesis())
    with pytest.raises(LedgerError):
        read_heads(entries, heads)
    assert heads.height < at


def test_the_first_of_two_faults_is_told() -> None:
    entries = begin().entries
    entries[4] = seal_again(entries[4], signer="eu-1")
    entries[5] = b""
    with pytest.raises(LedgerError, match="block 5 by bw-1"):
        read_heads(entries)


def test_a_chain_has_to_begin_with_the_genesis_file() -> None:
    ledger = MemoryLedger(make_genesis())
    first = open_trade().entries[1]
    moved = seal_again(first, signer="bw-1", height=1, prev_head=bytes(32))
    with pytest.raises(LedgerError, match="genesis file"):
        read_heads([moved])
    with pytest.raises(LedgerError, match="comes in its place"):
        VerifiedHeads(make_genesis()).feed(2, first)
    assert read_heads(ledger.entries).height == 0


@pytest.mark.parametrize(("ours", "theirs"), [(1, 1), (1, 5), (5, 1), (4, 3)])
def test_chains_part_at_the_first_block_that_differs(ours: int, theirs: int) -> None:
    one, other = read_heads(go_on(ours).entries), read_heads(go_on_elsewhere(theirs).entries)
    assert find_parting(one, other) == COMMON + 1
    assert find_parting(other, one) == COMMON + 1


@pytest.mark.parametrize("blocks", [0, 1, 4])
def test_a_chain_that_goes_on_from_another_does_not_part_from_it(blocks: int) -> None:
    one, other = read_heads(begin().entries), read_heads(go_on(blocks).entries)
    assert find_parting(one, other) is None
    assert find_parting(other, one) is None


def test_a_certificate_belongs_to_the_chain_that_has_its_block_in_its_term() -> None:
    ledger, other = go_on(3), go_on_elsewhere(3)
    heads = read_heads(ledger.entries)
    end, before = ledger.tip.end, begin().tip.end
    assert heads.holds(finalise(end))
    assert not heads.holds(finalise(other.tip.end))
    assert not heads.holds(finalise(vary(end, term=2)))
    assert not heads.holds(finalise(grow(ledger, [999]).tip.end))
    shown = [finalise(end), finalise(before), finalise(other.tip.end)]
    assert heads.final_of(shown) == finalise(end)
    assert heads.final_of([finalise(other.tip.end)]) is None
