"""Questions about the ledger, passed on to the books and their answers passed back.

A question is passed on once the books hold what this node held when it was asked, so that no answer
is older than the node's own state. If their process ends meanwhile, or finds its file damaged, the
question waits for the next one; and all that no longer than its time.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

from kpledger.api.routes import ReadOptions
from kpnode.api.client import client_of
from kpnode.api.http import HEIGHT_HEADER
from kpnode.api.parameters import read_parameters
from kpnode.api.problems import ProblemError, ProblemKind, make_problem
from kpnode.api.served import ApiLimits, BooksGate, catch_up
from kpnode.api.shares import Shares
from kpnode.runtime import Node

MAX_BEHIND: Final = 10_000
"""So many blocks are caught up within the time of a question; with more to come none waits."""
_SILENCE_S: Final = 60.0
"""Longest silence of the books, which themselves end a question sooner."""

_CONNECTIONS: Final = 32
_WHOLE_BYTES: Final = 1 << 20
"""Larger answers are passed on as they come."""
_RETRY_S: Final = 0.02
_NOT_KEPT: Final = frozenset(
    {"connection", "content-length", "date", "server", "transfer-encoding"}
)
"""Headers that belong to one connection."""


class BooksProxy:
    """Passes questions on."""

    def __init__(self, node: Node, books: BooksGate, limits: ApiLimits) -> None:
        """Ask the books of this node."""
        self._node = node
        self._books = books
        self._questions = Shares(limits.max_questions, "questions are being answered")
        self._session: aiohttp.ClientSession | None = None

    async def connected(self, _app: web.Application) -> AsyncIterator[None]:
        """Keep connections to the books while the application is served."""
        connector = aiohttp.UnixConnector(path=self._books.socket_path, limit=_CONNECTIONS)
        timeout = aiohttp.ClientTimeout(total=None, sock_read=_SILENCE_S)
        async with aiohttp.ClientSession(
            "http://books", connector=connector, timeout=timeout, auto_decompress=False
        ) as self._session:
            yield

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Pass a question on, and its answer back."""
        options = read_parameters(request, ReadOptions)
        deadline = time.monotonic() + options.timeout_ms / 1000
        with self._questions.take(client_of(request).site):
            tip = await catch_up(self._node, options)
            return await self._ask(request, tip.height, deadline)

    async def _ask(self, request: web.Request, height: int, deadline: float) -> web.StreamResponse:
        while True:
            await self._reach(height, deadline)
            response = web.StreamResponse()
            try:
                return await self._pass_on(request, response, height, deadline)
            except (aiohttp.ClientError, TimeoutError):
                if response.prepared:
                    # All that can still be said is that the answer is not whole.
                    if request.transport is not None:
                        request.transport.abort()
                    return response
            if time.monotonic() >= deadline:
                detail = "the process that keeps the books gave no answer in time"
                raise ProblemError(make_problem(ProblemKind.BOOKS_BEHIND, detail))
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
            raise ProblemError(
                make_problem(ProblemKind.BOOKS_BEHIND, self._explain(height))
            ) from None

    def _explain(self, height: int) -> str:
        status = self._books.status()
        if status.height is None:
            reason = f" ({status.problem})" if status.problem else ""
            return f"the process that keeps the books is being started{reason}"
        doing = "are being built" if status.building else "are"
        return f"the books {doing} and hold {status.height} of {height} blocks; ask again later"

    async def _pass_on(
        self, request: web.Request, response: web.StreamResponse, height: int, deadline: float
    ) -> web.StreamResponse:
        """Pass a question on, and its answer back.

        Raises:
            aiohttp.ClientError: none has come, or one from books that are given up.
            TimeoutError: none has come in time.
        """
        if self._session is None:
            raise RuntimeError("nothing is passed on before the application is served")
        target = URL(request.raw_path, encoded=True)
        asked = {HEIGHT_HEADER: str(height)}
        async with (
            asyncio.timeout(max(deadline - time.monotonic(), 0)) as limit,
            self._session.request(request.method, target, headers=asked) as answer,
        ):
            is_old = int(answer.headers.get(HEIGHT_HEADER, height)) < height
            if is_old or answer.status == ProblemKind.BOOKS_BEHIND.status:
                raise aiohttp.ClientPayloadError("it comes from books that are given up")
            headers = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in _NOT_KEPT
            }
            size = answer.content_length
            if request.method == "HEAD" or (size is not None and size <= _WHOLE_BYTES):
                body = await answer.read()
                return web.Response(status=answer.status, headers=headers, body=body)
            # A long one comes as fast as its client takes it.
            limit.reschedule(None)
            response.set_status(answer.status)
            response.headers.update(headers)
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            await response.write_eof()
            return response
