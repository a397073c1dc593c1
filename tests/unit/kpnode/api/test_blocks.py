"""GET /v1/blocks: the blocks as stored, in order, and not more of them than asked for."""

import asyncio
from pathlib import Path

import msgpack
import pytest
from founding import opening_events
from serving import Reply, Served, serve

from kpnode.api.blocks import read_piece
from kpnode.api.served import ApiLimits


def blocks_in(body: bytes) -> list[tuple[int, bytes]]:
    unpacker = msgpack.Unpacker(max_buffer_size=len(body) or 1)
    unpacker.feed(body)
    return [(height, stored) for height, stored in unpacker]


def stored_blocks(served: Served, first: int, last: int) -> list[tuple[int, bytes | None]]:
    return [(height, served.node.ledger.block(height)) for height in range(first, last + 1)]


async def fetch(served: Served, query: str) -> Reply:
    reply = await served.get(f"/v1/blocks{query}")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/msgpack")
    return reply


async def test_all_blocks_are_given_as_stored(served: Served) -> None:
    await served.open_trade()
    height = served.node.ledger.tip.height
    assert height == 10
    reply = await fetch(served, "")
    assert blocks_in(reply.body) == stored_blocks(served, 1, height)
    assert reply.headers["KP-Height"] == str(height)


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("?from=1", 1, 10),
        ("?from=4", 4, 10),
        ("?from=4&limit=3", 4, 6),
        ("?limit=2", 1, 2),
        ("?from=10&limit=5", 10, 10),
        ("?from=11", 11, 10),
    ],
)
async def test_a_part_of_the_blocks_is_given(
    served: Served, query: str, first: int, last: int
) -> None:
    await served.open_trade()
    assert blocks_in((await fetch(served, query)).body) == stored_blocks(served, first, last)


async def test_pieces_join_without_gap_or_overlap(served: Served) -> None:
    await served.open_trade()
    ledger = served.node.ledger
    whole, end = read_piece(ledger, 1, 10)
    assert (blocks_in(whole), end) == (stored_blocks(served, 1, 10), 11)
    first, middle = read_piece(ledger, 1, 4)
    second, end = read_piece(ledger, middle, 10)
    assert (first + second, middle, end) == (whole, 5, 11)


async def test_more_downloads_than_the_limit_are_told_to_come_again(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(max_streams=0)) as served:
        reply = await served.get("/v1/blocks")
        assert reply.json["type"] == "urn:kpledger:problem:busy"
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1")


async def test_a_download_counts_until_it_has_ended(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(max_streams=1)) as served:
        await served.record(opening_events("BW/gaborone")[0])
        for _ in range(3):
            await fetch(served, "")


async def test_a_client_that_leaves_in_the_middle_frees_its_place(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(max_streams=1)) as served:
        await served.record(opening_events("BW/gaborone")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"GET /v1/blocks HTTP/1.1\r\nHost: node\r\n\r\n")
        await reader.readexactly(1)
        writer.transport.abort()
        async with asyncio.timeout(20):
            while (await served.get("/v1/blocks")).status != 200:  # noqa: ASYNC110 (no event)
                await asyncio.sleep(0.01)
