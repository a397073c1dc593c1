"""The node about itself: status, health, genesis file and checkpoint."""

from typing import Final

import msgspec
from aiohttp import web

from kpledger import __version__
from kpledger.api.answers import (
    BooksAnswer,
    HealthAnswer,
    PeerAnswer,
    PublicStatusAnswer,
    RefusedBlockAnswer,
    StatusAnswer,
    StorageAnswer,
)
from kpledger.api.routes import CHECKPOINT, JSON_TYPE
from kpledger.base.keys import SigningKey
from kpledger.log.checkpoint import (
    Checkpoint,
    Note,
    format_checkpoint,
    format_note,
    sign_checkpoint,
)
from kpnode.api.client import client_of
from kpnode.api.problems import ProblemError, ProblemKind
from kpnode.api.served import BooksGate, explain_failing, find_tip, ledger_headers, respond_json
from kpnode.runtime import Cause, Node, NodeStatus

STOPPED: Final = "stopped"
"""The role of a node that has stopped taking part."""
_DURABILITY: Final = "fsync before every acknowledgement"


class StatusApi:
    """Answers for the node itself."""

    def __init__(
        self, node: Node, books: BooksGate, cosigning_key: SigningKey, alarms: tuple[str, ...]
    ) -> None:
        """Answer for this node; checkpoints are signed under its cosigning key."""
        self._alarms = alarms
        self._node = node
        self._books = books
        self._cosigning_key = cosigning_key
        self._checkpoint = (-1, b"")

    async def get_status(self, request: web.Request) -> web.Response:
        """Show the state of the node: all of it to listed clients."""
        public = self._describe_publicly()
        is_listed = client_of(request).is_listed
        return respond_json(self._describe(public) if is_listed else public, self._node.ledger.tip)

    def _describe_publicly(self) -> PublicStatusAnswer:
        node, tip = self._node, self._node.ledger.tip
        return PublicStatusAnswer(
            node=node.name,
            chain=node.genesis.chain.hex(),
            height=tip.height,
            head=tip.head.hex(),
            tree_size=tip.tree.size,
            tree_root=tip.tree.root().hex(),
            ready=node.status().obstacle is None,
            age_s=node.status().age_s,
            final_height=node.ledger.final_height,
            evidence=len(node.status().exhibits),
        )

    def _describe(self, public: PublicStatusAnswer) -> StatusAnswer:
        node, status, tip = self._node, self._node.status(), self._node.ledger.tip
        books = self._books.status()
        file, failure = node.genesis.file, status.failure
        broken = failure is not None and failure.cause is Cause.STORAGE
        return StatusAnswer(
            **msgspec.structs.asdict(public),
            participant=node.genesis.node(node.name).participant,
            origin=file.origin,
            version=__version__,
            role=status.raft.role.value if failure is None else STOPPED,
            term=status.raft.term,
            # Who has stopped hears of no leader, and leads nobody.
            leader=status.raft.leader if failure is None else None,
            voters=file.voters,
            peers=_describe_peers(node.name, file.voters, status),
            last_index=status.raft.last_index,
            state_digest=tip.digest.digest.hex(),
            block_time_ms=tip.time_ms,
            uptime_s=status.uptime_s,
            storage=StorageAnswer(
                durability=_DURABILITY, failed=failure.text if failure and broken else None
            ),
            failed=None if failure is None else failure.text,
            alarms=(*status.alarms, *self._alarms, *_find_alarms(books)),
            books=books,
            pending=status.pending,
            refused_blocks=tuple(
                RefusedBlockAnswer(leader=one.leader, term=one.term, problem=one.problem)
                for one in status.trouble.refused
            ),
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

    async def get_checkpoint(self, _request: web.Request) -> web.Response:
        """Give size and root of the tree as a signed note (C2SP tlog-checkpoint).

        Only what is committed is signed, so no two checkpoints of a node contradict each other.
        """
        tip = find_tip(self._node)
        if self._checkpoint[0] != tip.tree.size:
            origin = self._node.genesis.file.origin
            checkpoint = Checkpoint(origin, tip.tree.size, tip.tree.root())
            signature = sign_checkpoint(checkpoint, key=self._cosigning_key)
            note = format_note(Note(format_checkpoint(checkpoint), (signature,)))
            self._checkpoint = tip.tree.size, note
        headers = ledger_headers(tip, media_type=CHECKPOINT.replies[0].media_type)
        return web.Response(body=self._checkpoint[1], headers=headers)


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


def _describe_peers(
    name: str, voters: tuple[str, ...], status: NodeStatus
) -> dict[str, PeerAnswer]:
    others = (voter for voter in voters if voter != name)
    answers = {voter: PeerAnswer(connected=voter in status.peers) for voter in others}
    for peer in () if status.failure is not None else status.raft.peers:
        if peer.node in answers:
            answers[peer.node] = msgspec.structs.replace(
                answers[peer.node],
                match=peer.match,
                in_flight=peer.in_flight,
                recently_active=peer.recently_active,
            )
    return answers


def _respond_word(word: str) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(HealthAnswer(status=word)), headers={"Content-Type": JSON_TYPE}
    )
