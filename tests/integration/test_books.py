"""The books of a node: they answer as a replay does, whatever was killed or deleted meanwhile."""

import asyncio
import os
import secrets
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
import pytest
from declared import check_answer
from lab.year.directory import build
from lab.year.participants import NODE
from lab.year.tables import load_tables
from lab.year.year import Year, make_year
from load import HEADERS
from network import GLANCE_S, PATIENCE_S, end_all, read_line, start_kpnode, wait_until_ended
from rebuilt import RebuiltBooks, find_query

from kpclient.replay.served_chain import ServedChain
from kpledger.api.route import JSON_TYPE
from kpledger.api.routes import route_of
from kpledger.base.keys import SigningKey
from kpledger.books.queries import QUERIES
from kpledger.log.genesis import Genesis
from kpledger.scheme.envelope import sign_event
from kpledger.scheme.event import Author, encode_event
from kpledger.scheme.v1.events.life import NoteFiled
from kpnode.books.place import BOOKS_NAME
from kpnode.devnet import find_ports

pytestmark = pytest.mark.slow

CERTIFICATES = 600
PEER_OFFSET = 100
SAMPLE = 7
ASKED = (
    "/v1/balance?participant=AE&months=24",
    "/v1/calendar?from_day=2022-01-01",
    "/v1/certificates?limit=50",
    "/v1/certificates?state=VOIDED",
    "/v1/certificates?issuer=BW&destination=IN",
    "/v1/flags?limit=1000",
    "/v1/flags?participant=AE&flag=F3,F5,F12",
    "/v1/keys?participant=BW&past=true",
    "/v1/mirror?one=BW&other=IN&period=2022",
    "/v1/numbers?participant=BW",
    "/v1/organisation?past=true",
    "/v1/participants",
    "/v1/participants/CF",
    "/v1/production-check?participant=BW",
    "/v1/scheme?at=2022-07-01",
    "/v1/statistics/annex3?participant=BW&period=2022&source=compared",
    "/v1/statistics/annex3?participant=AE&period=2022Q3&known_at=2022-10-15",
    "/v1/statistics/summary?year=2022",
    "/v1/subject?subject=KPCS/policy",
    "/v1/unconfirmed",
)
PER_NUMBER = (
    "/v1/certificates/{number}",
    "/v1/certificates/{number}/history",
    "/v1/subject?subject={number}",
    "/v1/trace?subject={number}",
    "/v1/verification/{number}",
)


