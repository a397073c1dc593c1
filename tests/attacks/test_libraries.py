"""Libraries that judge otherwise than those of the others: nothing is decided with them."""

import asyncio
from pathlib import Path

import pytest

from attacks.commands import KPLEDGER, KPNODE, run_command

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
    "a node": (KPNODE, "run", "--config", "node.toml"),
    "an audit": (KPLEDGER, "audit", "--copy", "copy", "--genesis", "genesis.json"),
}


async def test_nothing_starts_with_libraries_that_judge_otherwise(tmp_path: Path) -> None:
    runs = {}
    for library, patch in LOOSE.items():
        directory = tmp_path / library
        directory.mkdir()
        (directory / "sitecustomize.py").write_text(patch)
        for name, arguments in COMMANDS.items():
            environment = {"PYTHONPATH": str(directory)}
            runs[library, name] = run_command(
                *arguments, environment=environment, directory=directory
            )
    answers = dict(zip(runs, await asyncio.gather(*runs.values()), strict=True))
    for (library, name), ended in answers.items():
        said = ended.stderr
        assert (ended.code, said.startswith(f"error: {library} ")) == (2, True), (name, said)
        assert "so it does not start" in said
