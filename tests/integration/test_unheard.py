"""Nodes that have never heard the others, or not for long: they say so, and so do the commands."""

import asyncio
import shutil
from pathlib import Path

import aiohttp
import msgspec
import pytest
from attacks.voting import VOTERS, Founded, Watch, found, number
from network import (
    NodeSeen,
    ask_status,
    ending,
    run_kpnode,
    sign_note,
    start_kpnode,
    wait_until_alarm,
    wait_until_status,
)
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpledger.api.routes import CHECKPOINT, GENESIS, HEARD, LIVE, OPENAPI, READY, ROUTES, STATUS
from kpnode.addresses import Address
from kpnode.config import format_config, load_config
from kpnode.founding import GENESIS_NAME

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

NEEDS_NOTHING = {GENESIS, HEARD, STATUS, LIVE, READY, OPENAPI}
"""Routes that tell nothing of what is recorded."""
READING = (
    ["list"],
    ["list", "--json"],
    ["show", "BW00000001"],
    ["flags"],
    ["flags", "--replay"],
    ["audit"],
    ["stats", "annex3", "--participant", "BW", "--period", "2026Q1"],
    ["participants"],
    ["trace", "BW00000001"],
    ["calendar"],
)


def give_addresses(node: NodeSeen, addresses: dict[str, Address]) -> None:
    config = load_config(node.config)
    # What others tell of themselves would help it.
    peers = msgspec.structs.replace(config.peers, addresses=addresses, pinned=True)
    node.config.write_text(format_config(msgspec.structs.replace(config, peers=peers)))


async def type_command(
    network: Founded, words: list[str], *nodes: NodeSeen, timeout_s: int = 20
) -> Result:
    environment = {
        "KPLEDGER_NODE": ",".join(node.api for node in nodes),
        "KPLEDGER_GENESIS": str(network.directory / GENESIS_NAME),
        "KPLEDGER_HOME": str(network.directory / "home"),
    }
    typed = [*words, "--timeout", str(timeout_s)]
    return await asyncio.to_thread(CliRunner().invoke, app, typed, env=environment)


async def test_nodes_that_hear_nobody(tmp_path: Path) -> None:
    network = found(tmp_path / "net")
    first, second, lost, lonely, _ = network.nodes
    give_addresses(lonely, {})
    # Nobody listens where it looks for them.
    give_addresses(lost, {node.name: Address("127.0.0.1:1") for node in (first, second, lonely)})
    started = [await start_kpnode("run", "--config", node.config) for node in network.nodes]
    async with ending(started), aiohttp.ClientSession() as session:
        await check_the_unheard(session, network)


async def check_the_unheard(session: aiohttp.ClientSession, network: Founded) -> None:
    _, _, lost, lonely, stranger = network.nodes
    told = {
        lost: "at 127.0.0.1:1 (connection refused)",
        lonely: "holds no line such as",
        stranger: "nobody has shown this node how far the ledger is",
    }
    for node, words in told.items():
        await wait_until_alarm(session, node, words)
        await wait_until_alarm(session, node, "may have missed what was recorded")
        status = await ask_status(session, node)
        assert (status["ready"], number(status, "age_s") >= 5) == (False, True)
        for route in ROUTES:
            has_no_questions = not route.names_in_path and not route.has_body
            needed = [one for one in msgspec.structs.fields(route.question) if one.required]
            if has_no_questions and not needed and route not in NEEDS_NOTHING:
                async with session.get(node.api + route.path) as response:
                    problem = await response.text()
                    assert (response.status, "never heard" in problem) == (503, True), route.path
        async with session.get(node.api + READY.path) as response:
            assert response.status == 503
            why = "no source has told" if node is stranger else "this node knows no leader"
            assert why in await response.text()
    for command in READING:
        result = await type_command(network, command, lonely, timeout_s=2)
        assert (result.exit_code, "never heard the others" in result.output) == (2, True), command


def configure_second(first: NodeSeen, spare: NodeSeen, copy: Path, keys: Path) -> None:
    """Have the spare node run from a copy of another's directory, with the keys that lie there."""
    own, taken = load_config(first.config), load_config(spare.config)
    shutil.copytree(first.directory, copy)
    config = msgspec.structs.replace(
        own,
        node=msgspec.structs.replace(own.node, directory=copy),
        keys=msgspec.structs.replace(
            own.keys,
            consensus=keys / own.keys.consensus.name,
            tls=keys / own.keys.tls.name,
        ),
        api=taken.api,
        peers=msgspec.structs.replace(own.peers, listen=taken.peers.listen),
    )
    spare.config.write_text(format_config(config))


async def test_second_node_with_the_keys_of_one_that_runs_says_what_it_may_be(
    tmp_path: Path,
) -> None:
    network = found(tmp_path / "net")
    *voters, spare = network.nodes
    configure_second(voters[0], spare, tmp_path / "copy", keys=tmp_path / "copy")
    started = [await start_kpnode("run", "--config", node.config) for node in network.nodes]
    async with ending(started), aiohttp.ClientSession() as session:
        await Watch(session, voters[1:]).until(lambda one: bool(one.get("leader")))
        await wait_until_alarm(session, spare, "a second node runs with its keys")
        twice = f"{voters[0].name} (at 127.0.0.1) connects again and again"
        await wait_until_alarm(session, voters[1], twice)
        started[1].terminate()
        _, log = await started[1].communicate()
    assert f"replaced a connection by a second one: {voters[0].name} at 127.0.0.1".encode() in log


async def test_second_node_that_reads_the_same_files_of_keys_does_not_start(tmp_path: Path) -> None:
    """Both would keep what they have cosigned in one file, and neither would know what it said."""
    network = found(tmp_path / "net")
    first, spare = network.nodes[0], network.nodes[-1]
    configure_second(first, spare, tmp_path / "copy", keys=first.directory)
    started = await start_kpnode("run", "--config", first.config)
    async with ending([started]), aiohttp.ClientSession() as session:
        await wait_until_status(session, first, failed=None)
        code, _, problem = await run_kpnode("run", "--config", spare.config)
    assert code == 2
    assert f"{first.directory}: another kpnode is running on" in problem


async def test_command_goes_on_to_a_node_that_has_heard_and_says_how_old_its_knowledge_is(
    tmp_path: Path,
) -> None:
    network = found(tmp_path / "net")
    *voters, stranger = network.nodes
    started = [await start_kpnode("run", "--config", node.config) for node in network.nodes]
    async with ending(started), aiohttp.ClientSession() as session:
        watch = Watch(session, voters)
        await watch.until(lambda one: bool(one.get("leader")))
        await watch.commit(sign_note(network.directory / "keys", network.genesis.chain))
        result = await type_command(network, ["list"], stranger, *voters)
        assert (result.exit_code, "never heard" in result.output) == (0, False), result.output
        [kept, *others] = voters
        height = number(await ask_status(session, kept), "height")
        for process in started[1:VOTERS]:
            process.terminate()
        alarms = await wait_until_alarm(session, kept, "may have missed what was recorded")
        assert all(other.name in alarms for other in others)
        # What it has it tells, and how old that may be.
        result = await type_command(network, ["list", "--json"], kept)
        assert (result.exit_code, "has heard no leader for" in result.stderr) == (0, True)
        assert msgspec.json.decode(result.stdout) == {"certificates": [], "next": None}
        async with session.get(f"{kept.api}/v1/certificates") as response:
            assert (response.status, int(response.headers["KP-Height"]) >= height) == (200, True)
            assert int(response.headers["KP-Age-S"]) >= 5
        async with session.get(kept.api + CHECKPOINT.path) as response:
            assert response.status == 200
