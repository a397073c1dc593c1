"""A stretch of a chain by its headers: who follows whom, and that each was somebody's to make."""

import functools
from collections.abc import Sequence
from typing import Final

import pytest
from electing import elect, open_signed_trade, open_voted_term
from founding import (
    MemoryLedger,
    found_ledger,
    issue,
    make_certificate,
    make_genesis,
    number_of,
    opening_events,
    signing_key,
    vary,
)
from hypothesis import given, strategies as st

from kpledger.base.codec import encode
from kpledger.base.errors import BadSignatureError, LedgerError
from kpledger.log.block import (
    BlockHeader,
    BlockKind,
    block_preimage,
    compute_head,
    decode_block,
    decode_block_header,
)
from kpledger.log.certificates import CertificateError
from kpledger.log.invalid_block import InvalidBlockError
from kpledger.log.layout import NOOP_ENTRY, decode_stored_entry
from kpledger.log.opening import derive_opening, verify_base
from kpledger.log.path import PathBlock, ShownHeader, verify_path
from kpledger.log.statements import Electorate, LogEnd, UnknownVoterError

ELECTORATE: Final = Electorate.of(make_genesis())
SECOND: Final = 5
"""Height at which the second term is opened, by eu-1; three blocks of the first come before."""


@functools.cache
def make_ledger() -> MemoryLedger:
    ledger = open_signed_trade()
    open_voted_term(ledger, 3, "eu-1")
    for serial in (1, 2):
        ledger.record(issue_of(serial), leader="eu-1")
    return ledger


def issue_of(serial: int) -> bytes:
    return issue(open_signed_trade(), make_certificate(number_of("BW", serial)))


@functools.cache
def shown() -> tuple[ShownHeader, ...]:
    return show(make_ledger())


def show(ledger: MemoryLedger) -> tuple[ShownHeader, ...]:
    """Show a whole chain."""
    path: list[ShownHeader] = []
    before: BlockHeader | None = None
    for stored in ledger.entries:
        entry = decode_stored_entry(stored)
        if entry.kind != NOOP_ENTRY:
            block = decode_block(entry.payload)
            path.append(ShownHeader(header=block.header, seal=block.signature))
        elif before is not None:
            header = derive_opening(before, compute_head(encode(before)), entry.term)
            path.append(ShownHeader(header=encode(header), seal=entry.payload))
        else:
            path.append(ShownHeader(header=encode(first_header(entry.term)), seal=entry.payload))
        before = decode_block_header(path[-1].header)
    return tuple(path)


def first_header(term: int) -> BlockHeader:
    header = decode_block_header(decode_block(decode_stored_entry(second()).payload).header)
    seed = found_ledger()
    return vary(
        header,
        term=term,
        height=1,
        prev_head=ELECTORATE.chain,
        first_event=0,
        event_count=0,
        payload_root=seed.tip.tree.root(),
        tree_size=0,
        tree_root=seed.tip.tree.root(),
        state_digest=seed.tip.digest.digest,
        leader="",
        time_ms=seed.tip.time_ms,
        kind=BlockKind.NOOP,
    )


def second() -> bytes:
    return make_ledger().entries[1]


def reseal(height: int, signer: str = "", **changes: object) -> ShownHeader:
    """Alter a header and sign it, as its leader or another."""
    header: BlockHeader = vary(decode_block_header(shown()[height - 1].header), **changes)
    encoded = encode(header)
    key = signing_key(f"{signer or header.leader}/consensus")
    return ShownHeader(header=encoded, seal=key.sign(block_preimage(header, compute_head(encoded))))


def put_at(height: int, one: ShownHeader) -> list[ShownHeader]:
    path = list(shown())
    path[height - 1] = one
    return path[:height]


def refusal(path: Sequence[ShownHeader], *, voteless_up_to: int = 0) -> tuple[int, str]:
    with pytest.raises(InvalidBlockError) as caught:
        verify_path(ELECTORATE, path, voteless_up_to=voteless_up_to)
    return caught.value.height, caught.value.field


