"""Signed events come in: to be recorded (``POST /v1/events``), or to be tried (``/v1/rehearsals``).

One envelope or a batch, as DSSE JSON or as MessagePack. Sending the same event again is always
safe: it has one id, and is on the ledger once. A rehearsal runs the rules of the ledger on the
committed state of this node, at its clock; nothing is recorded, and nobody else hears of it. Since
the ledger moves on, it is a forecast and no promise.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final, assert_never

import msgspec
from aiohttp import web

from kpledger.api.answers import (
    BatchAnswer,
    CommittedAnswer,
    PendingAnswer,
    Problem,
    RefusedAnswer,
    RehearsalAnswer,
    RehearsalResult,
    SubmitAnswer,
    UnavailableAnswer,
)
from kpledger.api.route import JSON_TYPE
from kpledger.api.routes import ReadOptions, SubmitOptions, Wait
from kpledger.base.errors import LedgerError
from kpledger.log.chain import BlockExecutor
from kpledger.log.merkle import TreeSize
from kpledger.scheme.event import SignedEvent
from kpnode.api.allowances import SPENT_EVENTS, Allowances, ClientAllowance
from kpnode.api.client import Client, client_of
from kpnode.api.delivery import cut_off
from kpnode.api.envelopes import read_events
from kpnode.api.parameters import read_parameters
from kpnode.api.problems import (
    ProblemError,
    ProblemKind,
    error_problem,
    make_problem,
    refusal_problem,
    respond_problem,
)
from kpnode.api.served import ApiLimits, ServedNode, catch_up, explain_failing, respond_json
from kpnode.api.shares import PARTS, Held, Shares, Turns
from kpnode.fairness import Buckets
from kpnode.sealing.published import PublishedCheckpoints
from kpnode.submission import (
    Committed,
    Outcome,
    Pending,
    Refused,
    Unavailable,
    refuse_signature,
)

_REHEARSALS_AT_ONCE: Final = 2
"""They cost as much as blocks, and anybody may ask for them; others wait."""

_REHEARSED_BYTES: Final = 1 << 20
"""Bytes of requests that a client may have rehearsed at once."""
_REHEARSED_BYTES_PER_S: Final = 128 * 1024
_SLICE: Final = 8
"""Events that are rehearsed in one turn of the loop."""
_BREATH_S: Final = 0.002
"""For others, between two such turns."""

_encoder: Final = msgspec.json.Encoder()


class SubmitApi:
    """Takes submissions, up to a limit at once, and rehearses."""

    def __init__(
        self, node: ServedNode, published: PublishedCheckpoints, limits: ApiLimits
    ) -> None:
        """Submit to this node, and rehearse on its ledger."""
        self._node = node
        self._published = published
        self._limits = limits
        self._allowances = Allowances()
        self._submissions = Shares(limits.max_submissions, "events are being submitted")
        self._rehearsals = Shares(limits.max_rehearsals, "rehearsals wait")
        self._rehearsed = Buckets(_REHEARSED_BYTES, _REHEARSED_BYTES_PER_S)
        self._stage = Turns(_REHEARSALS_AT_ONCE)
        share = max(limits.request_bytes // PARTS, limits.max_body_bytes)
        self._bytes = Shares(limits.request_bytes, "bytes of requests wait", share=share)

    async def post_events(self, request: web.Request) -> web.Response:
        """Submit one envelope or a batch."""
        allowance = self._allowances.of(client_of(request).site)
        with self._taking(request) as held:
            return await self._post_events(request, held, allowance)

    async def _post_events(
        self, request: web.Request, held: Held, allowance: ClientAllowance
    ) -> web.Response:
        options = read_parameters(request, SubmitOptions)
        timeout_s = options.timeout_ms / 1000
        deadline_s = time.monotonic() + timeout_s
        given = await read_events(request, self._limits, held, allowance, self._node.slices)
        if given.is_batch:
            batch = await self._submit_batch(request, given.events, timeout_s, allowance)
            results = await self._wait(batch.results, options.wait, deadline_s)
            return _respond(200, BatchAnswer(results=results))
        (event,) = given.events
        if isinstance(event, LedgerError):
            raise event
        (outcome,) = await self._submit(request, [event], timeout_s, allowance)
        described = self._describe(outcome, client_of(request))
        (answer,) = await self._wait((described,), options.wait, deadline_s)
        match answer:
            case CommittedAnswer():
                return _respond(201, answer)
            case PendingAnswer():
                return _respond(202, answer)
            case RefusedAnswer(problem=problem) | UnavailableAnswer(problem=problem):
                return respond_problem(problem)
            case _:
                assert_never(answer)

    async def _wait(
        self, answers: tuple[SubmitAnswer, ...], wait: Wait, deadline_s: float
    ) -> tuple[SubmitAnswer, ...]:
        """Wait until what is on the ledger is sealed, if that is asked; say of each whether it is.

        Where it does not come in time, it is on the ledger all the same.
        """
        places = [one.index for one in answers if isinstance(one, CommittedAnswer)]
        if places and wait is Wait.SEALED:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(deadline_s - time.monotonic(), 0)):
                    await self._published.reach(TreeSize(max(places) + 1))
        size = self._published.sealed_size
        return tuple(
            msgspec.structs.replace(one, sealed=one.index < size)
            if isinstance(one, CommittedAnswer)
            else one
            for one in answers
        )

    async def _submit_batch(
        self,
        request: web.Request,
        batch: Sequence[SignedEvent | LedgerError],
        timeout_s: float,
        allowance: ClientAllowance,
    ) -> BatchAnswer:
        """Submit what is an event; the rest is refused in its place."""
        events = [one for one in batch if isinstance(one, SignedEvent)]
        outcomes = iter(await self._submit(request, events, timeout_s, allowance) if events else ())
        results = tuple(
            self._describe(next(outcomes), client_of(request))
            if isinstance(one, SignedEvent)
            else RefusedAnswer(id=None, problem=error_problem(one))
            for one in batch
        )
        return BatchAnswer(results=results)

    async def _submit(
        self,
        request: web.Request,
        events: Sequence[SignedEvent],
        timeout_s: float,
        allowance: ClientAllowance,
    ) -> list[Outcome]:
        client, end = client_of(request), partial(cut_off, request)
        with self._submissions.take(client, len(events), cut_off=end, is_paced=False):
            return await self._node.submit(events, timeout_s, allowance)

    def _describe(self, outcome: Outcome, client: Client) -> SubmitAnswer:
        event_id = outcome.event_id.hex()
        match outcome:
            case Committed():
                return CommittedAnswer(
                    id=event_id,
                    height=outcome.height,
                    index=outcome.index,
                    block_time_ms=outcome.time_ms,
                    duplicate=outcome.duplicate,
                    signers=tuple(key.hex() for key in outcome.signers),
                )
            case Pending():
                return PendingAnswer(id=event_id, reason=self._node.status().obstacle)
            case Refused(refusal=refusal):
                if not client.is_listed:
                    refusal = outcome.for_everybody or refusal
                problem = refusal_problem(refusal, bad_signature=outcome.bad_signature)
                return RefusedAnswer(id=event_id, problem=problem)
            case Unavailable():
                status = self._node.status()
                kind = ProblemKind.SHARE_TAKEN if outcome.own_share else ProblemKind.BUSY
                problem = explain_failing(status, kind, outcome.reason)
                return UnavailableAnswer(id=event_id, problem=problem)
            case _:
                assert_never(outcome)

    async def post_rehearsals(self, request: web.Request) -> web.Response:
        """Rehearse one envelope or a batch."""
        options = read_parameters(request, ReadOptions)
        client = client_of(request)
        allowance = self._allowances.of(client.site)
        if self._rehearsed.is_full(client.site):
            detail = "this client has rehearsed much; come again later"
            accepted = f"{_REHEARSED_BYTES_PER_S // 1024} KiB a second"
            raise ProblemError(make_problem(ProblemKind.SHARE_TAKEN, detail, accepted=accepted))
        with self._taking(request) as held:
            try:
                given = await read_events(request, self._limits, held, allowance, self._node.slices)
            finally:
                # Also when the client has left.
                self._rehearsed.fill(client.site, held.count)
            # Not before its events are there: to announce some costs nothing.
            end = partial(cut_off, request)
            with self._rehearsals.take(client, cut_off=end, is_paced=False):
                tip = await catch_up(self._node, options)
                async with self._stage.take(client):
                    answer = await self._rehearse(given.events, allowance)
        return respond_json(answer, tip)

    def _taking(self, request: web.Request) -> Held:
        """Count what a request brings until it is answered, for its events are kept as long."""
        return self._bytes.take(client_of(request), 0, cut_off=partial(cut_off, request))

    async def _rehearse(
        self, events: Sequence[SignedEvent | LedgerError], allowance: ClientAllowance
    ) -> RehearsalAnswer:
        """Make a block that nobody will see; in the loop, which a busy thread would only slow."""
        ledger = self._node.ledger
        now_ms = max(ledger.tip.time_ms, time.time_ns() // 1_000_000)
        executor = BlockExecutor(self._node.genesis, ledger.tip, ledger.state, now_ms)
        results = []
        for at, event in enumerate(events):
            if at % _SLICE == _SLICE - 1:
                await asyncio.sleep(_BREATH_S)
            if isinstance(event, LedgerError):
                problem = error_problem(event)
                results.append(RehearsalResult(id=None, accepted=False, problem=problem))
                continue
            found = await self._find_problem(executor, event, allowance)
            event_id = event.event_id.hex()
            results.append(RehearsalResult(id=event_id, accepted=found is None, problem=found))
        return RehearsalAnswer(results=tuple(results))

    async def _find_problem(
        self, executor: BlockExecutor, event: SignedEvent, allowance: ClientAllowance
    ) -> Problem | None:
        """Look at an event in the order of cost, as at one that is submitted."""
        if allowance.is_spent:
            return SPENT_EVENTS
        refusal, bad_signature = executor.may_sign(event), False
        if refusal is not None:
            # Of what is on the ledger already, nothing but that is worth saying.
            refusal = executor.add(event) or refusal
        else:
            error = await self._node.verify(event)
            if error is None:
                refusal = executor.add(event)
                return None if refusal is None else refusal_problem(refusal, bad_signature=False)
            refusal, bad_signature = refuse_signature(event.event_id, error).refusal, True
        allowance.spend(1)
        return refusal_problem(refusal, bad_signature=bad_signature)


def _respond(status: int, answer: msgspec.Struct) -> web.Response:
    return web.Response(
        status=status, body=_encoder.encode(answer), headers={"Content-Type": JSON_TYPE}
    )
