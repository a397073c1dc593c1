"""Nodes that do not vote, as processes: they follow, verify, answer, pass on, and say how old."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from attacks.voting import Founded, Watch, found, number
from neighbours import free_addresses
from network import (
    NodeSeen,
    Status,
    ask_status,
    ending,
    init_replica,
    run_kpnode,
    sign_note,
    start_kpnode,
    wait_until_alarm,
    wait_until_status,
    watch,
)

from kpledger.api.routes import MSGPACK_TYPE, READY
from kpnode.founding import GENESIS_NAME

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


async def post(session: aiohttp.ClientSession, node: NodeSeen, envelope: bytes) -> tuple[int, str]:
    headers = {"Content-Type": MSGPACK_TYPE}
    url = f"{node.api}/v1/events?timeout_ms=60000"
    async with session.post(url, data=envelope, headers=headers) as response:
        return response.status, await response.text()


def note(network: Founded) -> bytes:
    return sign_note(network.directory / "keys", network.genesis.chain)


async def start(*nodes: NodeSeen) -> list[asyncio.subprocess.Process]:
    return [await start_kpnode("run", "--config", one.config) for one in nodes]


async def wait_until_current(
    session: aiohttp.ClientSession, nodes: Sequence[NodeSeen], height: int
) -> list[Status]:
    """Wait until each of these nodes holds a height, and says that it is ready."""
    return await watch(
        nodes,
        lambda found: all(
            one["height"] != -1 and number(one, "height") >= height and one["ready"] is True
            for one in found
        ),
        session,
    )


async def test_named_node_follows_answers_and_passes_on_like_a_voter(tmp_path: Path) -> None:
    network = found(tmp_path / "net")
    *voters, named = network.nodes
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        running = await start(*voters)
        await stack.enter_async_context(ending(running))
        watching = Watch(session, voters)
        await watching.until(lambda one: bool(one.get("leader")))
        await watching.commit(note(network))
        (replica,) = await start(named)
        await stack.enter_async_context(ending([replica]))
        height = number(await ask_status(session, voters[0]), "height")
        (status,) = await wait_until_current(session, [named], height)
        assert (status["role"], status["behind"], status["alarms"]) == ("replica", 0, [])

        own = note(network)
        code, answer = await post(session, named, own)
        assert (code, '"duplicate":false' in answer) == (201, True), answer
        code, answer = await post(session, named, own)
        assert (code, '"duplicate":true' in answer) == (201, True), answer
        other_chain = sign_note(network.directory / "keys", bytes(32))
        assert (await post(session, named, other_chain))[0] == 422

        url = f"{named.api}/v1/participants?consistency=linearizable&timeout_ms=60000"
        async with session.get(url) as response:
            assert response.status == 200, await response.text()
            assert int(response.headers["KP-Height"]) > height
            assert int(response.headers["KP-Age-S"]) <= 15

        replica.kill()
        await replica.communicate()
        await watching.commit(note(network))
        (replica,) = await start(named)
        await stack.enter_async_context(ending([replica]))
        height = number(await ask_status(session, voters[0]), "height")
        await wait_until_current(session, [named], height)

        for one in running:
            one.send_signal(signal.SIGKILL)
        await wait_until_alarm(session, named, "nobody has shown this node how far the ledger is")
        status = await ask_status(session, named)
        assert (status["ready"], number(status, "age_s") > 15) == (False, True)
        async with session.get(named.api + READY.path) as response:
            assert response.status == 503
        async with session.get(f"{named.api}/v1/participants") as response:
            assert response.status == 200
            assert int(response.headers["KP-Age-S"]) > 15


async def test_observers_follow_each_other_and_pass_events_on(tmp_path: Path) -> None:
    network = found(tmp_path / "net")
    voters = network.nodes[:-1]
    genesis = network.directory / GENESIS_NAME
    ports = free_addresses(3)
    chain: list[NodeSeen] = []
    for at, port in enumerate(ports):
        before = chain[-1].api if chain else voters[0].api
        chain.append(
            await init_replica(tmp_path, genesis, f"obs-{at}", str(port), "--from", before)
        )
    async with aiohttp.ClientSession() as session, ending(await start(*voters, *chain)):
        watching = Watch(session, voters)
        await watching.until(lambda one: bool(one.get("leader")))
        await watching.commit(note(network))
        height = number(await ask_status(session, voters[0]), "height")
        await wait_until_current(session, chain, height)
        code, answer = await post(session, chain[-1], note(network))
        assert code == 201, answer
        height = number(await ask_status(session, chain[-1]), "height")
        await wait_until_current(session, [*voters, *chain], height)


async def test_observer_without_a_token_is_told_so_and_with_one_follows(tmp_path: Path) -> None:
    network = found(tmp_path / "net")
    voters = network.nodes[:-1]
    source = voters[0]
    text = source.config.read_text()
    source.config.write_text(
        text.replace('addresses = ["127.0.0.0/8", "::1/128"]', "addresses = []")
    )
    genesis = network.directory / GENESIS_NAME
    (port,) = free_addresses(1)
    token = tmp_path / "token"
    options = ("--from", source.api, "--source-token", str(token))
    observer = await init_replica(tmp_path, genesis, "obs-1", str(port), *options)
    async with aiohttp.ClientSession() as session, ending(await start(*voters)):
        await Watch(session, voters[1:]).until(lambda one: bool(one.get("leader")))
        (running,) = await start(observer)
        async with ending([running]):
            await wait_until_status(session, observer, ready=False, height=0)
            await wait_until_alarm(session, observer, "HTTP status 401")
        code, made, problem = await run_kpnode("token", "add", "obs", "--config", source.config)
        assert code == 0, problem
        token.write_text(made)
        token.chmod(0o600)
        (running,) = await start(observer)
        async with ending([running]):
            await wait_until_current(session, [observer], 1)


async def test_what_cannot_follow_is_refused_when_it_is_made(tmp_path: Path) -> None:
    network = found(tmp_path / "net")
    voter, named = network.nodes[0], network.nodes[-1]
    genesis = str(network.directory / GENESIS_NAME)
    making = ("init", tmp_path / "new", "--replica", "--genesis", genesis, "--name")
    for arguments, problem in (
        ((*making, voter.name, "--from", voter.api), f"{voter.name} votes"),
        ((*making, "obs-1"), "no peer knows its key"),
        ((*making, named.name), f"names other keys for {named.name}"),
        ((*making, "obs-1", "--from", "bw-1:7600"), "is not the URL of a node"),
        (
            ("init", tmp_path / "new", "--name", "a-1", "--participant", "BW", "--from", "x"),
            "go with",
        ),
    ):
        code, _, told = await run_kpnode(*arguments)
        assert (code, problem in told) == (2, True), told
