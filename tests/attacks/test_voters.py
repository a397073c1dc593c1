"""What one voter's keys, and those of a node that is no voter, can do to the others.

The others are real processes. Who holds the keys was never elected; he speaks over the links that
the keys open.
"""

import asyncio
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from network import GLANCE_S, NodeSeen, ending, sign_note, sign_statement, start_kpnode

from attacks.voting import (
    ABSURD,
    DEADLINE_S,
    SKEW_MS,
    TICK_MS,
    VOTERS,
    Founded,
    Holder,
    Watch,
    found,
    holding_keys,
    number,
    wait_until,
)
from kpledger.base.keys import SigningKey
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.events.governance import KeyAdded
from kpnode.config import load_config
from kpnode.daemon import load_keys
from kpnode.ledger import Ledger
from kpnode.machine import Machine
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Entry,
    EntryKind,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Term,
)
from kpnode.runtime import Refused
from kpnode.storage.leveldb import LevelStorage
from kpnode.transport.relay import _encode_outcome
from kpnode.transport.wire import RelayReply, RelayRequest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def backdate(network: Founded, liar: NodeSeen, event: bytes, term: Term) -> AppendRequest:
    """Seal a block, as the leader of a term to come, that is as old as the end of the chain."""
    storage = LevelStorage(network.database(liar), chain=network.genesis.chain, create=False)
    try:
        ledger = Ledger(network.genesis, storage)
        keys = load_keys(load_config(liar.config), network.genesis)
        machine = Machine(network.genesis, liar.name, keys.consensus, ledger, skew_ms=SKEW_MS)
        machine.recover(storage)
        end, end_term = machine.top.height, machine.top.term
        opening = Entry(Index(end + 1), term, EntryKind.NOOP, b"")
        machine.stage((opening,))
        builder = machine.open_block(machine.top.time_ms)
        assert builder.add(decode_envelope(event)) is None
        block = Entry(Index(end + 2), term, EntryKind.BLOCK, machine.seal(builder, term))
    finally:
        storage.close()
    # What he claims to be committed costs nothing.
    return AppendRequest(term, Index(end), Term(end_term), (opening, block), block.index)


async def test_keys_of_one_voter_move_neither_time_nor_elections(tmp_path: Path) -> None:
    network = found(tmp_path / "net")
    honest, (liar, stranger) = network.nodes[: VOTERS - 1], network.nodes[VOTERS - 1 :]
    event = sign_note(network.directory / "keys", network.genesis.chain)
    processes = [
        await start_kpnode("run", "--config", one.config) for one in network.nodes[:VOTERS]
    ]
    async with ending(processes), aiohttp.ClientSession() as session:
        watch = Watch(session, honest)
        await watch.until(lambda one: number(one, "height") > 0)
        # So long that the whole chain is old, and nobody has missed anything for a while.
        await watch.until(lambda one: number(one, "uptime_s") >= 3)
        assert time.time_ns() // 1_000_000 - network.genesis.file.created_at > 2 * SKEW_MS
        processes[VOTERS - 1].send_signal(signal.SIGTERM)
        await processes[VOTERS - 1].communicate()
        await watch.until(lambda one: one.get("leader") in {node.name for node in honest})

        async with holding_keys(network, stranger) as holder:
            await wait_until(lambda: len(holder.transport.connected_peers()) >= len(honest))
            await refuse_stranger(watch, holder)
        async with holding_keys(network, liar) as holder:
            await wait_until(lambda: len(holder.transport.connected_peers()) == len(honest))
            await refuse_backdated_block(network, watch, holder, event)
            await refuse_absurd_commit(watch, holder)
            await mark_words_of_a_leader(network, watch, holder)
        await watch.commit(event)
        await watch.until(lambda one: number(one, "tree_size") > 0)


async def refuse_stranger(watch: Watch, holder: Holder) -> None:
    """Nobody answers a node that is no voter, and the leader leads on."""
    before = await watch.ask()
    term = Term(number(before[0], "term") + 1)
    holder.tell(watch.nodes, HeartbeatRequest(term, Index(0), 0))
    holder.tell(watch.nodes, AppendRequest(term, Index(0), Term(0), (), Index(0)))
    uptime_s = max(number(one, "uptime_s") for one in before)
    after = await watch.until(lambda one: number(one, "uptime_s") > uptime_s)
    assert holder.heard == []
    assert [one["term"] for one in after] == [one["term"] for one in before]


