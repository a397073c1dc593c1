"""What the API serves: the node as it sees it, its limits, and how it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
from aiohttp import web

from kpledger.api.answers import Problem
from kpledger.api.routes import JSON_TYPE, Consistency, ReadOptions
from kpledger.log.chain import Tip
from kpledger.log.genesis import Genesis
from kpledger.scheme.event import SignedEvent
from kpnode.api.problems import ProblemError, ProblemKind, make_problem
from kpnode.ledger import Ledger
from kpnode.runtime import Cause, Failure, NodeStatus, Outcome


class ServedNode(Protocol):
    """What the API needs of a node (:class:`kpnode.runtime.Node`)."""

    @property
    def genesis(self) -> Genesis:
        """What the ledger was founded on."""
        ...

    @property
    def name(self) -> str:
        """The node's name."""
        ...

    @property
    def ledger(self) -> Ledger:
        """The committed ledger."""
        ...

    async def submit(self, events: Sequence[SignedEvent], timeout_s: float) -> list[Outcome]:
        """Bring events onto the ledger; outcomes in order."""
        ...

    async def catch_up(self, timeout_s: float) -> str | None:
        """Wait until the ledger holds all that was acknowledged before; else say why it may not."""
        ...

    def status(self) -> NodeStatus:
        """Give a picture of this moment."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksStatus:
    """How the books are."""

    height: int | None
    """The newest block in them; None while their process is not there."""
    building: bool
    """They have not yet been at the end of the ledger since their process was started."""
    problem: str | None
    """Why their process ended, until they are at the end of the ledger again."""

    @property
    def alarms(self) -> tuple[str, ...]:
        """What a person should look at, with what it means and what to do."""
        if self.problem is None:
            return ()
        alarm = (
            f"The process that keeps the books has ended: {self.problem}. It is started again, and"
            " until the books are at the end of the ledger, questions about the ledger wait or are"
            " refused; consensus goes on. If it ends again and again, the node's log says why."
        )
        return (alarm,)


class BooksGate(Protocol):
    """What the API needs of the books (:class:`kpnode.books.supervisor.BooksSupervisor`)."""

    @property
    def socket_path(self) -> str:
        """The Unix socket on which they are asked."""
        ...

    def status(self) -> BooksStatus:
        """Say how they are."""
        ...

    async def reach(self, height: int) -> None:
        """Wait until they hold the block at a height."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiLimits:
    """What the API takes on."""

    max_body_bytes: int = 1 << 20
    """Largest request."""
    max_submissions: int = 10_000
    """Events that are being submitted at once; more are told to come again."""
    max_streams: int = 16
    """Downloads of blocks at once."""
    max_questions: int = 256
    """Questions to the books at once."""
    request_s: float = 20.0
    """From the first byte of a request, or from the last answer, to the end of its headers; and
    again to the end of its body. Above the 15 seconds for which common clients keep an idle
    connection, so that none is closed while its client begins to write."""
    write_s: float = 60.0
    """For a client to take a piece of a download."""


class Freshness:
    """Makes sure that an answer takes into account what its question asks for."""

    def __init__(self, node: ServedNode) -> None:
        """Wait for this node's ledger."""
        self._node = node

    async def catch_up(self, options: ReadOptions) -> Tip:
        """Wait for what the answer has to take into account; gives the tip to answer from.

        Raises:
            ProblemError: it did not come in time.
        """
        if options.consistency is Consistency.LINEARIZABLE:
            reason = await self._node.catch_up(options.timeout_ms / 1000)
            if reason is not None:
                raise ProblemError(self._explain(reason))
        return self._node.ledger.tip

    def _explain(self, reason: str) -> Problem:
        status = self._node.status()
        if status.failure is not None:
            return failure_problem(status.failure)
        kind = ProblemKind.NO_LEADER if status.raft.leader is None else ProblemKind.NOT_CONFIRMED
        return make_problem(kind, reason)


def failure_problem(failure: Failure) -> Problem:
    """Say why a node takes no part any more."""
    kind = ProblemKind.STORAGE_FAILED if failure.cause is Cause.STORAGE else ProblemKind.STOPPED
    return make_problem(kind, failure.text)


def ledger_headers(tip: Tip) -> dict[str, str]:
    """Say as of which block an answer was given."""
    return {
        "KP-Height": str(tip.height),
        "KP-Head": tip.head.hex(),
        "KP-Block-Time-Ms": str(tip.time_ms),
    }


def respond_json(value: object, tip: Tip) -> web.Response:
    """Answer with JSON, as of a block."""
    return respond_encoded(msgspec.json.encode(value), tip)


def respond_encoded(encoded: bytes, tip: Tip) -> web.Response:
    """Answer with JSON that is encoded already, as of a block."""
    headers = {"Content-Type": JSON_TYPE, **ledger_headers(tip)}
    return web.Response(body=encoded, headers=headers)
