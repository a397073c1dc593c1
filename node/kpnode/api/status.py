"""The node about itself: status, health, genesis file and checkpoint."""

from typing import Final

import msgspec
from aiohttp import web

from kpledger import __version__
from kpledger.api.answers import (
    BooksAnswer,
    HealthAnswer,
    PeerAnswer,
    RefusedBlockAnswer,
    StatusAnswer,
    StorageAnswer,
)
from kpledger.api.routes import JSON_TYPE
from kpledger.base.keys import SigningKey
from kpledger.log.checkpoint import Checkpoint, format_checkpoint, sign_checkpoint
from kpledger.log.note import Note, format_note
from kpnode.api.problems import ProblemError, ProblemKind, make_problem
from kpnode.api.served import (
    BooksGate,
    ServedNode,
    failure_problem,
    ledger_headers,
    respond_json,
)
from kpnode.raft import PeerStatus
from kpnode.runtime import Cause, NodeStatus

STOPPED: Final = "stopped"
"""The role of a node that has stopped taking part."""
_DURABILITY: Final = "fsync before every acknowledgement"


class StatusApi:
    """Answers for the node itself."""

    def __init__(self, node: ServedNode, books: BooksGate, cosigning_key: SigningKey) -> None:
        """Answer for this node; checkpoints are signed under its cosigning key."""
        self._node = node
        self._books = books
        self._cosigning_key = cosigning_key
        self._checkpoint = (-1, b"")

    async def get_status(self, _request: web.Request) -> web.Response:
        """Show the state of the node."""
        return respond_json(self._describe(), self._node.ledger.tip)

    def _describe(self) -> StatusAnswer:
        node, status, tip = self._node, self._node.status(), self._node.ledger.tip
        file, failure = node.genesis.file, status.failure
        broken = failure is not None and failure.cause is Cause.STORAGE
        return StatusAnswer(
            node=node.name,
            participant=node.genesis.node(node.name).participant,
            chain=node.genesis.chain.hex(),
            origin=file.origin,
            version=__version__,
            role=status.raft.role.value if failure is None else STOPPED,
            term=status.raft.term,
            # Who has stopped hears of no leader, and leads nobody.
            leader=status.raft.leader if failure is None else None,
            voters=file.voters,
            peers=_describe_peers(node.name, file.voters, status),
            height=tip.height,
            last_index=status.raft.last_index,
            head=tip.head.hex(),
            tree_size=tip.tree.size,
            tree_root=tip.tree.root().hex(),
            state_digest=tip.digest.digest().hex(),
            block_time_ms=tip.time_ms,
            uptime_s=status.uptime_s,
            storage=StorageAnswer(
                durability=_DURABILITY, failed=failure.text if failure and broken else None
            ),
            failed=None if failure is None else failure.text,
            alarms=(*status.alarms, *self._books.status().alarms),
            books=self._describe_books(),
            pending=status.pending,
            refused_blocks=tuple(
                RefusedBlockAnswer(leader=one.leader, term=one.term, problem=one.problem)
                for one in status.refused_blocks
            ),
        )

    def _describe_books(self) -> BooksAnswer:
        books = self._books.status()
        return BooksAnswer(
            height=books.height,
            behind=max(0, self._node.ledger.tip.height - (books.height or 0)),
            building=books.building,
            problem=books.problem,
        )

    async def get_live(self, _request: web.Request) -> web.Response:
        """Say that the process answers."""
        return _respond_word("live")

    async def get_ready(self, _request: web.Request) -> web.Response:
        """Say whether the node can take events: it takes part, and knows a leader."""
        status = self._node.status()
        if status.failure is not None:
            raise ProblemError(failure_problem(status.failure))
        if status.raft.leader is None:
            raise ProblemError(make_problem(ProblemKind.NO_LEADER, "this node knows no leader"))
        return _respond_word("ready")

    async def get_genesis(self, _request: web.Request) -> web.Response:
        """Give the genesis file, byte for byte."""
        headers = {"Content-Type": JSON_TYPE, **ledger_headers(self._node.ledger.tip)}
        return web.Response(body=self._node.genesis.encoded, headers=headers)

    async def get_checkpoint(self, _request: web.Request) -> web.Response:
        """Give size and root of the tree as a signed note (C2SP tlog-checkpoint).

        Only what is committed is signed, so no two checkpoints of a node contradict each other.
        """
        tip = self._node.ledger.tip
        if self._checkpoint[0] != tip.tree.size:
            origin = self._node.genesis.file.origin
            checkpoint = Checkpoint(origin, tip.tree.size, tip.tree.root())
            signature = sign_checkpoint(checkpoint, key=self._cosigning_key)
            note = format_note(Note(format_checkpoint(checkpoint), (signature,)))
            self._checkpoint = tip.tree.size, note
        # C2SP tlog-tiles asks for this content type.
        headers = {"Content-Type": "text/plain; charset=utf-8", **ledger_headers(tip)}
        return web.Response(body=self._checkpoint[1], headers=headers)


def _describe_peers(
    name: str, voters: tuple[str, ...], status: NodeStatus
) -> dict[str, PeerAnswer]:
    known = () if status.failure is not None else status.raft.peers
    progress: dict[str, PeerStatus] = {peer.node: peer for peer in known}
    return {
        voter: _describe_peer(progress.get(voter), connected=voter in status.peers)
        for voter in voters
        if voter != name
    }


def _describe_peer(progress: PeerStatus | None, *, connected: bool) -> PeerAnswer:
    if progress is None:
        return PeerAnswer(connected=connected)
    return PeerAnswer(
        connected=connected,
        match=progress.match,
        in_flight=progress.in_flight,
        recently_active=progress.recently_active,
    )


def _respond_word(word: str) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(HealthAnswer(status=word)), headers={"Content-Type": JSON_TYPE}
    )
