"""``GET /v1/blocks?certified=true``: what those who follow are sent, and how long they wait."""

import asyncio
from pathlib import Path
from typing import Any

import msgpack
import pytest
from founding import opening_events
from serving import Served, serve

from kpledger.api.routes import BLOCKS, BlocksQuestion
from kpledger.log.certificates import CommitCertificate, decode_commit_certificate
from kpledger.log.statements import Electorate
from kpnode.api.served import ApiLimits


async def follow(
    served: Served, first: int, *, wait_ms: int = 0, limit: int = 10**6
) -> list[list[Any]]:
    question = BlocksQuestion(first=first, limit=limit, certified=True, wait_ms=wait_ms)
    reply = await served.get(BLOCKS.target(question))
    assert reply.status == 200, reply
    unpacker = msgpack.Unpacker()
    unpacker.feed(reply.body)
    return list(unpacker)


def read_certificate(served: Served, item: list[Any]) -> CommitCertificate:
    height, encoded = item
    assert height == 0
    certificate = decode_commit_certificate(encoded)
    certificate.verify(Electorate.of(served.node.genesis))
    return certificate


async def test_stream_begins_with_a_certificate_and_ends_with_its_block(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits()) as served:
        await served.open_trade()
        beginning, *blocks = await follow(served, 1)
        certificate = read_certificate(served, beginning)
        assert [height for height, _ in blocks] == list(range(1, certificate.index + 1))
        assert certificate.index == served.node.ledger.final_height
        _, *blocks = await follow(served, 2, limit=2)
        assert [height for height, _ in blocks] == [2, 3]


async def test_request_waits_for_a_block_and_no_longer_than_it_says(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits()) as served:
        height = served.node.ledger.tip.height
        waiting = asyncio.create_task(follow(served, height + 1, wait_ms=60_000))
        (alone,) = await follow(served, height + 1, wait_ms=1)
        assert read_certificate(served, alone).index == height
        assert not waiting.done()
        await served.record(opening_events("BW/gaborone")[0])
        beginning, *blocks = await waiting
        assert read_certificate(served, beginning).index == height + 1
        assert [one for one, _ in blocks] == [height + 1]


async def test_those_who_wait_are_bounded_and_keep_no_download_out(tmp_path: Path) -> None:
    limits = ApiLimits(max_followers=8, max_streams=4)
    async with serve(tmp_path / "ledger", limits) as served:
        height = served.node.ledger.tip.height
        question = BlocksQuestion(first=height + 1, certified=True, wait_ms=5_000)
        waiting = [asyncio.create_task(served.get(BLOCKS.target(question))) for _ in range(5)]
        # A listed client has two of four parts.
        refused = await next(asyncio.as_completed(waiting))
        assert refused.status == 429
        (alone,) = await follow(served, height + 1)
        assert read_certificate(served, alone).index == height
        replies = await asyncio.gather(*waiting)
        assert sorted(one.status for one in replies) == [200, 200, 200, 200, 429]


async def test_node_without_a_leader_shows_nothing(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(), leads=False) as served:
        reply = await served.get(BLOCKS.target(BlocksQuestion(certified=True)))
        assert reply.status == 503


@pytest.mark.parametrize("bad", ["certified=1", "wait_ms=-1", "wait_ms=60001"])
async def test_bad_parameter_is_refused(tmp_path: Path, bad: str) -> None:
    async with serve(tmp_path / "ledger", ApiLimits()) as served:
        reply = await served.get(f"{BLOCKS.path}?{bad}")
        assert (reply.status, reply.json["field"]) == (400, bad.partition("=")[0])
