"""A leader that makes two blocks in one place: no log takes what was not verified on that log."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from founding import signing_key
from single_engine import HONEST, LIAR, World

from kpledger.base.codec import encode
from kpledger.log.block import compute_head, decode_block, decode_block_header, encode_block
from kpledger.log.statements import LogEnd
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Configuration,
    Entry,
    EntryKind,
    Index,
    NodeId,
    Received,
    Term,
)
from kpnode.raft.membership import encode_configuration
from kpnode.step import Step


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """The node is a follower afterwards, and what its disk holds lets it start again."""
    world = World(tmp_path / "ledger")
    world.lead()
    yield world
    end = world.end
    world.storage.close()
    again = World(tmp_path / "ledger")
    assert again.end == end
    again.storage.close()


def entries_of(said: Received) -> tuple[Entry, ...]:
    body = said.message.body
    assert isinstance(body, AppendRequest)
    return body.entries


def seal_after(block: Entry, head: bytes, leader: NodeId = LIAR) -> Entry:
    """Give the same block, signed anew, as if it followed another."""
    sealed = decode_block(block.payload)
    header = msgspec.structs.replace(decode_block_header(sealed.header), prev_head=head)
    payload = encode_block(header, sealed.events, signing_key(f"{leader}/consensus"))
    return Entry(block.index, block.term, block.kind, payload)


def end_of(block: Entry) -> LogEnd:
    head = compute_head(decode_block(block.payload).header)
    return LogEnd(term=block.term, index=block.index, head=head)


def reply_of(step: Step) -> AppendReply:
    (reply,) = (one.body for one in step.outgoing if isinstance(one.body, AppendReply))
    return reply


def test_block_that_follows_another_than_the_one_sent_with_it_is_not_let_in(world: World) -> None:
    reign = world.elect(LIAR, 2)
    noop, block = entries_of(reign.block())
    step = world.engine.step([reign.append(noop, seal_after(block, bytes(32)))], [])
    assert [one.leader for one in step.refused] == [LIAR]
    assert world.end.index == 2


@pytest.mark.parametrize("kind", [EntryKind.NOOP, EntryKind.CONFIG])
def test_entry_of_another_kind_in_the_place_of_a_block_is_not_let_in(
    world: World, kind: EntryKind
) -> None:
    reign = world.elect(HONEST, 2)
    world.engine.step([reign.block()], [])
    held = world.end
    payload = encode_configuration(Configuration((HONEST,))) if kind is EntryKind.CONFIG else b""
    later = world.elect(LIAR, 3)
    entry = Entry(Index(4), Term(2), kind, payload)
    step = world.engine.step([later.append(entry, previous=reign.opened)], [])
    assert [one.leader for one in step.refused] == [LIAR]
    assert world.end == held


def test_block_that_is_held_is_not_taken_with_another_signature(world: World) -> None:
    reign = world.elect(HONEST, 2)
    noop, block = entries_of(reign.block())
    world.engine.step([reign.append(noop, block)], [])
    sealed = decode_block(block.payload)
    forged = encode(type(sealed)(header=sealed.header, signature=bytes(64), events=sealed.events))
    later = world.elect(LIAR, 3)
    other = Entry(block.index, block.term, block.kind, forged)
    step = world.engine.step([later.append(other, previous=reign.opened)], [])
    assert (reply_of(step).accepted, reply_of(step).index) == (True, 4)
    (stored,) = world.storage.entries(Index(4), Index(4), 1)
    assert stored == block


def test_what_follows_a_block_that_was_not_taken_is_not_taken_either(world: World) -> None:
    """All comes in one step: the other block was verified, and it is not in the log."""
    reign = world.elect(LIAR, 2)
    world.engine.step([reign.block(nonce=1)], [])
    held = world.end
    other = entries_of(reign.block(nonce=2))[1]
    follows = reign.seal(reign.noop, other, nonce=3)
    step = world.engine.step(
        [
            reign.append(other, previous=reign.opened),
            reign.append(follows, previous=end_of(other)),
        ],
        [],
    )
    assert world.end == held
    assert [one.conviction.culprits for one in step.exhibits] == [(LIAR,)]


def test_later_leader_goes_back_to_where_its_branch_and_this_one_are_one(world: World) -> None:
    """It holds the other block, and was elected with it by who had not heard of this one."""
    reign = world.elect(LIAR, 2)
    world.engine.step([reign.block(nonce=1)], [])
    other = entries_of(reign.block(nonce=2))[1]
    later = world.elect(HONEST, 3, end_of(other))
    reply = reply_of(world.engine.step([later.append(later.noop)], []))
    assert (reply.accepted, reply.index, reply.hint_index) == (False, 4, 2)
    step = world.engine.step(
        [later.append(reign.noop, other, later.noop, previous=reign.opening.base)], []
    )
    assert (reply_of(step).accepted, reply_of(step).index) == (True, 5)
    assert (world.end.term, world.end.index) == (3, 5)
