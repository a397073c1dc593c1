"""The port for peers: who connects is who holds a pinned key, and speaks for itself.

Voters send frames here, the incoming halves of all pairs; every node of the genesis file may ask
over HTTP what nodes ask each other.

A peer is known but not trusted. Whatever is wrong with what it sends closes its connection and no
other; the peer may come back, after a pause of its own.
"""

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiohttp import WebSocketError, WSCloseCode, WSMessage, WSMsgType, web
from aiohttp.typedefs import Handler, Middleware
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kpledger.base.errors import LedgerError, MalformedError
from kpnode.incident import Incident
from kpnode.listening.acceptor import Acceptor, http_logger
from kpnode.listening.connections import ConnectionLimits, keep_connection, serving
from kpnode.raft import Message, NodeId
from kpnode.sites import IPAddress, Site, read_address, site_of
from kpnode.transport.link import PEER_PATH
from kpnode.transport.options import Counts, TransportOptions
from kpnode.transport.tls import Pins, UnknownPeerError, peer_of, server_context, trust
from kpnode.transport.wire import MAX_FRAME_BYTES, Frame, decode_frame

_MAX_REASON_LENGTH: Final = 500
_DOUBLED: Final = 5
_DOUBLED_S: Final = 60.0
"""So often within so many seconds a peer replaces its own connection if it is two processes: each
connects again, after three seconds at most, when the other has put its connection out."""

_logger: Final = logging.getLogger(__name__)


class ForeignMessageError(Exception):
    """A peer sent a message in another's name, or one that is for another."""

    def __init__(self, peer: NodeId, message: Message) -> None:
        super().__init__(f"{peer} sent one from {message.sender!r} to {message.recipient!r}")
        self.peer = peer
        self.message = message


