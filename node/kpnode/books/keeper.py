"""Keeping books: the follower that writes them and the server that answers from them, together."""

import asyncio
import logging
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from kpledger.books.database import NoBooksError, open_books
from kpledger.books.writer import BooksWriter
from kpledger.log.genesis import Genesis
from kpnode.api.http import HttpServer
from kpnode.books.follower import Follower, OtherLedgerError
from kpnode.books.place import remove_books
from kpnode.books.server import BooksApi

_SILENCE_S: Final = 75.0
"""How long the other process may keep a connection for its next question."""

_log = logging.getLogger(__name__)


async def keep_books(
    genesis: Genesis, file: Path, feed: socket.socket, listener: socket.socket
) -> None:
    """Keep books in a file and answer questions, until the feed ends or this is cancelled.

    Books that are damaged, of another ledger or of another derivation are deleted and built anew.

    Raises:
        LedgerError: the feed brings no chain of this ledger.
        sqlite3.Error: the books cannot be written, or are damaged; in that case they are deleted.
    """
    with feed, listener:
        connection, writer = await asyncio.to_thread(open_writer, genesis, file)
        api = BooksApi(file)
        server = HttpServer(api.build_app(), request_s=_SILENCE_S)
        thread = ThreadPoolExecutor(1, thread_name_prefix="follower")
        loop = asyncio.get_running_loop()
        following = loop.run_in_executor(thread, Follower(genesis, writer, feed).run)
        try:
            await server.start_on(listener)
            await asyncio.wait((following, api.damaged), return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Whatever it does, the follower looks at the feed next, and sees its end.
            feed.shutdown(socket.SHUT_RDWR)
            await asyncio.wait((following,))
            await server.stop()
            api.close()
            thread.shutdown()
            connection.close()
        if api.damaged.done() or _is_hopeless(following.exception()):
            remove_books(file)
        following.result()


def open_writer(genesis: Genesis, file: Path) -> tuple[sqlite3.Connection, BooksWriter]:
    """Open books for writing; those that cannot be gone on with are deleted.

    Raises:
        sqlite3.Error: no books can be made there.
    """
    try:
        return _open_writer(genesis, file)
    except (NoBooksError, sqlite3.DatabaseError) as error:
        if not _is_hopeless(error):
            raise
        _log.warning("the books are built anew: %s", error)
        remove_books(file)
    return _open_writer(genesis, file)


def _open_writer(genesis: Genesis, file: Path) -> tuple[sqlite3.Connection, BooksWriter]:
    connection = open_books(str(file))
    try:
        return connection, BooksWriter(connection, genesis)
    except BaseException:
        connection.close()
        raise


def _is_hopeless(error: BaseException | None) -> bool:
    """Tell whether books have to be built anew after an error."""
    is_damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(
        error, sqlite3.OperationalError
    )
    return is_damaged or isinstance(error, NoBooksError | OtherLedgerError)
