"""Questions that are passed on to the books: what is answered while these are not there."""

import asyncio
import os
import signal
import socket
from pathlib import Path

from aiohttp import web
from founding import make_genesis, opening_events
from serving import children, run_here, serve

from kpnode.api.served import ApiLimits
from kpnode.books.feed import HEIGHT
from kpnode.books.supervisor import run_process

PATIENCE_S = 30.0
GLANCE_S = 0.01
BEHIND = "urn:kpledger:problem:books-behind"


class Gate:
    """Keeps books as production does, but only while it is open; what was open may be ended."""

    def __init__(self, directory: Path) -> None:
        self.opened = asyncio.Event()
        self.ended = asyncio.Event()
        self._run = run_here(directory)

    async def __call__(self, feed: socket.socket, listener: socket.socket) -> str:
        with feed, listener:
            await self.opened.wait()
            keeping = asyncio.ensure_future(self._run(feed.dup(), listener.dup()))
            ending = asyncio.create_task(self.ended.wait())
            try:
                await asyncio.wait((keeping, ending), return_when=asyncio.FIRST_COMPLETED)
            finally:
                keeping.cancel()
                ending.cancel()
                await asyncio.gather(keeping, ending, return_exceptions=True)
        return "it was ended"


async def test_a_question_is_refused_in_time_while_there_are_no_books(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    async with serve(tmp_path / "ledger", ApiLimits(), run=gate) as served:
        reply = await served.get("/v1/participants?timeout_ms=20")
        assert (reply.status, reply.json["type"]) == (503, BEHIND)
        assert reply.headers["Retry-After"] == "1"
        assert "being started" in str(reply.json["detail"])
        # What the node answers itself needs no books.
        await served.record(opening_events("BW/gaborone")[0])
        assert (await served.get("/v1/blocks")).status == 200
        books = (await served.get("/v1/status")).json["books"]
        assert books == {"height": None, "behind": 2, "building": True, "problem": None}


async def test_a_question_waits_for_the_books(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    async with serve(tmp_path / "ledger", ApiLimits(), run=gate) as served:
        await served.record(opening_events("BW/gaborone")[0])
        asked = asyncio.create_task(served.get("/v1/participants/BW"))
        gate.opened.set()
        reply = await asyncio.wait_for(asked, PATIENCE_S)
        assert (reply.status, reply.headers["KP-Height"]) == (200, "2")


async def test_an_answer_is_never_older_than_what_the_node_has_applied(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits()) as served:
        for envelope in opening_events("BW/gaborone"):
            await served.record(envelope)
            reply = await served.get("/v1/participants/BW")
            assert int(reply.headers["KP-Height"]) >= served.node.ledger.tip.height


async def test_a_question_waits_for_books_that_have_ended(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    gate.opened.set()
    async with serve(tmp_path / "ledger", ApiLimits(), run=gate) as served:
        assert (await served.get("/v1/participants")).status == 200
        gate.opened.clear()
        gate.ended.set()
        async with asyncio.timeout(PATIENCE_S):
            while served.books.status().height is not None:  # noqa: ASYNC110 (no event)
                await asyncio.sleep(GLANCE_S)
        gate.ended.clear()
        asked = asyncio.create_task(served.get("/v1/participants"))
        gate.opened.set()
        assert (await asyncio.wait_for(asked, PATIENCE_S)).status == 200


async def test_a_question_ends_in_time_while_the_books_hang(tmp_path: Path) -> None:
    genesis = tmp_path / "genesis.json"
    genesis.write_bytes(make_genesis().encoded)
    run, before = run_process(genesis, tmp_path), children()
    async with serve(tmp_path / "ledger", ApiLimits(), run=run) as served:
        assert (await served.get("/v1/participants")).status == 200
        (pid,) = children() - before
        os.kill(pid, signal.SIGSTOP)
        asked = served.get("/v1/participants?timeout_ms=500")
        reply = await asyncio.wait_for(asked, PATIENCE_S)
        assert (reply.status, reply.json["type"]) == (503, BEHIND)
        os.kill(pid, signal.SIGCONT)
        assert (await served.get("/v1/participants")).status == 200


async def test_an_older_answer_than_was_asked_for_is_not_passed_on(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        height = int(request.headers["KP-Height"]) - 1
        return web.Response(headers={"KP-Height": str(height)})

    async def run(feed: socket.socket, listener: socket.socket) -> str:
        app = web.Application()
        app.router.add_get("/v1/participants", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        # They say that they hold ten blocks, though nobody has brought them any.
        with feed:
            feed.sendall(HEIGHT.pack(0) + HEIGHT.pack(10))
            try:
                await asyncio.Event().wait()
            finally:
                await runner.cleanup()
        return "never"

    async with serve(tmp_path / "ledger", ApiLimits(), run=run) as served:
        async with asyncio.timeout(PATIENCE_S):
            await served.books.reach(10)
        reply = await served.get("/v1/participants?timeout_ms=500")
        assert (reply.status, reply.json["type"]) == (503, BEHIND)
        assert "no answer in time" in str(reply.json["detail"])


async def test_too_many_questions_at_once_are_told_to_come_again(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    async with serve(tmp_path / "ledger", ApiLimits(max_dear_questions=1), run=gate) as served:
        asked = [asyncio.create_task(served.get("/v1/participants")) for _ in range(2)]
        async with asyncio.timeout(PATIENCE_S):
            (refused,), (waiting,) = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        reply = refused.result()
        assert (reply.status, reply.json["type"]) == (503, "urn:kpledger:problem:busy")
        gate.opened.set()
        assert (await asyncio.wait_for(waiting, PATIENCE_S)).status == 200


async def test_headers_of_an_answer_are_passed_on(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits()) as served:
        await served.record(opening_events("BW/gaborone")[0])
        tip = served.node.ledger.tip
        reply = await served.ask("HEAD", "/v1/participants")
        assert (reply.status, reply.body) == (200, b"")
        assert reply.headers["Content-Type"] == "application/json"
        assert reply.headers["KP-Head"] == tip.head.hex()
        assert reply.headers["KP-Block-Time-Ms"] == str(tip.time_ms)
