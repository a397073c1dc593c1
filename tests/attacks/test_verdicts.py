"""An audit claims no more than holds, ends, and confuses no trouble with a violation.

Every command runs as a process of its own.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import aiohttp
import msgspec
import pytest
from copied import store, write_copy, write_genesis
from founding import issue, make_certificate, number_of, open_trade
from lab.listening import conversing
from network import NetworkSeen, ask_status, running_network
from scripted_node import STATUS

from attacks.commands import KPLEDGER, Ended, run_command
from kpledger.log import layout

pytestmark = pytest.mark.slow


def make_chain() -> list[bytes]:
    """Give an honest chain of six blocks, as a node stores them."""
    ledger = open_trade()
    for serial in (1, 2):
        issue(ledger, make_certificate(number_of("BW", serial)))
    return [store(block) for block in ledger.blocks]


async def audit(genesis: Path, *words: str | Path) -> tuple[int, dict[str, object]]:
    """Audit; gives the exit code and the report."""
    ended = await run_command(KPLEDGER, "audit", "--genesis", genesis, *words, "--json")
    return ended.code, json.loads(ended.stdout)


async def test_a_chain_that_was_cut_and_lengthened_by_openings_is_as_high_as_its_last_signature(
    tmp_path: Path,
) -> None:
    """Of six blocks two were cut off, and three that nobody signs were put on."""
    copy = write_copy(tmp_path, [*make_chain()[:4], store(2), store(3), store(4)])
    genesis = write_genesis(tmp_path)
    words = (KPLEDGER, "audit", "--genesis", genesis, "--copy", copy)
    (code, report), told, unheard = await asyncio.gather(
        audit(genesis, "--copy", copy),
        run_command(*words),
        run_command("sh", "-c", '"$0" "$@" >&-', *words),
    )
    assert (code, report["verdict"], report["height"]) == (0, "SOUND", 4)
    assert (report["unsigned_openings"], report["signers"]) == (3, [{"voter": "bw-1", "height": 4}])
    assert "from height 1 to 4 rests on one voter's word, bw-1's" in told.stdout
    assert "3 blocks above height 4 that only open terms: nobody signs them" in told.stdout
    # Where nobody can hear a verdict, none is given.
    assert (unheard.code, unheard.stderr.count("\n")) == (2, 1)
    assert "standard output is closed" in unheard.stderr


Writes = Callable[[asyncio.StreamWriter], AsyncIterator[None]]


async def send_openings(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Send openings of a term for as long as they are taken."""
    height = 0
    while True:
        piece = bytearray()
        for _ in range(2000):
            height += 1
            piece += msgspec.msgpack.encode([height, store(height)])
        writer.write(b"%x\r\n%b\r\n" % (len(piece), bytes(piece)))
        yield


async def send_a_byte_now_and_then(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    """Keep the stream alive, and bring it to no end."""
    while True:
        writer.write(b"1\r\n\x92\r\n")
        yield
        await asyncio.sleep(0.2)  # the attack itself


def serving(write: Writes, height: int) -> AbstractAsyncContextManager[int]:
    """Serve a status that claims a height, and blocks as they are written."""
    status = json.dumps(STATUS | {"height": height}).encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"/v1/status" in await reader.readuntil(b"\r\n\r\n"):
            head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
            writer.write(head % len(status) + status)
            await writer.drain()
            await reader.read()
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            async for _ in write(writer):
                await writer.drain()

    return conversing(serve)


@pytest.mark.parametrize(
    ("write", "height", "said"),
    [
        pytest.param(send_openings, 1000, "the chain is empty", id="endless openings"),
        pytest.param(send_a_byte_now_and_then, 7, "it sends less than", id="trickling"),
    ],
)
async def test_an_audit_of_a_node_that_never_ends_ends(
    tmp_path: Path, write: Writes, height: int, said: str
) -> None:
    async with serving(write, height) as port:
        words = ("--node", f"http://127.0.0.1:{port}", "--timeout", "1")
        code, report = await audit(write_genesis(tmp_path), *words)
    assert (code, report["verdict"], said in str(report["problem"])) == (2, "UNDECIDED", True)


def link_to_zero(file: Path) -> None:
    file.unlink()
    file.symlink_to("/dev/zero")


def make_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def make_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


SPOILED: list[tuple[Callable[[Path], None], str]] = [
    (link_to_zero, "*.log"),
    (make_pipe, "CURRENT"),
    (make_directory, "MANIFEST-*"),
]
"""What is done to a file of a copy."""


async def test_a_copy_that_was_made_to_do_harm_is_undecided_and_not_copied(tmp_path: Path) -> None:
    files, audits = [], []
    for number, (spoil, pattern) in enumerate(SPOILED):
        place = tmp_path / str(number)
        place.mkdir()
        copy = write_copy(place, make_chain())
        (file,) = (copy / layout.DATABASE_DIRECTORY).glob(pattern)
        spoil(file)
        files.append(file)
        audits.append(audit(write_genesis(place), "--copy", copy))
    answers = await asyncio.gather(*audits)
    assert [(code, report["verdict"]) for code, report in answers] == [(2, "UNDECIDED")] * 3
    for file, (_, report) in zip(files, answers, strict=True):
        assert str(file) in str(report["problem"])


async def test_one_lying_status_locks_out_no_honest_node(tmp_path: Path) -> None:
    async with (
        running_network(tmp_path / "net", "--voters", "1") as network,
        aiohttp.ClientSession() as session,
    ):
        seen: NetworkSeen = network.seen
        environment = {"KPLEDGER_HOME": str(tmp_path), "KPLEDGER_GENESIS": str(seen.genesis)}

        async def ask(url: str) -> Ended:
            return await run_command(KPLEDGER, "list", "--node", url, environment=environment)

        honest = seen.nodes[0].api
        status = await ask_status(session, seen.nodes[0])
        height = msgspec.convert(status["height"], int)
        lie = status | {"height": height + 3, "head": "ab" * 32, "tree_root": "cd" * 32}
        async with serving_status(lie) as port:
            liar = f"http://127.0.0.1:{port}"
            assert (await ask(liar)).code != 0
            told = await ask(honest)
        assert (told.code, told.stderr.count("\n")) == (0, 1)
        assert f"warning: {honest} claims height {height} " in told.stderr
        assert f"but {liar} has claimed height {lie['height']} " in told.stderr


def serving_status(status: dict[str, object]) -> AbstractAsyncContextManager[int]:
    """Serve one status at every path."""
    body = json.dumps(status).encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    return conversing(serve)
