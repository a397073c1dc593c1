"""The two commands as processes of their own, as somebody types them."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KPLEDGER, KPNODE = (Path(sys.executable).with_name(name) for name in ("kpledger", "kpnode"))
_ENDS_S: Final = 30.0
"""Within so long each of them ends, on a machine that is busy; a command that waits does not."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command leaves behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """All that it has written."""
        return self.stdout + self.stderr


async def run_command(
    *argv: str | Path,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Ended:
    """Run a program to its end; ``environment`` adds to our own."""
    process = await asyncio.create_subprocess_exec(
        *map(str, argv),
        cwd=directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | (environment or {}),
    )
    ended = asyncio.create_task(process.communicate())
    try:
        stdout, stderr = await asyncio.wait_for(asyncio.shield(ended), _ENDS_S)
    except TimeoutError:
        process.kill()
        stdout, stderr = await ended
        raise AssertionError(f"{argv} does not end: {stdout[-500:]!r} {stderr[-500:]!r}") from None
    assert process.returncode is not None
    return Ended(process.returncode, stdout.decode(), stderr.decode())
