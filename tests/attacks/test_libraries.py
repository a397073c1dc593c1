"""Libraries that judge otherwise than those of the others: nothing is decided with them."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from network import PATIENCE_S

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

LOOSE = {
    "PyNaCl": """
from nacl import bindings
bindings.crypto_core_ed25519_is_valid_point = lambda point: True
bindings.crypto_scalarmult_ed25519_noclamp = lambda n, p: p[:-1] + bytes([p[-1] ^ 0x80])
""",
    "Python": """
import unicodedata
unicodedata.is_normalized = lambda form, text: True
""",
}
"""What a library does differently, by its name."""

COMMANDS = {
    "a node": ("kpnode", "run", "--config", "node.toml"),
    "an audit": ("kpclient.cli", "audit", "--copy", "copy", "--genesis", "genesis.json"),
}


async def run(directory: Path, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        cwd=directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(directory)},
    )
    _, stderr = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    return process.returncode or 0, stderr.decode()


async def test_nothing_starts_with_libraries_that_judge_otherwise(tmp_path: Path) -> None:
    runs = {}
    for library, patch in LOOSE.items():
        directory = tmp_path / library
        directory.mkdir()
        (directory / "sitecustomize.py").write_text(patch)
        for name, arguments in COMMANDS.items():
            runs[library, name] = run(directory, *arguments)
    answers = dict(zip(runs, await asyncio.gather(*runs.values()), strict=True))
    for (library, name), (code, said) in answers.items():
        assert (code, said.startswith(f"error: {library} ")) == (2, True), (name, said)
        assert "so it does not start" in said
