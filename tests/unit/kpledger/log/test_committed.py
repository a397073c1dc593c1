"""Committed blocks: headers are read or derived as executing the blocks gives them."""

import pytest
from copied import store
from electing import open_signed_trade, open_voted_term
from founding import MemoryLedger, make_genesis, open_trade, opening_events

from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError
from kpledger.log.block import compute_head
from kpledger.log.chain import CommittedBlocks
from kpledger.log.invalid_block import InvalidBlockError


def test_headers_chain_up_to_the_tip_whatever_the_terms() -> None:
    ledger = MemoryLedger(make_genesis())
    ledger.open_term(1)
    ledger.open_term(3)
    ledger.record(*opening_events("BW/gaborone"))
    ledger.open_term(4)
    ledger.open_term(7)
    blocks = CommittedBlocks(ledger.genesis)
    for height, block in enumerate(ledger.blocks, start=1):
        header, events = blocks.read(height, store(block))
        assert (header.height, header.event_count) == (height, len(events))
    assert compute_head(encode(header)) == ledger.tip.head
    assert header.state_digest == ledger.tip.digest.digest


def test_headers_are_those_of_a_chain_whose_terms_are_voted_for() -> None:
    ledger = open_signed_trade()
    open_voted_term(ledger, 4, "eu-1")
    blocks = CommittedBlocks(ledger.genesis)
    for height, stored in enumerate(ledger.entries, start=1):
        header, events = blocks.read(height, stored)
        assert (header.height, header.event_count) == (height, len(events))
    assert (blocks.head, header.term) == (ledger.tip.head, 4)


def test_reading_may_begin_with_any_block_of_events() -> None:
    ledger = open_trade()
    ledger.open_term(2)
    blocks = CommittedBlocks(ledger.genesis)
    for height in (len(ledger.blocks) - 1, len(ledger.blocks)):
        header, _ = blocks.read(height, store(ledger.blocks[height - 1]))
    assert compute_head(encode(header)) == ledger.tip.head


def test_a_block_that_opens_a_term_is_not_read_first() -> None:
    with pytest.raises(InvalidBlockError, match="opens a term"):
        CommittedBlocks(make_genesis()).read(2, store(1))


@pytest.mark.parametrize("place", [2, 3])
def test_what_does_not_follow_is_refused(place: int) -> None:
    ledger = open_trade()
    blocks = CommittedBlocks(ledger.genesis)
    blocks.read(1, store(ledger.blocks[0]))
    with pytest.raises(LedgerError, match="does not follow"):
        blocks.read(2, store(ledger.blocks[place]))