def test_path_of_a_whole_chain_is_verified_to_its_end() -> None:
    path = verify_path(ELECTORATE, shown())
    assert path[-1].end == make_ledger().tip.end
    assert [one.leader for one in path] == ["bw-1"] * 4 + ["eu-1"] * 3
    assert [one.opening is not None for one in path] == [True, *[False] * 3, True, *[False] * 2]
    assert path[0].end.index == 1


@pytest.mark.parametrize("first", range(1, 8))
@pytest.mark.parametrize("last", range(1, 8))
def test_every_stretch_of_it_is_verified(first: int, last: int) -> None:
    whole = verify_path(ELECTORATE, shown())
    assert verify_path(ELECTORATE, shown()[first - 1 : last]) == whole[first - 1 : last]


@given(st.integers(0, 6), st.data())
def test_no_bit_of_a_path_can_be_changed(place: int, data: st.DataObject) -> None:
    """But in a block that nobody signs, and which no block follows on this path."""
    one = shown()[place]
    field = data.draw(st.sampled_from(["header", "seal"]))
    changed = bytearray(getattr(one, field))
    bit = data.draw(st.integers(0, 8 * len(changed) - 1))
    changed[bit // 8] ^= 1 << bit % 8
    path = list(shown())
    path[place] = vary(one, **{field: bytes(changed)})
    with pytest.raises(LedgerError):
        verify_path(ELECTORATE, path)


def test_header_without_the_one_before_is_refused() -> None:
    assert refusal([shown()[1], shown()[3]]) == (4, "height")
    assert refusal([shown()[3], shown()[3]]) == (4, "height")


def test_header_after_another_block_is_refused() -> None:
    assert refusal(put_at(3, reseal(3, prev_head=bytes(32)))) == (3, "prev_head")


@pytest.mark.parametrize(
    "changes", [{"chain": bytes(32)}, {"config_hash": bytes(32)}, {"era": 1}], ids=str
)
def test_header_of_another_ledger_of_other_voters_or_era_is_refused(
    changes: dict[str, object],
) -> None:
    assert refusal(put_at(3, reseal(3, "", **changes))) == (3, "chain")


def test_change_of_voters_is_refused() -> None:
    assert refusal(put_at(3, reseal(3, kind=BlockKind.CONFIG))) == (3, "kind")


def test_block_of_a_term_that_no_block_has_opened_is_refused() -> None:
    assert refusal(put_at(3, reseal(3, term=2))) == (3, "term")
    assert refusal(put_at(6, reseal(6, term=1))) == (6, "term")


def test_block_of_another_voter_than_the_leader_is_refused() -> None:
    assert refusal(put_at(3, reseal(3, leader="eu-1"))) == (3, "leader")


def test_leader_is_who_signed_where_the_opening_is_not_shown() -> None:
    assert refusal([shown()[1], reseal(3, leader="eu-1")]) == (3, "leader")


def test_block_of_no_voter_is_refused() -> None:
    with pytest.raises(UnknownVoterError, match="in-1"):
        verify_path(ELECTORATE, [reseal(3, leader="in-1")])


def test_block_that_its_leader_has_not_signed_is_refused() -> None:
    with pytest.raises(BadSignatureError, match="block 3 by bw-1"):
        verify_path(ELECTORATE, put_at(3, reseal(3, "eu-1")))


def opened(seal: bytes, **changes: object) -> list[ShownHeader]:
    """Show the second opening with other votes, or another header."""
    header = vary(decode_block_header(shown()[SECOND - 1].header), **changes)
    return put_at(SECOND, ShownHeader(header=encode(header), seal=seal))


BEFORE: Final = verify_path(ELECTORATE, shown())[SECOND - 2].end
VOTES: Final = shown()[SECOND - 1].seal


@pytest.mark.parametrize(
    "changes",
    [{"tree_size": 99}, {"state_digest": bytes(32)}, {"time_ms": 0}, {"leader": "eu-1"}],
)
def test_opening_that_does_not_follow_from_the_block_before_is_refused(
    changes: dict[str, object],
) -> None:
    assert refusal(opened(VOTES, **changes)) == (SECOND, "header")


@pytest.mark.parametrize(
    ("base", "field"),
    [
        (vary(BEFORE, index=BEFORE.index - 1), "payload"),
        (vary(BEFORE, head=bytes(32)), "payload"),
        (vary(BEFORE, term=0), "payload"),
    ],
    ids=["length", "head", "term"],
)
def test_votes_for_another_log_open_no_term(base: LogEnd, field: str) -> None:
    assert refusal(opened(elect("eu-1", term=3, base=base).encoded)) == (SECOND, field)


def test_votes_of_another_term_open_no_term() -> None:
    assert refusal(opened(elect("eu-1", term=4, base=BEFORE).encoded)) == (SECOND, "term")


def test_votes_for_a_log_of_the_term_itself_open_none() -> None:
    """Where the block before is not shown, nothing else says that the term rises."""
    base = vary(BEFORE, term=3)
    alone = opened(elect("eu-1", term=3, base=base).encoded)[-1:]
    assert refusal(alone) == (SECOND, "term")


def test_too_few_votes_open_no_term() -> None:
    with pytest.raises(CertificateError, match="1 of 3 voters signed"):
        verify_path(ELECTORATE, opened(elect("eu-1", term=3, base=BEFORE, voters=["eu-1"]).encoded))


def test_no_votes_open_no_term() -> None:
    with pytest.raises(LedgerError, match="opening"):
        verify_path(ELECTORATE, opened(b""))


def legacy() -> tuple[ShownHeader, ...]:
    """Show a chain of an earlier version, which goes on with votes."""
    ledger = MemoryLedger(make_genesis())
    ledger.open_term(1)
    ledger.open_term(2)
    ledger.record(*opening_events("BW/gaborone"))
    ledger.record(*opening_events("EU/antwerp"))
    open_voted_term(ledger, 3, "eu-1")
    ledger.record(*opening_events("ZA/joburg"), leader="eu-1")
    return show(ledger)


def test_early_terms_may_have_been_opened_without_votes() -> None:
    path = verify_path(ELECTORATE, legacy(), voteless_up_to=2)
    assert [one.leader for one in path] == [None, None, "bw-1", "bw-1", "eu-1", "eu-1"]


def test_terms_opened_without_votes_are_refused_above_that_height() -> None:
    with pytest.raises(LedgerError, match="opening"):
        verify_path(ELECTORATE, legacy(), voteless_up_to=1)


def test_a_term_opened_without_votes_rises_as_well() -> None:
    first = decode_block_header(legacy()[0].header)
    again = derive_opening(first, compute_head(legacy()[0].header), 1)
    path = [legacy()[0], ShownHeader(header=encode(again), seal=b"")]
    assert refusal(path, voteless_up_to=9) == (2, "term")


def test_after_votes_every_term_needs_votes() -> None:
    last = decode_block_header(legacy()[-1].header)
    later = derive_opening(last, compute_head(legacy()[-1].header), 4)
    path = [*legacy(), ShownHeader(header=encode(later), seal=b"")]
    with pytest.raises(LedgerError, match="opening"):
        verify_path(ELECTORATE, path, voteless_up_to=99)
    assert len(verify_path(ELECTORATE, path[-2:], voteless_up_to=99)) == 2


def test_votes_are_those_of_the_block_that_carries_them() -> None:
    block: PathBlock = verify_path(ELECTORATE, shown())[SECOND - 1]
    assert block.opening is not None
    verify_base(block.opening, block.header, 1)
    verify_base(block.opening, block.header, None)
    with pytest.raises(InvalidBlockError, match="for a log of term 1, not 2"):
        verify_base(block.opening, block.header, 2)
