"""Directories of all voters that were copied, and went on in two places: nobody hides the fork.

So it comes about by an accident of operators, and by a majority that colludes.
"""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import msgspec
import plyvel
import pytest
from network import NodeSeen, ending, sign_note

from attacks.commands import KPLEDGER, Ended, run_command
from attacks.siege import HONEST_TICK_MS, SKEW_MS, start
from attacks.voting import Founded, Watch, found
from kpledger.log import layout
from kpledger.log.block import decode_block, decode_block_header
from kpledger.log.certificates import decode_commit_certificate, decode_opening
from kpnode.config import format_config, load_config
from kpnode.founding import CONFIG_NAME, GENESIS_NAME

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

VOTERS = 3
EVENTS = 3


class Side(msgspec.Struct):
    sources: tuple[str, ...]


class ToldFork(msgspec.Struct):
    """What programs are told of a fork."""

    height: int
    branches: tuple[Side, Side]
    signed_both: dict[str, str]


class Report(msgspec.Struct):
    forks: tuple[ToldFork, ...]


@asynccontextmanager
async def running(nodes: Sequence[NodeSeen]) -> AsyncIterator[Watch]:
    """Run nodes until the end of the block."""
    processes = [await start(node) for node in nodes]
    async with ending(processes), aiohttp.ClientSession() as session:
        yield Watch(session, nodes)


async def go_on(network: Founded, nodes: Sequence[NodeSeen]) -> None:
    """Let nodes record something, all of it."""
    async with running(nodes) as watch:
        for _ in range(EVENTS):
            await watch.commit(sign_note(network.directory / "keys", network.genesis.chain))
        told = await watch.until(lambda one: "tree_size" in one)
        newest = max(int(str(one["tree_size"])) for one in told)
        await watch.until(lambda one: one.get("tree_size") == newest)


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


def who_signed(node: NodeSeen, height: int) -> set[str]:
    """Name whose signatures a directory holds on its blocks from a height on, by its bytes."""
    names: set[str] = set()
    database = plyvel.DB(str(load_config(node.config).node.database))
    with closing(database):
        stored = database.iterator(start=layout.block_key(height), stop=layout.LAST_BLOCK_KEY)
        for entry in (layout.decode_stored_entry(one) for _, one in stored):
            if entry.kind == layout.NOOP_ENTRY:
                names |= {vote.voter for vote in decode_opening(entry.payload).votes}
            else:
                names.add(decode_block_header(decode_block(entry.payload).header).leader)
        for encoded in database.iterator(prefix=layout.CERTIFICATE_PREFIX, include_key=False):
            certificate = decode_commit_certificate(encoded)
            if certificate.index >= height:
                names |= {one.voter for one in certificate.by}
    return names


async def compare(network: Founded, *nodes: NodeSeen) -> tuple[Ended, ToldFork]:
    """Compare directories; gives what people are told, and the only fork as programs are."""
    genesis = ("--genesis", network.directory / GENESIS_NAME, "--home", network.directory / "home")
    copies = [word for node in nodes for word in ("--copy", node.directory)]
    told = await run_command(KPLEDGER, "audit", *genesis, *copies)
    encoded = await run_command(KPLEDGER, "audit", *genesis, *copies, "--json")
    assert (told.code, encoded.code) == (1, 1), told.output
    (fork,) = msgspec.json.decode(encoded.stdout, type=Report).forks
    return told, fork


async def test_a_copied_set_of_directories_goes_on(tmp_path: Path) -> None:
    """The copies are started twice, so that the two go on in the same terms and in others."""
    network = found(tmp_path / "net", VOTERS, tick_ms=HONEST_TICK_MS, skew_ms=SKEW_MS)
    here = network.nodes[:VOTERS]
    await go_on(network, here)
    there = [copy_directory(node, tmp_path / "copies") for node in here]
    for nodes in (here, there, there):
        await go_on(network, nodes)

    told, fork = await compare(network, *here, *there)
    assert told.stdout.startswith("FORK: from block ")
    signed_here, signed_there = (
        set.union(*(who_signed(node, fork.height) for node in side)) for side in (here, there)
    )
    grades = fork.signed_both
    assert grades.keys() >= signed_here & signed_there
    assert len(grades) >= 2 * (VOTERS // 2 + 1) - VOTERS
    for name, grade in grades.items():
        assert f"{name} (a {grade})" in told.stdout
    assert "lie" not in grades.values(), told.stdout

    # One node of one side comes to the other side.
    async with running([there[0], *here[1:]]) as watch:
        ended = await watch.until(lambda one: one.get("role") == "stopped")
        for one in ended:
            assert "two histories" in str(one["alarms"])
            _, _, blame = str(one["alarms"]).partition("neither contains the other. ")
            assert any(node.name in blame for node in here), blame
    _, fork = await compare(network, there[0], there[1], here[1])
    first, second = ({str(one.directory) for one in side} for side in (there[:2], here[1:2]))
    sides = [(first | second).intersection(branch.sources) for branch in fork.branches]
    assert sides in ([first, second], [second, first])
