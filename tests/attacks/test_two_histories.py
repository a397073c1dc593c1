"""Directories of all voters that were copied, and went on in two places: nobody hides the fork.

So it comes about by an accident of operators, and by a majority that colludes.
"""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest
from network import NodeSeen, ending, sign_note

from attacks.commands import KPLEDGER, run_command
from attacks.siege import HONEST_TICK_MS, SKEW_MS, start
from attacks.voting import Founded, Watch, found
from kpnode.config import format_config, load_config
from kpnode.founding import CONFIG_NAME, GENESIS_NAME

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

VOTERS = 3
EVENTS = 3


@asynccontextmanager
async def running(nodes: Sequence[NodeSeen]) -> AsyncIterator[Watch]:
    """Run nodes until the end of the block."""
    processes = [await start(node) for node in nodes]
    async with ending(processes), aiohttp.ClientSession() as session:
        yield Watch(session, nodes)


async def go_on(network: Founded, nodes: Sequence[NodeSeen]) -> set[str]:
    """Let nodes record something; gives the heads with which they end."""
    async with running(nodes) as watch:
        for _ in range(EVENTS):
            await watch.commit(sign_note(network.directory / "keys", network.genesis.chain))
        before = max(int(str(one["tree_size"])) for one in await watch.ask())
        ended = await watch.until(lambda one: one.get("tree_size") == before)
    return {str(one["head"]) for one in ended}


def copy_directory(node: NodeSeen, target: Path) -> NodeSeen:
    """Copy what a node stores to another place, where it runs under the same address."""
    directory = target / node.name
    shutil.copytree(node.directory, directory, ignore=shutil.ignore_patterns("*.sock"))
    config = load_config(node.config)
    moved = msgspec.structs.replace(config.node, directory=directory)
    text = format_config(msgspec.structs.replace(config, node=moved))
    (directory / CONFIG_NAME).write_text(text)
    return msgspec.structs.replace(
        node, directory=directory, config=directory / CONFIG_NAME, log=directory / "node.log"
    )


def head_of(status: dict[str, object]) -> object:
    return status["head"]


async def test_a_copied_set_of_directories_goes_on(tmp_path: Path) -> None:
    network = found(tmp_path / "net", VOTERS, tick_ms=HONEST_TICK_MS, skew_ms=SKEW_MS)
    here = network.nodes[:VOTERS]
    await go_on(network, here)
    there = [copy_directory(node, tmp_path / "copies") for node in here]
    heads_here, heads_there = await go_on(network, here), await go_on(network, there)
    assert len(heads_here | heads_there) == 2

    told = await run_command(
        *(KPLEDGER, "audit", "--genesis", network.directory / GENESIS_NAME),
        *("--copy", here[0].directory, "--copy", there[0].directory, "-o", tmp_path / "evidence"),
    )
    assert told.code == 1, told.output
    assert "FORK" in told.stdout

    # One node of one side comes to the other side.
    async with running([there[0], *here[1:]]) as watch:
        ended = await watch.until(lambda one: "two histories" in str(one.get("alarms")))
        assert {one["role"] for one in ended} == {"stopped"}
        assert str(ended[0]["head"]) in heads_there
        assert not {str(one["head"]) for one in ended[1:]} & heads_there
