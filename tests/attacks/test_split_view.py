"""Two nodes that are shown two ledgers by a third find it in the first exchange between them.

On real processes: a voter's stolen key cosigns another tree for one observer than for another one,
and the directories of all voters are copied and go on in two places, each with an observer.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import msgspec
import pytest
from neighbours import free_addresses
from network import NodeSeen, ask_status, ending, init_replica, sign_note, start_kpnode, watch
from split_views import write_note

from attacks.commands import KPLEDGER, run_command
from attacks.siege import HONEST_TICK_MS, SKEW_MS
from attacks.test_two_histories import copy_directory, go_on, running
from attacks.voting import Founded, Watch, found, number
from kpledger.api.gossip import GossipMessage, Rumour, encode_gossip
from kpledger.api.routes import EVIDENCE, GOSSIP, MSGPACK_TYPE
from kpledger.base.codec import encode
from kpledger.base.hashing import Digest, sha256
from kpledger.base.keys import SigningKey
from kpledger.log.checkpoint import Checkpoint, cosign_checkpoint
from kpledger.log.merkle import TreeSize
from kpnode.founding import GENESIS_NAME
from kpnode.keyfile import load_seed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

VOTERS = 3


async def observe(network: Founded, place: Path, *sources: str) -> NodeSeen:
    """Make an observer that follows these, and gossips with them."""
    (port,) = free_addresses(1)
    options = [word for source in sources for word in ("--from", source)]
    genesis = network.directory / GENESIS_NAME
    return await init_replica(place.parent, genesis, place.name, str(port), *options)


async def start(*nodes: NodeSeen) -> list[asyncio.subprocess.Process]:
    return [await start_kpnode("run", "--config", node.config) for node in nodes]


async def tell(session: aiohttp.ClientSession, node: NodeSeen, network: Founded, note: str) -> None:
    """Hand a checkpoint to a node, as anybody may."""
    message = GossipMessage(
        chain=network.genesis.chain,
        config_hash=network.genesis.config_hash,
        has=(),
        rumours=(encode(Rumour(checkpoint=note)),),
    )
    headers = {"Content-Type": MSGPACK_TYPE}
    body = encode_gossip(message)
    async with session.post(node.api + GOSSIP.path, data=body, headers=headers) as response:
        assert response.status == 200, await response.text()


async def read_evidence(
    session: aiohttp.ClientSession, node: NodeSeen, kind: str, *, wait: bool = True
) -> list[dict[str, object]]:
    """Give the evidence of a kind that a node has; wait until there is some."""
    while True:
        async with session.get(node.api + EVIDENCE.path) as response:
            assert response.status == 200, await response.text()
            answer = msgspec.json.decode(await response.read(), type=dict[str, object])
        files = answer["evidence"]
        assert isinstance(files, list)
        found = [one for one in files if one["evidence"]["kind"] == kind]
        if found or not wait:
            return found
        await asyncio.sleep(0.1)


async def verify(network: Founded, file: Path, evidence: dict[str, object]) -> tuple[int, str]:
    """Have the client say whom evidence convicts."""
    await asyncio.to_thread(file.write_text, json.dumps(evidence))
    genesis = network.directory / GENESIS_NAME
    home = network.directory / "home"
    words = ("evidence", "verify", file, "--genesis", genesis, "--home", home)
    ended = await run_command(KPLEDGER, *words)
    return ended.code, ended.stdout


async def wait_for_height(
    session: aiohttp.ClientSession, nodes: Sequence[NodeSeen], height: int
) -> list[dict[str, object]]:
    return await watch(
        nodes,
        lambda seen: all(one["height"] != -1 and number(one, "height") >= height for one in seen),
        session,
    )


async def test_two_checkpoints_under_one_key_for_two_observers(tmp_path: Path) -> None:
    network = found(tmp_path / "net", VOTERS, tick_ms=HONEST_TICK_MS, skew_ms=SKEW_MS)
    voters, liar = network.nodes[:VOTERS], network.nodes[0]
    one = await observe(network, tmp_path / "obs-1", voters[1].api)
    other = await observe(network, tmp_path / "obs-2", voters[2].api, one.api)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        await stack.enter_async_context(ending(await start(*voters, one)))
        watching = Watch(session, voters)
        await watching.until(lambda status: bool(status.get("leader")))
        for _ in range(3):
            await watching.commit(sign_note(network.directory / "keys", network.genesis.chain))
        height = number(await ask_status(session, voters[0]), "height")
        (status,) = await wait_for_height(session, [one], height)
        true = Checkpoint(
            network.genesis.file.origin,
            TreeSize(number(status, "tree_size")),
            Digest(bytes.fromhex(str(status["tree_root"]))),
        )
        false = Checkpoint(true.origin, true.size, sha256(b"another ledger"))
        key = SigningKey.from_seed(load_seed(liar.directory / "cosigning.seed"))
        name = f"{true.origin}/{liar.name}"
        notes = [
            write_note(tree, cosign_checkpoint(tree, name=name, key=key, time_s=at))
            for at, tree in enumerate((true, false), 1_800_000_000)
        ]
        await tell(session, one, network, notes[0])
        assert await read_evidence(session, one, "E10", wait=False) == []
        await stack.enter_async_context(ending(await start(other)))
        await watch([other], lambda seen: seen[0]["height"] != -1, session)
        await tell(session, other, network, notes[1])
        for node in (one, other):
            # Its own process cosigns the true tree again and again, so that there are several.
            for evidence in await read_evidence(session, node, "E10"):
                code, told = await verify(network, tmp_path / "evidence.json", evidence)
                assert (code, f"CONVICTED of a fault: {liar.name} " in told) == (0, True), told
                assert f"{name}+" in told
            status = await ask_status(session, node)
            assert "Evidence E10" in str(status["alarms"])


async def test_copied_voters_with_an_observer_on_each_side(tmp_path: Path) -> None:
    network = found(tmp_path / "net", VOTERS, tick_ms=HONEST_TICK_MS, skew_ms=SKEW_MS)
    here = network.nodes[:VOTERS]
    await go_on(network, here)
    there = [copy_directory(node, tmp_path / "copies") for node in here]
    one = await observe(network, tmp_path / "obs-1", here[0].api)
    other = await observe(network, tmp_path / "obs-2", here[0].api, one.api)
    for voters, observer in ((here, one), (there, other)):
        async with running(voters) as watching, ending(await start(observer)):
            await watching.until(lambda status: bool(status.get("leader")))
            for _ in range(2):
                await watching.commit(sign_note(network.directory / "keys", network.genesis.chain))
            async with aiohttp.ClientSession() as session:
                height = number(await ask_status(session, voters[0]), "height")
                await wait_for_height(session, [observer], height)
    async with aiohttp.ClientSession() as session, ending(await start(one, other)):
        stopped = await watch(
            [one, other], lambda seen: all(each.get("role") == "stopped" for each in seen), session
        )
        assert all("two histories" in str(status["alarms"]) for status in stopped)
        for node in (one, other):
            evidence = (await read_evidence(session, node, "E8"))[0]
            _, told = await verify(network, tmp_path / "evidence.json", evidence)
            assert told.startswith("FORK."), told
            assert any(voter.name in told for voter in here)
