"""Which node is asked, and whose answer counts: nodes that hang, and what stands in their place."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import pytest
from aiohttp import web
from founding import make_event, make_genesis
from scripted_node import Script, served
from statements import CERTIFICATE

from kpclient.net.ledger_client import LedgerClient
from kpclient.net.node_client import NodeClient, NodeUnreachableError
from kpledger.api.answers import CommittedAnswer, Problem
from kpledger.books.participants import PARTICIPANTS, ParticipantsAnswer, ParticipantsQuestion
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.v1.events.certificate import CertificateIssued

GENESIS = make_genesis()
EVENT = decode_envelope(make_event("BW/gaborone", CertificateIssued(certificate=CERTIFICATE)))
LANDED = CommittedAnswer(
    id=EVENT.event_id.hex(), height=4, index=2, block_time_ms=6, duplicate=False
)
ANSWERS: dict[str, object] = {
    "POST /v1/events": {"results": [LANDED]},
    "GET /v1/participants": {"participants": []},
}
PAGE = "<html><title>no</title></html>"
ODD = Problem(type="about:blank", title="", status=403, detail="no")
STRANGERS: list[tuple[int, str, bytes]] = [
    *((status, "text/html", PAGE.encode()) for status in (200, 302, 403, 404, 429, 500)),
    *((status, "text/plain", b"no") for status in (301, 307, 400, 401, 407, 413, 502, 503, 511)),
    *((status, "application/json", b"") for status in (200, 202, 204, 205)),
    (200, "text/plain", b" \r\n"),
    (403, "application/problem+json", msgspec.json.encode(ODD)),
]


class Standing(Script):
    """Something in the place of a node: it lets ``passed`` requests through, then speaks itself."""

    def __init__(self, stranger: tuple[int, str, bytes], *, passed: int) -> None:
        super().__init__()
        self._stranger, self._passed = stranger, passed

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if len(self.asked) < self._passed:
            return await super().answer(request)
        await request.read()
        status, kind, body = self._stranger
        return web.Response(status=status, body=body, content_type=kind)


class Hanging(Script):
    """A node that takes a connection, and says nothing until it is over."""

    def __init__(self) -> None:
        super().__init__()
        self.over = asyncio.Event()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request.path)
        await self.over.wait()
        return web.Response()


@asynccontextmanager
async def asking(
    *nodes: Script, timeout_s: float = 60, asked_last: Collection[int] = ()
) -> AsyncIterator[tuple[LedgerClient, NodeClient]]:
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(served(one)) for one in nodes]
        last = {urls[place] for place in asked_last}
        client = NodeClient(
            GENESIS, urls, timeout_s=timeout_s, observe=lambda *_: None, asked_last=last
        )
        for one, url in zip(nodes, urls, strict=True):
            one.url = url
        line = await stack.enter_async_context(client)
        yield LedgerClient(GENESIS, line), line


@pytest.mark.parametrize("passed", [0, 1], ids=["from the start", "once asked"])
@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda one: f"{one[0]}-{one[1]}")
async def test_what_stands_in_a_nodes_place_says_nothing_for_it(
    stranger: tuple[int, str, bytes], passed: int
) -> None:
    async with asking(Standing(stranger, passed=passed), Script(dict(ANSWERS))) as (ledger, _):
        assert await ledger.submit([EVENT]) == (LANDED,)
    async with asking(Standing(stranger, passed=passed), Script(dict(ANSWERS))) as (ledger, _):
        answer = await ledger.ask(PARTICIPANTS, ParticipantsQuestion())
        assert answer == ParticipantsAnswer(participants=())
    async with asking(Standing(stranger, passed=passed), timeout_s=0.3) as (ledger, _):
        with pytest.raises(NodeUnreachableError, match=f"HTTP status {stranger[0]}"):
            await ledger.submit([EVENT])


@pytest.mark.parametrize("damaged", [b"\xff", b"", b"{}", b"[", b'{"results": [{}]}', b"[" * 9999])
async def test_where_an_answer_was_damaged_the_next_node_is_asked(damaged: bytes) -> None:
    bad, good = Script(dict.fromkeys(ANSWERS, damaged)), Script(dict(ANSWERS))
    async with asking(bad, good) as (ledger, _):
        assert await ledger.submit([EVENT]) == (LANDED,)
        answer = await ledger.ask(PARTICIPANTS, ParticipantsQuestion())
        assert answer == ParticipantsAnswer(participants=())
    status = Script({"GET /v1/status": damaged})
    async with asking(status, Script(dict(ANSWERS))) as (ledger, _):
        assert (await ledger.status()).height == 3
    assert set(status.asked) == {"GET /v1/status"}


async def test_a_node_that_hung_lately_is_asked_last() -> None:
    first, second = Script(), Script()
    async with asking(first, second, asked_last={0}) as (ledger, _):
        await ledger.status()
    assert (first.asked, set(second.asked)) == ([], {"GET /v1/status"})


async def test_one_that_hangs_leaves_its_place_to_the_next() -> None:
    hanging = Hanging()
    async with asking(hanging, Script(dict(ANSWERS))) as (ledger, line):
        assert await ledger.submit([EVENT]) == (LANDED,)
        assert line.hung == {hanging.url}
        hanging.over.set()
    assert hanging.asked == ["/v1/status"]
