"""The outgoing half of a pair: one WebSocket to one peer, kept up for ever.

Frames travel in one direction only, in the order they were sent; the peer's own frames come in
through its link to our listener. Nothing is promised: Raft repeats what it needs (thesis 3.3), so a
frame that cannot leave soon is dropped and counted, and the core is told that the peer is
unreachable.

What is dropped when the queue is full is the *newest* frame. The waiting ones are then still a
prefix of what was sent, and appends are of use as a prefix only: with a gap at its start,
everything behind the gap would be transmitted just to be rejected. When the connection ends the
queue is emptied, and without a connection nothing is queued: at the reconnect, what is old would
only delay what is new.
"""

import asyncio
import logging
import os
import secrets
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ssl import SSLContext
from typing import Final, NoReturn

import aiohttp

from kpnode.addresses import Place
from kpnode.incident import Incident
from kpnode.process import run_until_first
from kpnode.raft import NodeId
from kpnode.transport.options import Counts, TransportOptions
from kpnode.transport.sockets import Sockets
from kpnode.transport.tls import UnknownPeerError, peer_of

PEER_PATH: Final = "/v1/peer"

# A peer answers on our link with pong and close only: at most 125 bytes (RFC 6455, section 5.5).
_MAX_ANSWER_BYTES: Final = 1024

_MAX_DOUBLINGS: Final = 32

_REASONS: Final[dict[type[Exception], str]] = {
    aiohttp.ClientConnectorCertificateError: "it holds another TLS key",
    aiohttp.ClientSSLError: "it does not speak TLS there",
    aiohttp.ClientConnectorDNSError: "no such host",
    aiohttp.ServerDisconnectedError: "it closed the connection without an answer",
    TimeoutError: "no answer in time",
}
"""The first that fits counts."""
# The last is what uvloop raises where it takes a socket for another's: the next has its own,
# and a link that ended would leave its peer behind for good.
_TROUBLE: Final = (aiohttp.ClientError, OSError, TimeoutError, UnknownPeerError, RuntimeError)

_chance: Final = secrets.SystemRandom()
_logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Peer:
    """Another node: where it listens and what key it holds."""

    place: Place
    tls_key: bytes


def pause_s(failures: int, options: TransportOptions, chance: float) -> float:
    """Return how long to wait before the next attempt to connect.

    ``failures`` attempts in a row have failed, one at least. ``chance`` is from 0 to 1: it spreads
    the pause over its upper half, so that peers which lost the same node do not come back all at
    once.
    """
    doublings = min(failures - 1, _MAX_DOUBLINGS)
    longest = min(options.first_pause_s * (1 << doublings), options.longest_pause_s)
    return longest * (1 + chance) / 2


def say_why(error: BaseException) -> str:
    """Say in a few words why there is no connection, in ours and not in those of the library."""
    for kind, why in _REASONS.items():
        if isinstance(error, kind):
            return why
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno).lower()
    broke = isinstance(error, aiohttp.ClientConnectorError) or not str(error)
    return "the connection broke off" if broke else str(error)


class Link:
    """Sends to one peer; belongs to one event loop.

    Attributes:
        node: the peer's name.
        peer: where it is, and who.
        is_connected: whether frames can leave.
        trouble: why not, when that was found last.
    """

    def __init__(
        self,
        node: NodeId,
        peer: Peer,
        *,
        context: SSLContext,
        options: TransportOptions,
        counts: Counts,
        on_unreachable: Callable[[NodeId], None],
        on_met: Callable[[NodeId, str], None],
    ) -> None:
        self.node = node
        self.peer = peer
        self._context = context
        self._options = options
        self._counts = counts
        self._on_unreachable = on_unreachable
        self._on_met = on_met
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._waiting = asyncio.Event()
        self.is_connected = False
        self.trouble = "not tried yet"
        self._overflowing = False
        self._losses = Incident(_logger, f"no connection to {node}")
        self._jams = Incident(_logger, f"{node} reads too slowly")

    def send(self, data: bytes) -> bool:
        """Queue one encoded frame; say whether it was."""
        if not self.is_connected:
            self._counts.dropped_unconnected += 1
            return False
        if (
            len(self._queue) >= self._options.max_queued_frames
            or self._queued_bytes + len(data) > self._options.max_queued_bytes
        ):
            self._overflow()
            return False
        self._queue.append(data)
        self._queued_bytes += len(data)
        self._waiting.set()
        return True

    async def run(self) -> NoReturn:
        """Connect, send, reconnect, until cancelled."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            started = loop.time()
            try:
                await self._converse()
                reason = "the peer closed the connection"
            except _TROUBLE as error:
                reason = say_why(error)
                if isinstance(error, UnknownPeerError):
                    self._counts.refused_peers += 1
            # A connection that is accepted and lost at once is no better than one refused.
            lasted = loop.time() - started > self._options.longest_pause_s
            failures = 1 if lasted else failures + 1
            self.trouble = reason
            self._losses.note(reason)
            self._counts.disconnected += 1
            self._on_unreachable(self.node)
            await asyncio.sleep(pause_s(failures, self._options, _chance.random()))

    async def _converse(self) -> None:
        """Hold one connection from its beginning to its end."""
        sockets = Sockets()
        with sockets.watched():
            connector = aiohttp.TCPConnector(socket_factory=sockets.make)
            cookies = aiohttp.DummyCookieJar()
            async with aiohttp.ClientSession(connector=connector, cookie_jar=cookies) as session:
                socket = await self._connect(session)
                self.is_connected = True
                try:
                    await run_until_first(self._flush(socket), _await_end(socket))
                finally:
                    self.is_connected = False
                    self._forget_queue()
                    with suppress(*_TROUBLE):
                        await socket.close()

    async def _connect(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket to the peer, and to nobody else.

        Raises:
            UnknownPeerError: Somebody else answered.
        """
        with self.peer.place.tried() as url:
            async with asyncio.timeout(self._options.connect_s):
                socket = await session.ws_connect(
                    f"{url}{PEER_PATH}",
                    ssl=self._context,
                    heartbeat=self._options.ping_s,
                    max_msg_size=_MAX_ANSWER_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=self._options.closing_s),
                )
            try:
                peer_of(socket.get_extra_info("ssl_object"), {self.node: self.peer.tls_key})
            except UnknownPeerError:
                await socket.close()
                raise
        _logger.info("connected to %s", self.node)
        self._on_met(self.node, socket.get_extra_info("peername")[0])
        self._counts.connected += 1
        return socket

    async def _flush(self, socket: aiohttp.ClientWebSocketResponse) -> NoReturn:
        while True:
            await self._waiting.wait()
            while self._queue:
                data = self._queue.popleft()
                self._queued_bytes -= len(data)
                await socket.send_bytes(data)
                self._counts.sent += 1
            self._waiting.clear()
            self._overflowing = False

    def _overflow(self) -> None:
        """Drop a frame, and say so to the core once per jam: it is to probe, not to push on."""
        self._counts.dropped_full += 1
        if not self._overflowing:
            self._overflowing = True
            self._jams.note("frames to it are dropped")
            self._on_unreachable(self.node)

    def _forget_queue(self) -> None:
        self._counts.dropped_queued += len(self._queue)
        self._queue.clear()
        self._queued_bytes = 0
        self._waiting.clear()
        self._overflowing = False


async def _await_end(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Answer pings until the connection ends, by itself or because the peer talks out of turn."""
    message = await socket.receive()
    if message.type is aiohttp.WSMsgType.ERROR:
        raise aiohttp.ClientConnectionError(str(message.data))
