"""A proxy in front of a node may compress what nobody asked to be compressed."""

import asyncio
import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from founding import make_genesis
from scripted_node import STATUS, served
from typer.testing import CliRunner

import kpclient.cli
import kpnode.main


def fold_raw(content: bytes) -> bytes:
    """Compress as some servers do, without the header that is due (RFC 9110, 8.4.1.2)."""
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(content) + engine.flush()


def fold_twice(content: bytes) -> bytes:
    return gzip.compress(content[:9]) + gzip.compress(content[9:])


@dataclass
class Compressing:
    """Answers in a content coding, whatever it is asked for."""

    coding: str
    fold: Callable[[bytes], bytes]
    wanted: set[str] = field(default_factory=set)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.wanted.add(request.headers["Accept-Encoding"])
        is_genesis = request.path == "/v1/genesis"
        body = self.fold(make_genesis().encoded if is_genesis else msgspec.json.encode(STATUS))
        return web.Response(body=body, headers={"Content-Encoding": self.coding})


async def ask(proxy: Compressing, place: Path, timeout_s: int) -> list[tuple[int, str]]:
    """Ask with both commands; the client's asks again until its time is over."""
    (place / "genesis.json").write_bytes(make_genesis().encoded)
    genesis = str(place / "genesis.json")
    found = []
    async with served(proxy) as url:
        for app, words in (
            (kpnode.main.app, ("--json",)),
            (kpclient.cli.app, ("--genesis", genesis, "--timeout", str(timeout_s))),
        ):
            argv = ["status", "--node", url, *words]
            environment = {"KPLEDGER_HOME": str(place / "home")}
            ended = await asyncio.to_thread(CliRunner().invoke, app, argv, env=environment)
            found.append((ended.exit_code, ended.output))
    assert proxy.wanted == {"identity"}
    return found


@pytest.mark.parametrize(
    ("coding", "fold"),
    [
        ("gzip", gzip.compress),
        ("gzip", fold_twice),
        ("deflate", zlib.compress),
        ("deflate", fold_raw),
        ("identity", bytes),
    ],
)
async def test_a_compressed_answer_is_read(
    coding: str, fold: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    for code, said in await ask(Compressing(coding, fold), tmp_path, 60):
        assert (code, "bw-1" in said) == (0, True), said


@pytest.mark.parametrize(
    ("coding", "fold", "says"),
    [
        ("gzip", lambda _: b"\x1f\x8b no gzip", "or is compressed and cannot be read"),
        ("gzip", lambda _: gzip.compress(bytes(8 << 20)), "its answer has more than 1048576 bytes"),
    ],
)
async def test_what_cannot_be_unfolded_is_told_in_words(
    coding: str, fold: Callable[[bytes], bytes], says: str, tmp_path: Path
) -> None:
    # On a busy machine no answer may have come within the shorter times.
    for timeout_s in (1, 5, 60):
        told = await ask(Compressing(coding, fold), tmp_path, timeout_s)
        if all(says in said for _, said in told):
            break
    for code, said in told:
        assert (code in {1, 2}, says in said) == (True, True), said
