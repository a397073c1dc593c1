"""The process that keeps the books of a node.

``python -m kpnode.books GENESIS FILE FEED LISTENER`` is started by the node alone
(:mod:`kpnode.books.supervisor`), which hands over an end of the feed and the socket to listen on,
as numbers of open files.
"""

import signal

# What a terminal sends reaches the node as well, which then stops this process; also while this
# still imports.
for _number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(_number, signal.SIG_IGN)
# ruff: noqa: E402

import asyncio
import logging
import os
import resource
import socket
import sqlite3
import sys
from pathlib import Path
from typing import Final

import uvloop

from kpledger.base.errors import LedgerError
from kpledger.base.selftest import check_libraries
from kpledger.log.genesis import MAX_GENESIS_BYTES, Genesis, parse_genesis
from kpledger.reading import read_text
from kpnode.books.keeper import keep_books
from kpnode.process import keep_private, rest_collector, set_up_logging

NICENESS: Final = 10
"""Consensus goes first when both want a processor."""
_MEMORY_BYTES: Final = 1 << 30
"""More memory of its own this process is not given, whatever somebody asks (setrlimit(2))."""

_log = logging.getLogger(__name__)


def _main() -> int:
    """Keep books until the node stops; gives the exit code."""
    genesis, file, feed, listener = sys.argv[1:]
    set_up_logging(verbose=False)
    keep_private()
    os.nice(NICENESS)
    # Nor does this process take a processor away when it wakes up (sched(7)).
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if not 0 <= most <= _MEMORY_BYTES:  # below zero it has no limit
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, most))
    rest_collector()
    check_libraries()
    founded = parse_genesis(read_text(Path(genesis), max_bytes=MAX_GENESIS_BYTES).encode())
    try:
        uvloop.run(
            _keep(
                founded,
                Path(file),
                socket.socket(fileno=int(feed)),
                socket.socket(fileno=int(listener)),
            )
        )
    except (LedgerError, OSError, sqlite3.Error):
        _log.exception("the books cannot be kept")
        return 1
    return 0


async def _keep(genesis: Genesis, file: Path, feed: socket.socket, listener: socket.socket) -> None:
    keeping = asyncio.create_task(keep_books(genesis, file, feed, listener))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, keeping.cancel)
    await asyncio.wait((keeping,))
    if not keeping.cancelled():
        keeping.result()


if __name__ == "__main__":
    sys.exit(_main())
