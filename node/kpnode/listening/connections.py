"""The connections of one port: how many there may be, and which gives way to another.

A connection *waits* for its client while the node does nothing for it: a request, its TLS handshake
or a body has not come whole, or the next request has not begun. Where there is no room, the one
that has waited longest gives way to a newcomer: of those from the same site if that has its share,
else of those from the site that holds most, and of such the one that has opened most lately. So
whoever holds connections keeps nobody out, and a site with few is not pushed out by one with many,
nor a quiet one by one in haste. Only where nothing else waits is a newcomer turned away.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import StreamReader, web
from aiohttp.typedefs import Handler

from kpnode.fairness import Buckets
from kpnode.incident import Incident
from kpnode.sites import Site

_OFTEN: Final = 10
"""Connections that a site opens at once, beyond one a second, and still counts as a quiet one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """How many connections there may be."""

    total: int
    """In all."""
    share: int
    """From one site that is not preferred."""
    reserved: int = 0
    """Of all, for sites that are preferred."""


class Connection:
    """An accepted connection: a protocol that lets another one speak, and notes the end.

    Attributes:
        home: all of its port.
        site: where it comes from.
        is_preferred: whether it may have a reserved place.
        opening: waits for its turn and makes its handshake; to be cancelled if it is to end before
            it is open.
        waits_since_s: since when it has waited for its client, if it does.
    """

    def __init__(
        self, home: "Connections", speaker: asyncio.Protocol, site: Site, *, is_preferred: bool
    ) -> None:
        self.home = home
        self.site = site
        self.is_preferred = is_preferred
        self.opening: asyncio.Task[None] | None = None
        self.waits_since_s = 0.0
        self._speaker = speaker
        self._transport: asyncio.Transport | None = None
        self.data_received = speaker.data_received
        self.eof_received = speaker.eof_received
        self.pause_writing = speaker.pause_writing
        self.resume_writing = speaker.resume_writing

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Let it be ended by its transport from now on."""
        self._transport = transport
        self._speaker.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up the place."""
        self.home.remove(self)
        self._speaker.connection_lost(exc)

    def end(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.abort()
        elif self.opening is not None:
            self.opening.cancel()


@dataclass(slots=True)
class _Holding:
    """The connections of one site."""

    site: Site
    count: int = 0
    waiting: OrderedDict[Connection, None] = field(default_factory=OrderedDict)
    """Those without a request under way, the one that has waited longest first."""
    receiving: OrderedDict[Connection, StreamReader] = field(default_factory=OrderedDict)
    """Those with a request whose body was not there when it began, and what there is of it."""

    def find_waiting(self) -> Connection | None:
        """Give the one that has waited longest; those whose body is to come stand behind."""
        if self.waiting:
            return next(iter(self.waiting))
        while self.receiving:
            connection, body = next(iter(self.receiving.items()))
            if not body.is_eof():
                return connection
            del self.receiving[connection]
        return None


class Connections:
    """Those of one port, or of it those in one state."""

    def __init__(
        self, limits: ConnectionLimits, clock: Callable[[], float], crowding: Incident
    ) -> None:
        """Hold none.

        ``clock`` gives seconds; ``crowding`` is told when there is no room for a newcomer.
        """
        self._limits = limits
        self._clock = clock
        self._crowding = crowding
        self._members: dict[Connection, _Holding] = {}
        self._strangers = 0
        self._opened = Buckets(_OFTEN, 1.0, clock)
        # Both kinds may come from one site: what is preferred is decided by the whole address.
        self._holdings: dict[tuple[Site, bool], _Holding] = {}

    def __len__(self) -> int:
        return len(self._members)

    def admit(self, newcomer: Connection) -> bool:
        """Take in a connection, which waits, if need be in the place of another; tell if so."""
        key, limits = (newcomer.site, newcomer.is_preferred), self._limits
        holding = self._holdings.get(key) or _Holding(newcomer.site)
        self._opened.fill(newcomer.site, 1)
        is_kept_out = not newcomer.is_preferred and (
            holding.count >= limits.share or self._strangers >= limits.total - limits.reserved
        )
        if is_kept_out or len(self) >= limits.total:
            other = self._find_other(newcomer, holding)
            if other is None:
                self._crowding.note(f"one from {newcomer.site} was turned away")
                return False
            self._crowding.note(f"one from {newcomer.site} replaces one from {other.site}")
            self._end(other)
        self._members[newcomer] = holding
        self._strangers += not newcomer.is_preferred
        self._holdings[key] = holding
        holding.count += 1
        self.wait(newcomer)
        return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended, if it was not forgotten before."""
        holding = self._members.pop(connection, None)
        if holding is None:
            return
        self._strangers -= not connection.is_preferred
        holding.waiting.pop(connection, None)
        holding.receiving.pop(connection, None)
        holding.count -= 1
        if not holding.count:
            del self._holdings[connection.site, connection.is_preferred]

    def wait(self, connection: Connection) -> None:
        """Note that a connection waits for a request from now on."""
        if holding := self._members.get(connection):
            connection.waits_since_s = self._clock()
            holding.receiving.pop(connection, None)
            holding.waiting[connection] = None

    def serve(self, connection: Connection, body: StreamReader) -> None:
        """Note that a connection has brought a request, and perhaps its body."""
        if holding := self._members.get(connection):
            holding.waiting.pop(connection, None)
            if not body.is_eof():
                holding.receiving[connection] = body

    def end_overdue(self, wait_s: float) -> None:
        """End all that have waited so long for a request."""
        limit_s = self._clock() - wait_s
        for holding in list(self._holdings.values()):
            while holding.waiting:
                connection = next(iter(holding.waiting))
                if connection.waits_since_s > limit_s:
                    break
                self._end(connection)

    def _find_other(self, newcomer: Connection, holding: _Holding) -> Connection | None:
        """Find a connection that gives way to a newcomer, for which there is no room."""
        if not newcomer.is_preferred and holding.count >= self._limits.share:
            return holding.find_waiting()
        unreserved = self._limits.total - self._limits.reserved
        only_strangers = not newcomer.is_preferred and self._strangers >= unreserved
        rank = self._rank(holding, more=1)
        others = (
            one
            for (_, is_preferred), one in self._holdings.items()
            if not (only_strangers and is_preferred) and self._rank(one) >= rank
        )
        return self._find_waiting(others) or holding.find_waiting()

    def _rank(self, holding: _Holding, *, more: int = 0) -> tuple[int, int]:
        """Order sites by how many they would hold, then by how often they come."""
        return holding.count + more, int(self._opened.left_s(holding.site)) // _OFTEN

    def _find_waiting(self, holdings: Iterable[_Holding]) -> Connection | None:
        """Find the connection that has waited longest in the largest holding with any."""
        left = [one for one in holdings if one.waiting or one.receiving]
        while left:
            largest = max(left, key=self._rank)
            found = largest.find_waiting()
            if found is not None:
                return found
            left.remove(largest)
        return None

    def _end(self, connection: Connection) -> None:
        self.remove(connection)
        connection.end()


@contextmanager
def serving(request: web.BaseRequest) -> Iterator[None]:
    """Let the connection of a request not give way to others while the request is served."""
    transport = request.transport
    connection: object = transport.get_protocol() if transport is not None else None
    if not isinstance(connection, Connection):
        yield
        return
    connection.home.serve(connection, request.content)
    try:
        yield
    finally:
        connection.home.wait(connection)


@web.middleware
async def keep_connection(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let no connection give way to another one while its request is served."""
    with serving(request):
        return await handler(request)
