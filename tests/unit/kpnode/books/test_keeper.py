"""Keeping books: what is gone on with, and what is built anew."""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from feeding import PATIENCE_S, Feeder, kept_books
from founding import MemoryLedger, issue, make_certificate, make_genesis, open_trade

from kpnode.books.follower import OtherLedgerError
from kpnode.books.place import BOOKS_NAME, SOCKET_NAME, BooksSocket


async def participants(feeder: Feeder) -> tuple[int, str]:
    """Ask for all participants; gives the status and the height."""
    async with feeder.session.get("/v1/participants") as response:
        return response.status, response.headers["KP-Height"]


async def build(ledger: MemoryLedger, directory: Path) -> None:
    async with kept_books(ledger, directory) as feeder:
        await feeder.feed_all()


async def test_books_are_built_and_answer_at_the_height_that_they_say(tmp_path: Path) -> None:
    ledger = open_trade()
    async with kept_books(ledger, tmp_path) as feeder:
        await feeder.feed_all()
        assert await participants(feeder) == (200, str(ledger.tip.height))
        issue(ledger, make_certificate())
        feeder.send_blocks(ledger.tip.height)
        await feeder.wait_for(ledger.tip.height)
        assert await participants(feeder) == (200, str(ledger.tip.height))


async def test_books_go_on_where_they_were(tmp_path: Path) -> None:
    ledger = open_trade()
    await build(ledger, tmp_path)
    known = ledger.tip.height
    issue(ledger, make_certificate())
    async with kept_books(ledger, tmp_path) as feeder:
        assert await feeder.read_height() == known
        feeder.send_goal(ledger.tip.height)
        feeder.send_blocks(known)
        await feeder.wait_for(ledger.tip.height)


async def test_books_that_are_ahead_of_their_ledger_wait_for_it(tmp_path: Path) -> None:
    """A node may have to apply the end of its log anew, which the books hold already."""
    ledger = open_trade()
    await build(ledger, tmp_path)
    async with kept_books(ledger, tmp_path) as feeder:
        assert await feeder.read_height() == ledger.tip.height
        feeder.send_goal(ledger.tip.height)
        feeder.send_blocks(2)
        assert await feeder.read_height() == ledger.tip.height
        assert await participants(feeder) == (200, str(ledger.tip.height))
        issue(ledger, make_certificate())
        feeder.send_blocks(ledger.tip.height)
        await feeder.wait_for(ledger.tip.height)


async def test_books_that_the_log_has_not_reached_are_deleted(tmp_path: Path) -> None:
    """The node was brought back from an older copy of its ledger, and has another chain now."""
    ledger = open_trade()
    await build(ledger, tmp_path)
    async with kept_books(ledger, tmp_path) as feeder:
        feeder.send_goal(await feeder.read_height() - 1)
        feeder.send_blocks(2)
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(OtherLedgerError, match="the log of the ledger ends at"):
                await feeder.keeping
    assert not (tmp_path / BOOKS_NAME).exists()
    await build(ledger, tmp_path)


async def test_books_do_not_answer_before_they_are_seen_to_be_of_the_ledger(
    tmp_path: Path,
) -> None:
    """They are as high as the ledger and of another chain, so they never become ready."""
    ledger = open_trade()
    await build(ledger, tmp_path)
    other = MemoryLedger(make_genesis())
    while other.tip.height < ledger.tip.height:
        other.open_term(other.tip.height + 1)
    async with kept_books(other, tmp_path) as feeder:
        assert await feeder.read_height() == other.tip.height
        feeder.send_goal(other.tip.height)
        feeder.send_blocks(1)
        with pytest.raises(asyncio.IncompleteReadError):
            await feeder.read_height()


async def test_books_that_are_deleted_or_replaced_under_them_are_given_up(tmp_path: Path) -> None:
    ledger = open_trade()
    await build(ledger, tmp_path)
    older = (tmp_path / BOOKS_NAME).read_bytes()
    for suffix in ("", "-wal"):
        # Whatever is asked; the supervisor asks the first, now and then.
        for change, path in (("delete", "/"), ("replace", "/v1/participants")):
            file = tmp_path / (BOOKS_NAME + suffix)
            async with kept_books(ledger, tmp_path) as feeder:
                height = await feeder.read_height()
                feeder.send_goal(ledger.tip.height)
                feeder.send_blocks(1)
                await feeder.wait_for(max(height, ledger.tip.height))
                assert (await participants(feeder))[0] == 200
                file.unlink()
                if change == "replace":
                    file.write_bytes(older)
                async with feeder.session.get(path) as response:
                    assert response.status == 503
                    assert (await response.json(content_type=None))["type"].endswith("behind")
                async with asyncio.timeout(PATIENCE_S):
                    await feeder.keeping
            assert not file.exists()


