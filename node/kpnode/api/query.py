"""GET /v1/...: questions about events, certificates, participants and keys.

Answers come from the committed ledger of this node, as of the block that the headers name. They are
this node's word; who wants proof reads the blocks.

With `consistency=linearizable` the node first makes sure that its ledger holds everything that
anybody was told is committed before the question came; without, it answers with what it has.
"""

import asyncio
import time
from typing import Final

from aiohttp import web

from kpledger.analysis.listing import read_page
from kpledger.analysis.topic import QuestionError, ask_participant
from kpledger.api.answers import Problem
from kpledger.api.routes import Consistency
from kpledger.base.ids import parse_participant
from kpledger.log.chain import Tip
from kpledger.scheme.v1.ids import parse_number
from kpledger.scheme.v1.lifecycles.certificate import CertificateState
from kpledger.scheme.v1.records import (
    AuthorityRecord,
    CertificateRecord,
    KeyRecord,
    ParticipantRecord,
    RangesRecord,
    authority_key,
    certificate_key,
    key_key,
    participant_key,
    ranges_key,
)
from kpnode.api.parameters import Parameters, parse_hex_parameter, parse_parameter
from kpnode.api.problems import (
    Kind,
    ProblemError,
    failure_problem,
    make_problem,
    not_found,
    parameter_error,
)
from kpnode.api.served import ServedNode, respond_json
from kpnode.api.views import (
    View,
    view_certificate,
    view_event,
    view_history_entry,
    view_participant,
    view_struct,
)
from kpnode.ledger import Ledger

MAX_PAGE: Final = 1000
DEFAULT_PAGE: Final = 100
MAX_PARTICIPANTS: Final = 1000
MAX_AUTHORITIES: Final = 1000

COMMON: Final = ("consistency", "timeout_ms")
"""Parameters of every question."""

_A_NUMBER: Final = "a certificate number, as BW00001234"
_A_CODE: Final = "two capital letters, as BW"


