"""Asking books: the process that a node starts for them, or in this process."""

import asyncio
import re
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import aiohttp
import msgspec
from working import wait_while_working

from kpledger.base.errors import LedgerError
from kpledger.books.database import Books, open_books
from kpledger.books.queries import QUERIES
from kpledger.books.query import AnyQuery

NOTHING: Final = "/v1/nothing"
"""What nobody answers, to see what asking costs."""
_STANDSTILL_S: Final = 60.0
"""So long may the process do nothing before its first answer."""


class Asker(Protocol):
    """Asks one question after the other."""

    def clock(self) -> float:
        """Give the time by which asking is measured, in seconds."""
        ...

    async def ask(self, target: str) -> str:
        """Ask what an address stands for; gives what is wrong, or nothing."""
        ...


class HttpAsker:
    """Asks over the socket of the process."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    def clock(self) -> float:
        """Give the time on the wall, as somebody waits."""
        return time.perf_counter()

    async def ask(self, target: str) -> str:
        """Ask, and read the answer."""
        async with self._session.get(target) as response:
            text = await response.text()
            return "" if response.status == HTTPStatus.OK else f"{response.status} {text[:300]}"


class DirectAsker:
    """Asks in this process."""

    def __init__(self, books: Path) -> None:
        self._connection = open_books(str(books), read_only=True)
        self._queries = [(_pattern_of(query.path), query) for query in QUERIES]

    def clock(self) -> float:
        """Give the processor time of this thread, which other programs hardly change."""
        return time.thread_time()

    async def ask(self, target: str) -> str:
        """Ask, and write the answer as it would be sent."""
        parts = urlsplit(target)
        for pattern, query in self._queries:
            if found := pattern.fullmatch(parts.path):
                named = {name: unquote(value) for name, value in found.groupdict().items()}
                return self._ask(query, {**named, **dict(parse_qsl(parts.query))})
        return "no such question"

    def _ask(self, query: AnyQuery, parameters: dict[str, str]) -> str:
        question = msgspec.convert(parameters, query.question, strict=False)
        try:
            with Books(self._connection).reading() as books:
                query.reply(books, question)
        except LedgerError as error:
            return str(error)
        return ""


def _pattern_of(path: str) -> re.Pattern[str]:
    return re.compile("/v1/" + re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path))


@asynccontextmanager
async def running_books(genesis: Path, books: Path, path: Path) -> AsyncIterator[HttpAsker]:
    """Run the process of a node's books on a socket at a free path; its feed brings nothing new."""
    feed, its_feed = socket.socketpair()
    with feed, its_feed, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        ends = its_feed.fileno(), listener.fileno()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "kpnode.books", *map(str, (genesis, books, *ends))),
            pass_fds=ends,
        )
        # Whoever connects is to see it when the process ends.
        listener.close()
        connector = aiohttp.UnixConnector(str(path))
        try:
            async with aiohttp.ClientSession("http://books", connector=connector) as session:
                asker = HttpAsker(session)
                first = asyncio.create_task(asker.ask(NOTHING))
                await wait_while_working(process, first, _STANDSTILL_S)
                yield asker
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
