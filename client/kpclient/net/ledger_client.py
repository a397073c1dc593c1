"""A ledger as seen through its nodes over HTTP, and verified as far as one answer can be.

Several nodes may be named; whichever answers is used, and the next one when it does not. Before
anything else a node has to belong to the ledger of the pinned genesis file. Events are verified:
their id is the hash of what was signed, and every signature holds. Records and positions are the
node's claims; only an audit proves them.

Sending is safe to repeat: the ledger knows an event by its id and answers the second time as it did
the first. So every line that breaks, and every answer that does not come, is tried again with the
very same bytes until the deadline.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeVar
from urllib.parse import urlencode

import msgpack
import msgspec

from kpclient.errors import ClientError
from kpclient.net.answers import (
    CertificatePage,
    EventAnswer,
    History,
    HistoryItem,
    NodeStatus,
    Participant,
    Participants,
    Problem,
    Recorded,
    Rehearsal,
    Rehearsed,
    Result,
    Results,
    read_answer,
    read_certificate,
    read_key,
)
from kpclient.net.node_client import (
    ATTEMPT_S,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    NodeClient,
    NodeProblemError,
    NodeUnreachableError,
    NotTrustworthyError,
    Silence,
    read_from,
)
from kpledger.base.errors import LedgerError
from kpledger.log.genesis import Genesis
from kpledger.scheme.envelope import decode_envelope, parse_envelope_json, verify_envelope
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.records import CertificateRecord, KeyRecord

A = TypeVar("A")
S = TypeVar("S", bound=msgspec.Struct)

MAX_BATCH: Final = 512
"""The most events in one request."""
_SPARE_S: Final = 5.0
"""How much earlier than a request a node's own patience ends, so that its answer arrives."""
_UNCONFIRMED: Final = frozenset(
    {"urn:kpledger:problem:no-leader", "urn:kpledger:problem:not-confirmed"}
)


class NotConfirmedError(ClientError):
    """Nodes answer, but none can know whether it has seen everything.

    Attributes:
        silences: who was asked, and why that one could not tell.
    """

    def __init__(self, silences: Mapping[str, Silence]) -> None:
        """Say what hinders each of them, and what would be answered."""
        told = "; ".join(f"{url}: {silence.reason}" for url, silence in silences.items())
        hint = "without --newest the node answers from what it has"
        super().__init__(f"what is newest cannot be confirmed: {told} ({hint})")
        self.silences = dict(silences)


@dataclass(frozen=True, slots=True)
class Committed:
    """The event is on the ledger."""

    event_id: bytes
    height: int
    index: int
    block_time_ms: int
    duplicate: bool
    """It was there before."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A rule refuses the event, or it is malformed."""

    event_id: bytes
    problem: Problem


@dataclass(frozen=True, slots=True)
class Undecided:
    """The deadline came first; the same event may be sent again."""

    event_id: bytes
    reason: str


Answer = Committed | Refused | Undecided