async def test_an_answer_is_not_older_than_it_has_to_be(tmp_path: Path) -> None:
    """A file whose content was replaced is the same file, but does not hold what was written."""
    ledger = open_trade()
    async with kept_books(ledger, tmp_path) as feeder:
        await feeder.feed_all()
        headers = {"KP-Height": str(ledger.tip.height)}
        async with feeder.session.get("/v1/participants", headers=headers) as response:
            assert response.status == 200
        headers = {"KP-Height": str(ledger.tip.height + 1)}
        async with feeder.session.get("/v1/participants", headers=headers) as response:
            assert response.status == 503
        async with asyncio.timeout(PATIENCE_S):
            await feeder.keeping
    assert not (tmp_path / BOOKS_NAME).exists()


async def test_books_of_another_chain_of_the_same_ledger_are_deleted(tmp_path: Path) -> None:
    await build(open_trade(), tmp_path)
    other = MemoryLedger(make_genesis())
    for term in range(1, 20):
        other.open_term(term)
    async with kept_books(other, tmp_path) as feeder:
        await feeder.read_height()
        feeder.send_goal(other.tip.height)
        feeder.send_blocks(1)
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(OtherLedgerError):
                await feeder.keeping
    assert not (tmp_path / BOOKS_NAME).exists()
    await build(other, tmp_path)


def damage(file: Path) -> None:
    file.write_bytes(b"this is no database, whatever its name says" * 1000)


def derive_otherwise(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE meta SET value = 'another' WHERE key = 'derivation'")


def belong_elsewhere(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'chain'", ("00" * 32,))


def execute(statement: str) -> Callable[[Path], None]:
    def spoil(file: Path) -> None:
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(statement)

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        damage,
        derive_otherwise,
        belong_elsewhere,
        execute("DROP TABLE meta"),
        execute("DROP TABLE blocks"),
        execute("DROP INDEX events_id"),
        execute("CREATE TRIGGER t AFTER INSERT ON blocks BEGIN DELETE FROM events; END"),
        execute("DELETE FROM meta WHERE key = 'head'"),
        execute("DELETE FROM meta WHERE key = 'indexed'"),
        execute("UPDATE meta SET value = 'x' WHERE key = 'height'"),
        execute("UPDATE meta SET value = 'x' WHERE key = 'head'"),
    ],
)
async def test_books_that_cannot_be_gone_on_with_are_built_anew(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    ledger = open_trade()
    await build(ledger, tmp_path)
    spoil(tmp_path / BOOKS_NAME)
    await build(ledger, tmp_path)


async def test_books_that_lose_a_table_while_they_answer_are_deleted(tmp_path: Path) -> None:
    ledger = open_trade()
    async with kept_books(ledger, tmp_path) as feeder:
        await feeder.feed_all()
        execute("DROP TABLE participants")(tmp_path / BOOKS_NAME)
        async with feeder.session.get("/v1/participants") as response:
            assert response.status == 503
        async with asyncio.timeout(PATIENCE_S):
            await feeder.keeping
    assert not (tmp_path / BOOKS_NAME).exists()


async def test_books_that_turn_out_to_be_damaged_are_deleted(tmp_path: Path) -> None:
    ledger = open_trade()
    await build(ledger, tmp_path)
    file = tmp_path / BOOKS_NAME
    with file.open("r+b") as pages:
        # The first page, from which all others are found, stays.
        pages.seek(4096)
        pages.write(os.urandom(file.stat().st_size - 4096))
    async with kept_books(ledger, tmp_path) as feeder:
        if not feeder.keeping.done() and await feeder.read_height():
            feeder.send_goal(ledger.tip.height)
            async with feeder.session.get("/v1/participants") as response:
                assert response.status == 503
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.wait((feeder.keeping,))
    await build(ledger, tmp_path)


async def test_a_directory_may_have_a_longer_name_than_a_socket_can_have(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 100) / ("e" * 100)
    directory.mkdir(parents=True)
    await build(open_trade(), directory)


def test_nobody_else_can_ask(tmp_path: Path) -> None:
    place = BooksSocket(tmp_path)
    assert (tmp_path / SOCKET_NAME).stat().st_mode & 0o777 == 0o600
    # What a process that was killed has left behind is no hindrance.
    again = BooksSocket(tmp_path)
    again.close()
    place.close()
    assert not (tmp_path / SOCKET_NAME).exists()
