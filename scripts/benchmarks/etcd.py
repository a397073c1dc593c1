"""Three nodes of etcd, and a client that speaks just enough gRPC to put a value.

gRPC is HTTP/2 (RFC 9113) with a length before each message. etcd's own JSON gateway would need no
client of ours, but it passes every request through a second server inside etcd. A put is one
request with headers that never change; its answer is taken for good if it carries data, since a
call that failed is answered by headers alone.
"""

import asyncio
import itertools
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

import msgspec
from clients import HttpConnection
from peer import Peer, run_processes

from kpnode.devnet import find_ports

_HOST: Final = "127.0.0.1"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GO_AWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_FRAME: Final = struct.Struct(">BHBBI")
_WIDEST: Final = 2**31 - 1 - 65535
_FAILED: Final = 500


class _Header(msgspec.Struct):
    member_id: str


class _Status(msgspec.Struct):
    header: _Header
    leader: str = "0"


def _write_frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return _FRAME.pack(len(body) >> 16, len(body) & 0xFFFF, kind, flags, stream) + body


def _write_text(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def _write_headers(authority: bytes) -> bytes:
    """Write the headers of a put by HPACK (RFC 7541) without Huffman code or dynamic table."""
    return b"".join(
        (
            b"\x83\x86",  # :method POST, :scheme http
            b"\x04" + _write_text(b"/etcdserverpb.KV/Put"),
            b"\x01" + _write_text(authority),
            b"\x0f\x10" + _write_text(b"application/grpc"),  # content-type
            b"\x00" + _write_text(b"te") + _write_text(b"trailers"),
        )
    )


def _write_varint(number: int) -> bytes:
    parts = []
    while number > 0x7F:  # noqa: PLR2004 (seven bits to a byte)
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def _write_put(key: bytes, value: bytes) -> bytes:
    """Write a put as protocol buffers: field 1 is the key, field 2 the value."""
    put = b"\x0a" + _write_varint(len(key)) + key + b"\x12" + _write_varint(len(value)) + value
    return b"\0" + len(put).to_bytes(4) + put


class EtcdSender:
    """Puts values over one connection, one at a time."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: bytes
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._headers = _write_headers(authority)
        self._streams = itertools.count(1, 2)
        self._prefix = str(id(self)).encode()

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Connect, and let the server send as much as it likes."""
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            + _write_frame(_SETTINGS, 0, 0, b"")
            + _write_frame(_WINDOW, 0, 0, _WIDEST.to_bytes(4))
        )
        return cls(reader, writer, f"{host}:{port}".encode())

    async def send(self, payload: bytes) -> int:
        """Put a payload under a key of its own."""
        stream = next(self._streams)
        put = _write_put(b"%s-%d" % (self._prefix, stream), payload)
        self._writer.write(
            _write_frame(_HEADERS, _END_HEADERS, stream, self._headers)
            + _write_frame(_DATA, _END_STREAM, stream, put)
        )
        has_data = False
        while True:
            high, low, kind, flags, found = _FRAME.unpack(
                await self._reader.readexactly(_FRAME.size)
            )
            body = await self._reader.readexactly(high << 16 | low)
            if kind in (_SETTINGS, _PING) and not flags & _ACK:
                self._writer.write(_write_frame(kind, _ACK, 0, body if kind == _PING else b""))
            elif kind in (_RESET, _GO_AWAY):
                return _FAILED
            elif kind in (_DATA, _HEADERS) and found == stream:
                has_data = has_data or kind == _DATA
                if flags & _END_STREAM:
                    return 0 if has_data else _FAILED

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()


@asynccontextmanager
async def run_etcd(directory: Path, binary: str) -> AsyncIterator[Peer]:
    """Start three nodes, wait for a leader, and stop them at the end."""
    names = ("n1", "n2", "n3")
    first = find_ports(_HOST, range(2 * len(names)))
    clients = {name: first + place for place, name in enumerate(names)}
    peers = {name: f"http://{_HOST}:{port + len(names)}" for name, port in clients.items()}
    commands = {
        name: [
            *(binary, "--name", name, "--data-dir", str(directory / name)),
            *("--listen-client-urls", f"http://{_HOST}:{port}"),
            *("--advertise-client-urls", f"http://{_HOST}:{port}"),
            *("--listen-peer-urls", peers[name]),
            *("--initial-advertise-peer-urls", peers[name]),
            *("--initial-cluster", ",".join(f"{one}={url}" for one, url in peers.items())),
            *("--initial-cluster-state", "new"),
        ]
        for name, port in clients.items()
    }
    async with run_processes(commands, directory) as pids:

        async def find_leader() -> str | None:
            for name, port in clients.items():
                status = await _ask_status(port)
                if status.leader == status.header.member_id:
                    return name
            return None

        async def connect(name: str) -> EtcdSender:
            return await EtcdSender.open(_HOST, clients[name])

        yield Peer("etcd", pids, find_leader, connect)


async def _ask_status(port: int) -> _Status:
    connection = await HttpConnection.open(f"http://{_HOST}:{port}")
    _, body = await connection.request("POST", "/v3/maintenance/status", b"{}")
    await connection.close()
    return msgspec.json.decode(body, type=_Status)
