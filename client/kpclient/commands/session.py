"""What a command works with: the pinned ledger, its nodes, the memory of what was seen."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TypeVar

import msgspec

from kpclient.answers import NodeStatus
from kpclient.commands.options import Connection
from kpclient.files import read_bounded
from kpclient.line import Line
from kpclient.outbox import Outbox
from kpclient.remote import Remote
from kpclient.trust import Memory, Position
from kpledger.analysis.topic import Topic
from kpledger.genesis import MAX_GENESIS_BYTES, Genesis, parse_genesis

T = TypeVar("T")
Q = TypeVar("Q", bound=msgspec.Struct)
S = TypeVar("S", bound=msgspec.Struct)


class Session:
    """One run of a command against one ledger."""

    def __init__(self, connection: Connection, *, newest: bool = False) -> None:
        """Remember what was asked for; nothing is read or asked before it is needed."""
        self._connection = connection
        self._newest = newest
        self.home = connection.home.expanduser()

    @cached_property
    def genesis(self) -> Genesis:
        """The ledger that is meant."""
        path = self._connection.genesis or self.home / "genesis.json"
        return parse_genesis(read_bounded(path, max_bytes=MAX_GENESIS_BYTES))

    @property
    def outbox(self) -> Outbox:
        """The events of this ledger that wait to be sent."""
        return Outbox(self.home / "outbox" / self.genesis.chain.hex())

    def ask(self, call: Callable[[Remote], Awaitable[T]]) -> T:
        """Ask the nodes something and wait for the answer."""
        return asyncio.run(self._ask(call))

    def answer(self, topic: Topic[Q, S], question: Q) -> S:
        """Ask what the analysis of the ledger tells."""
        return self.ask(lambda remote: remote.ask(topic.path, question, topic.answer))

    async def _ask(self, call: Callable[[Remote], Awaitable[T]]) -> T:
        urls = [url.strip() for url in self._connection.node.split(",") if url.strip()]
        line = Line(self.genesis, urls, timeout_s=self._connection.timeout_s, observe=self._compare)
        async with line:
            return await call(Remote(self.genesis, line, newest=self._newest))

    def _compare(self, node: str, status: NodeStatus) -> None:
        position = Position(
            height=status.height,
            head=bytes.fromhex(status.head),
            tree_size=status.tree_size,
            tree_root=bytes.fromhex(status.tree_root),
        )
        Memory(self.home / "seen", self.genesis.chain).accept(position, node=node)
