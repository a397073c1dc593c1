"""Three nodes of NATS JetStream with a replicated stream, and a client that speaks its protocol.

Each publication asks for an acknowledgement, which comes when a majority has stored it; with
``sync_interval: always`` every write is synced first.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self

import msgspec
from peer import Peer, run_processes

from kpnode.devnet import find_ports

_HOST: Final = "127.0.0.1"
_FAILED: Final = 500
_STREAM: Final = {
    "name": "S",
    "subjects": ["s.>"],
    "num_replicas": 3,
    "storage": "file",
    "retention": "limits",
    "discard": "old",
}
_CONFIG: Final = """server_name: {name}
listen: {host}:{port}
jetstream {{ store_dir: "{directory}", sync_interval: always }}
cluster {{ name: bench, listen: {host}:{route}, routes: [{routes}] }}
"""


class _Cluster(msgspec.Struct):
    leader: str | None = None


class _Answer(msgspec.Struct):
    seq: int | None = None
    cluster: _Cluster | None = None
    error: msgspec.Raw | None = None


class NatsSender:
    """Publishes over one connection, one message at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._inbox = f"_INBOX.{id(self)}"
        self._numbers = itertools.count()

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Connect, and listen to where the answers go."""
        reader, writer = await asyncio.open_connection(host, port)
        await reader.readline()
        sender = cls(reader, writer)
        hello = b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}'
        writer.write(hello + f"\r\nSUB {sender._inbox}.* 1\r\n".encode())
        return sender

    async def ask(self, subject: str, body: bytes) -> _Answer | None:
        """Publish and give the answer; None if nobody answers."""
        reply = f"{self._inbox}.{next(self._numbers)}"
        self._writer.write(f"PUB {subject} {reply} {len(body)}\r\n".encode() + body + b"\r\n")
        while True:
            words = (await self._reader.readline()).split()
            if words[0] == b"PING":
                self._writer.write(b"PONG\r\n")
            elif words[0] in (b"MSG", b"HMSG"):
                answer = await self._reader.readexactly(int(words[-1]) + 2)
                if words[1] == reply.encode():
                    is_message = words[0] == b"MSG"
                    return msgspec.json.decode(answer, type=_Answer) if is_message else None
            elif words[0] == b"-ERR":
                raise RuntimeError(b" ".join(words).decode())

    async def send(self, payload: bytes) -> int:
        """Publish a payload into the stream."""
        answer = await self.ask("s.bench", payload)
        return 0 if answer is not None and answer.seq is not None else _FAILED

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()


@asynccontextmanager
async def run_nats(directory: Path, binary: str) -> AsyncIterator[Peer]:
    """Start three nodes, make the stream, and stop them at the end."""
    names = ("n1", "n2", "n3")
    first = find_ports(_HOST, range(2 * len(names)))
    ports = {name: first + place for place, name in enumerate(names)}
    routes = ", ".join(f"nats://{_HOST}:{port + len(names)}" for port in ports.values())
    commands = {}
    for name, port in ports.items():
        file = directory / f"{name}.conf"
        text = _CONFIG.format(
            name=name,
            host=_HOST,
            port=port,
            directory=directory / name,
            route=port + len(names),
            routes=routes,
        )
        file.write_text(text, encoding="ascii")
        commands[name] = [binary, "-c", str(file)]
    async with run_processes(commands, directory) as pids:

        async def find_leader() -> str | None:
            """Make the stream, or find it made, and say who leads it."""
            sender = await NatsSender.open(_HOST, first)
            await sender.ask("$JS.API.STREAM.CREATE.S", msgspec.json.encode(_STREAM))
            found = await sender.ask("$JS.API.STREAM.INFO.S", b"")
            await sender.close()
            return found.cluster.leader if found is not None and found.cluster else None

        async def connect(name: str) -> NatsSender:
            return await NatsSender.open(_HOST, ports[name])

        yield Peer("nats", pids, find_leader, connect)
