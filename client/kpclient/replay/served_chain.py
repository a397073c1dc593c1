"""The blocks of a running node, streamed over HTTP. Nothing is verified here but who serves them.

A node is asked first how far its ledger reaches; a stream that ends below that height was cut off.
Over https the other side must hold the TLS key of one of the nodes in the genesis file
(`kpledger.base.pinning`); over plain http it can be anybody, which is no loss for an audit: every
block has to prove itself.
"""

import ssl
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

import msgpack
import msgspec

from kpclient.errors import ClientError
from kpclient.net.tls import build_context, pins_of
from kpclient.replay.copied_chain import StoredBlock
from kpledger.base.errors import LedgerError
from kpledger.base.pinning import public_key_of
from kpledger.log.genesis import Genesis
from kpledger.log.layout import MAX_PAYLOAD_BYTES

TIMEOUT_S: Final = 30
"""Longest silence of a node."""
MAX_STATUS_BYTES: Final = 1 << 20
MAX_BLOCK_BYTES: Final = MAX_PAYLOAD_BYTES + 64
"""Largest stored block with what frames it in the stream."""

_READ_BYTES: Final = 256 << 10
_OK: Final = 200


class ChainUnavailableError(ClientError):
    """The blocks cannot be had, or not all of them."""


class _Status(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a node's status that matters here."""

    height: int


class ServedChain:
    """The blocks of a node up to where its ledger reached when it was first asked.

    Attributes:
        url: the node.
        height: that height.
    """

    def __init__(self, url: str, genesis: Genesis) -> None:
        """Ask a node how far its ledger reaches.

        Raises:
            ChainUnavailableError: it cannot be reached, is no node, or holds no key of the genesis
                file.
        """
        self.url = url
        self._genesis = genesis
        with closing(self._connect()) as connection:
            body = self._get(connection, "/v1/status").read(MAX_STATUS_BYTES)
        try:
            self.height = msgspec.json.decode(body, type=_Status).height
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ChainUnavailableError(f"{url} does not answer as a node: {error}") from None

    def __iter__(self) -> Iterator[StoredBlock]:
        """Yield the blocks from height 1 on, as the node sends them.

        Raises:
            ChainUnavailableError: the stream cannot be had, is no stream of blocks, or ends below
                the height that the node has claimed.
        """
        reached = 0
        with closing(self._connect()) as connection:
            response = self._get(connection, "/v1/blocks?from=1")
            for block in self._read_blocks(response):
                yield block
                reached = block.height
        if reached < self.height:
            problem = f"its blocks end at {reached}, its status says {self.height}"
            raise ChainUnavailableError(f"{self.url} does not serve its whole ledger: {problem}")

    def _read_blocks(self, response: HTTPResponse) -> Iterator[StoredBlock]:
        unpacker = msgpack.Unpacker(max_buffer_size=MAX_BLOCK_BYTES + _READ_BYTES, max_array_len=2)
        while chunk := self._read(response):
            try:
                unpacker.feed(chunk)
                for item in unpacker:
                    match item:
                        case [int(height), bytes(stored)]:
                            yield StoredBlock(height, stored)
                        case _:
                            raise self._not_blocks(f"{item!r:.80}")
            except (ValueError, msgpack.UnpackException) as error:
                raise self._not_blocks(repr(error)) from None

    def _read(self, response: HTTPResponse) -> bytes:
        try:
            return response.read1(_READ_BYTES)
        except (OSError, HTTPException) as error:
            raise ChainUnavailableError(f"{self.url} stopped in the middle: {error!r}") from None

    def _not_blocks(self, found: str) -> ChainUnavailableError:
        return ChainUnavailableError(f"{self.url} sends something else than blocks: {found}")

    def _connect(self) -> HTTPConnection:
        try:
            return _connect(self.url, self._genesis)
        except (ValueError, OSError, LedgerError) as error:
            raise ChainUnavailableError(f"{self.url} cannot be reached: {error}") from None

    def _get(self, connection: HTTPConnection, path: str) -> HTTPResponse:
        try:
            connection.request("GET", path)
            response = connection.getresponse()
        except (OSError, HTTPException) as error:
            raise ChainUnavailableError(f"{self.url} does not answer: {error!r}") from None
        if response.status != _OK:
            answer = f"{response.status} {response.reason} to {path}"
            raise ChainUnavailableError(f"{self.url} answers {answer}")
        return response


def _connect(url: str, genesis: Genesis) -> HTTPConnection:
    parts = urlsplit(url)
    if parts.hostname is None or parts.scheme not in {"http", "https"}:
        raise ValueError("it is not http://host:port or https://host:port")
    if parts.scheme == "https":
        return _connect_pinned(parts.hostname, parts.port, genesis)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
    connection.connect()
    return connection


def _connect_pinned(host: str, port: int | None, genesis: Genesis) -> HTTPConnection:
    """Connect over TLS 1.3 to whoever holds the TLS key of a node in the genesis file."""
    pins = pins_of(genesis)
    connection = HTTPSConnection(host, port, timeout=TIMEOUT_S, context=build_context(pins))
    connection.connect()
    shown = connection.sock.getpeercert(binary_form=True)
    # A pinned key could have signed for another one, so the handshake alone is not enough.
    if public_key_of(shown or b"") not in pins:
        connection.close()
        raise ssl.SSLError("it holds the TLS key of no node in the genesis file")
    return connection