@dataclass
class Books:
    """A node of a synthetic year, and what a replay of its chain answers."""

    directory: Path
    genesis: Genesis
    url: str
    session: aiohttp.ClientSession
    root: SigningKey
    node: asyncio.subprocess.Process | None = None

    @property
    def file(self) -> Path:
        return self.directory / NODE / BOOKS_NAME

    async def start(self) -> None:
        self.node = await start_kpnode("run", "--config", self.directory / NODE / "node.toml")
        assert await read_line(self.node)

    async def stop(self) -> None:
        if self.node is not None:
            await end_all([self.node])

    async def kill(self) -> None:
        """Kill the node; its books end by themselves."""
        assert self.node is not None
        books = await self.find_books()
        self.node.kill()
        await asyncio.wait_for(self.node.communicate(), PATIENCE_S)
        await wait_until_ended(books)

    async def find_books(self) -> int:
        """Wait until the node has a process for its books, and give its id."""
        assert self.node is not None
        async with asyncio.timeout(PATIENCE_S):
            while not (found := _children_of(self.node.pid)):  # noqa: ASYNC110 (no event)
                await asyncio.sleep(GLANCE_S)
        (pid,) = found
        return pid

    async def kill_books(self) -> None:
        os.kill(await self.find_books(), signal.SIGKILL)

    async def status(self) -> dict[str, object]:
        async with self.session.get(f"{self.url}/v1/status") as response:
            return msgspec.json.decode(await response.read(), type=dict[str, object])

    async def books_status(self) -> dict[str, object]:
        found = (await self.status())["books"]
        assert isinstance(found, dict)
        return found

    async def wait_until_level(self) -> int:
        """Wait until the books are at the end of the ledger; gives its height."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                status = await self.status()
                books = status["books"]
                assert isinstance(books, dict)
                if not books["building"] and books["height"] == status["height"]:
                    return int(books["height"])
                await asyncio.sleep(GLANCE_S)

    async def submit(self) -> None:
        """File a note."""
        payload = encode_event(
            chain=self.genesis.chain,
            author=Author(participant="BW", authority="root"),
            nonce=secrets.token_bytes(16),
            occurred_at=time.time_ns() // 1_000_000,
            subject="BW",
            prev=None,
            body=NoteFiled(text="A note.", references=(), document=None),
        )
        event = sign_event(payload, [self.root])
        async with self.session.post(
            f"{self.url}/v1/events", data=event, headers=HEADERS
        ) as response:
            assert response.status == 201, await response.text()

    async def ask(self, target: str) -> bytes:
        """Ask until the books answer; nothing else may go wrong."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with self.session.get(self.url + target) as response:
                    body = await response.read()
                if response.status == 200:
                    return body
                problem = msgspec.json.decode(body, type=dict[str, object])
                assert problem["type"] == "urn:kpledger:problem:books-behind", (target, body)
                assert response.headers["Retry-After"]

    async def compare(self) -> None:
        """Ask everything, and hear what a replay of the chain says."""
        height = await self.wait_until_level()
        served = await asyncio.to_thread(ServedChain, self.genesis, [self.url], timeout_s=10)
        chain = await asyncio.to_thread(list, served)
        replayed = RebuiltBooks(self.genesis, chain, height)
        page = msgspec.json.decode(replayed.answer("/v1/certificates?limit=1000"))
        targets = list(_targets(page["certificates"], self.root))
        assert {find_query(target)[0].path for target in targets} == {one.path for one in QUERIES}
        for target in targets:
            answer = await self.ask(target)
            assert (target, answer) == (target, replayed.answer(target))
            check_answer(route_of(find_query(target)[0]), 200, JSON_TYPE, answer)


