"""The supervisor: keeps the books running, says how they are, and never waits for them."""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from founding import make_genesis, opening_events
from serving import Served, children, serve

from kpnode.api.served import ApiLimits
from kpnode.books.place import BOOKS_NAME
from kpnode.books.supervisor import BooksSupervisor, run_process
from kpnode.config import BooksStart

PATIENCE_S = 60.0
GLANCE_S = 0.01


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 (conditions of many kinds, no event for each)
            await asyncio.sleep(GLANCE_S)


@asynccontextmanager
async def supervised(supervisor: BooksSupervisor) -> AsyncIterator[BooksSupervisor]:
    await supervisor.start()
    try:
        yield supervisor
    finally:
        await supervisor.stop()


async def test_books_that_end_are_started_again(served: Served, tmp_path: Path) -> None:
    starts: list[str] = []

    async def end_at_once(feed: socket.socket, listener: socket.socket) -> str:
        with feed, listener:
            starts.append("started")
        return f"end {len(starts)}"

    place = tmp_path / "other"
    place.mkdir()
    async with supervised(BooksSupervisor(served.node, place, end_at_once)) as books:
        await wait_until(lambda: len(starts) >= 3)
        await wait_until(lambda: books.status().problem == f"end {len(starts)}")
        status = books.status()
        assert (status.height, status.building) == (None, True)
        await served.record(opening_events("BW/gaborone")[0])


async def test_books_that_cannot_be_started_are_tried_again(served: Served, tmp_path: Path) -> None:
    starts: list[str] = []

    async def fail(feed: socket.socket, listener: socket.socket) -> str:
        with feed, listener:
            starts.append("started")
        raise FileNotFoundError("no such program")

    place = tmp_path / "other"
    place.mkdir()
    async with supervised(BooksSupervisor(served.node, place, fail)) as books:
        await wait_until(lambda: len(starts) >= 2)
        await wait_until(lambda: "no such program" in str(books.status().problem))


async def test_books_that_cannot_be_started_are_stopped_at_any_moment(
    served: Served, tmp_path: Path
) -> None:
    async def fail(feed: socket.socket, listener: socket.socket) -> str:
        feed.close()
        listener.close()
        raise FileNotFoundError("no such program")

    place = tmp_path / "other"
    place.mkdir()
    for turns in range(30):
        async with asyncio.timeout(PATIENCE_S):
            async with supervised(BooksSupervisor(served.node, place, fail)):
                for _ in range(turns):
                    await asyncio.sleep(0)
        gc.collect()


async def test_the_process_is_watched_fed_and_stopped(served: Served, tmp_path: Path) -> None:
    place, genesis = tmp_path / "other", tmp_path / "genesis.json"
    place.mkdir()
    genesis.write_bytes(make_genesis().encoded)
    before = children()
    async with supervised(
        BooksSupervisor(served.node, place, run_process(genesis, place))
    ) as books:
        for _ in range(2):
            await wait_until(lambda: books.status().height == served.node.ledger.tip.height)
            (pid,) = children() - before
            os.kill(pid, signal.SIGKILL)
            await wait_until(lambda: books.status().height is None)
            await served.record(opening_events("BW/gaborone")[0])
        await wait_until(lambda: not books.status().building)
        assert books.status().problem is None
        (pid,) = children() - before
        assert (place / BOOKS_NAME).stat().st_mode & 0o777 == 0o600
    await wait_until(lambda: not Path(f"/proc/{pid}").exists())


async def test_books_on_demand_are_started_by_the_first_who_asks(
    served: Served, tmp_path: Path
) -> None:
    place, genesis = tmp_path / "other", tmp_path / "genesis.json"
    place.mkdir()
    genesis.write_bytes(make_genesis().encoded)
    before = children()
    run = run_process(genesis, place)
    async with supervised(
        BooksSupervisor(served.node, place, run, start=BooksStart.ASKED)
    ) as books:
        await served.record(*opening_events("BW/gaborone"))
        status = books.status()
        assert (status.height, status.building, status.problem) == (None, False, None)
        assert children() == before
        assert not (place / BOOKS_NAME).exists()
        asking = asyncio.create_task(books.reach(served.node.ledger.tip.height))
        await asyncio.sleep(0)
        assert books.status().building
        await asyncio.wait_for(asking, PATIENCE_S)
        (pid,) = children() - before
        # From now on they are kept like others.
        os.kill(pid, signal.SIGKILL)
        await wait_until(lambda: books.status().height is None)
        await wait_until(lambda: books.status().height == served.node.ledger.tip.height)


async def test_books_that_nobody_asked_for_are_stopped(served: Served, tmp_path: Path) -> None:
    async def never(feed: socket.socket, listener: socket.socket) -> str:
        raise AssertionError((feed, listener))

    place = tmp_path / "other"
    place.mkdir()
    async with asyncio.timeout(PATIENCE_S):
        async with supervised(
            BooksSupervisor(served.node, place, never, start=BooksStart.ASKED)
        ) as books:
            await served.record(*opening_events("BW/gaborone"))
        assert books.status().problem is None


async def test_a_process_that_hangs_is_killed_and_started_again(
    served: Served, tmp_path: Path
) -> None:
    place, genesis = tmp_path / "other", tmp_path / "genesis.json"
    place.mkdir()
    genesis.write_bytes(make_genesis().encoded)
    before = children()
    async with supervised(
        BooksSupervisor(served.node, place, run_process(genesis, place), hang_s=10.0)
    ) as books:
        await wait_until(lambda: not books.status().building)
        (pid,) = children() - before
        os.kill(pid, signal.SIGSTOP)
        await wait_until(lambda: "no sign of life for 10 s" in str(books.status().problem))
        await wait_until(lambda: not Path(f"/proc/{pid}").exists())
        await served.record(opening_events("BW/gaborone")[0])
        await asyncio.wait_for(books.reach(served.node.ledger.tip.height), PATIENCE_S)
        assert books.status().problem is None


async def test_a_process_that_hangs_before_it_opens_its_books_is_started_again(
    served: Served, tmp_path: Path
) -> None:
    starts: list[str] = []

    async def hang(feed: socket.socket, listener: socket.socket) -> str:
        with feed, listener:
            starts.append("started")
            await asyncio.Event().wait()
        return "never"

    place = tmp_path / "other"
    place.mkdir()
    async with supervised(BooksSupervisor(served.node, place, hang, hang_s=0.1)) as books:
        await wait_until(lambda: "no sign of life for 0.1 s" in str(books.status().problem))
        await wait_until(lambda: len(starts) >= 2)


async def test_a_process_that_hangs_keeps_nobody_waiting(served: Served, tmp_path: Path) -> None:
    """It takes no blocks, and yet the node commits and stops."""
    place, genesis = tmp_path / "other", tmp_path / "genesis.json"
    place.mkdir()
    genesis.write_bytes(make_genesis().encoded)
    before = children()
    async with supervised(
        BooksSupervisor(served.node, place, run_process(genesis, place))
    ) as books:
        await wait_until(lambda: books.status().height == served.node.ledger.tip.height)
        (pid,) = children() - before
        os.kill(pid, signal.SIGSTOP)
        for envelope in opening_events("BW/gaborone"):
            await served.record(envelope)
        assert (books.status().height or 0) < served.node.ledger.tip.height
        reaching = asyncio.create_task(books.reach(served.node.ledger.tip.height))
        os.kill(pid, signal.SIGCONT)
        await asyncio.wait_for(reaching, PATIENCE_S)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serve(tmp_path / "node" / "ledger", ApiLimits()) as one:
        yield one
