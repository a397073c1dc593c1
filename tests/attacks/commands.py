"""The two commands as processes of their own, as somebody types them."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from network import PATIENCE_S

KPLEDGER, KPNODE = (Path(sys.executable).with_name(name) for name in ("kpledger", "kpnode"))


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
    """Run a program to its end, which comes soon; ``environment`` adds to our own."""
    process = await asyncio.create_subprocess_exec(
        *map(str, argv),
        cwd=directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | (environment or {}),
    )
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, stdout.decode(), stderr.decode())
