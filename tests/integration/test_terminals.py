"""What a terminal, a shell and a directory do to a network: real processes and signals."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from network import PATIENCE_S, parse_network, read_line, wait_until_ended

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="prctl")]
KPNODE = Path(sys.executable).with_name("kpnode")
FOREIGN = ("calendar.py", "uvloop.py", "msgspec.py", "kpnode.py", "sitecustomize.py")
"""Files that a program in a directory of its own may have; ours imports modules of these names."""


@asynccontextmanager
async def started_in(place: Path, *before: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a network of one node from a directory that holds Python files of somebody else."""
    for name in FOREIGN:
        (place / name).write_text("raise SystemExit('of somebody else')\n")
    words: list[str | Path] = [*before, KPNODE, "devnet", "net", "--voters", "1", "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        *words, cwd=place, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.communicate(), PATIENCE_S)


def children_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ignores_hangup(pid: int) -> bool:
    found = re.search(r"SigIgn:\t(\w+)", Path(f"/proc/{pid}/status").read_text())
    return found is not None and bool(int(found[1], 16) & 1 << signal.SIGHUP - 1)


@pytest.mark.parametrize("name", ["SIGHUP", "SIGQUIT", "SIGKILL"])
async def test_a_network_is_started_from_any_directory_and_leaves_nothing_behind(
    name: str, tmp_path: Path
) -> None:
    async with started_in(tmp_path) as process:
        (node,) = parse_network(await read_line(process)).nodes
        books = children_of(node.pid)
        assert books
        process.send_signal(signal.Signals[name])
        await process.communicate()
        assert process.returncode == (-signal.SIGKILL if name == "SIGKILL" else 0)
        for pid in (node.pid, *books):
            await wait_until_ended(pid)
        # It was stopped in order, as by Ctrl-C.
        assert "stopping" in node.log.read_text()


async def test_what_is_to_outlive_its_terminal_does(tmp_path: Path) -> None:
    async with started_in(tmp_path, "nohup") as process:
        (node,) = parse_network(await read_line(process)).nodes
        assert [ignores_hangup(pid) for pid in (process.pid, node.pid)] == [True, True]