def _children_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _targets(certificates: list[dict[str, object]], root: SigningKey) -> Iterator[str]:
    yield from ASKED
    yield f"/v1/keys/{root.public_key.hex()}"
    numbers = [str(one["number"]) for one in certificates]
    for number in numbers[:: len(numbers) // SAMPLE]:
        yield from (path.format(number=number) for path in PER_NUMBER)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> tuple[Year, Path]:
    made = make_year(load_tables(), certificates=CERTIFICATES, seed=2022, fraud=True)
    directory = tmp_path_factory.mktemp("year") / "ledger"
    build(made, directory)
    return made, directory


@asynccontextmanager
async def books_of(year: tuple[Year, Path], scratch: Path) -> AsyncIterator[Books]:
    """Give a node of its own on a copy of the year, which is not started."""
    made, source = year
    directory = scratch / "ledger"
    shutil.copytree(source, directory)
    port = find_ports("127.0.0.1", (0, PEER_OFFSET))
    config = directory / NODE / "node.toml"
    config.write_text(
        config.read_text().replace(":7600", f":{port}").replace(":7700", f":{port + PEER_OFFSET}")
    )
    root = SigningKey.from_seed(made.participants.seed_of("BW/root"))
    async with aiohttp.ClientSession() as session:
        books = Books(directory, made.genesis, f"http://127.0.0.1:{port}", session, root)
        try:
            yield books
        finally:
            await books.stop()


async def test_a_node_answers_as_a_replay_whatever_is_killed_or_deleted(
    year: tuple[Year, Path], tmp_path: Path
) -> None:
    async with books_of(year, tmp_path) as books:
        await books.start()
        await books.compare()
        await books.kill_books()
        await books.compare()
        await books.kill()
        await books.start()
        await books.compare()
        books.file.unlink()
        await books.kill_books()
        await books.compare()
        await books.stop()
        books.file.write_bytes(os.urandom(books.file.stat().st_size))
        await books.start()
        await books.compare()


async def test_books_are_rebuilt_while_the_node_commits(
    year: tuple[Year, Path], tmp_path: Path
) -> None:
    async def load() -> None:
        while True:
            await books.submit()

    async with books_of(year, tmp_path) as books:
        await books.start()
        await books.submit()
        before = await books.wait_until_level()
        loading = [asyncio.create_task(load()) for _ in range(4)]
        for _ in range(2):
            books.file.unlink()
            await books.kill_books()
            await books.ask("/v1/participants")
        for task in loading:
            task.cancel()
        await asyncio.gather(*loading, return_exceptions=True)
        assert await books.wait_until_level() > before
        await books.compare()


async def test_books_may_be_deleted_or_replaced_under_a_running_node(
    year: tuple[Year, Path], tmp_path: Path
) -> None:
    """What is answered then holds all that was acknowledged."""
    backup = tmp_path / "backup.sqlite"
    async with books_of(year, tmp_path) as books:
        await books.start()
        await books.wait_until_level()
        await books.stop()
        shutil.copy(books.file, backup)
        await books.start()
        await books.submit()
        for restore in (None, shutil.copy, shutil.copy):
            level = await books.wait_until_level()
            assert await books.ask("/v1/participants")
            if restore is None:
                books.file.unlink()
            else:
                for suffix in ("-wal", "-shm"):
                    books.file.with_name(BOOKS_NAME + suffix).unlink()
                restore(backup, books.file)
            target = f"{books.url}/v1/participants?consistency=linearizable&timeout_ms=60000"
            async with books.session.get(target) as response:
                assert response.status == 200, await response.text()
                assert int(response.headers["KP-Height"]) >= level
            await books.submit()
        await books.compare()


async def test_books_that_are_ahead_of_a_ledger_that_was_brought_back_are_built_anew(
    year: tuple[Year, Path], tmp_path: Path
) -> None:
    async with books_of(year, tmp_path) as books:
        await books.start()
        await books.wait_until_level()
        await books.stop()
        ledger, older = books.file.with_name("ledger"), tmp_path / "older"
        shutil.copytree(ledger, older)
        await books.start()
        for _ in range(3):
            await books.submit()
        await books.wait_until_level()
        await books.stop()
        shutil.rmtree(ledger)
        shutil.copytree(older, ledger)
        await books.start()
        await books.compare()


async def test_books_on_demand_are_built_for_the_first_question(
    year: tuple[Year, Path], tmp_path: Path
) -> None:
    async with books_of(year, tmp_path) as books:
        config = books.directory / NODE / "node.toml"
        text = config.read_text().replace('start = "always"', 'start = "asked"')
        config.write_text(text)
        await books.start()
        await books.submit()
        assert books.node is not None
        assert _children_of(books.node.pid) == []
        assert not books.file.exists()
        assert (await books.books_status())["height"] is None
        # Whoever cannot wait is refused, and they are built all the same.
        async with books.session.get(f"{books.url}/v1/participants?timeout_ms=1") as response:
            assert response.status == 503, await response.text()
        await books.wait_until_level()
        await books.compare()


async def test_a_node_without_its_books_commits(year: tuple[Year, Path], tmp_path: Path) -> None:
    async with books_of(year, tmp_path) as books:
        # Nothing can be opened there, nor deleted as a file.
        books.file.mkdir()
        await books.start()
        async with asyncio.timeout(PATIENCE_S):
            while (await books.books_status())["problem"] is None:  # noqa: ASYNC110 (no event)
                await asyncio.sleep(GLANCE_S)
        await books.submit()
        status = await books.status()
        assert "The process that keeps the books has ended" in str(status["alarms"])
        async with books.session.get(f"{books.url}/v1/participants?timeout_ms=100") as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
            problem = await response.json(content_type="application/problem+json")
        assert problem["type"] == "urn:kpledger:problem:books-behind"
        books.file.rmdir()
        await books.wait_until_level()
        await books.compare()
