"""POST /v1/rehearsals: would these events be accepted, one after the other, if they came now.

The rules of the ledger are run on the committed state of this node, at its clock; nothing is
recorded, and nobody else hears of it. Since the ledger moves on, it is a forecast and no promise.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from kpledger.api.answers import RehearsalAnswer, RehearsalResult
from kpledger.api.routes import ReadOptions
from kpledger.base.errors import BadSignatureError, LedgerError
from kpledger.log.chain import BlockExecutor
from kpledger.scheme.envelope import verify_envelope
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.outcome import Refusal, Rule
from kpnode.api.envelopes import read_events
from kpnode.api.parameters import read_parameters
from kpnode.api.problems import error_problem, refusal_problem
from kpnode.api.served import ApiLimits, Freshness, ServedNode, respond_json

_AT_ONCE: Final = 2
"""Rehearsals at a time: they cost as much as blocks, and anybody may ask for them."""


class RehearsalApi:
    """Runs the rules without recording anything."""

    def __init__(self, node: ServedNode, freshness: Freshness, limits: ApiLimits) -> None:
        """Rehearse on this node's ledger; ``freshness`` waits for what is to be counted in."""
        self._node = node
        self._freshness = freshness
        self._limits = limits
        self._stage = asyncio.Semaphore(_AT_ONCE)

    async def post_rehearsals(self, request: web.Request) -> web.Response:
        """Rehearse one envelope or a batch."""
        options = read_parameters(request, ReadOptions)
        given_events = await read_events(request, self._limits)
        tip = await self._freshness.catch_up(options)
        async with self._stage:
            answer = await asyncio.to_thread(self._rehearse, given_events.events)
        return respond_json(answer, tip)

    def _rehearse(self, events: Sequence[SignedEvent | LedgerError]) -> RehearsalAnswer:
        ledger = self._node.ledger
        now_ms = max(ledger.tip.time_ms, time.time_ns() // 1_000_000)
        executor = BlockExecutor(self._node.genesis, ledger.tip, ledger.state, now_ms)
        return RehearsalAnswer(results=tuple(_rehearse_one(executor, one) for one in events))


def _rehearse_one(executor: BlockExecutor, event: SignedEvent | LedgerError) -> RehearsalResult:
    if isinstance(event, LedgerError):
        return RehearsalResult(id=None, accepted=False, problem=error_problem(event))
    bad_signature = False
    try:
        verify_envelope(event)
        refusal = executor.add(event)
    except BadSignatureError as error:
        bad_signature = True
        refusal = Refusal(Rule.E1, "signatures", str(error), "signatures that verify")
    problem = None if refusal is None else refusal_problem(refusal, bad_signature=bad_signature)
    return RehearsalResult(id=event.event_id.hex(), accepted=problem is None, problem=problem)
