"""The node about itself: status, health and genesis file."""

from collections.abc import Callable
from typing import Final

import msgspec
from aiohttp import web

from kpledger import __version__
from kpledger.api.answers import (
    BooksAnswer,
    HealthAnswer,
    PublicStatusAnswer,
    RefusedBlockAnswer,
    StatusAnswer,
    StorageAnswer,
)
from kpledger.api.route import JSON_TYPE
from kpnode.api.client import client_of
from kpnode.api.problems import ProblemError, ProblemKind
from kpnode.api.served import BooksGate, ServedNode, explain_failing, ledger_headers, respond_json
from kpnode.gossip.addresses import AddressBook
from kpnode.standing import Cause, NodeStanding

_DURABILITY: Final = "fsync before every acknowledgement"


class StatusApi:
    """Answers for the node itself."""

    def __init__(
        self,
        node: ServedNode,
        books: BooksGate,
        alarms: Callable[[], tuple[str, ...]],
        addresses: AddressBook,
    ) -> None:
        """Answer for this node, which has these alarms besides its own, and knows addresses."""
        self._alarms = alarms
        self._addresses = addresses
        self._node = node
        self._books = books

    async def get_status(self, request: web.Request) -> web.Response:
        """Show the state of the node: all of it to listed clients."""
        status = self._node.status()
        public = self._describe_publicly(status)
        is_listed = client_of(request).is_listed
        answer = self._describe(public, status) if is_listed else public
        return respond_json(answer, self._node.ledger.tip)

    def _describe_publicly(self, status: NodeStanding) -> PublicStatusAnswer:
        node, tip = self._node, self._node.ledger.tip
        return PublicStatusAnswer(
            node=node.name,
            chain=node.genesis.chain.hex(),
            height=tip.height,
            head=tip.head.hex(),
            tree_size=tip.tree.size,
            tree_root=tip.tree.root().hex(),
            ready=status.obstacle is None,
            age_s=status.age_s,
            final_height=node.ledger.final_height,
            evidence=len(status.exhibits),
            behind=status.behind,
        )

    def _describe(self, public: PublicStatusAnswer, status: NodeStanding) -> StatusAnswer:
        node, tip = self._node, self._node.ledger.tip
        books = self._books.status()
        file, failure = node.genesis.file, status.failure
        known = node.genesis.find_node(node.name)
        broken = failure is not None and failure.cause is Cause.STORAGE
        return StatusAnswer(
            **msgspec.structs.asdict(public),
            participant="" if known is None else known.participant,
            origin=file.origin,
            version=__version__,
            role=status.role,
            term=status.term,
            leader=status.leader,
            voters=file.voters,
            peers=dict(status.peers),
            last_index=status.last_index,
            state_digest=tip.digest.digest.hex(),
            block_time_ms=tip.time_ms,
            uptime_s=status.uptime_s,
            storage=StorageAnswer(
                durability=_DURABILITY, failed=failure.text if failure and broken else None
            ),
            failed=None if failure is None else failure.text,
            alarms=(*status.alarms, *self._alarms(), *_find_alarms(books)),
            books=books,
            pending=status.pending,
            refused_blocks=tuple(
                RefusedBlockAnswer(leader=one.leader, term=one.term, problem=one.problem)
                for one in status.refused
            ),
            sources=status.sources,
            addresses=self._addresses.answers(),
        )

    async def get_live(self, _request: web.Request) -> web.Response:
        """Say that the process answers."""
        return _respond_word("live")

    async def get_ready(self, _request: web.Request) -> web.Response:
        """Say whether the node can take events: it takes part, knows a leader, and it is time."""
        status = self._node.status()
        if (obstacle := status.obstacle) is not None:
            raise ProblemError(explain_failing(status, ProblemKind.BUSY, obstacle))
        return _respond_word("ready")

    async def get_genesis(self, _request: web.Request) -> web.Response:
        """Give the genesis file, byte for byte."""
        headers = ledger_headers(self._node.ledger.tip)
        return web.Response(body=self._node.genesis.encoded, headers=headers)


def _find_alarms(books: BooksAnswer) -> tuple[str, ...]:
    """Say what a person should look at, with what it means and what to do."""
    if books.problem is None:
        return ()
    alarm = (
        f"The process that keeps the books has ended: {books.problem}. It is started again, and"
        " until the books are at the end of the ledger, questions about the ledger wait or are"
        " refused; consensus goes on. If it ends again and again, the node's log says why."
    )
    return (alarm,)


def _respond_word(word: str) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(HealthAnswer(status=word)), headers={"Content-Type": JSON_TYPE}
    )