class QueryApi:
    """Answers questions from the committed ledger."""

    def __init__(self, node: ServedNode) -> None:
        """Answer from this node's ledger."""
        self._node = node
        self._ledger = node.ledger

    async def catch_up(self, given: Parameters) -> Tip:
        """Wait for what the answer has to take into account; gives the tip to answer from.

        Raises:
            ProblemError: a parameter is wrong, or it did not come in time.
        """
        accepted = ", ".join(Consistency)
        timeout_s = given.timeout_s()
        if given.parsed("consistency", Consistency, accepted) is Consistency.LINEARIZABLE:
            reason = await self._node.catch_up(timeout_s)
            if reason is not None:
                raise ProblemError(self._explain(reason))
        return self._ledger.tip

    def _explain(self, reason: str) -> Problem:
        status = self._node.status()
        if status.failure is not None:
            return failure_problem(status.failure)
        kind = Kind.NO_LEADER if status.raft.leader is None else Kind.NOT_CONFIRMED
        return make_problem(kind, reason)

    async def get_event(self, request: web.Request) -> web.Response:
        """Show what is known about an event id."""
        given = Parameters(request.query, *COMMON)
        event_id = parse_hex_parameter("id", request.match_info["id"])
        tip = await self.catch_up(given)
        stored = await asyncio.to_thread(self._ledger.event, event_id)
        if stored is None:
            return respond_json({"id": event_id.hex(), "status": "unknown"}, tip)
        return respond_json(view_event(event_id, stored), tip)

    async def list_certificates(self, request: web.Request) -> web.Response:
        """List certificates in the order of their numbers, a page at a time."""
        filters = ("state", "issuer", "destination", "after", "limit")
        given = Parameters(request.query, *COMMON, *filters)
        state = given.parsed("state", CertificateState, ", ".join(CertificateState))
        issuer = given.parsed("issuer", parse_participant, _A_CODE)
        destination = given.parsed("destination", parse_participant, _A_CODE)
        after = given.parsed("after", parse_number, _A_NUMBER)
        limit = given.integer("limit", low=1, high=MAX_PAGE) or DEFAULT_PAGE
        tip = await self.catch_up(given)

        for name, code in (("issuer", issuer), ("destination", destination)):
            if code is not None:
                _check_participant(self._ledger, name, code)

        def read() -> View:
            page = read_page(
                self._ledger.index,
                state=state,
                issuer=issuer,
                destination=destination,
                after=after,
                limit=limit,
            )
            shown = [view_certificate(self._certificate(number)) for number in page.numbers]
            return {"certificates": shown, "next": page.next}

        return respond_json(await asyncio.to_thread(read), tip)

    async def get_certificate(self, request: web.Request) -> web.Response:
        """Show a certificate."""
        given, number = Parameters(request.query, *COMMON), _number_in(request)
        tip = await self.catch_up(given)
        return respond_json(view_certificate(self._certificate(number)), tip)

    async def get_history(self, request: web.Request) -> web.Response:
        """List the events on a certificate, oldest first."""
        given, number = Parameters(request.query, *COMMON), _number_in(request)
        tip = await self.catch_up(given)
        self._certificate(number)
        events = await asyncio.to_thread(_read_history, self._ledger, number)
        return respond_json({"events": events}, tip)

    def _certificate(self, number: str) -> CertificateRecord:
        record = self._ledger.record(certificate_key(number), CertificateRecord)
        if record is None:
            raise not_found(f"there is no certificate {number}")
        return record

    async def list_participants(self, request: web.Request) -> web.Response:
        """List all participants."""
        tip = await self.catch_up(Parameters(request.query, *COMMON))
        shown = await asyncio.to_thread(_read_participants, self._ledger)
        return respond_json({"participants": shown}, tip)

    async def get_participant(self, request: web.Request) -> web.Response:
        """Show a participant."""
        given = Parameters(request.query, *COMMON)
        code = parse_parameter("code", request.match_info["code"], parse_participant, _A_CODE)
        tip = await self.catch_up(given)
        record = self._ledger.record(participant_key(code), ParticipantRecord)
        if record is None:
            raise not_found(f"there is no participant {code}")
        return respond_json(_read_participant(self._ledger, record), tip)

    async def get_key(self, request: web.Request) -> web.Response:
        """Show whose a key is, and since when."""
        given = Parameters(request.query, *COMMON)
        key = parse_hex_parameter("key", request.match_info["key"])
        tip = await self.catch_up(given)
        record = self._ledger.record(key_key(key), KeyRecord)
        if record is None:
            raise not_found(f"key {key.hex()} is not registered")
        return respond_json({"key": key.hex(), **view_struct(record)}, tip)


def _check_participant(ledger: Ledger, name: str, code: str) -> None:
    try:
        ask_participant(ledger, code, name)
    except QuestionError as error:
        raise parameter_error(error.field, error.problem, error.accepted) from None


def _number_in(request: web.Request) -> str:
    return parse_parameter("number", request.match_info["number"], parse_number, _A_NUMBER)


def _read_history(ledger: Ledger, number: str) -> list[View]:
    shown = []
    for event_id in ledger.history(number):
        stored = ledger.event(event_id)
        if stored is not None:
            shown.append(view_history_entry(event_id, stored))
    return shown


def _read_participants(ledger: Ledger) -> list[View]:
    found = ledger.records(
        participant_key(""), ParticipantRecord, after=None, limit=MAX_PARTICIPANTS
    )
    return [_read_participant(ledger, record) for _, record in found]


def _read_participant(ledger: Ledger, record: ParticipantRecord) -> View:
    authorities = tuple(
        authority
        for _, authority in ledger.records(
            authority_key(record.code, ""), AuthorityRecord, after=None, limit=MAX_AUTHORITIES
        )
    )
    ranges = ledger.record(ranges_key(record.code), RangesRecord)
    # Standings take effect at a time, also while no block is made.
    return view_participant(record, authorities, ranges, time.time_ns() // 1_000_000)
