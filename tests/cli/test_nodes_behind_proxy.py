"""Nodes under a path of a proxy that asks for a password, named in every way that there is."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from lab.listening import answering
from network import run_kpnode
from office import Ledger

PATH = "/kp/bw"
LOGIN = b"auditor:se,cret"
AT = "auditor:se%2Ccret@"


@asynccontextmanager
async def proxying(node: str) -> AsyncIterator[str]:
    """Serve a node under a path, to whoever knows the password; gives the address of the proxy."""

    async def pass_on(request: web.BaseRequest) -> web.StreamResponse:
        kind, _, login = request.headers.get("Authorization", "").partition(" ")
        if (kind, b64decode(login)) != ("Basic", LOGIN):
            raise web.HTTPUnauthorized
        assert request.raw_path.startswith(f"{PATH}/v1/")
        target = node + request.raw_path.removeprefix(PATH)
        async with session.request(request.method, target, data=await request.read()) as answer:
            response = web.StreamResponse(status=answer.status)
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            return response

    async with aiohttp.ClientSession() as session, answering(pass_on) as port:
        yield f"127.0.0.1:{port}"


COMMANDS = (
    ("audit", "--anew", "--timeout", "4"),
    ("status",),
    ("list", "--limit", "1"),
    ("list", "--limit", "1", "--replay"),
    ("flags", "--replay"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
async def test_every_command_asks_behind_the_path(ledger: Ledger, words: tuple[str, ...]) -> None:
    async with proxying(ledger.seen.nodes[0].api) as proxy:
        addresses = f"HTTP://{AT}{proxy}{PATH}/ , http://127.0.0.1:1"
        typed = await asyncio.to_thread(ledger.run, *words, "--node", addresses)
        found = await asyncio.to_thread(ledger.run, *words, KPLEDGER_NODE=addresses)
        behind = ("--node", "http://127.0.0.1:1", "--node", f"http://{AT}{proxy}{PATH}")
        repeated = await asyncio.to_thread(ledger.run, *words, *behind)
        unknown = await asyncio.to_thread(
            ledger.run, *words, "--node", f"http://{proxy}/k", "--timeout", "0.2"
        )
    for result in (typed, found, repeated):
        assert result.exit_code == 0, result.output
        assert "cret" not in result.output
    assert typed.stdout == found.stdout
    assert unknown.exit_code != 0


async def test_kpnode_asks_behind_the_path_as_well(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ledger.seen.nodes[1].api
    async with proxying(ledger.seen.nodes[0].api) as proxy:
        address = f"http://{AT}{proxy}{PATH}/"
        typed = await run_kpnode("status", "--node", f"{address},{other}")
        monkeypatch.setenv("KPLEDGER_NODE", f"{address},{other}")
        found = await run_kpnode("status")
        monkeypatch.setenv("KPLEDGER_NODE", f"http://{AT}127.0.0.1:1/kp")
        unheard = await run_kpnode("status")
    for code, stdout, _ in (typed, found):
        assert (code, "bw-1" in stdout, "ae-3" in stdout or "za-2" in stdout) == (0, True, True)
    assert (unheard[0], "127.0.0.1:1/kp: does not answer" in unheard[1]) == (2, True)
    assert "cret" not in f"{typed}{found}{unheard}"


@pytest.mark.parametrize("words", [*COMMANDS, ("show", "BW1"), ("participants",)], ids=" ".join)
@pytest.mark.parametrize("where", ["--node", "KPLEDGER_NODE"])
def test_what_is_no_address_is_told_by_option_or_variable(
    ledger: Ledger, words: tuple[str, ...], where: str
) -> None:
    bad = f"http://127.0.0.1:1, ftp://{AT}h/kp"
    typed = (*words, "--node", bad) if where == "--node" else words
    result = ledger.run(*typed, KPLEDGER_NODE=bad)
    assert result.exit_code == 2
    assert f"error: {where}: 'ftp://h/kp' is not the URL of a node: it does not" in result.stderr
    assert "cret" not in result.output
