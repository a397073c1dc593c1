"""Answers on their way: to clients that read slowly or not at all, and for those who have left.

What an answer holds until it is taken comes from a bounded capacity, of which one client has its
share; whoever takes less than :data:`RATE` is cut off, and where all is taken, whoever lags gives
way before (:mod:`kpnode.api.shares`). So that nobody works on for nobody, it is looked who has left
without the loop seeing it; and whoever sends on more than is read before its answer, behind which
it could leave unseen, is cut off.
"""

import asyncio
import fcntl
import itertools
import socket
import struct
import termios
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from kpnode.api.client import client_of
from kpnode.api.problems import ProblemError, respond_problem
from kpnode.api.served import ApiLimits
from kpnode.api.shares import RATE, WINDOW_S, Held, Shares
from kpnode.process import end_tasks

PIECE_BYTES: Final = 64 * 1024
"""What is written at once; with less left to send nobody is waited for."""
_LOOK_S: Final = 1.0
"""How often it is looked who has left."""
_INT: Final = struct.Struct("i")
_RESET: Final = struct.pack("ii", 1, 0)
"""What closes a connection without waiting for what is still to be sent (socket(7))."""
_FAREWELL_S: Final = 0.5
"""How long a client that has not sent all has for reading the answer: the end of a connection with
something unread in it may destroy the answer on its way."""
_GONE: Final = frozenset({7, 8})
"""TCP_CLOSE and TCP_CLOSE_WAIT: the other side sends no more (tcp_states.h of Linux)."""


class Delivery:
    """Sends the answers of an application."""

    def __init__(self, limits: ApiLimits) -> None:
        self._answers = Shares(limits.answer_bytes, "bytes of answers are being sent")
        self._numbers = itertools.count()
        self._asking: dict[int, web.Request] = {}
        """Requests under way, by a number."""
        self._due_s: dict[int, float] = {}
        """When the ends of answers have to be taken. A timer for each would cost more than most
        answers."""

    @web.middleware
    async def deliver(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Send what is answered; the outermost of all middleware."""
        number = next(self._numbers)
        self._asking[number] = request
        try:
            response = await handler(request)
            if isinstance(response, web.Response):
                try:
                    await self.send(request, response)
                except ProblemError as error:
                    response = respond_problem(error.problem)
            self._due_s[number] = time.monotonic() + WINDOW_S
            with sending(request):
                await response.prepare(request)
                await response.write_eof()
            if not request.content.is_eof():
                # It is not read what is still coming; the client may stop when it has read why.
                await asyncio.sleep(_FAREWELL_S)
            return response
        finally:
            del self._asking[number]
            self._due_s.pop(number, None)

    async def send(self, request: web.Request, response: web.Response) -> None:
        """Send a long answer piece by piece, to its end; does nothing with others.

        Raises:
            ProblemError: too much is being sent, to this client (429) or to all (503).
        """
        body = response.body
        if not isinstance(body, bytes) or len(body) <= PIECE_BYTES or request.method == "HEAD":
            return
        end = partial(cut_off, request)
        with (
            self._answers.take(client_of(request), len(body), cut_off=end) as held,
            sending(request),
        ):
            await response.prepare(request)
            # Its length has been sent; with the end of the response nothing follows.
            response.body = None
            for start in range(0, len(body), PIECE_BYTES):
                await send_piece(response, body[start : start + PIECE_BYTES], held)

    async def watching(self, _app: web.Application) -> AsyncIterator[None]:
        """Look for those who have left, while the application is served."""
        task = asyncio.create_task(self._watch(), name="departures")
        try:
            yield
        finally:
            await end_tasks([task])

    async def _watch(self) -> None:
        sent_on: set[int] = set()
        while True:
            await asyncio.sleep(_LOOK_S)
            before, sent_on = sent_on, set()
            now_s = time.monotonic()
            for number, request in tuple(self._asking.items()):
                if has_left(request) or self._due_s.get(number, now_s) < now_s:
                    cut_off(request)
                elif has_sent_on(request):
                    # Twice: the first time the loop may just not have come to reading it.
                    sent_on.add(number)
                    if number in before:
                        cut_off(request)


async def send_piece(response: web.StreamResponse, piece: bytes, held: Held) -> None:
    """Send a piece of an answer.

    Raises:
        TimeoutError: the client takes too little.
    """
    # Whoever takes this piece at that rate is in time, however late the piece itself comes.
    async with asyncio.timeout(max(held.patience_s, len(piece) / RATE)):
        await response.write(piece)
    held.went_on(len(piece))


@contextmanager
def sending(request: web.Request) -> Iterator[None]:
    """Cut a client off if its answer does not come to its end, whoever is to blame."""
    try:
        yield
    except (TimeoutError, ConnectionError):
        # The status has been sent: all that can still be said is that the answer is not whole.
        cut_off(request)
    except BaseException:
        cut_off(request)
        raise


def cut_off(request: web.Request) -> None:
    """End the connection of a client at once, and with it what is done for it.

    It is reset: where no length was sent, as in HTTP/1.0, an orderly end would say that the answer
    is whole (RFC 9112, section 8).
    """
    transport, connection = request.transport, _socket_of(request)
    if transport is None or transport.is_closing():
        return
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


def has_left(request: web.Request) -> bool:
    """Tell whether a client sends no more, though what it has sent may not have been read yet."""
    connection = _socket_of(request)
    if connection is None or connection.family == socket.AF_UNIX:
        return connection is None
    state: bytes = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return state[0] in _GONE


def has_sent_on(request: web.Request) -> bool:
    """Tell whether more comes behind a request than is read before its answer.

    Behind that, the end of the connection could not be seen.
    """
    connection = _socket_of(request)
    if connection is None or not request.content.is_eof():
        return False
    unread = fcntl.ioctl(connection.fileno(), termios.FIONREAD, bytes(_INT.size))
    return bool(_INT.unpack(unread)[0])


def _socket_of(request: web.Request) -> socket.socket | None:
    found: socket.socket | None = None
    if request.transport is not None:
        found = request.transport.get_extra_info("socket")
    return found
