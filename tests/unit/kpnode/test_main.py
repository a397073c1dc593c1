"""The ``kpnode`` command: what it says of nodes that are down, and of what it cannot do."""

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from scripted_node import served
from typer.testing import CliRunner, Result

from kpledger import __version__
from kpnode.main import app
from kpnode.raft import NodeId
from kpnode.transport.tls import public_server_context

ROOT = Path(__file__).parents[3]
MANUAL = ROOT / "docs" / "cli.md"
MEMBERS = ROOT / "config" / "data" / "participants.csv"
HEAD = "0123456789abcdef" * 4
STATUS = {"node": "bw-1", "role": "candidate", "term": 7, "leader": None, "height": 1_234_567}


@dataclass(frozen=True)
class OneAnswer:
    """One answer to every question, or to those with a token."""

    status: int
    said: Mapping[str, object]
    token: str

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({}, status=401)
        return web.json_response(self.said, status=self.status)


@asynccontextmanager
async def answering(
    status: int,
    said: Mapping[str, object],
    *,
    token: str = "",
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[str]:
    """Serve one answer; gives host and port."""
    async with served(OneAnswer(status, said, token), tls) as url:
        yield url.removeprefix("http://")


async def run(*words: str) -> Result:
    columns = {"COLUMNS": "80"}
    return await asyncio.to_thread(
        CliRunner().invoke, app, [*words], env=columns, terminal_width=98
    )


async def test_a_node_that_is_down_is_told_in_few_words() -> None:
    async with answering(200, {}) as address:
        pass
    result = await run("status", "--node", f"http://{address}")
    *_, row, _, trouble = result.stdout.splitlines()
    assert (result.exit_code, row.split()) == (2, [address, *"-------"])
    assert trouble == f"{address}: does not answer (connection refused)"
    result = await run("status", "--node", f"http://{address}", "--json")
    error = {"error": "does not answer (connection refused)"}
    assert (result.exit_code, json.loads(result.stdout)) == (2, {"nodes": [error]})


@pytest.mark.parametrize(
    ("speaks_tls", "scheme", "why"),
    [
        (False, "https", "it does not speak TLS there; is it http://?"),
        (True, "http", "it closed the connection without an answer; does it speak TLS, and is it"),
    ],
)
async def test_a_url_of_the_wrong_kind_is_told_apart_from_a_node_that_is_down(
    *, speaks_tls: bool, scheme: str, why: str
) -> None:
    tls = (
        public_server_context(Ed25519PrivateKey.generate(), NodeId("bw-1")) if speaks_tls else None
    )
    async with answering(200, STATUS, tls=tls) as address:
        result = await run("status", "--node", f"{scheme}://{address}")
    trouble = result.stdout.splitlines()[-1]
    assert trouble.startswith(f"{address}: does not answer ({why}")


async def test_what_is_not_known_is_a_dash_and_alarms_stand_below() -> None:
    alarms = {"alarms": ["the disk [is] full"], "tree_size": 7_654_321, "head": HEAD}
    alarms |= {"books": {"height": 1_234, "behind": 0, "building": False, "problem": None}}
    async with answering(200, STATUS | alarms) as address:
        result = await run("status", "--node", f"http://{address}")
    *_, row, _, trouble = result.stdout.splitlines()
    *shown, head = row.split()
    assert (result.exit_code, shown) == (
        0,
        ["bw-1", "candidate", "7", "-", "1234567", "7654321", "1234"],
    )
    assert HEAD.startswith(head.rstrip("…"))
    assert trouble == "bw-1: the disk [is] full"


async def test_a_node_that_has_no_time_does_not_answer() -> None:
    async with answering(503, {"detail": "too much to do"}) as address:
        result = await run("status", "--node", f"http://{address}")
    assert result.exit_code == 2
    assert f"{address}: does not answer (HTTP status 503)" in result.stdout


async def test_a_token_is_shown_to_nodes_on_this_machine_alone(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("kpt_one\n")
    open_to_all = await run("status", "--node", "http://127.0.0.1:9", "--token-file", str(file))
    problem = f"{file}: others may read it (mode 644); close it with: chmod 600 {file}"
    assert open_to_all.exit_code == 2
    assert open_to_all.stderr == f"kpnode: --token-file: {problem}\n"
    file.chmod(0o600)
    public = {"node": "bw-1", "height": 7, "ready": True}
    async with answering(200, public, token=file.read_text().strip()) as address:
        shown = await run("status", "--node", f"http://{address}", "--token-file", str(file))
        hidden = await run("status", "--node", f"http://{address}")
    assert shown.stdout.splitlines()[-3].split()[:2] == ["bw-1", "ready"]
    assert (shown.exit_code, hidden.exit_code) == (0, 2)
    assert shown.stdout.splitlines()[-1].startswith("bw-1: tells everybody no more than this")
    result = await run("status", "--node", "https://bw-1.example", "--token-file", str(file))
    assert (result.exit_code, "is not on this machine" in result.stderr) == (2, True)


async def test_a_configuration_that_is_not_there_is_said_without_a_number(tmp_path: Path) -> None:
    result = await run("run", "--config", str(tmp_path / "node.toml"))
    said = f"kpnode: {tmp_path / 'node.toml'}: cannot be read: No such file or directory\n"
    assert (result.exit_code, result.stderr) == (2, said)


@pytest.mark.parametrize(("ready", "word"), [(True, "ready"), (False, "not ready")])
async def test_a_node_that_tells_little_is_told_apart_from_one_without_trouble(
    word: str, *, ready: bool
) -> None:
    async with answering(200, {"node": "bw-1", "height": 7, "ready": ready}) as address:
        result = await run("status", "--node", f"http://{address}")
    *_, row, _, told = result.stdout.splitlines()
    assert row.split() == ["bw-1", *word.split(), "-", "-", "7", "-", "-", "-"]
    assert told == (
        "bw-1: tells everybody no more than this, not its role and not what is wrong; to see all of"
        " it, give a token with --token-file FILE (kpnode token add makes one)"
    )
    async with answering(200, STATUS | {"ready": ready}) as address:
        result = await run("status", "--node", f"http://{address}")
    assert "--token-file" not in result.stdout


async def test_a_genesis_file_that_founds_nothing_is_named(tmp_path: Path) -> None:
    genesis = tmp_path / "draft.json"
    genesis.write_text('{"format": 1}')
    made = ("init", str(tmp_path / "node"), "--name", "bw-1", "--participant", "BW")
    result = await run(*made, "--genesis", str(genesis))
    said = f"kpnode: {genesis}: genesis file is malformed at format: expected text, got an integer"
    assert (result.exit_code, result.stderr) == (2, f"{said}\n")


@pytest.mark.parametrize("url", ["nonsense", "127.0.0.1:7600", "http://", "http://x:99999"])
async def test_what_is_no_url_is_said_in_one_line(url: str) -> None:
    result = await run("status", "--node", url)
    assert (result.exit_code, result.stdout) == (2, "")
    said, *more = result.stderr.splitlines()
    assert more == []
    assert said.startswith(f"kpnode: --node: {url!r} is not the URL of a node: ")
    assert said.endswith("; accepted: http://HOST:PORT or https://HOST:PORT, also with a path")


@pytest.mark.parametrize("port", ["99999", "65530", "-3"])
async def test_ports_that_there_are_not_are_said_in_one_line(port: str, tmp_path: Path) -> None:
    options = ("--port", port, "--participants", str(MEMBERS))
    result = await run("devnet", str(tmp_path / "net"), *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("kpnode: '127.0.0.1:")
    assert result.stderr.endswith("is not host:port with a port from 1 to 65535\n")
    assert not (tmp_path / "net").exists()


@pytest.mark.parametrize(
    "command",
    ["", "init", "run", "devnet", "status", "token", "token add", "token list", "token revoke"],
)
async def test_help_ends_with_an_example(command: str) -> None:
    result = await run(*command.split(), "--help")
    *_, title, example = result.stdout.rstrip().splitlines()
    assert (result.exit_code, title.strip()) == (0, "Example:")
    assert example.strip().startswith(f"kpnode {command}".rstrip())


async def test_help_has_every_summary_whole_and_no_type_of_python() -> None:
    commands = getattr(typer.main.get_command(app), "commands", {})
    helps = {name: (await run(name, "--help")).stdout for name in commands}
    listed = (await run("--help")).stdout
    for name, text in helps.items():
        summary = str(commands[name].help).splitlines()[0]
        assert re.search(rf"^  {name} +{re.escape(summary)}$", listed, re.MULTILINE)
        assert not re.search(r"<(?:str|int|path|list|bool)\b", text)


async def test_the_version_is_that_of_the_package() -> None:
    result = await run("--version")
    assert (result.exit_code, result.stdout) == (0, f"kpnode {__version__}\n")


def test_the_manual_has_every_command() -> None:
    commands = getattr(typer.main.get_command(app), "commands", {})
    lines = MANUAL.read_text().splitlines()
    rows = [line for line in lines if line.startswith("| `kpnode ")]
    assert [*dict.fromkeys(row.split()[2].rstrip("`") for row in rows)] == [*commands]