class LedgerClient:
    """The questions that the nodes of one ledger answer, and what they are sent."""

    def __init__(self, genesis: Genesis, line: NodeClient, *, newest: bool = False) -> None:
        """Ask over this line, which is open.

        With ``newest`` a node answers questions about the ledger only once it has seen everything
        that was acknowledged to anybody before it was asked.
        """
        self._genesis = genesis
        self._nodes = line
        self._newest = newest

    async def submit(self, events: Sequence[SignedEvent]) -> tuple[Answer, ...]:
        """Send events, in order, at most :data:`MAX_BATCH`, until each is decided or time is up.

        Raises:
            NodeProblemError: a node refuses the whole batch.
            NodeUnreachableError: no node took it before the deadline.
            NotTrustworthyError: a node answers something else.
        """
        deadline = time.monotonic() + self._nodes.timeout_s
        decided: dict[bytes, Answer] = {}
        pause = FIRST_PAUSE_S
        while True:
            open_events = [e for e in events if not _is_decided(decided.get(e.event_id))]
            if not open_events:
                break
            try:
                decided |= await self._submit_once(open_events, deadline)
            except NodeUnreachableError:
                if not decided:
                    raise
                break
            if time.monotonic() + pause >= deadline:
                break
            if not all(map(_is_decided, decided.values())):
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
        return tuple(decided[event.event_id] for event in events)

    async def _submit_once(
        self, events: Sequence[SignedEvent], deadline: float
    ) -> dict[bytes, Answer]:
        body: bytes = msgpack.packb([event.encoded for event in events])
        patience_s = max(0.0, min(ATTEMPT_S - _SPARE_S, deadline - time.monotonic()))
        node, content = await self._nodes.request(
            "POST",
            f"/v1/events?timeout_ms={int(patience_s * 1000)}",
            body=body,
            deadline=deadline,
        )
        results = read_from(node, content, lambda text: read_answer(text, Results)).results
        if len(results) != len(events):
            problem = f"{len(results)} results for {len(events)} events"
            raise NotTrustworthyError(node, problem)
        answers: dict[bytes, Answer] = {
            event.event_id: _read_result(node, event.event_id, result)
            for event, result in zip(events, results, strict=True)
        }
        if not all(map(_is_decided, answers.values())):
            self._nodes.pass_over(node)  # it may be cut off from the leader; others may not
        return answers

    async def rehearse(self, events: Sequence[SignedEvent]) -> tuple[Rehearsed, ...]:
        """Ask whether a node would accept events, one after the other; nothing is recorded.

        Raises:
            NotTrustworthyError: a node answers something else.
        """
        body: bytes = msgpack.packb([event.encoded for event in events])
        node, content = await self._nodes.request("POST", "/v1/rehearsals", body=body)
        results = read_from(node, content, lambda text: read_answer(text, Rehearsal)).results
        if len(results) != len(events):
            problem = f"{len(results)} results for {len(events)} events"
            raise NotTrustworthyError(node, problem)
        return results

    async def status(self) -> NodeStatus:
        """Ask a node where it stands."""
        node, content = await self._nodes.request("GET", "/v1/status")
        return self._nodes.check_status(node, content)

    async def verify_genesis(self) -> None:
        """Compare the genesis file that a node serves with the pinned one, byte by byte.

        Raises:
            NotTrustworthyError: they differ.
        """
        node, content = await self._nodes.request("GET", "/v1/genesis")
        if content != self._genesis.encoded:
            raise NotTrustworthyError(node, "it serves another genesis file than the pinned one")

    async def event(self, event_id: bytes) -> Recorded | None:
        """Ask for an event and verify it; None if the ledger does not hold it.

        Raises:
            NotTrustworthyError: the event has another id, or a signature does not hold.
        """
        node, content = await self._question(f"/v1/events/{event_id.hex()}")
        found = read_from(node, content, lambda text: read_answer(text, EventAnswer))
        if found.status not in {"committed", "sealed"}:
            return None
        try:
            event = decode_envelope(parse_envelope_json(bytes(found.envelope)))
            verify_envelope(event)
        except LedgerError as error:
            raise NotTrustworthyError(node, str(error)) from None
        if event.event_id != event_id:
            problem = f"asked for event {event_id.hex()}, it gives {event.event_id.hex()}"
            raise NotTrustworthyError(node, problem)
        return Recorded(event, found.height, found.index, found.block_time_ms)

    async def certificate(self, number: str) -> CertificateRecord | None:
        """Ask for a certificate; None if there is none of this number."""
        found = await self._find(f"/v1/certificates/{number}", read_certificate)
        if found is not None and found.number != number:
            raise NotTrustworthyError(
                self._nodes.node, f"asked for {number}, it gives {found.number}"
            )
        return found

    async def history(self, number: str) -> tuple[HistoryItem, ...]:
        """Ask which events there are on a certificate, oldest first."""
        found = await self._find(
            f"/v1/certificates/{number}/history", lambda text: read_answer(text, History)
        )
        return () if found is None else found.events

    async def certificates(
        self, wanted: Mapping[str, str], *, after: str | None, limit: int
    ) -> tuple[tuple[CertificateRecord, ...], str | None]:
        """Ask for a page of certificates, and where the next one begins; None at the end."""
        query = {**wanted, "limit": str(limit)} | ({"after": after} if after else {})
        text = "&".join(f"{name}={value}" for name, value in query.items())
        node, content = await self._question(f"/v1/certificates?{text}")
        page = read_from(node, content, lambda text: read_answer(text, CertificatePage))
        records = tuple(read_from(node, bytes(raw), read_certificate) for raw in page.certificates)
        return records, page.next

    async def participants(self) -> tuple[Participant, ...]:
        """Ask for all participants."""
        node, content = await self._question("/v1/participants")
        return read_from(node, content, lambda text: read_answer(text, Participants)).participants

    async def participant(self, code: str) -> Participant | None:
        """Ask for one participant; None if there is none of this code."""
        return await self._find(
            f"/v1/participants/{code}", lambda text: read_answer(text, Participant)
        )

    async def key(self, public_key: bytes) -> KeyRecord | None:
        """Ask for a key record; None if the key is not registered."""
        return await self._find(f"/v1/keys/{public_key.hex()}", read_key)

    async def ask(self, path: str, question: msgspec.Struct, kind: type[S]) -> S:
        """Ask what the analysis tells (:mod:`kpledger.books.query`).

        Raises:
            NodeProblemError: the node refuses the question; names the parameter.
        """
        fields = msgspec.to_builtins(question)
        defaults = msgspec.to_builtins(type(question)())
        query = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in fields.items()
            if value != defaults.get(name)
        }
        text = f"?{urlencode(query)}" if query else ""
        node, content = await self._question(f"/v1/{path}{text}")
        return read_from(node, content, lambda content: read_answer(content, kind))

    async def _find(self, path: str, read: Callable[[bytes], A]) -> A | None:
        try:
            node, content = await self._question(path)
        except NodeProblemError as error:
            if error.problem.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return read_from(node, content, read)

    async def _question(self, path: str) -> tuple[str, bytes]:
        """Ask about the ledger; gives who answered, and the answer."""
        if not self._newest:
            return await self._nodes.request("GET", path)
        path += f"{'&' if '?' in path else '?'}consistency=linearizable"
        try:
            return await self._nodes.request("GET", path, waits=True)
        except NodeUnreachableError as error:
            if _UNCONFIRMED.isdisjoint(one.kind for one in error.silences.values()):
                raise
            raise NotConfirmedError(error.silences) from None


def _read_result(node: str, event_id: bytes, result: Result) -> Answer:
    if result.id is not None and result.id != event_id.hex():
        problem = f"sent event {event_id.hex()}, it answers about {result.id}"
        raise NotTrustworthyError(node, problem)
    match result.status:
        case "committed":
            return Committed(
                event_id, result.height, result.index, result.block_time_ms, result.duplicate
            )
        case "refused":
            return Refused(event_id, result.problem or Problem(detail="no reason given"))
        case "pending" | "unavailable":
            reason = result.problem.detail if result.problem else "not committed in time"
            return Undecided(event_id, reason)


def _is_decided(answer: Answer | None) -> bool:
    return isinstance(answer, Committed | Refused)
