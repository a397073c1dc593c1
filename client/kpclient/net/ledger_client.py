"""A ledger as seen through its nodes over HTTP, and verified as far as one answer can be.

Several nodes may be named; whichever answers is used, and the next one when it does not. Before
anything else a node has to belong to the ledger of the pinned genesis file. Events are verified:
their id is the hash of what was signed, and every signature holds. Records and positions are the
node's claims; only an audit proves them.

Sending is safe to repeat: the ledger knows an event by its id and answers the second time as it did
the first. So every connection that breaks, and every answer that does not come, is tried again with
the very same bytes until the deadline.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Final, TypeGuard, TypeVar

import msgpack
import msgspec

from kpclient.errors import ClientError
from kpclient.net.answers import VerifiedEvent
from kpclient.net.connections import NotTrustworthyError
from kpclient.net.node_client import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    NodeClient,
    NodeUnreachableError,
    read_from,
)
from kpclient.net.refusals import NoAnswerError, NodeProblemError
from kpclient.recall import Recall
from kpledger.api import routes
from kpledger.api.answers import (
    BatchAnswer,
    CommittedAnswer,
    EvidenceAnswer,
    PublicStatusAnswer,
    RecordedEvent,
    RefusedAnswer,
    RehearsalAnswer,
    RehearsalResult,
    SubmitAnswer,
    UnknownEvent,
)
from kpledger.api.decoding import read_answer
from kpledger.api.route import Route
from kpledger.base.errors import LedgerError
from kpledger.books.query import Query
from kpledger.log.evidence import Evidence
from kpledger.log.evidence_file import parse_evidence
from kpledger.log.genesis import Genesis, parse_genesis
from kpledger.log.receipt import Receipt, parse_receipt
from kpledger.scheme.envelope import decode_envelope, parse_envelope_json, verify_envelope
from kpledger.scheme.event import SignedEvent

_MAX_PAGES: Final = 1000
"""Answers that one question is told in, at most."""
_MAX_EVIDENCE_BYTES: Final = 256 << 20
"""Of what one node shows; it keeps a few megabytes of each kind at most, against each voter."""

A = TypeVar("A", bound=msgspec.Struct)
B = TypeVar("B")

_event_decoder: Final = msgspec.json.Decoder(RecordedEvent | UnknownEvent)
_UNCONFIRMED: Final = frozenset(
    {"urn:kpledger:problem:no-leader", "urn:kpledger:problem:not-confirmed"}
)


class NotConfirmedError(ClientError):
    """Nodes answer, but none can know whether it has seen everything."""

    def __init__(self, silences: Mapping[str, NoAnswerError]) -> None:
        told = "; ".join(f"{url}: {silence}" for url, silence in silences.items())
        hint = "without --newest the node answers from what it has"
        super().__init__(f"what is newest cannot be confirmed: {told} ({hint})")


def is_decided(answer: SubmitAnswer | None) -> TypeGuard[CommittedAnswer | RefusedAnswer]:
    """Tell whether it is known for good what became of an event; otherwise it is sent again."""
    return isinstance(answer, CommittedAnswer | RefusedAnswer)


class LedgerClient:
    """The questions that the nodes of one ledger answer, and what they are sent."""

    def __init__(
        self,
        genesis: Genesis,
        nodes: NodeClient,
        *,
        newest: bool = False,
        recall: Recall | None = None,
    ) -> None:
        """Ask these nodes, whose client is open; ``recall`` remembers what they answer.

        With ``newest`` a node answers questions about the ledger only once it has seen everything
        that was acknowledged to anybody before it was asked.
        """
        self._genesis = genesis
        self._nodes = nodes
        self._newest = newest
        self._recall = recall

    async def submit(
        self, events: Sequence[SignedEvent], *, before: Callable[[], None] | None = None
    ) -> tuple[SubmitAnswer, ...]:
        """Send events, in order, at most a batch, until each is decided or time is up.

        Args:
            events: what is sent.
            before: called before they go out to any node.

        Raises:
            NodeProblemError: a node refuses the whole batch.
            NodeUnreachableError: no node took it before the deadline.
            NotTrustworthyError: a node answers something else.
        """
        if self._recall is not None and self._recall.silence is not None:
            raise self._recall.silence
        deadline = time.monotonic() + self._nodes.timeout_s
        answers: dict[bytes, SubmitAnswer] = {}
        pause = FIRST_PAUSE_S
        while True:
            open_events = [e for e in events if not is_decided(answers.get(e.event_id))]
            if not open_events:
                break
            try:
                answers |= await self._submit_once(open_events, deadline, before)
            except NodeUnreachableError:
                if not answers:
                    raise
                break
            if time.monotonic() + pause >= deadline:
                break
            if not all(map(is_decided, answers.values())):
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
        return tuple(answers[event.event_id] for event in events)

    async def _submit_once(
        self, events: Sequence[SignedEvent], deadline: float, before: Callable[[], None] | None
    ) -> dict[bytes, SubmitAnswer]:
        body: bytes = msgpack.packb([event.encoded for event in events])
        read, path = partial(read_answer, kind=BatchAnswer), routes.SUBMIT.path
        node, found = await self._nodes.request(
            "POST", path, read, body=body, deadline=deadline, waits=True, before=before
        )
        _check_results(node, found.results, events)
        answers: dict[bytes, SubmitAnswer] = {
            event.event_id: result for event, result in zip(events, found.results, strict=True)
        }
        if not all(map(is_decided, answers.values())):
            self._nodes.pass_over(node)  # it may be cut off from the leader; others may not
        return answers

    async def rehearse(self, events: Sequence[SignedEvent]) -> tuple[RehearsalResult, ...]:
        """Ask whether a node would accept events, one after the other; nothing is recorded.

        Raises:
            NotTrustworthyError: a node answers something else.
        """
        body: bytes = msgpack.packb([event.encoded for event in events])
        path = routes.REHEARSE.target(routes.ReadOptions())
        read = partial(read_answer, kind=RehearsalAnswer)
        node, found = await self._nodes.request("POST", path, read, body=body)
        _check_results(node, found.results, events)
        return found.results

    async def status(self) -> PublicStatusAnswer:
        """Ask a node where it stands; it tells all, a :class:`StatusAnswer`, whom it knows."""
        _, found = await self._nodes.status()
        return found

    async def verify_genesis(self) -> None:
        """Compare the genesis file that a node serves with the pinned one, byte by byte.

        Raises:
            NotTrustworthyError: they differ.
        """
        node, content = await self._nodes.request("GET", routes.GENESIS.path, _read_genesis)
        if content != self._genesis.encoded:
            raise NotTrustworthyError(node, "it serves another genesis file than the pinned one")

    async def evidence(self) -> tuple[str, tuple[Evidence, ...]]:
        """Give the evidence against voters that a node keeps, unverified, and which node that is.

        Raises:
            LedgerError: a file that a node shows is no evidence.
            ClientError: no node gives it, or one shows more than could be true.
        """
        found: list[Evidence] = []
        read = partial(read_answer, kind=EvidenceAnswer)
        first, room = "", _MAX_EVIDENCE_BYTES
        for _ in range(_MAX_PAGES):
            question = (
                routes.EvidenceQuestion(from_id=first) if first else routes.EvidenceQuestion()
            )
            node, answer = await self._nodes.request("GET", routes.EVIDENCE.target(question), read)
            room -= sum(len(bytes(one)) for one in answer.evidence)
            if room < 0:
                break
            found += (parse_evidence(bytes(one)) for one in answer.evidence)
            if answer.next is None or answer.next <= first:
                return node, tuple(found)
            first = answer.next
        raise ClientError(f"{node} shows evidence without end")

    async def event(self, event_id: bytes) -> VerifiedEvent | None:
        """Ask for an event and verify it; None if the ledger does not hold it.

        Raises:
            NotTrustworthyError: the event has another id, or a signature does not hold.
        """
        question = routes.EventQuestion(id=event_id.hex())
        node, found = await self._question(routes.EVENT, question, _event_decoder.decode)
        if isinstance(found, UnknownEvent):
            return None
        try:
            event = decode_envelope(parse_envelope_json(bytes(found.envelope)))
            verify_envelope(event)
        except LedgerError as error:
            raise NotTrustworthyError(node, str(error)) from None
        if event.event_id != event_id:
            problem = f"asked for event {event_id.hex()}, it gives {event.event_id.hex()}"
            raise NotTrustworthyError(node, problem)
        return VerifiedEvent(
            event, found.height, found.index, found.block_time_ms, found.countersigned
        )

    async def receipt(self, event_id: bytes) -> tuple[str, Receipt]:
        """Give the receipt of an event, unverified, and who gave it; waits until it is sealed.

        Raises:
            NodeProblemError: the ledger does not hold the event.
            NodeUnreachableError: it is not sealed yet, or no node answers.
        """
        path = routes.RECEIPT.target(routes.EventQuestion(id=event_id.hex()))
        return await self._nodes.request("GET", path, _read_receipt)

    async def cose_receipt(self, event_id: bytes) -> tuple[str, bytes]:
        """Give the receipt of an event in COSE, unread, and who gave it.

        Raises:
            NodeProblemError, NodeUnreachableError: as for :meth:`receipt`.
        """
        path = routes.COSE_RECEIPT.target(routes.EventQuestion(id=event_id.hex()))
        return await self._nodes.request("GET", path, bytes)

    async def ask(self, query: Query[msgspec.Struct, A], question: msgspec.Struct) -> A:
        """Ask what people can ask of the ledger (:mod:`kpledger.books.query`).

        Raises:
            NodeProblemError: the node refuses the question, and names the parameter; or the ledger
                does not hold what it is about.
        """
        read = partial(read_answer, kind=query.answer)
        _, found = await self._question(routes.route_of(query), question, read)
        return found

    async def find(self, query: Query[msgspec.Struct, A], question: msgspec.Struct) -> A | None:
        """Ask likewise; None if the ledger does not hold what it is about."""
        try:
            return await self.ask(query, question)
        except NodeProblemError as error:
            if error.problem.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def _question(
        self, route: Route, question: msgspec.Struct, read: Callable[[bytes], B]
    ) -> tuple[str, B]:
        """Ask about the ledger; gives who answered, and the answer."""
        consistency = routes.Consistency.LINEARIZABLE if self._newest else routes.Consistency.LOCAL
        path = route.target(question, routes.ReadOptions(consistency=consistency))
        recall = self._recall
        if recall is None or recall.silence is None:
            try:
                node, (content, answer) = await self._nodes.request(
                    "GET", path, lambda text: (text, read(text)), waits=self._newest
                )
            except NodeUnreachableError as error:
                kinds = {one.kind for one in error.silences.values()}
                if self._newest and not _UNCONFIRMED.isdisjoint(kinds):
                    raise NotConfirmedError(error.silences) from None
                if recall is None or any(kinds):
                    raise
                recall.silence = error
            else:
                if recall is not None:
                    recall.keep(path, content)
                return node, answer
        known = recall.use(path)
        if known is None and recall.silence is not None:
            raise recall.silence
        node = "what was remembered"
        return node, read_from(node, known or b"", read)


def _read_genesis(content: bytes) -> bytes:
    try:
        parse_genesis(content)
    except LedgerError as error:
        raise ValueError(str(error)) from None
    return content


def _read_receipt(content: bytes) -> Receipt:
    try:
        return parse_receipt(content)
    except LedgerError as error:
        raise ValueError(str(error)) from None


def _check_results(
    node: str, results: Sequence[SubmitAnswer | RehearsalResult], events: Sequence[SignedEvent]
) -> None:
    """See that an answer has a result about each of the events that were sent."""
    if len(results) != len(events):
        raise NotTrustworthyError(node, f"{len(results)} results for {len(events)} events")
    for event, result in zip(events, results, strict=True):
        if result.id is not None and result.id != event.event_id.hex():
            problem = f"sent event {event.event_id.hex()}, it answers about {result.id}"
            raise NotTrustworthyError(node, problem)
