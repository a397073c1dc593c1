"""A home that cannot be written: what is only read goes on, what is to be kept is refused."""

import asyncio
import errno
import os
import tempfile
from pathlib import Path

import pytest
from founding import make_genesis
from scripted_node import Script, served
from typer.testing import CliRunner

from kpclient.cli import app


@pytest.fixture(params=["a file is there", "nothing may be made there"])
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home on a disk that takes nothing; even root makes nothing below a file."""
    if request.param == "a file is there":
        (tmp_path / "home").write_text("")
    else:

        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        (tmp_path / "home" / "seen").mkdir(0o700, parents=True)
        (tmp_path / "home").chmod(0o700)
        monkeypatch.setattr(tempfile, "mkstemp", refuse)
    return tmp_path / "home"


async def test_a_node_is_asked_and_that_nothing_is_remembered_is_told(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "genesis.json").write_bytes(make_genesis().encoded)
    script = Script({"GET /v1/genesis": make_genesis().encoded})
    for further in ((), ("--node", "http://127.0.0.1:9")):  # one that is to be remembered too
        async with served(script) as url:
            words = ["status", "--genesis", str(tmp_path / "genesis.json"), "--node", url, *further]
            environment = {"KPLEDGER_HOME": str(home)}
            ended = await asyncio.to_thread(CliRunner().invoke, app, words, env=environment)
        assert (ended.exit_code, "bw-1" in ended.stdout) == (0, True), ended.output
        warning = "warning: what nodes claim and what is verified is not"
        assert (ended.stderr.startswith(warning), ended.stderr.count(warning)) == (True, 1)


def test_a_new_home_says_how_a_ledger_is_named(tmp_path: Path) -> None:
    environment = {"KPLEDGER_HOME": str(tmp_path / "home"), "KPLEDGER_GENESIS": ""}
    ended = CliRunner().invoke(app, ["status"], env=environment)
    assert ended.exit_code == 2
    assert "which ledger is meant is not said" in ended.stderr
    assert "KPLEDGER_GENESIS" in ended.stderr
