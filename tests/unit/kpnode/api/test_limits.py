"""What a server does with clients that are slow, silent or not speaking HTTP."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from founding import opening_events
from serving import Served, serve

from kpnode.api.served import ApiLimits

PATIENCE_S = 20.0
OPENING = opening_events("BW/gaborone")[0]


async def speak(served: Served, *parts: bytes) -> bytes:
    """Send parts and give all that comes back until the server ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((), id="nothing at all"),
        pytest.param((b"POST /v1/ev",), id="half a request line"),
        pytest.param((b"GET /v1/status HTTP/1.1\r\nHost: node\r\nX: ",), id="half the headers"),
    ],
)
async def test_a_request_whose_headers_do_not_end_is_cut_off(
    tmp_path: Path, parts: tuple[bytes, ...]
) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(request_s=0.2)) as served:
        assert await speak(served, *parts) == b""
        assert (await served.post(OPENING)).status == 201


async def test_headers_that_trickle_in_are_cut_off_too(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(request_s=0.2)) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"GET /v1/status HTTP/1.1\r\n")
        ended = asyncio.create_task(reader.read())
        async with asyncio.timeout(PATIENCE_S):
            while not ended.done():
                writer.write(b"X: y\r\n")
                await asyncio.sleep(0.02)
        writer.close()
        assert (await served.post(OPENING)).status == 201


async def test_a_body_that_does_not_end_is_answered(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(request_s=0.2)) as served:
        head = (
            b"POST /v1/events HTTP/1.1\r\nHost: node\r\n"
            b"Content-Type: application/msgpack\r\nContent-Length: 1000\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(head + b"\x83")
        async with asyncio.timeout(PATIENCE_S):
            assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        writer.close()
        assert (await served.post(OPENING)).status == 201


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="TLS"),
        pytest.param(b"HELO node\r\n\r\n", id="another protocol"),
        pytest.param(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", id="no number"),
        pytest.param(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", id="endless path"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", id="endless header"),
    ],
)
async def test_what_is_no_http_is_a_bad_request(served: Served, garbage: bytes) -> None:
    answer = await speak(served, garbage)
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert b"Traceback" not in answer
    assert (await served.post(OPENING)).status == 201


async def test_an_error_of_our_own_shows_nothing_of_the_inside(served: Served) -> None:
    served.node.ledger.genesis = None  # type: ignore[assignment]
    served.node.ledger.tip = None  # type: ignore[assignment]
    reply = await served.get("/v1/participants")
    assert reply.json == {
        "type": "urn:kpledger:problem:internal",
        "title": "The node has made a mistake",
        "status": 500,
        "detail": "this failed in the node, whose log says why",
    }


async def test_whoever_has_its_share_is_told_once_on_a_connection(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(max_submissions=8)) as served:
        batch = msgspec.msgpack.encode([OPENING] * 5)
        head = (
            "POST /v1/events HTTP/1.1\r\nHost: node\r\n"
            f"Content-Type: application/msgpack\r\nContent-Length: {len(batch)}\r\n\r\n"
        )
        answer = await speak(served, (head.encode() + batch) * 3)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b" 429 " in answer.partition(b"\r\n")[0]
        assert b"\r\nRetry-After: 1\r\n" in answer