async def refuse_backdated_block(
    network: Founded, watch: Watch, holder: Holder, event: bytes
) -> None:
    """Nobody takes a block that is older than the skew, and nobody follows who sent it."""
    term = Term(max(number(one, "term") for one in await watch.ask()) + 1)
    append = await asyncio.to_thread(backdate, network, holder.node, event, term)
    holder.tell(watch.nodes, append)
    found = await watch.until(lambda one: "time_ms" in str(one["refused_blocks"]))
    assert holder.answers(AppendReply, term) == set()
    assert {one["tree_size"] for one in found} == {0}
    assert all(f"a block of {holder.node.name} is" in str(one["alarms"]) for one in found)


async def refuse_absurd_commit(watch: Watch, holder: Holder) -> None:
    """Nobody believes that its disk lost what a leader claims, and all may be elected on."""
    term = Term(max(number(one, "term") for one in await watch.ask()) + 1)
    names = {node.name for node in watch.nodes}
    async with asyncio.timeout(DEADLINE_S):
        # At first they do not listen to him: his block came late.
        while holder.answers(HeartbeatReply, term) != names:
            for commit in (Index(1000), ABSURD):
                holder.tell(watch.nodes, HeartbeatRequest(term, commit, 0))
            await asyncio.sleep(GLANCE_S)
    found = await watch.until(lambda one: number(one, "term") > term and one["leader"] in names)
    assert not any("disk has lost" in str(one["alarms"]) for one in found)
    assert all("it claims that block" in str(one["refused_blocks"]) for one in found)


WORDS = "no\x1b]0;x\x07 \u202e" + "x" * 5000
"""What a leader that lies has to say, to a terminal."""


async def mark_words_of_a_leader(network: Founded, watch: Watch, holder: Holder) -> None:
    """A refusal is told in the words of the node that was asked, or as those of its leader."""
    keys, name = network.directory / "keys", holder.node.name
    leading = asyncio.create_task(lead(watch, holder))
    try:
        await watch.until(lambda one: one["leader"] == name)
        lie = Refusal(Rule.E3, "body\x1b[2J", WORDS, WORDS)
        told = await hear(watch, holder, lie, lambda: sign_note(keys, network.genesis.chain))
        said = str(told["detail"]) + str(told["accepted"])
        assert str(told["detail"]).startswith(f"the leader {name} refused it, in these words: no")
        assert (told["rule"], told.get("field") or "", said.isprintable()) == ("E3", "", True)
        assert len(said) < 2500

        def add_key() -> bytes:
            key = SigningKey.from_seed(secrets.token_bytes(32)).public_key
            body = KeyAdded(authority="nowhere", key=key, valid_from=0)
            return sign_statement(keys, network.genesis.chain, "BW", key.hex(), body)

        lie = Refusal(Rule.E6, "body.authority", "in words of its own", "nothing")
        told = await hear(watch, holder, lie, add_key)
        assert (told["rule"], told["field"]) == ("E6", "body.authority")
        assert "words" not in str(told["detail"]), told
    finally:
        leading.cancel()


async def lead(watch: Watch, holder: Holder) -> None:
    """Lead for ever: in a later term whenever they have gone on to one, as on a busy machine."""
    term = Term(0)
    while True:
        newest = max(one.body.term for one in holder.heard)
        if newest > term:
            term = Term(newest + 1)
        holder.tell(watch.nodes, HeartbeatRequest(term, Index(0), 0))
        await asyncio.sleep(TICK_MS / 1000)


async def hear(
    watch: Watch, holder: Holder, lie: Refusal, make: Callable[[], bytes]
) -> dict[str, object]:
    """Submit until the leader has refused an event in these words; gives what is told of it."""
    asked = []

    def refuse(request: RelayRequest) -> RelayReply:
        asked.append(request)
        event_id = decode_envelope(request.envelope).event_id
        status, body = _encode_outcome(Refused(event_id, lie, bad_signature=True))
        return RelayReply(ticket=request.ticket, status=status, body=body)

    holder.refuses = refuse
    async with asyncio.timeout(DEADLINE_S):
        while True:
            status, told = await watch.submit(make())
            # While it follows somebody else, the event is committed.
            if asked and status in {409, 422}:
                return told
