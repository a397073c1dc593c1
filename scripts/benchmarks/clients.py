"""Clients in closed loops: each sends, waits for the answer, and sends the next.

As little HTTP as it takes, so that the nodes are measured and not the clients.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, Self
from urllib.parse import urlsplit

from rates import find_percentile

_MS: Final = 1000


class HttpConnection:
    """One kept-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to where a URL points."""
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Send a request and read the answer; it must say its length."""
        self._writer.write(
            b"%s %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/msgpack\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (method.encode(), path.encode(), len(body), body)
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        start = head.lower().index(b"content-length:") + len(b"content-length:")
        length = int(head[start : head.index(b"\r\n", start)])
        return status, await self._reader.readexactly(length)

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()


class Sender(Protocol):
    """Brings one payload to where it has to be, durably."""

    async def send(self, payload: bytes) -> int:
        """Send it; 0 when it is there, else what was answered."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """When what happens counts, by ``time.perf_counter``."""

    start: float
    end: float


@dataclass(slots=True)
class Tally:
    """What the clients have seen."""

    latencies_ms: list[float] = field(default_factory=list)
    not_committed: Counter[int] = field(default_factory=Counter)

    def summarise(self, seconds: float) -> dict[str, object]:
        """Give throughput and percentiles."""
        ordered = sorted(self.latencies_ms)
        if not ordered:
            raise RuntimeError(f"nothing was done; answers were {dict(self.not_committed)}")
        return {
            "events": len(ordered),
            "events_per_s": round(len(ordered) / seconds, 1),
            "p50_ms": round(find_percentile(ordered, 50), 2),
            "p99_ms": round(find_percentile(ordered, 99), 2),
            "not_committed": dict(self.not_committed),
        }


async def run_clients(
    openers: Sequence[Callable[[], Awaitable[Sender]]],
    payloads: Sequence[Iterator[bytes]],
    span: Span,
    *,
    pause_s: float = 0.0,
) -> Tally:
    """Run one client for each iterator of payloads, until the span ends.

    Each pauses after what was committed.
    """
    tally = Tally()
    async with asyncio.TaskGroup() as clients:
        for number, mine in enumerate(payloads):
            sender = await openers[number % len(openers)]()
            clients.create_task(_run_client(sender, mine, tally, span, pause_s))
    return tally


async def _run_client(
    sender: Sender, payloads: Iterator[bytes], tally: Tally, span: Span, pause_s: float
) -> None:
    for payload in payloads:
        sent = time.perf_counter()
        # An answer of another kind is tried again: the same event cannot be recorded twice.
        while status := await sender.send(payload):
            tally.not_committed[status] += 1
            if time.perf_counter() >= span.end:
                break
        now = time.perf_counter()
        if now >= span.end:
            break
        if sent >= span.start:
            tally.latencies_ms.append((now - sent) * _MS)
        if pause_s:
            await asyncio.sleep(pause_s)
    await sender.close()


async def sleep_until(moment: float) -> None:
    """Sleep until ``time.perf_counter`` says so."""
    await asyncio.sleep(max(0.0, moment - time.perf_counter()))
