"""The server of the books: a question reads for a limited time, and for nobody who has left."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest
from feeding import kept_books
from founding import open_trade

from kpledger.books.database import Books
from kpledger.books.keys import SIGNING_KEYS
from kpledger.books.query import NotOnLedgerError, Query
from kpledger.books.question import QuestionError
from kpnode.api.http import HttpServer
from kpnode.api.served import DEAR_READERS
from kpnode.books.keeper import open_writer
from kpnode.books.place import BOOKS_NAME
from kpnode.books.server import BooksApi

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
PATIENCE_S = 30.0


class Question(msgspec.Struct, frozen=True, kw_only=True):
    say: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    height: int


def read_for_ever(books: Books, _question: Question) -> Answer:
    return Answer(height=books.connection.execute(ENDLESS).fetchone()[0])


def respond(books: Books, question: Question) -> Answer:
    if question.say == "unknown":
        raise NotOnLedgerError("there is no such thing")
    if question.say:
        raise QuestionError("say", f"{question.say!r}", "nothing")
    return Answer(height=books.height)


class Text(msgspec.Struct, frozen=True, kw_only=True):
    text: str


def give_much(books: Books, question: Question) -> Text:
    return Text(text=books.connection.execute(question.say).fetchone()[0])


QUERIES = (
    Query("much", "As much as is wanted", give_much),
    SIGNING_KEYS,
    Query("endless", "Never answered", read_for_ever),
    Query("height", "The height", respond),
)


@asynccontextmanager
async def asking(directory: Path, *, budget_s: float) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve the books of a small ledger with these queries."""
    ledger = open_trade()
    async with kept_books(ledger, directory) as feeder:
        await feeder.feed_all()
    connection, _ = open_writer(ledger.genesis, directory / BOOKS_NAME)
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    api = BooksApi(directory / BOOKS_NAME, QUERIES, budget_s=budget_s)
    server = HttpServer(api.build_app(), request_s=5)
    await server.start_on(listener)
    try:
        async with aiohttp.ClientSession(address) as session:
            yield session
    finally:
        await server.stop()
        api.close()
        connection.close()


@pytest.mark.parametrize(
    ("path", "status", "slug", "field"),
    [
        ("/v1/height?say=something", 400, "bad-parameter", "say"),
        ("/v1/height?what=ever", 400, "bad-parameter", "what"),
        ("/v1/height?say=unknown", 404, "not-found", None),
        ("/v1/depth", 404, "not-found", None),
        ("/v1/endless", 422, "too-costly", None),
    ],
)
async def test_a_question_without_an_answer_is_a_problem(
    tmp_path: Path, path: str, status: int, slug: str, field: str | None
) -> None:
    async with asking(tmp_path, budget_s=0.1) as session, session.get(path) as response:
        problem = await response.json(content_type="application/problem+json")
        assert (response.status, problem["type"], problem.get("field")) == (
            status,
            f"urn:kpledger:problem:{slug}",
            field,
        )


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("SELECT hex(zeroblob(9000000))", id="one value"),
        pytest.param("SELECT hex(zeroblob(4194300))", id="the whole answer"),
    ],
)
async def test_an_answer_is_bounded_and_says_nothing_of_the_books(
    tmp_path: Path, statement: str
) -> None:
    async with asking(tmp_path, budget_s=30) as session:
        async with session.get("/v1/much", params={"say": statement}) as response:
            problem = await response.json(content_type="application/problem+json")
            assert problem["type"] == "urn:kpledger:problem:too-costly"
        # They do not count as damaged.
        async with session.get("/v1/height") as response:
            assert response.status == 200


async def test_the_rows_of_an_answer_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kpledger.books.query.MAX_SELECTED", 1)
    path = "/v1/keys?participant=BW"
    async with asking(tmp_path, budget_s=30) as session, session.get(path) as response:
        problem = await response.json(content_type="application/problem+json")
        assert problem["detail"] == "the answer has more than 1 rows"


async def test_nobody_reads_on_for_a_client_that_has_left(tmp_path: Path) -> None:
    async with asking(tmp_path, budget_s=1000) as session:
        for _ in range(DEAR_READERS):
            asked = asyncio.create_task(session.get("/v1/endless"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asked, 0.2)
        async with asyncio.timeout(PATIENCE_S), session.get("/v1/height") as response:
            assert (await response.json())["height"] == int(response.headers["KP-Height"])
