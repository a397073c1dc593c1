"""Connections to nodes: a request sent, a response received, in time and from a pinned key."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import ClassVar, Final

import aiohttp

from kpclient.errors import ClientError, UsageError
from kpclient.net.refusals import NoAnswerError, check_speaker
from kpclient.net.tls import PinnedKey, build_context
from kpledger.api.addresses import NODE_URL
from kpledger.api.routes import MSGPACK_TYPE
from kpledger.api.strangers import explain_handshake
from kpledger.base.text import shorten
from kpledger.command import EXIT_REFUSED

_SILENCE: Final = 3
"""How many times the timeout a stream may make its reader wait, all in all, ahead of its rate."""
SLOWEST_BYTES_PER_S: Final = 4096
"""A stream may be this slow: a ledger of a gigabyte then takes three days."""


_IS_ASKED_TO_CLEAN_UP: Final = sys.version_info < (3, 12, 8)
"""A node that does not answer the end of TLS leaves a connection open, of which aiohttp lets go
only if it is told to; with later Pythons it does not heed that (python/cpython 118960)."""


class NotTrustworthyError(ClientError):
    """What a node says is not what it has to be."""

    EXIT_CODE: ClassVar[int] = EXIT_REFUSED

    def __init__(self, node: str, problem: str) -> None:
        super().__init__(f"{node} cannot be trusted: {shorten(problem)}")


class NodeConnections:
    """A pool of them, to be opened in an event loop and closed there."""

    def __init__(
        self, keys: Iterable[bytes], headers_for: Callable[[str], dict[str, str]], named_by: str
    ) -> None:
        """Open the pool.

        Args:
            keys: the TLS keys of nodes; whoever holds another is none.
            headers_for: gives the headers in which a node is shown who asks.
            named_by: how nodes were named to this command.
        """
        pins = frozenset(keys)
        self._headers_for = headers_for
        self._named_by = named_by
        self._tls = build_context(pins)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=PinnedKey(pins), limit=64, enable_cleanup_closed=_IS_ASKED_TO_CLEAN_UP
            ),
            timeout=aiohttp.ClientTimeout(total=None),
            headers={"Accept-Encoding": "identity"},  # a proxy may compress all the same
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    @asynccontextmanager
    async def send(
        self, node: str, method: str, path: str, body: bytes | None, timeout_s: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request, and give the response once its head is there.

        Raises:
            NoAnswerError: there is none; another node may be asked.
            NotTrustworthyError: the node holds no pinned key.
            UsageError: it has no address.
        """
        headers = self._headers_for(node)
        if body is not None:
            headers["Content-Type"] = MSGPACK_TYPE
        try:
            async with asyncio.timeout(timeout_s):
                response = await self._session.request(
                    method,
                    node + path,
                    data=body,
                    headers=headers,
                    ssl=self._tls,
                    allow_redirects=False,
                )
            async with response:
                check_speaker(response)
                yield response
        except (aiohttp.ServerFingerprintMismatch, aiohttp.ClientConnectorCertificateError):
            problem = "it does not hold the TLS key of a node in the genesis file"
            raise NotTrustworthyError(node, problem) from None
        except aiohttp.ClientConnectorSSLError as error:
            raise NoAnswerError(explain_handshake(error.os_error)) from None
        except (aiohttp.InvalidURL, UnicodeError):  # the latter of names that DNS cannot have
            raise UsageError(self._named_by, f"{node!r} is not a URL", NODE_URL) from None
        except aiohttp.ClientConnectorError as error:
            raise NoAnswerError(_explain(error.os_error)) from None
        except TimeoutError:
            raise NoAnswerError(f"no answer within {timeout_s:.1f} s", hung=True) from None
        except aiohttp.ServerDisconnectedError:
            hint = "; does it speak TLS, and is it https://?" if node.startswith("http:") else ""
            raise NoAnswerError(f"it closed the connection without an answer{hint}") from None
        except aiohttp.ClientPayloadError:
            problem = "its answer breaks off, or is compressed and cannot be read"
            raise NoAnswerError(problem) from None
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswerError(str(error) or type(error).__name__) from None


def _explain(error: OSError) -> str:
    """Say why there is no connection, without the numbers and addresses of the system."""
    if isinstance(error, ConnectionResetError):
        return "it closed the connection before anything was asked"
    known = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return (known or "no address of it can be reached").lower()


async def read_pieces(response: aiohttp.ClientResponse, timeout_s: float) -> AsyncIterator[bytes]:
    """Read a body of any length; only while we wait for it does its patience run out.

    Raises:
        NoAnswerError: it comes too slowly.
    """
    most_s = left_s = _SILENCE * timeout_s
    clock = asyncio.get_running_loop().time
    while True:
        started = clock()
        try:
            async with asyncio.timeout(left_s):
                piece = await response.content.readany()
        except TimeoutError:
            rate = f"less than {SLOWEST_BYTES_PER_S} bytes a second"
            raise NoAnswerError(f"it sends {rate}, or nothing within {most_s:g} s") from None
        if not piece:
            return
        left_s += len(piece) / SLOWEST_BYTES_PER_S - (clock() - started)
        left_s = min(most_s, left_s)
        yield piece


async def read_whole(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """Read a body that may have so many bytes.

    Raises:
        NoAnswerError: it has more.
    """
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > max_bytes:
            raise NoAnswerError(f"its answer has more than {max_bytes} bytes")
    return bytes(content)
