"""The acceptor: takes connections from a port, within limits, and hands them to a protocol.

Accepts by itself instead of letting the loop do it, because with TLS the loop tells of a connection
only after its handshake, and because its servers end for good when they run out of descriptors
(uvloop 0.23). Works on uvloop and on the loop of the standard library.
"""

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Final, cast

from aiohttp.http_exceptions import HttpProcessingError

from kpnode.fairness import Buckets
from kpnode.incident import Incident
from kpnode.listening.connections import Connection, ConnectionLimits, Connections
from kpnode.listening.pace import FairPace
from kpnode.process import end_tasks
from kpnode.sites import IPAddress, read_address, site_of

_BACKLOG: Final = 1024
"""Connections that the kernel holds until they are accepted."""
_SENDING_BYTES: Final = 128 * 1024
"""What the kernel keeps of a connection for its client; it takes twice as much (socket(7))."""
_RECEIVING_BYTES: Final = 32 * 1024
"""Likewise of what its client has sent: so much is read at once, whether it is wanted or not."""
_ACCEPTS_A_TURN: Final = 4
"""So many are accepted before others have their turn."""
_SHORTAGES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_SHORTAGE_PAUSE_S: Final = 0.2
_BURST: Final = 400
"""So many connections may be opened at once before they are counted by the second."""
_PREFERRED_PER_S: Final = 200.0
"""From one site that is preferred."""
_STRANGERS_PER_S: Final = 100.0
"""From all others; from one of them a quarter. Each may cost a TLS handshake: a millisecond.
Those of one site that come faster are turned away; those of all wait for their turn."""

_log = logging.getLogger(__name__)


def _is_ours(record: logging.LogRecord) -> bool:
    """Keep out of the log what any stranger could fill it with: bytes that are no HTTP."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | ConnectionError)


def http_logger(name: str) -> logging.Logger:
    """Give the log of an HTTP server in a module."""
    log = logging.getLogger(f"{name}.http")
    log.addFilter(_is_ours)
    return log


class Acceptor:
    """Accepts connections on a port; belongs to one event loop."""

    def __init__(
        self,
        name: str,
        factory: Callable[[], asyncio.Protocol],
        limits: ConnectionLimits,
        *,
        wait_s: float,
        tls: ssl.SSLContext | None = None,
        is_preferred: Callable[[IPAddress], bool],
    ) -> None:
        """Prepare to hand connections to the protocols of an HTTP server, which ``factory`` makes.

        ``name`` is for the log. A connection may wait ``wait_s`` for a request; at most half of
        them are in their TLS handshake. Preferred addresses may have reserved places.
        """
        self._loop = asyncio.get_running_loop()
        self._factory = factory
        self._wait_s = wait_s
        self._tls = tls
        self._is_preferred = is_preferred
        clock = self._loop.time
        crowding = Incident(_log, f"too many connections to {name}")
        self._connections = Connections(limits, clock, crowding)
        shaking = Incident(_log, f"too many TLS handshakes with {name}")
        half = replace(limits, total=limits.total // 2, reserved=limits.reserved // 2)
        self._handshakes = Connections(half, clock, shaking)
        self._failing = Incident(_log, f"a handshake with {name} failed")
        self._shortage = Incident(_log, f"no further connection to {name} could be accepted")
        self._haste = Incident(_log, f"connections to {name} are opened too fast")
        self._preferred_pace = Buckets(_BURST, _PREFERRED_PER_S, clock)
        self._pace = Buckets(_BURST // 4, _STRANGERS_PER_S / 4, clock)
        self._common_pace = FairPace(_STRANGERS_PER_S, _BURST, self._haste)
        self._listeners: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.TimerHandle | None = None

    @property
    def port(self) -> int:
        """The port in use, or 0 if there is none."""
        return int(self._listeners[0].getsockname()[1]) if self._listeners else 0

    async def start(self, host: str, port: int) -> int:
        """Listen, and give the port; port 0 takes a free one.

        Raises:
            OSError: the address cannot be used.
        """
        kind = socket.SOCK_STREAM
        found = await self._loop.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((one[0], one[4]) for one in found):
            listener = socket.create_server(address, family=family, backlog=_BACKLOG)
            listener.settimeout(0)
            # Connections inherit it. The kernel's memory is nobody's share, so it is little for
            # each, and none for a client that takes nothing.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENDING_BYTES)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVING_BYTES)
            user_timeout_ms = round(1000 * self._wait_s)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, user_timeout_ms)
            self._listeners.append(listener)
            self._loop.add_reader(listener, self._accept, listener)
        self._sweep()
        return self.port

    async def close(self) -> None:
        """Accept no more, and end the handshakes under way; other connections stay."""
        for listener in self._listeners:
            self._loop.remove_reader(listener)
            listener.close()
        self._listeners.clear()
        if self._sweeping is not None:
            self._sweeping.cancel()
        await end_tasks(self._tasks)

    def _sweep(self) -> None:
        self._connections.end_overdue(self._wait_s)
        self._sweeping = self._loop.call_later(self._wait_s / 10, self._sweep)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPTS_A_TURN):
            try:
                accepted, peer = listener.accept()
            except OSError as error:
                # All others are of the connection itself (accept(2)): it is gone already.
                if error.errno in _SHORTAGES:
                    self._lack(listener, error)
                return
            self._take(accepted, read_address(peer[0].partition("%")[0]))

    def _lack(self, listener: socket.socket, error: OSError) -> None:
        """Make room where the limits were too high for what the system gives."""
        self._shortage.note(error.strerror)
        self._connections.end_overdue(0.0)
        self._loop.remove_reader(listener)
        self._loop.call_later(_SHORTAGE_PAUSE_S, self._resume, listener)

    def _resume(self, listener: socket.socket) -> None:
        if listener in self._listeners:
            self._loop.add_reader(listener, self._accept, listener)

    def _take(self, accepted: socket.socket, address: IPAddress) -> None:
        site, is_preferred = site_of(address), self._is_preferred(address)
        pace = self._preferred_pace if is_preferred else self._pace
        if not pace.admits(site):
            self._haste.note(f"one from {site} was turned away")
            accepted.close()
            return
        connection = Connection(self._connections, self._factory(), site, is_preferred=is_preferred)
        if not self._connections.admit(connection):
            accepted.close()
            return
        opening = connection.opening = self._loop.create_task(self._open(connection, accepted))
        self._tasks.add(opening)
        if self._tls is not None and not self._handshakes.admit(connection):
            opening.cancel()

        def opened(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._handshakes.remove(connection)
            error = None if task.cancelled() else task.exception()
            if error is not None:
                self._failing.note(f"from {connection.site}: {error}")
            if task.cancelled() or error is not None:
                self._connections.remove(connection)
                # What was cancelled at once has not touched it.
                accepted.close()

        opening.add_done_callback(opened)

    async def _open(self, connection: Connection, accepted: socket.socket) -> None:
        """Give a connection its transport, and make its handshake, when it has its turn."""
        if not connection.is_preferred:
            await self._common_pace.take_turn(connection.site)
        await self._loop.connect_accepted_socket(
            lambda: cast(asyncio.Protocol, connection),
            accepted,
            ssl=self._tls,
            ssl_handshake_timeout=None if self._tls is None else self._wait_s,
        )
