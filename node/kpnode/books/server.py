"""The server of the books: answers each question from one block, in a thread of its own.

A question may read for a limited time, and no longer than its client waits for the answer. It says
in ``KP-Height`` which block has to be in the books: a file without it is not the one that is
written. Nor is one that lies where that one was; each request looks, and so does a sign of life.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from kpledger.api.route import JSON_TYPE
from kpledger.api.routes import HEIGHT_HEADER, route_of
from kpledger.books.database import Books, NoBooksError, open_books, read_meta, verify_tables
from kpledger.books.queries import QUERIES
from kpledger.books.query import AnyQuery, NotOnLedgerError, TooMuchError
from kpledger.books.question import QuestionError
from kpnode.api.http import add_route, answer_problems
from kpnode.api.parameters import read_parameters
from kpnode.api.problems import ProblemError, ProblemKind, make_problem, parameter_error
from kpnode.api.served import DEAR_READERS, SMALL_READERS
from kpnode.books.place import identify_books

SMALL_BUDGET_S: Final = 1.0
"""How long a small question may be read, in seconds of a processor."""
DEAR_BUDGET_S: Final = 3.0
"""How long any other."""
_ANSWER_BYTES_MAX: Final = 8 << 20
"""Of one answer; larger ones are not given."""
_CACHE_KIB: Final = 8 * 1024
"""Of the file, for each reader; the system keeps more of it."""
_LOOK_STEPS: Final = 20_000
"""After so many instructions, a few milliseconds, a statement looks whether it has to go on."""

_TOO_MUCH: Final = frozenset({sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_FULL})
"""What a question that takes too much brings about; the latter of a sorter's file."""
_SHORTAGES: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM})
"""What says nothing of the books, as too few descriptors for a sorter's file."""

_log = logging.getLogger(__name__)


class _Budget:
    """How long a question may be read; its client may end it before."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_cancelled = False
        self.is_spent = False
        self._end_s = 0.0

    def begin(self) -> None:
        """Count the processor's time from now on; called in the thread that reads."""
        self._end_s = time.thread_time() + self.seconds

    def look(self) -> bool:
        """Tell whether reading has to end; called in that thread."""
        self.is_spent = time.thread_time() > self._end_s
        return self.is_spent or self.is_cancelled


class BooksApi:
    """Answers every query from a file of books.

    Attributes:
        damaged: becomes done when the file turns out to be damaged, or not to be the one that is
            written.
    """

    def __init__(
        self, file: Path, queries: Iterable[AnyQuery] = QUERIES, *, budget_s: float = DEAR_BUDGET_S
    ) -> None:
        """Answer from this file, which is open; must be called in the event loop.

        Raises:
            OSError: it is not there.
        """
        self._file = file
        self._identity = identify_books(file)
        self._queries = tuple(queries)
        self._budget_s = budget_s
        self._small = ThreadPoolExecutor(SMALL_READERS, thread_name_prefix="small-reader")
        self._dear = ThreadPoolExecutor(DEAR_READERS, thread_name_prefix="dear-reader")
        self._connections = threading.local()
        self.damaged: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def build_app(self) -> web.Application:
        """Build the application."""
        app = web.Application(middlewares=[answer_problems, self._refuse_damaged])
        for query in self._queries:
            add_route(app, route_of(query), self._handler(query))
        return app

    def close(self) -> None:
        """Wait for the questions under way."""
        self._small.shutdown()
        self._dear.shutdown()

    @web.middleware
    async def _refuse_damaged(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer nothing from a file that is damaged, or not the one that is written."""
        try:
            self._verify_identity()
            return await handler(request)
        except (NoBooksError, sqlite3.DatabaseError) as error:
            if not self.damaged.done():
                _log.error("the books are damaged: %s", error)
                self.damaged.set_result(None)
            detail = "the books were damaged and are built anew; ask again later"
            raise ProblemError(make_problem(ProblemKind.BOOKS_BEHIND, detail)) from None

    def _verify_identity(self) -> None:
        try:
            is_same = identify_books(self._file) == self._identity
        except OSError:
            is_same = False
        if not is_same:
            raise NoBooksError(f"{self._file} was deleted or replaced")

    def _handler(self, query: AnyQuery) -> Handler:
        threads = self._small if query.is_small else self._dear
        budget_s = min(SMALL_BUDGET_S, self._budget_s) if query.is_small else self._budget_s

        async def answer(request: web.Request) -> web.Response:
            question = read_parameters(request, query.question)
            height = int(request.headers.get(HEIGHT_HEADER, 0))
            budget = _Budget(budget_s)
            loop = asyncio.get_running_loop()
            try:
                return await loop.run_in_executor(
                    threads, self._answer, query, question, height, budget
                )
            except QuestionError as error:
                raise parameter_error(error.field, error.problem, error.accepted) from None
            except NotOnLedgerError as error:
                raise ProblemError(make_problem(ProblemKind.NOT_FOUND, str(error))) from None
            except (TooMuchError, MemoryError) as error:
                detail = str(error) or "the answer takes too much memory"
                raise ProblemError(make_problem(ProblemKind.TOO_COSTLY, detail)) from None
            except sqlite3.DatabaseError as error:
                if budget.is_spent:
                    detail = f"no answer within {budget_s:g} seconds of a processor"
                    raise ProblemError(make_problem(ProblemKind.TOO_COSTLY, detail)) from None
                if error.sqlite_errorcode in _TOO_MUCH:
                    raise ProblemError(make_problem(ProblemKind.TOO_COSTLY, str(error))) from None
                if error.sqlite_errorcode in _SHORTAGES:
                    raise ProblemError(make_problem(ProblemKind.BUSY, str(error))) from None
                if isinstance(error, sqlite3.OperationalError):
                    await loop.run_in_executor(threads, self._verify_tables)
                raise
            finally:
                # Also when the client has left: nobody reads on for nobody.
                budget.is_cancelled = True

        return answer

    def _verify_tables(self) -> None:
        """Tell a question that cannot be answered from books in which none can; in a thread."""
        with closing(open_books(str(self._file), read_only=True)) as connection:
            verify_tables(connection)

    def _answer(
        self, query: AnyQuery, question: msgspec.Struct, height: int, budget: _Budget
    ) -> web.Response:
        """Answer a question; called in a thread."""
        with self._reading(budget) as (books, headers):
            if books.height < height:
                raise NoBooksError(f"they hold {books.height} blocks, not the {height} written")
            body = query.reply(books, question)
            if len(body) > _ANSWER_BYTES_MAX:
                raise TooMuchError(f"the answer has {len(body)} bytes")
            return web.Response(body=body, headers=headers)

    @contextmanager
    def _reading(self, budget: _Budget) -> Iterator[tuple[Books, dict[str, str]]]:
        """Read the books as of one block; gives the headers that name it."""
        connection: sqlite3.Connection | None = getattr(self._connections, "open", None)
        if connection is None:
            connection = open_books(str(self._file), read_only=True, cache_kib=_CACHE_KIB)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _ANSWER_BYTES_MAX)
            self._verify_identity()
            self._connections.open = connection
        budget.begin()
        connection.set_progress_handler(budget.look, _LOOK_STEPS)
        with Books(connection).reading() as books:
            meta = read_meta(connection)
            yield (
                books,
                {
                    "Content-Type": JSON_TYPE,
                    HEIGHT_HEADER: str(meta.height),
                    "KP-Head": meta.head,
                    "KP-Block-Time-Ms": str(meta.time_ms),
                },
            )
