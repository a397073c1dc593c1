"""Questions about the ledger, passed on to the books and their answers passed back.

A question is passed on once the books hold what this node held when it was asked, so that no answer
is older than the node's own state. If their process ends meanwhile, or finds its file damaged, the
question waits for the next one; and all that no longer than its time. Dear questions are read by
readers of their own, so that no small one waits for them, and clients take turns at both.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from kpledger.api.route import Route
from kpledger.api.routes import HEIGHT_HEADER, ReadOptions
from kpnode.api.allowances import SPENT_VERIFICATIONS, VERIFICATIONS_PER_S, Allowances
from kpnode.api.client import client_of
from kpnode.api.delivery import Delivery, cut_off
from kpnode.api.parameters import read_parameters
from kpnode.api.problems import ProblemError, ProblemKind, make_problem
from kpnode.api.served import (
    DEAR_READERS,
    SMALL_READERS,
    ApiLimits,
    BooksGate,
    ServedNode,
    catch_up,
)
from kpnode.api.shares import Shares, Turns

MAX_BEHIND: Final = 10_000
"""So many blocks are caught up within the time of a question; with more to come none waits."""
_SILENCE_S: Final = 60.0
"""Longest silence of the books, which themselves end a question sooner."""

_CONNECTIONS: Final = 2 * (SMALL_READERS + DEAR_READERS)
_RETRY_S: Final = 0.02
_NOT_KEPT: Final = frozenset(
    {"connection", "content-length", "date", "server", "transfer-encoding"}
)
"""Headers that belong to one connection."""


class BooksProxy:
    """Passes questions on."""

    def __init__(
        self, node: ServedNode, books: BooksGate, limits: ApiLimits, delivery: Delivery
    ) -> None:
        self._delivery = delivery
        self._node = node
        self._books = books
        self._small = _Lane(limits.max_questions, SMALL_READERS)
        self._dear = _Lane(limits.max_dear_questions, DEAR_READERS)
        # All that is forwarded for somebody who is not listed.
        self._verifications = Allowances(per_s=VERIFICATIONS_PER_S, spent=SPENT_VERIFICATIONS)
        self._session: aiohttp.ClientSession | None = None

    async def connected(self, _app: web.Application) -> AsyncIterator[None]:
        """Keep connections to the books while the application is served."""
        connector = aiohttp.UnixConnector(path=self._books.socket_path, limit=_CONNECTIONS)
        timeout = aiohttp.ClientTimeout(total=None, sock_read=_SILENCE_S)
        async with aiohttp.ClientSession(
            "http://books", connector=connector, timeout=timeout, auto_decompress=False
        ) as self._session:
            yield

    def forwarding(self, route: Route) -> Handler:
        """Give what passes the questions of a route on, and their answers back."""
        lane = self._small if route.is_small else self._dear

        async def forward(request: web.Request) -> web.StreamResponse:
            # What has no answer is refused before anything is waited for.
            read_parameters(request, route.question)
            options = read_parameters(request, ReadOptions)
            deadline = time.monotonic() + options.timeout_ms / 1000
            client = client_of(request)
            if not client.is_listed:
                self._verifications.of(client.site).spend(1)
            end = partial(cut_off, request)
            with lane.shares.take(client, cut_off=end, is_paced=False):
                tip = await catch_up(self._node, options)
                answer = await self._ask(request, lane.turns, tip.height, deadline)
                # Within its client's share: who does not read answers gets no others.
                await self._delivery.send(request, answer)
                return answer

        return forward

    async def _ask(
        self, request: web.Request, turns: Turns, height: int, deadline: float
    ) -> web.Response:
        while True:
            await self._reach(height, deadline)
            detail = "the questions of others took all the time that there was for this one"
            kind = ProblemKind.BUSY
            try:
                async with (
                    asyncio.timeout(max(deadline - time.monotonic(), 0)),
                    turns.take(client_of(request)),
                ):
                    detail = "the process that keeps the books gave no answer in time"
                    kind = ProblemKind.BOOKS_BEHIND
                    return await self._pass_on(request, height)
            except (aiohttp.ClientError, TimeoutError):
                if time.monotonic() >= deadline:
                    raise ProblemError(make_problem(kind, detail)) from None
            # The process has ended, or is about to.
            await asyncio.sleep(_RETRY_S)

    async def _reach(self, height: int, deadline: float) -> None:
        """Wait until the books hold a height.

        Raises:
            ProblemError: they do not in time.
        """
        status = self._books.status()
        is_far = status.height is not None and height - status.height > MAX_BEHIND
        try:
            async with asyncio.timeout(0 if is_far else max(deadline - time.monotonic(), 0)):
                await self._books.reach(height)
        except TimeoutError:
            problem = make_problem(ProblemKind.BOOKS_BEHIND, self._explain(height))
            raise ProblemError(problem) from None

    def _explain(self, height: int) -> str:
        status = self._books.status()
        if status.height is None:
            return "the process that keeps the books is being started"
        doing = "are being built" if status.building else "are"
        return f"the books {doing} and hold {status.height} of {height} blocks; ask again later"

    async def _pass_on(self, request: web.Request, height: int) -> web.Response:
        """Pass a question on, and read its answer; the books keep none longer than the others.

        Raises:
            aiohttp.ClientError: none has come, or one from books that are given up.
        """
        if self._session is None:
            raise RuntimeError("nothing is passed on before the application is served")
        target = URL(request.raw_path, encoded=True)
        asked = {HEIGHT_HEADER: str(height)}
        async with self._session.request(request.method, target, headers=asked) as answer:
            is_old = int(answer.headers.get(HEIGHT_HEADER, height)) < height
            if is_old or answer.status == ProblemKind.BOOKS_BEHIND.status:
                raise aiohttp.ClientPayloadError("it comes from books that are given up")
            headers = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in _NOT_KEPT
            }
            return web.Response(status=answer.status, headers=headers, body=await answer.read())


class _Lane:
    """Questions of one kind: how many there may be, and who is next."""

    def __init__(self, limit: int, readers: int) -> None:
        self.shares = Shares(limit, "questions are being answered")
        self.turns = Turns(readers)
