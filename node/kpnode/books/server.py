"""The server of the books: answers each question from one block, in a thread of its own.

A question may read for a limited time, and no longer than its client waits for the answer.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from kpledger.api.routes import JSON_TYPE, route_of
from kpledger.books.database import Books, open_books, read_meta
from kpledger.books.queries import QUERIES
from kpledger.books.query import AnyQuery, NotOnLedgerError, QuestionError
from kpnode.api.http import add_route, answer_problems
from kpnode.api.parameters import read_parameters
from kpnode.api.problems import ProblemError, ProblemKind, make_problem, parameter_error

READERS: Final = 4
"""Questions that are answered at once."""
BUDGET_S: Final = 30.0
"""How long one may read."""
_LOOK_STEPS: Final = 20_000
"""After so many instructions, a few milliseconds, a statement looks whether it has to go on."""

_log = logging.getLogger(__name__)


class _Budget:
    """How long a question may be answered; its client may end it before."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self.is_cancelled = False

    @property
    def is_over(self) -> bool:
        return self.is_cancelled or time.monotonic() > self._deadline


class BooksApi:
    """Answers every query from a file of books.

    Attributes:
        damaged: becomes done when the file turns out to be damaged.
    """

    def __init__(
        self, file: Path, queries: Iterable[AnyQuery] = QUERIES, *, budget_s: float = BUDGET_S
    ) -> None:
        """Answer from this file; must be called in the event loop."""
        self._file = file
        self._queries = tuple(queries)
        self._budget_s = budget_s
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._connections = threading.local()
        self.damaged: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def build_app(self) -> web.Application:
        """Build the application."""
        app = web.Application(middlewares=[answer_problems])
        for query in self._queries:
            add_route(app, route_of(query), self._handler(query))
        return app

    def close(self) -> None:
        """Wait for the questions under way."""
        self._threads.shutdown()

    def _handler(self, query: AnyQuery) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            question = read_parameters(request, query.question)
            budget = _Budget(self._budget_s)
            loop = asyncio.get_running_loop()
            try:
                return await loop.run_in_executor(
                    self._threads, self._answer, query, question, budget
                )
            except QuestionError as error:
                raise parameter_error(error.field, error.problem, error.accepted) from None
            except NotOnLedgerError as error:
                raise ProblemError(make_problem(ProblemKind.NOT_FOUND, str(error))) from None
            except sqlite3.OperationalError:
                if not budget.is_over:
                    raise
                detail = f"no answer within {self._budget_s:g} seconds; ask for less at once"
                raise ProblemError(make_problem(ProblemKind.TOO_COSTLY, detail)) from None
            except sqlite3.DatabaseError:
                _log.exception("the books are damaged")
                if not self.damaged.done():
                    self.damaged.set_result(None)
                raise
            finally:
                # Also when the client has left: nobody reads on for nobody.
                budget.is_cancelled = True

        return answer

    def _answer(self, query: AnyQuery, question: msgspec.Struct, budget: _Budget) -> web.Response:
        """Answer a question; called in a thread."""
        with self._reading(budget) as (books, headers):
            return web.Response(body=query.reply(books, question), headers=headers)

    @contextmanager
    def _reading(self, budget: _Budget) -> Iterator[tuple[Books, dict[str, str]]]:
        """Read the books as of one block; gives the headers that name it."""
        connection: sqlite3.Connection | None = getattr(self._connections, "open", None)
        if connection is None:
            connection = self._connections.open = open_books(str(self._file), read_only=True)
        connection.set_progress_handler(lambda: budget.is_over, _LOOK_STEPS)
        with Books(connection).reading() as books:
            meta = read_meta(connection)
            yield (
                books,
                {
                    "Content-Type": JSON_TYPE,
                    "KP-Height": str(meta["height"]),
                    "KP-Head": str(meta["head"]),
                    "KP-Block-Time-Ms": str(meta["time_ms"]),
                },
            )
