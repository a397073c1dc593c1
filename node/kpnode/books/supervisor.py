"""The supervisor: keeps the process of the books running while the node runs.

It lives in the process that takes part in consensus and never lets that wait: blocks are sent as
the books take them, and if they end, whatever the cause, they are started again after a pause that
grows. Now and then they are asked for a sign of life; if none comes, they are ended. If this
process dies, the books see the end of their feed and end as well.
"""

import asyncio
import logging
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import aiohttp

from kpledger.api.answers import BooksAnswer
from kpledger.reading import say_trouble
from kpnode.api.served import ServedNode
from kpnode.books.feed import feed_books
from kpnode.books.place import BOOKS_NAME, BooksSocket
from kpnode.config import BooksStart
from kpnode.incident import Incident
from kpnode.process import end_tasks, stop_process
from kpnode.storage.errors import StorageError

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 10.0
"""Between an end of the process and its next start."""
_STOP_S: Final = 5.0
"""How long it may write nothing before it is killed when it is to stop."""
HANG_S: Final = 60.0
"""How long it may give no sign of life: it answers while it writes, however much that is."""
_BEATS: Final = 6
"""So often it is asked for one in that time."""
NOWHERE: Final = -1
"""Below every height: no books are open."""

_log = logging.getLogger(__name__)

Run = Callable[[socket.socket, socket.socket], Awaitable[str]]
"""Keeps books with an end of the feed and a socket to listen on, which it closes; returns when they
have ended, and says why. Stops them when it is cancelled."""


def run_process(genesis: Path, directory: Path) -> Run:
    """Give what keeps the books of a node's directory in a process of their own."""

    async def run(feed: socket.socket, listener: socket.socket) -> str:
        with feed, listener:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "kpnode.books",
                str(genesis),
                str(directory / BOOKS_NAME),
                str(feed.fileno()),
                str(listener.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(feed.fileno(), listener.fileno()),
            )
        try:
            return f"process {process.pid} ended with {await process.wait()}"
        finally:
            await stop_process(process, _STOP_S)

    return run


class BooksSupervisor:
    """Keeps the books of a node running (a :class:`kpnode.api.served.BooksGate`)."""

    def __init__(
        self,
        node: ServedNode,
        directory: Path,
        run: Run,
        *,
        start: BooksStart = BooksStart.ALWAYS,
        hang_s: float = HANG_S,
    ) -> None:
        self._hang_s = hang_s
        self._node = node
        self._directory = directory
        self._run = run
        self._socket: BooksSocket | None = None
        self._task: asyncio.Task[None] | None = None
        self._height = NOWHERE
        self._moved = asyncio.Event()
        self._wanted = asyncio.Event()
        self._is_building = True
        self._due = asyncio.Event()
        if start is BooksStart.ALWAYS:
            self._due.set()
        self._problem: str | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._ends = Incident(_log, "the books have ended", level=logging.ERROR)

    @property
    def socket_path(self) -> str:
        """Where to ask, for this process alone."""
        return self._socket.path if self._socket else ""

    async def start(self) -> None:
        """Begin, or wait for the first question; returns at once.

        Raises:
            OSError: nothing can be made in the directory.
        """
        self._socket = BooksSocket(self._directory)
        self._task = asyncio.create_task(self._keep(self._socket), name="books")

    async def stop(self) -> None:
        """Stop the process, and listen no more."""
        if self._task is not None:
            await end_tasks([self._task])
        if self._socket is not None:
            self._socket.close()

    def status(self) -> BooksAnswer:
        """Say how the books are."""
        height = None if self._height == NOWHERE else self._height
        return BooksAnswer(
            height=height,
            behind=max(0, self._node.ledger.tip.height - (height or 0)),
            building=self._is_building and self._due.is_set(),
            problem=self._problem,
        )

    async def reach(self, height: int) -> None:
        """Wait until the books hold the block at a height; starts them, if nobody has yet."""
        self._due.set()
        while self._is_building or self._height < height:
            self._wanted.set()
            await self._moved.wait()

    async def _keep(self, place: BooksSocket) -> None:
        await self._due.wait()
        while True:
            try:
                reason = await self._live(place)
            except Exception as error:  # noqa: BLE001 (whatever it was, they are started again)
                why = say_trouble(error) if isinstance(error, OSError) else error
                reason = f"they cannot be started: {why}"
            self._take_height(NOWHERE, is_ready=False)
            self._problem = reason
            self._ends.note(reason)
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    async def _live(self, place: BooksSocket) -> str:
        """Start the books, feed them to their end, and say why they have ended."""
        with ExitStack() as opened:
            ours, theirs = map(opened.enter_context, socket.socketpair())
            listener = opened.enter_context(place.listener.dup())
            reader, writer = await asyncio.open_unix_connection(sock=ours)
            opened.pop_all()
        with theirs, listener, closing(writer):
            return await self._feed(place, self._run(theirs, listener), reader, writer)

    async def _feed(
        self,
        place: BooksSocket,
        run: Awaitable[str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> str:
        running = asyncio.ensure_future(run)
        feeding = asyncio.create_task(
            feed_books(self._node, reader, writer, wanted=self._wanted, on_height=self._take_height)
        )
        watching = asyncio.create_task(self._watch(place))
        tasks = (running, feeding, watching)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                return watching.result()
            if feeding.done() and (problem := _problem_of(feeding)):
                return problem
            # Not ``wait_for``, which forgets that it was cancelled if the task is done (3.11).
            async with asyncio.timeout(_STOP_S):
                return await running
        except TimeoutError:
            return "the process has let go of its feed"
        finally:
            await end_tasks(tasks)

    async def _watch(self, place: BooksSocket) -> str:
        """Ask for signs of life, once the books have been opened; returns when none comes."""
        silence = f"it gave no sign of life for {self._hang_s:g} s, and was killed"
        try:
            async with asyncio.timeout(self._hang_s):
                while self._height == NOWHERE:
                    await self._moved.wait()
        except TimeoutError:
            return silence
        timeout = aiohttp.ClientTimeout(total=self._hang_s)
        connector = aiohttp.UnixConnector(place.path)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            while True:
                await asyncio.sleep(self._hang_s / _BEATS)
                try:
                    async with session.get("http://books/"):
                        # Whatever it answers, it does.
                        pass
                except TimeoutError:
                    return silence
                except (aiohttp.ClientError, OSError):
                    # It has ended, or closed a connection that was idle.
                    continue

    def _take_height(self, height: int, *, is_ready: bool) -> None:
        self._height = height
        self._is_building = not is_ready
        if is_ready:
            self._problem = None
            self._pause_s = _FIRST_PAUSE_S
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


def _problem_of(feeding: asyncio.Task[None]) -> str | None:
    error = feeding.exception()
    if error is None:
        return None
    if not isinstance(error, StorageError):
        _log.error("the feed of the books has failed", exc_info=error)
    return str(error)
