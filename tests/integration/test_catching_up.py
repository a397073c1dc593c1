"""A node that does not vote catches up while a source is killed and the other one lies."""

import asyncio
import os
import sys
from pathlib import Path

import msgspec
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]

ROOT = Path(__file__).parents[2]
EVENTS = 3000


async def test_it_ends_current_and_names_the_liar(tmp_path: Path) -> None:
    """As ``scripts/bench follow`` measures it on a long log."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("scripts/benchmarks", "follow", "--events", str(EVENTS), "--block-events", "16"),
        *("--directory", str(tmp_path)),
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": ".:tests"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, problem = await process.communicate()
    assert process.returncode == 0, problem.decode()
    found = msgspec.json.decode(printed, type=dict[str, object])
    assert (found["ready"], found["names_the_liar"]) == (True, True)
    # So short a log may come from the honest one alone before that one is killed.
    lies = found["lies"]
    assert isinstance(lies, list)
    assert lies[0] == "a changed block"
