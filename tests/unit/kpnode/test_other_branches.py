"""The engine: blocks of a lying leader beside those of the log, on one branch or another."""

from dataclasses import replace

import msgspec
import pytest
from founding import signing_key
from single_engine import HONEST, LIAR, Reign, World, key_added

from kpledger.base.codec import encode
from kpledger.log.block import decode_block, decode_block_header, encode_block
from kpledger.log.statements import LogEnd
from kpnode.raft import AppendRequest, Entry, EntryKind, Index, NodeId


def follow(world: World, leader: NodeId = HONEST) -> Reign:
    """Let the node follow a leader."""
    reign = world.elect(leader, 2)
    world.engine.step([reign.beat()], [])
    return reign


@pytest.mark.parametrize("payload", [b"", b"no votes"])
def test_bytes_in_the_place_of_an_opening_that_is_held_stop_nobody(
    world: World, payload: bytes
) -> None:
    first = follow(world)
    world.engine.step([first.append(first.noop)], [])
    second = world.elect(LIAR, 3, first.opened)
    world.engine.step([second.append(second.noop)], [])
    other = replace(second.noop, payload=payload)
    step = world.engine.step([second.append(other)], [])
    assert (step.status.term, step.status.last_index) == (3, second.noop.index)


def test_block_that_does_not_follow_the_one_before_it_in_an_append_is_refused(
    world: World,
) -> None:
    """Also where the log holds that one: it is no branch that the two could part from."""
    reign = follow(world, leader=LIAR)
    world.engine.step([reign.append(reign.noop)], [])
    honest = reign.block()
    assert isinstance(honest.message.body, AppendRequest)
    *_, block = honest.message.body.entries
    sealed = decode_block(block.payload)
    header = msgspec.structs.replace(decode_block_header(sealed.header), prev_head=bytes(32))
    forged = encode_block(header, sealed.events, signing_key(f"{LIAR}/consensus"))
    step = world.engine.step([reign.append(reign.noop, replace(block, payload=forged))], [])
    assert ["prev_head" in one.problem for one in step.refused] == [True]
    assert step.status.last_index == reign.noop.index
    assert world.engine.step([reign.beat()], []).outgoing == ()


def branch(world: World, reign: Reign, *nonces: int) -> list[Entry]:
    """Give blocks that a leader could make in its term, one on the other."""
    leader, made = reign._follow(reign.noop), []
    for nonce in nonces:
        builder = leader.open_block(world.now_ms)
        builder.add(key_added(nonce))
        payload = leader.seal(builder, reign.noop.term)
        entry = Entry(Index(leader.top.height + 1), reign.noop.term, EntryKind.BLOCK, payload)
        leader.stage((entry,))
        made.append(entry)
    return made


@pytest.mark.parametrize("together", [False, True])
def test_block_on_another_branch_of_its_leader_is_not_put_on_this_one(
    world: World, *, together: bool
) -> None:
    """However many appends one step takes: what one of them brings may not be let in."""
    reign = follow(world, leader=LIAR)
    held, other = branch(world, reign, 1), branch(world, reign, 2, 3)
    opened = reign.opened
    after = LogEnd(term=opened.term, index=opened.index + 1, head=bytes(32))
    first = [reign.append(reign.noop), reign.append(*held, previous=opened)]
    second = [reign.append(other[0], previous=opened), reign.append(other[1], previous=after)]
    for items in [[*first, *second]] if together else [first, second]:
        step = world.engine.step(items, [])
    assert step.status.last_index == held[0].index
    (stored,) = world.storage.entries(held[0].index, held[0].index, 1 << 20)
    assert stored == held[0]


def other_events(block: Entry) -> bytes:
    """Give the header of a block, and what are no events."""
    sealed = decode_block(block.payload)
    return encode(msgspec.structs.replace(sealed, events=(b"none",)))


@pytest.mark.parametrize("kind", [EntryKind.BLOCK, EntryKind.NOOP])
def test_other_bytes_in_the_place_of_a_block_are_not_saved(world: World, kind: EntryKind) -> None:
    """In a later term nothing was acknowledged, and the log takes what it is sent."""
    reign = follow(world)
    (held,) = branch(world, reign, 1)
    world.engine.step([reign.append(reign.noop, held)], [])
    payload = other_events(held) if kind is EntryKind.BLOCK else reign.noop.payload
    later = world.elect(LIAR, 3, LogEnd(term=2, index=held.index, head=bytes(32)))
    forged = replace(held, kind=kind, payload=payload)
    world.engine.step([later.append(forged, previous=reign.opened)], [])
    (stored,) = world.storage.entries(held.index, held.index, 1 << 20)
    assert stored == held
