"""What the API serves: a node and its books, within limits, as of a block."""

from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
from aiohttp import web

from kpledger.api.answers import BooksAnswer, Problem
from kpledger.api.route import JSON_TYPE
from kpledger.api.routes import HEIGHT_HEADER, Consistency, ReadOptions
from kpledger.log.chain import Tip
from kpnode.api.problems import ProblemError, ProblemKind, make_problem
from kpnode.replica.replica import Replica
from kpnode.runtime import Node
from kpnode.standing import Cause, NodeStanding

ServedNode = Node | Replica
"""What the API and the books serve: a voter, or a node that follows."""


class BooksGate(Protocol):
    """What the API needs of the books (:class:`kpnode.books.supervisor.BooksSupervisor`)."""

    @property
    def socket_path(self) -> str:
        """The Unix socket on which they are asked."""

    def status(self) -> BooksAnswer:
        """Say how they are."""

    async def reach(self, height: int) -> None:
        """Wait until they hold the block at a height."""


SMALL_READERS: Final = 4
"""Small questions that the books answer at once."""
DEAR_READERS: Final = 2
"""Dear questions that the books answer at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiLimits:
    """What the API takes on."""

    max_body_bytes: int = 1 << 20
    """Largest request."""
    max_submissions: int = 10_000
    """Events that are being submitted at once; more are told to come again."""
    request_bytes: int = 32 << 20
    """Of all requests under way whose body is being read, or is waiting for its answer."""
    answer_bytes: int = 64 << 20
    """Of all answers that are being sent."""
    max_streams: int = 16
    """Downloads of blocks at once."""
    max_followers: int = 256
    """Requests that wait for a new block at once."""
    max_questions: int = 256
    """Small questions to the books at once."""
    max_dear_questions: int = 64
    """Dear questions to the books at once, most of which wait."""
    max_rehearsals: int = 64
    """Rehearsals at once, most of which wait."""
    request_s: float = 20.0
    """From the first byte of a request, or from the last answer, to the end of its headers; and
    again to the end of its body. Above the 15 seconds for which common clients keep an idle
    connection, so that none is closed while its client begins to write."""


async def catch_up(node: ServedNode, options: ReadOptions) -> Tip:
    """Wait for what an answer has to take into account; gives the tip to answer from.

    Raises:
        ProblemError: it did not come in time, or there is nothing to answer from.
    """
    if options.consistency is Consistency.LINEARIZABLE:
        reason = await node.catch_up(options.timeout_ms / 1000)
        if reason is not None:
            kind = ProblemKind.NOT_CONFIRMED
            raise ProblemError(explain_failing(node.status(), kind, reason))
    return find_tip(node)


def find_tip(node: ServedNode) -> Tip:
    """Give the tip to answer from.

    Raises:
        ProblemError: there is none: the node has never heard the others, and nothing means nothing.
    """
    status = node.status()
    if node.ledger.tip.height == 0 and not status.hears_leader:
        never = f"this node has never heard the others and holds nothing yet: {status.obstacle}"
        raise ProblemError(make_problem(ProblemKind.NO_LEADER, never))
    return node.ledger.tip


def explain_failing(status: NodeStanding, kind: ProblemKind, reason: str) -> Problem:
    """Say why a node did not do what was asked: it has stopped, knows no leader, or the reason.

    Why it has stopped stands in its status, for those who are told that.
    """
    if status.failure is not None:
        broken = status.failure.cause is Cause.STORAGE
        kind = ProblemKind.STORAGE_FAILED if broken else ProblemKind.STOPPED
        return make_problem(kind, f"{kind.title}; its operator finds in its status why")
    if not status.hears_leader:
        return make_problem(ProblemKind.NO_LEADER, status.obstacle or reason)
    if kind is ProblemKind.BUSY and status.obstacle is not None:
        return make_problem(ProblemKind.NOT_RECORDING, status.obstacle)
    return make_problem(kind, reason)


def ledger_headers(tip: Tip, media_type: str = JSON_TYPE) -> dict[str, str]:
    """Give the headers of an answer that is as of a block."""
    return {
        "Content-Type": media_type,
        HEIGHT_HEADER: str(tip.height),
        "KP-Head": tip.head.hex(),
        "KP-Block-Time-Ms": str(tip.time_ms),
    }


def respond_json(value: object, tip: Tip) -> web.Response:
    """Answer with JSON, as of a block."""
    return web.Response(body=msgspec.json.encode(value), headers=ledger_headers(tip))
