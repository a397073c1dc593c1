"""A short chaos run of real processes, from the command to its verdict; and nothing stays behind.

Needs root and namespaces. Where a machine has none, the command says so, which is tested, too.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from lab.chaos.sites import PREFIX, SitesError, made_sites

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]

ROOT = Path(__file__).parents[2]
SKIPPED = "chaos: skipped: no network namespaces (needs root with CAP_SYS_ADMIN, and iproute2)"


@pytest.fixture
def made() -> None:
    """Skip the test where a run would be skipped."""
    try:
        with made_sites(("probe",), 1 << 20):
            pass
    except SitesError as error:
        pytest.skip(f"{SKIPPED}: {error}")


async def start_chaos(*options: str, path: str = "") -> asyncio.subprocess.Process:
    """Start it as `scripts/chaos` does, without installing anything first."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "lab.chaos", *options),
        cwd=ROOT,
        env=os.environ | ({"PATH": path} if path else {}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def finish(process: asyncio.subprocess.Process) -> tuple[int | None, list[str]]:
    output, _ = await process.communicate()
    return process.returncode, output.decode().splitlines()


def find_traces(pid: int) -> list[str]:
    """Find what a run with this process id has on the machine."""
    mark = f"{PREFIX}-{pid}-"
    namespaces = Path("/run/netns")
    names = [path.name for path in namespaces.glob("*")] if namespaces.exists() else []
    names += Path("/proc/mounts").read_text().split()
    names += [path.name for path in Path(tempfile.gettempdir()).iterdir()]
    return [name for name in names if mark in name]


async def test_machine_without_iproute2_is_skipped_visibly(tmp_path: Path) -> None:
    process = await start_chaos("--seconds", "1", path=str(tmp_path))
    code, lines = await finish(process)
    assert (code, lines[-1]) == (0, SKIPPED)


async def test_skipping_fails_where_a_run_is_required(tmp_path: Path) -> None:
    process = await start_chaos("--seconds", "1", "--require", path=str(tmp_path))
    code, lines = await finish(process)
    assert (code, lines[-1]) == (2, SKIPPED)


async def test_what_nobody_expected_ends_with_2_and_says_what_it_was(tmp_path: Path) -> None:
    (tmp_path / "ip").touch(mode=0o644)
    code, lines = await finish(await start_chaos("--seconds", "1", path=str(tmp_path)))
    expected = "chaos: could not run: PermissionError: [Errno 13] Permission denied: 'ip'"
    assert (code, lines[-1]) == (2, expected)


@pytest.mark.usefixtures("made")
async def test_short_run_finds_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    options = ("--seconds", "12", "--only", "kill_leader,restart_leader,cut_one_way")
    process = await start_chaos(*options, "--seed", "1", "--json", str(figures))
    code, lines = await finish(process)
    assert code == 0, "\n".join(lines)
    summary = json.loads(figures.read_text())
    assert summary["violations"] == []
    assert summary["events_acknowledged"] > 0
    assert summary["reads"]["linearizable ok"] > 0
    assert summary["faults"]["kill_leader"] >= 1
    assert summary["leaders"] > 1
    assert find_traces(process.pid) == []


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_interrupted_run_leaves_nothing(how: signal.Signals) -> None:
    process = await start_chaos("--seconds", "60")
    await wait_for_faults(process)
    assert find_traces(process.pid)
    process.send_signal(how)
    code, lines = await finish(process)
    assert (code, lines[-1]) == (130, "chaos: interrupted")
    assert find_traces(process.pid) == []


@pytest.mark.usefixtures("made")
async def test_leftovers_of_a_killed_run_are_removed_by_the_next() -> None:
    process = await start_chaos("--seconds", "60")
    await wait_for_faults(process)
    process.kill()
    await finish(process)
    assert find_traces(process.pid)
    with made_sites(("probe",), 1 << 20):
        pass
    assert find_traces(process.pid) == []


async def wait_for_faults(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        if b"faults begin" in line:
            return
    raise AssertionError("it ended before any fault began")
