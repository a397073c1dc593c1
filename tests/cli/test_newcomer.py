"""The path of a newcomer as the page tells it, from a genesis file and a URL on."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from neighbours import free_addresses
from network import PATIENCE_S
from office import Ledger

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
TITLE = "## From nothing to a verified copy"


def commands() -> list[str]:
    """Give the commands of the page, in order."""
    section = PAGE.read_text(encoding="utf-8").partition(TITLE)[2].partition("\n## ")[0]
    (block,) = re.finditer(r"```sh\n(.*?)```", section, flags=re.DOTALL)
    return block[1].splitlines()


class Shell:
    """Somebody's shell, in a directory with a genesis file and nothing else."""

    def __init__(self, home: Path) -> None:
        known = {name: one for name, one in os.environ.items() if not name.startswith("KP")}
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        self._shell = subprocess.Popen(
            ["/bin/bash"],
            cwd=home,
            env=known | {"HOME": str(home), "PATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, line: str) -> tuple[int, str]:
        """Type a line; gives its exit code and what it prints."""
        typed, printed = self._shell.stdin, self._shell.stdout
        assert typed is not None
        assert printed is not None
        typed.write(f'{line}\necho "ended with $?"\n')
        typed.flush()
        told = ""
        for piece in printed:
            ended = re.search(r"ended with (\d+)\n", piece)
            if ended is not None:
                return int(ended[1]), told + piece[: ended.start()]
            told += piece
        raise AssertionError(told)

    def close(self) -> None:
        self.run("kill $(jobs -p); wait")
        self._shell.communicate("exit\n", timeout=PATIENCE_S)


@pytest.fixture
def shell(ledger: Ledger, tmp_path: Path) -> Iterator[Shell]:
    shutil.copy(ledger.seen.genesis, tmp_path / "genesis.json")
    shell = Shell(tmp_path)
    try:
        yield shell
    finally:
        shell.close()


def test_a_newcomer_needs_fewer_than_ten_commands(
    ledger: Ledger, shell: Shell, tmp_path: Path
) -> None:
    number = ledger.issue()
    mine, peers = free_addresses(2)
    theirs = ledger.seen.nodes[0].api
    told: dict[str, str] = {}
    lines = commands()
    assert len(lines) < 10
    for line in lines:
        typed = line.replace("https://bw-1.example", theirs).replace("127.0.0.1:7600", mine)
        typed = typed.replace("--replica", f"--replica --api {mine} --peers {peers}")
        typed = typed.replace("BW00000042", number)
        code, printed = shell.run(typed)
        deadline = time.monotonic() + PATIENCE_S
        # The page says so of what has to wait until the node is there.
        while code != 0 and line.startswith("kpledger") and time.monotonic() < deadline:
            code, printed = shell.run(typed)
        assert code == 0, f"{typed}\n{printed}\n{(tmp_path / 'copy/node.log').read_text()}"
        told[" ".join(line.split()[:2])] = printed
    assert ledger.seen.chain in told["kpledger genesis"]
    assert told["kpledger audit"].startswith("SOUND: ")
    assert "The ledger that was shown is sound" in (tmp_path / "audit.html").read_text()
    assert told["kpledger compare"].startswith("ONE HISTORY: ")
    assert number in told["kpledger receipt"]
    assert number in told["kpledger verify"]
    code, shown = shell.run(f"kpledger show {number}")
    assert (code, shown.split()[:2]) == (0, ["certificate", number])
