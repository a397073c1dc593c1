"""A contact: another node that is asked over HTTP, at its port for peers or at its API.

At the port for peers both sides are known by the keys that the genesis file pins. A URL needs no
trust: whatever comes from there is verified. Only a token goes to nobody but the holder of a pinned
key, or to this machine.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from http import HTTPStatus
from typing import Final, Self

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from kpledger.api.addresses import NodeAddress, is_here
from kpnode.addresses import Place
from kpnode.contacts import Said, UnansweredError
from kpnode.errors import SetupError
from kpnode.raft import NodeId
from kpnode.transport.link import Peer, say_why
from kpnode.transport.sockets import Sockets
from kpnode.transport.tls import Pins, client_context, pinned_context

_CONNECTIONS: Final = 8
"""To one node at once; they are kept for the next questions."""
_CONNECT_S: Final = 5.0
_KEPT_S: Final = 8.0
"""How long an idle connection is kept: less than the other side does."""
_PIECE_BYTES: Final = 64 << 10
_PIECE_S: Final = 10.0
"""So long a piece of a stream may take: a slower one would keep a node from asking another."""
_MAX_PROBLEM_BYTES: Final = 64 << 10
_TROUBLE: Final = (aiohttp.ClientError, OSError, TimeoutError, RuntimeError, ValueError)
"""The last but one is what uvloop raises where it takes a socket for another's."""


class Contact:
    """Asks one node; belongs to one event loop (a :class:`kpnode.contacts.NodeLine`).

    Attributes:
        name: the name of a node, or a URL.
    """

    def __init__(
        self, name: str, at: str | Place, tls: ssl.SSLContext | None, headers: Mapping[str, str]
    ) -> None:
        """Ask at a URL, or where a node is; ``tls`` says whose key counts, None that any does."""
        self.name = name
        self._tried: Callable[[], AbstractContextManager[str]]
        self._tried = (lambda: nullcontext(at)) if isinstance(at, str) else at.tried
        self._tls = tls
        self._headers = {"Accept-Encoding": "identity", **headers}
        self._sockets = Sockets()
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    def member(cls, own: NodeId, private_key: Ed25519PrivateKey, name: NodeId, peer: Peer) -> Self:
        """Ask a node of the genesis file at its port for peers, as one of it."""
        context = client_context(private_key, own, {name: peer.tls_key})
        return cls(name, peer.place, context, {})

    @classmethod
    def public(cls, address: NodeAddress, token: str | None, pins: Pins) -> Self:
        """Ask a node at its API, with a token if there is one.

        Raises:
            SetupError: anybody on the way could read the token.
        """
        headers = {"Authorization": address.login} if address.login else {}
        if token is None or is_here(address.url):
            tls: ssl.SSLContext | None = None
        elif not address.url.startswith("https:") or address.login:
            problem = f"the token of [follow] is not for {address.url}: others could read it there"
            raise SetupError(f"{problem}; accepted: the https:// URL of a node itself")
        else:
            tls = pinned_context(pins)
        if token is not None:
            headers = {"Authorization": f"Bearer {token}"}
        return cls(address.url, address.url, tls, headers)

    async def get(self, target: str, *, timeout_s: float, max_bytes: int) -> Said:
        """Ask; an answer that is longer counts as none.

        Raises:
            UnansweredError: there is no answer.
        """
        async with self._asked("GET", target, timeout_s) as response:
            return await _read(response, max_bytes, timeout_s)

    async def post(
        self,
        target: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout_s: float,
        max_bytes: int,
    ) -> Said:
        """Send something; an answer that is longer counts as none.

        Raises:
            UnansweredError: there is no answer.
        """
        asked = self._asked("POST", target, timeout_s, body=body, headers=headers)
        async with asked as response:
            return await _read(response, max_bytes, timeout_s)

    @asynccontextmanager
    async def stream(
        self, target: str, *, timeout_s: float
    ) -> AsyncIterator[tuple[Said, AsyncIterator[bytes]]]:
        """Ask for something long: what it begins with, and its body in pieces.

        Where it does not succeed all of the body is in what it begins with.

        Raises:
            UnansweredError: it does not begin in time, or breaks off.
        """
        async with self._asked("GET", target, timeout_s) as response:
            if response.status == HTTPStatus.OK:
                said = Said(response.status, response.headers, b"")
            else:
                said = await _read(response, _MAX_PROBLEM_BYTES, timeout_s)
            yield said, _pieces(response)

    @asynccontextmanager
    async def _asked(
        self,
        method: str,
        target: str,
        timeout_s: float,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request, and give the answer once it begins."""
        try:
            with _telling(), self._tried() as url:
                async with asyncio.timeout(timeout_s):
                    response = await self._open().request(
                        method,
                        URL(url + target, encoded=True),
                        data=body,
                        headers=headers,
                        ssl=self._tls or False,
                        allow_redirects=False,
                    )
            try:
                yield response
            finally:
                # Where something is left to come, this ends the connection.
                response.close()
        finally:
            self._sockets.settle()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=_CONNECTIONS, keepalive_timeout=_KEPT_S, socket_factory=self._sockets.make
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
                headers=self._headers,
            )
        return self._session

    async def close(self) -> None:
        """End all connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            self._sockets.settle()


@contextmanager
def _telling() -> Iterator[None]:
    """Say in our words why there is no answer."""
    try:
        yield
    except _TROUBLE as error:
        raise UnansweredError(f"does not answer: {say_why(error)}") from error


async def _read(response: aiohttp.ClientResponse, max_bytes: int, timeout_s: float) -> Said:
    body = bytearray()
    with _telling():
        async with asyncio.timeout(timeout_s):
            async for piece in response.content.iter_any():
                body += piece
                if len(body) > max_bytes:
                    raise UnansweredError(f"answers with more than {max_bytes} bytes")
    return Said(response.status, response.headers, bytes(body))


async def _pieces(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Give a body in pieces, each of which has to come in time."""
    piece = bytearray()
    while True:
        with _telling():
            async with asyncio.timeout(_PIECE_S):
                while len(piece) < _PIECE_BYTES and (part := await response.content.readany()):
                    piece += part
        if not piece:
            return
        yield bytes(piece)
        piece.clear()
