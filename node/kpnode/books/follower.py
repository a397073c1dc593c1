"""The follower: a thread that takes blocks from the feed and writes them into the books.

While the books catch up, many blocks are written in one transaction; at the end of the ledger,
what has come in by the time that the thread looks: each block as soon as it is committed, or some.
"""

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import msgpack

from kpledger.base.errors import LedgerError
from kpledger.books.writer import BooksWriter, uncollected
from kpledger.log.chain import CommittedBlocks
from kpledger.log.genesis import Genesis
from kpledger.log.layout import MAX_PAYLOAD_BYTES
from kpledger.scheme.envelope import decode_trusted_envelope
from kpnode.books.feed import HEIGHT

READ_BYTES: Final = 1 << 20
BATCH_EVENTS: Final = 10_000
"""So many are written in one transaction while the books catch up."""


class OtherLedgerError(LedgerError):
    """The books hold another block than the ledger, so that they have to be built anew."""


class Follower:
    """Writes the blocks of a feed into the books."""

    def __init__(self, genesis: Genesis, writer: BooksWriter, feed: socket.socket) -> None:
        self._blocks = CommittedBlocks(genesis)
        self._writer = writer
        self._feed = feed
        self._seen = 0
        """The newest block that the feed has brought."""

    def run(self) -> None:
        """Write blocks until the feed ends.

        Raises:
            LedgerError: they are not those of this ledger.
            sqlite3.Error: they cannot be written.
        """
        # Whoever feeds may leave at any moment, also while it is told something.
        with suppress(ConnectionError):
            self._follow()

    def _follow(self) -> None:
        writer = self._writer
        self._feed.sendall(HEIGHT.pack(writer.height))
        goal = self._feed.recv(HEIGHT.size, socket.MSG_WAITALL)
        if len(goal) < HEIGHT.size:
            return
        (tip,) = HEIGHT.unpack(goal)
        if tip < writer.height:
            raise OtherLedgerError(
                f"the books hold block {writer.height}, and the log of the ledger ends at {tip}"
            )
        feed = self._read()
        with uncollected():
            self._catch_up(feed, tip)
        if self._seen < tip:
            return
        self._tell()
        for blocks in feed:
            self._take(blocks)
            self._tell()

    def _catch_up(self, feed: Iterator[list[tuple[int, bytes]]], tip: int) -> None:
        """Take in blocks up to a height; see that those in the books are the same."""
        writer, unwritten = self._writer, 0
        while self._seen < tip and (blocks := next(feed, None)):
            unwritten += self._take(blocks)
            if writer.height < tip and unwritten >= BATCH_EVENTS:
                writer.commit()
                unwritten = 0
                self._feed.sendall(HEIGHT.pack(writer.height))

    def _tell(self) -> None:
        """Write what was taken in, make the books ready for questions, and say how far they are."""
        self._writer.complete()
        self._feed.sendall(HEIGHT.pack(self._writer.height))

    def _read(self) -> Iterator[list[tuple[int, bytes]]]:
        """Give the blocks that are there, each time that there are some."""
        unpacker = msgpack.Unpacker(max_buffer_size=MAX_PAYLOAD_BYTES + 2 * READ_BYTES)
        while data := self._feed.recv(READ_BYTES):
            unpacker.feed(data)
            if blocks := list(unpacker):
                yield blocks

    def _take(self, blocks: list[tuple[int, bytes]]) -> int:
        """Take blocks in, and say how many events are in those that are new."""
        taken = 0
        for height, stored in blocks:
            header, events = self._blocks.read(height, stored)
            if height > self._writer.height:
                self._writer.append(header, tuple(map(decode_trusted_envelope, events)))
                taken += len(events)
            elif height == self._writer.height and self._blocks.head != self._writer.head:
                # The feed begins below the end of the books, to show that both are of one chain.
                raise OtherLedgerError(f"block {height} is another one in the books")
            self._seen = height
        return taken
