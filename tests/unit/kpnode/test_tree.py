"""The stored tree: what it keeps of all events, what follows from that, and how it is filled."""

import random
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise

import pytest
from founding import (
    MemoryLedger,
    found_ledger,
    make_certificate,
    make_event,
    number_of,
    opening_events as opening_events_of,
)

from kpledger.base.hashing import Digest, hash_leaf
from kpledger.log.block import decode_block, decode_block_header
from kpledger.log.layout import BLOCK_ENTRY, block_key, decode_stored_entry, tree_key
from kpledger.log.merkle import compute_root
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpnode.tree import StoredTree

EVENTS = 600


class Records(dict[bytes, bytes]):
    """A store in memory."""

    def apply(self, puts: Iterable[tuple[bytes, bytes]]) -> None:
        self.update(puts)


def grow(leaves: Sequence[Digest], *, steps: Iterable[int]) -> Records:
    """Give the records of a tree that grew from size to size."""
    store = Records()
    tree = StoredTree(store)
    for height, (first, end) in enumerate(pairwise(steps), start=1):
        store.apply(tree.records(first, leaves[first:end], height))
    return store


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 70_000])
def test_hash_of_each_level_is_the_root_over_its_leaves(size: int) -> None:
    leaves = [hash_leaf(b"%d" % index) for index in range(size)]
    steps = sorted({0, size, *(random.Random(size).randint(0, size) for _ in range(size // 150))})
    tree = StoredTree(grow(leaves, steps=steps))
    for level in range(4):
        span = 256**level
        expected = [compute_root(leaves[at * span : (at + 1) * span]) for at in range(size // span)]
        assert tree.read(level, 0, len(expected)) == expected
        with pytest.raises(IndexError):
            tree.read(level, 0, len(expected) + 1)


def test_tree_does_not_depend_on_how_it_grew() -> None:
    leaves = [hash_leaf(b"%d" % index) for index in range(1_000)]
    at_once = grow(leaves, steps=(0, 1_000))
    one_by_one = grow(leaves, steps=range(1_001))
    assert at_once.keys() == one_by_one.keys()
    assert all(value[:32] == one_by_one[key][:32] for key, value in at_once.items())


@pytest.fixture(scope="module")
def ledger() -> MemoryLedger:
    """Give a ledger of many events, in blocks of many sizes, and of two terms."""
    ledger = found_ledger()
    ledger.record(*opening_events_of("BW/gaborone"))
    chance, serial = random.Random(1), 0
    while ledger.tip.tree.size < EVENTS:
        some = range(serial + 1, serial + 1 + chance.choice((1, 2, 7, 300)))
        serial = some[-1]
        ledger.record(*map(issue, some))
        if serial % 3 == 0:
            ledger.open_term(ledger.tip.term + 1)
    return ledger


def issue(serial: int) -> bytes:
    certificate = make_certificate(number_of("BW", serial))
    return make_event("BW/gaborone", CertificateIssued(certificate=certificate))


def stored_blocks(ledger: MemoryLedger) -> Records:
    return Records({block_key(at): one for at, one in enumerate(ledger.entries, start=1)})


def events_of(ledger: MemoryLedger) -> list[bytes]:
    entries = map(decode_stored_entry, ledger.entries)
    blocks = (decode_block(one.payload) for one in entries if one.kind == BLOCK_ENTRY)
    return list(chain.from_iterable(block.events for block in blocks))


def test_tree_of_an_earlier_version_is_filled_from_the_blocks(ledger: MemoryLedger) -> None:
    store = stored_blocks(ledger)
    tip, tree = ledger.tip, StoredTree(store)
    tree.fill(tip.tree.size, tip.height)
    leaves = tree.read(0, 0, tip.tree.size)
    assert compute_root(leaves) == tip.tree.root()
    assert tree.read(1, 0, 2) == [compute_root(leaves[:256]), compute_root(leaves[256:512])]
    whole = dict(store)
    # An earlier version may have gone on, at whichever block, where this one had stopped.
    starts = [
        decode_block_header(decode_block(one).header).first_event
        for one in ledger.blocks
        if isinstance(one, bytes)
    ]
    for left in starts:
        for level, span in enumerate((1, 256)):
            for index in range(left // span, tip.tree.size // span):
                del store[tree_key(level, index)]
        tree.fill(tip.tree.size, tip.height)
        assert store == whole


def test_events_are_found_by_their_index(ledger: MemoryLedger) -> None:
    store, size, events = stored_blocks(ledger), ledger.tip.tree.size, events_of(ledger)
    tree = StoredTree(store)
    tree.fill(size, ledger.tip.height)
    for first, end in ((0, size), (0, 0), (5, 6), (2, 5), (255, 257), (100, 500), (size - 1, size)):
        assert list(tree.entries(first, end)) == events[first:end]
    with pytest.raises(IndexError):
        list(tree.entries(size - 1, size + 1))
