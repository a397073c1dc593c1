"""Blocks of one append that do not follow each other: refused before anything is saved."""

import pytest
from branches import sign_header
from founding import vary
from single_engine import HONEST, LIAR, Reign, World

from kpledger.base.codec import encode
from kpledger.log.block import SealedBlock, decode_block, decode_block_header
from kpnode.raft import AppendRequest, Entry, Received


def unlink(reign: Reign) -> Entry:
    """Give the first block of a leader, as if it followed another one than what opens its term."""
    request = reign.block().message.body
    assert isinstance(request, AppendRequest)
    entry = request.entries[-1]
    block = decode_block(entry.payload)
    shown = sign_header(vary(decode_block_header(block.header), prev_head=b"\x07" * 32))
    sealed = SealedBlock(header=shown.header, signature=shown.seal, events=block.events)
    return vary_entry(entry, encode(sealed))


def vary_entry(entry: Entry, payload: bytes) -> Entry:
    return Entry(entry.index, entry.term, entry.kind, payload)


@pytest.mark.parametrize("apart", [False, True])
def test_block_that_does_not_follow_the_one_before_it(world: World, *, apart: bool) -> None:
    reign = world.elect(LIAR, 2)
    world.engine.step([reign.beat()], [])
    opened, bad = reign.opened, unlink(reign)
    if apart:
        world.engine.step([reign.append(reign.noop)], [])
        append: Received = reign.append(bad, previous=opened)
    else:
        append = reign.append(reign.noop, bad)
    step = world.engine.step([append], [])
    assert step.status.last_index == (3 if apart else 2)
    if not apart:
        assert "prev_head" in step.refused[0].problem
    good = world.elect(HONEST, 3)
    assert world.engine.step([good.append(good.noop)], []).status.last_term == 3
