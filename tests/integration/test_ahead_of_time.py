"""A last block ahead of the clocks: the leader stays, and everybody is told what they wait for."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest
from attacks.voting import VOTERS, Founded, Watch, found, number
from chronicle import WallClock
from network import PATIENCE_S, ending, sign_note, start_kpnode

from kpnode.founding import GENESIS_NAME

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

HOUR_MS = 3_600_000
CALM_S = 4
"""More than ten election timeouts of these nodes, and longer than a mistimed leader is shunned."""
TERMS = 8
"""Elections that a moved clock may cost."""


@dataclass(frozen=True, slots=True)
class Town:
    """Running voters, each with a clock of its own, and who watches them."""

    network: Founded
    watch: Watch
    clocks: dict[str, WallClock]

    def note(self) -> bytes:
        return sign_note(self.network.directory / "keys", self.network.genesis.chain)

    def set_clocks(self, wrong_ms: int, names: Sequence[str] = ()) -> None:
        """Let the clocks of these nodes, or all, be wrong by so much."""
        for name in names or self.clocks:
            fresh = self.clocks[name].file.with_suffix(".new")
            fresh.write_text(str(wrong_ms), encoding="ascii")
            fresh.replace(self.clocks[name].file)

    async def recover(self) -> None:
        """Record one event after the other until all is well: a block may be late once more."""
        async with asyncio.timeout(PATIENCE_S):
            while not all(map(is_well, await self.watch.ask())):
                await self.watch.commit(self.note())

    async def terms(self) -> list[int]:
        return [number(one, "term") for one in await self.watch.ask()]

    async def stay_calm(self) -> list[dict[str, object]]:
        """Wait until some time has passed, through which there are next to no elections."""
        begun = max(await self.terms())
        uptime_s = max(number(one, "uptime_s") for one in await self.watch.ask())
        found = await self.watch.until(lambda one: number(one, "uptime_s") > uptime_s + CALM_S)
        assert max(number(one, "term") for one in found) - begun <= TERMS
        return found

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run all voters."""
        processes = []
        for node in self.watch.nodes:
            clock = self.clocks[node.name].environment()
            processes.append(await start_kpnode("run", "--config", node.config, environment=clock))
        async with ending(processes):
            yield

    async def type(self, *words: str | Path) -> tuple[int, str]:
        """Type a command of a client; gives its exit code and what it says."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kpclient", *map(str, words)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=os.environ
            | {
                "KPLEDGER_NODE": ",".join(node.api for node in self.watch.nodes),
                "KPLEDGER_GENESIS": str(self.network.directory / GENESIS_NAME),
                "KPLEDGER_HOME": str(self.network.directory / "home"),
                "KPLEDGER_PASSPHRASE": "for the tests only",
            },
        )
        said, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        return process.returncode or 0, said.decode()


@asynccontextmanager
async def founded(directory: Path, voters: int = VOTERS) -> AsyncIterator[Town]:
    """Found a network and run its voters, all clocks right, until something is recorded."""
    network = found(directory / "net", voters)
    nodes = network.nodes[:voters]
    clocks = {node.name: WallClock(directory / f"clock of {node.name}") for node in nodes}
    async with aiohttp.ClientSession() as session:
        town = Town(network, Watch(session, nodes), clocks)
        town.set_clocks(0)
        async with town.running():
            await town.watch.until(lambda one: bool(one.get("leader")))
            await town.watch.commit(town.note())
            yield town


def must_wait(status: dict[str, object]) -> bool:
    return status.get("ready") is False and "ahead of this node's clock" in str(status["alarms"])


def is_well(status: dict[str, object]) -> bool:
    return status.get("ready") is True and status["alarms"] == []


async def hear_why(town: Town) -> None:
    """Submit until a node says why nothing is recorded; it may look for a leader at first."""
    async with asyncio.timeout(60):
        told = ""
        while "by such a clock none" not in told:
            _, answer = await town.watch.submit(town.note())
            told = str(answer.get("detail") or answer.get("reason"))


async def test_clocks_that_were_an_hour_ahead_for_one_event(tmp_path: Path) -> None:
    async with founded(tmp_path) as town:
        keys = town.network.directory / "keys"
        made = ("keys", "new", "--author", "BW/root", "--name", "bw-root")
        assert (await town.type(*made, "--seed-file", keys / "root-BW.seed"))[0] == 0
        note = ("note", "BW", "--text", "A note.", "--key", "bw-root", "--timeout", "8")
        town.set_clocks(HOUR_MS)
        await town.watch.commit(town.note())
        town.set_clocks(0)
        # It is seen at once, whether or not anybody sends anything.
        await town.watch.until(must_wait)
        for _ in range(2):
            await hear_why(town)
        code, said = await town.type(*note)
        assert (code, "is ahead" not in said, "it waits in the outbox" in said) == (2, True, True)
        assert "ahead of this node's clock" in said
        found = await town.stay_calm()
        assert all(map(must_wait, found))
        # Nobody is accused, neither of a lie nor of a bad disk.
        assert [one["refused_blocks"] for one in found] == [[]] * VOTERS
        assert "falsely" not in str(found)
        town.set_clocks(HOUR_MS)
        assert (await town.type("outbox", "send"))[0] == 0
        await town.recover()


async def test_restart_does_not_end_it_and_does_not_hide_it(tmp_path: Path) -> None:
    async with founded(tmp_path) as town:
        town.set_clocks(HOUR_MS)
        await town.watch.commit(town.note())
        town.set_clocks(0)
        await town.watch.submit(town.note())
    async with town.running(), aiohttp.ClientSession() as session:
        town = replace(town, watch=Watch(session, town.watch.nodes))
        await town.watch.until(must_wait)
        await town.stay_calm()


async def test_leader_alone_is_ahead_and_there_is_nobody_else_to_lead(tmp_path: Path) -> None:
    """Of two voters: the other one waits with it, and both say so, each from where it stands."""
    async with founded(tmp_path, voters=2) as town:
        [fast] = {one["leader"] for one in await town.watch.until(lambda one: bool(one["leader"]))}
        town.set_clocks(HOUR_MS, [str(fast)])
        await town.watch.submit(town.note())

        def is_told(one: dict[str, object]) -> bool:
            says = "no majority has taken" if one["node"] == fast else "the newest block bears"
            return one["ready"] is False and says in str(one["alarms"])

        await town.watch.until(is_told)
        await town.stay_calm()
        town.set_clocks(HOUR_MS)
        await town.recover()


async def test_only_voter_goes_on_and_says_which_time_its_blocks_bear(tmp_path: Path) -> None:
    async with founded(tmp_path, voters=1) as town:
        town.set_clocks(HOUR_MS)
        await town.watch.commit(town.note())
        town.set_clocks(0)
        await town.watch.commit(town.note())
        [found] = await town.watch.ask()
        assert found["ready"] is True
        assert "goes on, with blocks that bear that same time" in str(found["alarms"])