class Listener:
    """Accepts one connection from each peer; belongs to one event loop."""

    def __init__(
        self,
        node: NodeId,
        private_key: Ed25519PrivateKey,
        *,
        options: TransportOptions,
        counts: Counts,
        on_frame: Callable[[NodeId, Frame], float],
    ) -> None:
        self._node = node
        self._options = options
        self._counts = counts
        self._on_frame = on_frame
        self._pins: Pins = {}
        self._context = server_context(private_key, node, self._pins)
        self._connections: dict[NodeId, asyncio.Transport] = {}
        self._members: Pins = {}
        self._app = web.Application()
        self._runner: web.AppRunner | None = None
        self._sites: dict[tuple[NodeId, bool], Site] = {}
        self._refusals = Incident(_logger, "refused a connection")
        self._breaches = Incident(_logger, "closed a connection")
        self._repeats = Incident(_logger, "replaced a connection by a second one")
        self._replaced: defaultdict[NodeId, deque[tuple[float, str]]] = defaultdict(
            lambda: deque(maxlen=_DOUBLED)
        )
        self._acceptor: Acceptor | None = None

    @property
    def port(self) -> int:
        """The port in use, or 0 if there is none."""
        return self._acceptor.port if self._acceptor is not None else 0

    def doubled(self) -> tuple[str, ...]:
        """Name the peers that replace their own connections again and again, and where they are."""
        since = time.monotonic() - _DOUBLED_S
        return tuple(
            f"{peer} (at {' and '.join(sorted({address for _, address in replaced}))})"
            for peer, replaced in sorted(self._replaced.items())
            if len(replaced) == _DOUBLED and replaced[0][0] > since
        )

    def set_pins(self, pins: Pins) -> None:
        """Accept these keys from now on and no others; end the connections of all others."""
        before, self._pins = self._pins, dict(pins)
        trust(self._context, pins)
        for peer in before:
            if before.get(peer) != pins.get(peer):
                self._end(peer)
                for way in (False, True):
                    self._sites.pop((peer, way), None)

    def meet(self, peer: NodeId, address: str | None, *, is_caller: bool) -> None:
        """Note where a peer has shown its key, so that strangers elsewhere cannot keep it out.

        Behind a translator of addresses it may call from another one than it is called at.
        """
        if address is not None:
            self._sites[peer, is_caller] = site_of(read_address(address.partition("%")[0]))

    def serve_members(self, app: web.Application, pins: Pins) -> None:
        """Let these nodes ask an application; to be called before :meth:`start`.

        The application finds out by :meth:`find_member` who asks.
        """
        self._app, self._members = app, dict(pins)
        trust(self._context, pins)
        app.middlewares[:] = [keep_connection, *map(_pass_frames, app.middlewares)]

    def find_member(self, request: web.Request) -> str:
        """Give the node that has sent a request.

        Raises:
            HTTPForbidden: it holds no key of a node that may ask.
        """
        member = self._find(request, self._members)
        self.meet(member, request.remote, is_caller=True)
        return member

    def _find(self, request: web.BaseRequest, pins: Pins) -> NodeId:
        connection = request.transport
        tls = None if connection is None else connection.get_extra_info("ssl_object")
        try:
            return peer_of(tls, pins)
        except UnknownPeerError as error:
            self._counts.refused_peers += 1
            self._refusals.note(error)
            raise web.HTTPForbidden from error

    async def start(self, host: str, port: int, limits: ConnectionLimits) -> None:
        """Listen.

        Raises:
            OSError: The address cannot be used.
        """
        self._app.router.add_get(PEER_PATH, self._accept)
        runner = self._runner = web.AppRunner(
            self._app,
            access_log=None,
            logger=http_logger(__name__),
            shutdown_timeout=self._options.closing_s,
            auto_decompress=False,
            handler_cancellation=True,
            lingering_time=0,
        )
        await runner.setup()
        if runner.server is None:
            raise RuntimeError("nothing is served before the application is set up")
        self._acceptor = Acceptor(
            "the port for peers",
            runner.server,
            limits,
            wait_s=self._options.connect_s,
            tls=self._context,
            is_preferred=self._is_preferred,
        )
        await self._acceptor.start(host, port)

    async def close(self) -> None:
        """Stop listening and end all connections."""
        if self._acceptor is not None:
            await self._acceptor.close()
        for peer in list(self._connections):
            self._end(peer)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _accept(self, request: web.BaseRequest) -> web.StreamResponse:
        peer, connection = self._find(request, self._pins), request.transport
        if connection is None:
            raise web.HTTPForbidden
        # Who connects again has given up the former connection, even if we have not noticed.
        if peer in self._connections:
            self._repeats.note(f"{peer} at {request.remote}: its line broke, or it runs twice")
            self._replaced[peer].append((time.monotonic(), str(request.remote)))
        self._end(peer)
        self._connections[peer] = connection
        self.meet(peer, request.remote, is_caller=True)
        try:
            with serving(request):
                return await self._converse(peer, request)
        finally:
            if self._connections.get(peer) is connection:
                del self._connections[peer]

    async def _converse(self, peer: NodeId, request: web.BaseRequest) -> web.WebSocketResponse:
        """Hand on what a peer sends, until it stops or sends what it must not."""
        socket = web.WebSocketResponse(
            timeout=self._options.closing_s,
            heartbeat=self._options.ping_s,
            # aiohttp refuses messages of this size already.
            max_msg_size=MAX_FRAME_BYTES + 1,
            compress=False,
        )
        await socket.prepare(request)
        self._counts.accepted += 1
        # A connection may be lost between a ping and the answer, which aiohttp gives by itself.
        with suppress(ConnectionResetError):
            await self._listen(peer, socket)
        return socket

    async def _listen(self, peer: NodeId, socket: web.WebSocketResponse) -> None:
        async for received in socket:
            if received.type is WSMsgType.ERROR and not isinstance(received.data, WebSocketError):
                break  # the connection was lost, which is nobody's fault
            try:
                frame = self._read_frame(peer, received)
            except (LedgerError, ForeignMessageError) as error:
                self._counts.refused_frames += 1
                reason = str(error)[:_MAX_REASON_LENGTH]
                self._breaches.note(f"from {peer}: {reason}")
                await socket.close(code=WSCloseCode.POLICY_VIOLATION)
                break
            self._counts.received += 1
            # Who sends in vain is read more slowly, and so has to wait itself.
            if pause_s := self._on_frame(peer, frame):
                await asyncio.sleep(pause_s)

    def _read_frame(self, peer: NodeId, received: WSMessage) -> Frame:
        """Return the frame in a WebSocket message, if this peer may send it to this node.

        Raises:
            LedgerError: It is not a frame.
            ForeignMessageError: It is not from the holder of the connection's key, or not for us.
        """
        if received.type is WSMsgType.ERROR:
            raise MalformedError("frame", str(received.data))
        if received.type is not WSMsgType.BINARY:
            raise MalformedError("frame", f"it is {received.type.name} and not BINARY")
        frame = decode_frame(received.data)
        if isinstance(frame, Message) and (frame.sender, frame.recipient) != (peer, self._node):
            raise ForeignMessageError(peer, frame)
        return frame

    def _is_preferred(self, address: IPAddress) -> bool:
        """Tell whether a peer was at an address."""
        return site_of(address) in self._sites.values()

    def _end(self, peer: NodeId) -> None:
        connection = self._connections.pop(peer, None)
        if connection is not None:
            connection.abort()


def _pass_frames(middleware: Middleware) -> Middleware:
    """Let peers that send frames pass by what is for requests."""

    @web.middleware
    async def pass_by(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_peer = request.path == PEER_PATH
        return await handler(request) if is_peer else await middleware(request, handler)

    return pass_by
