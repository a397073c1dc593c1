"""Commands whose answer nobody reads to its end, as in ``kpledger show ... | head -2``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from founding import make_genesis


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["keys", "list"], id="a table"),
        pytest.param(["keys", "list", "--json"], id="an object"),
        pytest.param(["audit", "--copy", "nowhere", "--json"], id="an audit"),
    ],
)
def test_a_command_that_nobody_reads_ends_quietly(command: list[str], tmp_path: Path) -> None:
    genesis = tmp_path / "genesis.json"
    genesis.write_bytes(make_genesis().encoded)
    environment = os.environ | {"KPLEDGER_HOME": str(tmp_path), "KPLEDGER_GENESIS": str(genesis)}
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "kpclient.cli", *command],
            stdout=writing,
            stderr=subprocess.PIPE,
            env=environment,
            check=False,
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")
