"""A node that says what a test tells it to, behind a real socket; honest ones do not lie."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import msgpack
import msgspec
from aiohttp import web
from founding import make_genesis
from lab.listening import answering

from kpledger.api.answers import Problem
from kpledger.api.routes import CONSISTENCY

STATUS = {
    "node": "bw-1",
    "participant": "BW",
    "chain": make_genesis().chain.hex(),
    "origin": "ledger.example/kp",
    "version": "0",
    "role": "leader",
    "term": 1,
    "leader": "bw-1",
    "voters": ["bw-1"],
    "height": 3,
    "last_index": 3,
    "head": "00" * 32,
    "tree_size": 2,
    "tree_root": "11" * 32,
    "state_digest": "22" * 32,
    "block_time_ms": 5,
    "uptime_s": 1,
    "peers": {},
    "failed": None,
    "alarms": [],
    "books": {"height": 3, "behind": 0, "building": False, "problem": None},
    "refused_blocks": [],
    "pending": 0,
    "ready": True,
    "storage": {"durability": "fsync", "failed": None},
}


def problem(status: int, detail: str, **further: str) -> Problem:
    """Make a problem document as a node gives it."""
    return Problem(
        type="urn:kpledger:problem:scripted", title="", status=status, detail=detail, **further
    )


@dataclass
class Script:
    """A node that says what it is told to; keeps what it was asked."""

    answers: dict[str, object] = field(default_factory=dict)
    """By method and path; a list is used up, its last one stays."""
    asked: list[str] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    """The query that came with each of those."""
    batches: list[list[bytes]] = field(default_factory=list)
    url: str = ""
    retry_after: str = ""
    """Comes with every problem."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == CONSISTENCY.path and f"GET {request.path}" not in self.answers:
            return web.Response(status=404)  # nothing is sealed there, and nobody has to say so
        self.asked.append(f"{request.method} {request.path}")
        self.queries.append(request.query_string)
        if request.method == "POST":
            self.batches.append(msgpack.unpackb(await request.read()))
        given = ({"GET /v1/status": STATUS} | self.answers)[self.asked[-1]]
        if isinstance(given, list):
            given = given.pop(0) if len(given) > 1 else given[0]
        if isinstance(given, Problem):
            headers = {"Retry-After": self.retry_after} if self.retry_after else {}
            body = msgspec.json.encode(given)
            return web.Response(status=given.status, body=body, headers=headers)
        content = given if isinstance(given, bytes) else msgspec.json.encode(given)
        return web.Response(body=content)


class Answering(Protocol):
    """Whatever answers requests as it likes."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one."""
        ...


@asynccontextmanager
async def served(node: Answering, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve what answers on every path, over TLS if it is given; gives the URL, with http."""
    async with answering(node.answer, tls) as port:
        yield f"http://127.0.0.1:{port}"
