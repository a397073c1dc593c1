"""What is sent is kept first, whatever happens then, and whatever command has made it."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import web
from founding import make_genesis
from fullness import small_disk_at
from misbehaving import compile_shim
from office import issuing
from scripted_node import Script, problem, served
from typer.testing import CliRunner, Result

from kpclient.cli import app

REVIEW = '{"reason": "R", "documents": []}'
COMMANDS: dict[str, tuple[str, ...]] = {
    "issue": issuing("BW000001"),
    "note": ("note", "BW", "--text", "A statement.", "--key", "gaborone"),
    "make": ("make", "note_filed", "--subject", "BW", "--body", "note.json", "--key", "gaborone"),
    "cosign": ("cosign", "signed.json", "--key", "gaborone"),
}


class Failing(Script):
    """Answers how it is, and fails in one of several ways where events are sent."""

    def __init__(self, how: str) -> None:
        super().__init__({"POST /v1/events": problem(503, "there is no leader")})
        self._how = how

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "POST" or self._how == "503":
            return await super().answer(request)
        self.batches.append([await request.read()])
        match self._how:
            case "502":
                return web.Response(status=502, text="<html>", content_type="text/html")
            case "200":
                return web.Response(text="<html>", content_type="text/html")
            case "reset":
                assert request.transport is not None
                request.transport.abort()
            case "nonsense":
                return web.Response(body=b'{"results": []}')
            case "silence":
                await asyncio.sleep(5)
        return web.Response()


async def run(environment: dict[str, str], *words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, [*words], env=environment)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "genesis.json").write_bytes(make_genesis().encoded)
    (tmp_path / "home").mkdir(mode=0o700)
    with small_disk_at(tmp_path / "home", "1m"):
        (tmp_path / "home").chmod(0o700)
        environment = {
            "KPLEDGER_GENESIS": str(tmp_path / "genesis.json"),
            "KPLEDGER_HOME": str(tmp_path / "home"),
            "KPLEDGER_PASSPHRASE": "for the tests only",
        }
        for name in ("gaborone", "other"):
            made = ["keys", "new", "--author", "BW/gaborone", "--name", name]
            assert CliRunner().invoke(app, made, env=environment).exit_code == 0
        (tmp_path / "note.json").write_text('{"text": "T", "references": []}')
        signed = ["note", "BW", "--text", "T", "--key", "other", "--offline", "signed.json"]
        assert CliRunner().invoke(app, signed, env=environment).exit_code == 0
        yield environment


@contextmanager
def full(directory: Path) -> Iterator[None]:
    """Fill a small disk."""
    filling = directory / "filling"
    with filling.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    filling.unlink()


@pytest.mark.parametrize("how", ["503", "502", "200", "reset", "nonsense", "silence"])
async def test_what_was_sent_waits_until_its_fate_is_known(
    environment: dict[str, str], how: str
) -> None:
    script = Failing(how)
    async with served(script) as url:
        at = ("--node", url, "--timeout", "0.5")
        result = await run(environment, *COMMANDS["note"], *at)
        assert (result.exit_code, "it waits in the outbox" in result.stderr) == (2, True)
        again = await run(environment, *COMMANDS["note"], *at)
        assert "its fate is not known; the same event is sent" in again.stderr
    found = json.loads((await run(environment, "outbox", "list", "--json")).stdout)
    assert [bool(one["sent"]) for one in found["waiting"]] == [True]
    assert len({tuple(one) for one in script.batches}) == 1


@pytest.mark.parametrize("command", COMMANDS)
async def test_every_command_keeps_what_it_sends(environment: dict[str, str], command: str) -> None:
    async with served(Failing("reset")) as url:
        result = await run(environment, *COMMANDS[command], "--node", url, "--timeout", "0.5")
    assert (result.exit_code, "it waits in the outbox" in result.stderr) == (2, True)


async def test_what_was_not_sent_is_not_kept(environment: dict[str, str]) -> None:
    portal = Script({"GET /v1/status": b"<html>"})
    async with served(portal) as url:
        for node in (url, "http://127.0.0.1:9"):
            at = ("--node", node, "--timeout", "0.3")
            result = await run(environment, *COMMANDS["note"], *at)
            assert (result.exit_code, "outbox" in result.stderr) == (2, False)
    assert json.loads((await run(environment, "outbox", "list", "--json")).stdout)["waiting"] == []


@pytest.mark.parametrize("command", COMMANDS)
async def test_nothing_is_sent_that_cannot_be_kept(
    environment: dict[str, str], command: str, tmp_path: Path
) -> None:
    script = Failing("503")
    async with served(script) as url:
        with full(tmp_path / "home"):
            result = await run(environment, *COMMANDS[command], "--node", url, "--timeout", "5")
    assert (result.exit_code, script.batches) == (2, [])
    assert "nothing was sent, for it has to be kept first" in result.stderr
    assert "No space left on device" in result.stderr


@pytest.mark.parametrize("lacks", ["lack-locks", "lack-lock-calls"])
async def test_where_files_cannot_be_locked_nothing_is_sent_and_a_way_is_shown(
    environment: dict[str, str], tmp_path: Path, lacks: str
) -> None:
    """As over NFS without a daemon for locks: two commands could send the same twice."""
    unsigned = ("confirm", "BW000001", "--key", "gaborone", "--offline-ok", "--timeout", "0.1")
    result = await run(environment, *unsigned, "--node", "http://127.0.0.1:9")
    assert (result.exit_code, "unsigned" in result.stdout) == (0, True)
    file = tmp_path / "lines.ndjson"
    file.write_text('{"type": "note_filed", "subject": "BW", "body": {"text": "T"}}\n')
    (outbox,) = (tmp_path / "home" / "outbox").iterdir()
    for place in (outbox, tmp_path):
        (place / lacks).touch()
    script = Script()
    async with served(script) as url:
        for words in (("outbox", "send"), ("submit", str(file), "--key", "gaborone")):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "kpclient", *words, "--node", url),
                env=os.environ | environment | {"LD_PRELOAD": compile_shim(tmp_path)},
                stderr=asyncio.subprocess.PIPE,
            )
            _, stderr = await process.communicate()
            told = (process.returncode, b"files cannot be locked there" in stderr)
            assert (*told, b"put it on a disk of this machine" in stderr) == (2, True, True)
    assert script.batches == []


async def test_no_line_of_a_file_is_sent_that_cannot_be_kept(
    environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "home" / "lines"
    file.write_text('{"type": "note_filed", "subject": "BW", "body": {"text": "T"}}\n')
    script = Failing("503")
    async with served(script) as url:
        words = ("submit", str(file), "--key", "gaborone", "--node", url, "--timeout", "5")
        (tmp_path / "home" / "lines.progress").touch()
        with full(tmp_path / "home"):
            result = await run(environment, *words)
    assert (result.exit_code, script.batches) == (2, [])
    assert "so nothing more is sent: No space left on device" in result.stderr
