"""GET /v1/events/{id}: a committed event, where it stands, and the envelope that proves it."""

import asyncio

import msgspec
from aiohttp import web

from kpledger.api.answers import RecordedEvent, UnknownEvent
from kpledger.api.routes import EventQuestion, ReadOptions
from kpledger.books.query import encode_answer
from kpledger.scheme.envelope import decode_envelope, format_envelope_json
from kpnode.api.parameters import read_parameters
from kpnode.api.served import Freshness, ServedNode, respond_json
from kpnode.ledger import StoredEvent


class EventApi:
    """Shows events."""

    def __init__(self, node: ServedNode, freshness: Freshness) -> None:
        """Show events of this node's ledger."""
        self._node = node
        self._freshness = freshness

    async def get_event(self, request: web.Request) -> web.Response:
        """Show what is known about an event id."""
        event_id = read_parameters(request, EventQuestion).id
        tip = await self._freshness.catch_up(read_parameters(request, ReadOptions))
        stored = await asyncio.to_thread(self._node.ledger.event, bytes.fromhex(event_id))
        if stored is None:
            return respond_json(UnknownEvent(id=event_id), tip)
        return respond_json(_describe(event_id, stored), tip)


def _describe(event_id: str, stored: StoredEvent) -> RecordedEvent:
    event = decode_envelope(stored.encoded)
    content = {**msgspec.structs.asdict(event.header), "body": event.body}
    return RecordedEvent(
        id=event_id,
        height=stored.record.height,
        index=stored.record.index,
        block_time_ms=stored.time_ms,
        event=msgspec.Raw(encode_answer(content)),
        envelope=msgspec.Raw(format_envelope_json(stored.encoded)),
    )
