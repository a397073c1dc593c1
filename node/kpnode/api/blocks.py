"""Blocks and events as they stand on the chain, for whoever verifies them.

``GET /v1/blocks`` is a stream of MessagePack arrays [height, stored entry], up to the block that
was the newest when the request came; or up to the one that the certificate at its beginning makes
final, for those who follow: then the request waits while there is nothing new. One request can
carry the whole ledger, so the number of streams is bounded, in all and for each client, and one
that reads too slowly is cut off.
``GET /v1/commits`` gives what voters have signed of them, ``GET /v1/evidence`` what convicts them.
``GET /v1/events/{id}`` shows one event, where it stands, and the envelope that proves it.
"""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Final

import msgspec
from aiohttp import HttpVersion11, web

from kpledger.api.answers import CommitsAnswer, EvidenceAnswer, RecordedEvent, UnknownEvent
from kpledger.api.routes import (
    MSGPACK_TYPE,
    BlocksQuestion,
    CommitsQuestion,
    EventQuestion,
    EvidenceQuestion,
    ReadOptions,
)
from kpledger.base.codec import encode
from kpledger.base.state import read_record
from kpledger.books.query import encode_answer
from kpledger.log.certificates import CommitCertificate
from kpledger.log.evidence_file import decode_evidence, format_evidence
from kpledger.scheme.envelope import decode_envelope, format_envelope_json
from kpledger.scheme.v1.records import CountersignaturesRecord
from kpnode.api.client import client_of
from kpnode.api.delivery import PIECE_BYTES, cut_off, send_piece, sending
from kpnode.api.parameters import read_parameters
from kpnode.api.served import (
    ApiLimits,
    ServedNode,
    catch_up,
    find_tip,
    ledger_headers,
    respond_json,
)
from kpnode.api.shares import Held, Shares
from kpnode.ledger import Ledger, StoredEvent
from kpnode.sealing.published import PublishedCheckpoints

_READ_BYTES: Final = 256 * 1024
_EVIDENCE_BYTES: Final = 2 << 20
_GATHER_S: Final = 0.25
"""How long blocks are gathered for those who follow: to send many costs little more than one."""
AT_HAND: Final = 32
"""So many of the newest blocks are in memory, and are read without another thread."""


class BlocksApi:
    """Streams blocks and shows events."""

    def __init__(
        self, node: ServedNode, published: PublishedCheckpoints, limits: ApiLimits
    ) -> None:
        self._node = node
        self._published = published
        self._ledger = node.ledger
        self._streams = Shares(limits.max_streams, "downloads of blocks are under way")
        self._followers = Shares(limits.max_followers, "requests wait for a new block")

    async def get_blocks(self, request: web.Request) -> web.StreamResponse:
        """Stream blocks from a height on."""
        question = read_parameters(request, BlocksQuestion)
        last = question.first + question.limit - 1
        beginning = b""
        if question.certified:
            certificate = await self._wait_for_news(request, question)
            if certificate is not None:
                beginning = msgspec.msgpack.encode((0, encode(certificate)))
                last = min(last, certificate.index)
        end = partial(cut_off, request)
        with self._streams.take(client_of(request), cut_off=end) as held:
            tip = find_tip(self._node)
            response = web.StreamResponse(headers=ledger_headers(tip, MSGPACK_TYPE))
            if request.version != HttpVersion11:
                # Nothing but the end of the connection says where it ends (RFC 9112, 6.3).
                response.force_close()
            if request.method != "HEAD":
                with sending(request):
                    await response.prepare(request)
                    if beginning:
                        await send_piece(response, beginning, held)
                    if beginning or not question.certified:
                        await self._stream(response, question.first, min(tip.height, last), held)
        return response

    async def _wait_for_news(
        self, request: web.Request, question: BlocksQuestion
    ) -> CommitCertificate | None:
        """Give the newest certificate, once it makes the block final that is asked for first.

        Blocks that come soon after each other go together. When time is up it is the newest that
        there is, if any.
        """
        if question.wait_ms and self._ledger.final_height < question.first:
            end = partial(cut_off, request)
            followers = self._followers.take(client_of(request), cut_off=end, is_paced=False)
            with followers, suppress(TimeoutError):
                async with asyncio.timeout(question.wait_ms / 1000):
                    while self._ledger.final_height < question.first:
                        await self._node.reach(question.first)
                        await asyncio.sleep(_GATHER_S)
        newest = self._ledger.newest_commit
        if newest is not None:
            # A voter knows what is final a moment before its ledger holds it.
            await self._node.reach(newest.index)
        return newest

    async def _stream(
        self, response: web.StreamResponse, height: int, last: int, held: Held
    ) -> None:
        while height <= last:
            read = partial(read_piece, self._ledger, height, last)
            is_at_hand = self._ledger.tip.height - height < AT_HAND
            part, height = read() if is_at_hand else await asyncio.to_thread(read)
            for start in range(0, len(part), PIECE_BYTES):
                await send_piece(response, part[start : start + PIECE_BYTES], held)

    async def get_commits(self, request: web.Request) -> web.Response:
        """Give the newest commit certificate of each term."""
        question = read_parameters(request, CommitsQuestion)
        tip = find_tip(self._node)
        first, limit = question.from_term, question.limit
        found = await asyncio.to_thread(self._ledger.commits, first, limit + 1)
        onward = found[limit].term if len(found) > limit else None
        answer = CommitsAnswer(commits=found[:limit], next=onward)
        return web.Response(body=encode_answer(answer), headers=ledger_headers(tip))

    async def get_evidence(self, request: web.Request) -> web.Response:
        """Give the evidence that this node keeps, as files."""
        first = bytes.fromhex(read_parameters(request, EvidenceQuestion).from_id)
        tip = find_tip(self._node)
        found, onward = await asyncio.to_thread(self._ledger.evidence, first, _EVIDENCE_BYTES)
        files = (msgspec.Raw(format_evidence(decode_evidence(one))) for one in found)
        answer = EvidenceAnswer(
            evidence=tuple(files), next=None if onward is None else onward.hex()
        )
        return web.Response(body=encode_answer(answer), headers=ledger_headers(tip))

    async def get_event(self, request: web.Request) -> web.Response:
        """Show what is known about an event id."""
        event_id = read_parameters(request, EventQuestion).id
        tip = await catch_up(self._node, read_parameters(request, ReadOptions))
        stored = await asyncio.to_thread(self._ledger.event, bytes.fromhex(event_id))
        if stored is None:
            return respond_json(UnknownEvent(id=event_id), tip)
        key = CountersignaturesRecord.key_for(event_id)
        later = read_record(self._ledger.state, key, CountersignaturesRecord)
        is_sealed = stored.record.index < self._published.sealed_size
        return respond_json(_describe(event_id, stored, later, is_sealed=is_sealed), tip)


def read_piece(ledger: Ledger, first: int, last: int) -> tuple[bytes, int]:
    """Read blocks up to about 256 KiB; gives them, and the height to go on from."""
    piece = bytearray()
    height = first
    while height <= last and len(piece) < _READ_BYTES:
        stored = ledger.block(height)
        piece += msgspec.msgpack.encode((height, stored))
        height += 1
    return bytes(piece), height


def _describe(
    event_id: str, stored: StoredEvent, later: CountersignaturesRecord | None, *, is_sealed: bool
) -> RecordedEvent:
    event = decode_envelope(stored.encoded)
    content = {**msgspec.structs.asdict(event.header), "body": event.body}
    return RecordedEvent(
        id=event_id,
        height=stored.record.height,
        index=stored.record.index,
        block_time_ms=stored.time_ms,
        event=msgspec.Raw(encode_answer(content)),
        envelope=msgspec.Raw(format_envelope_json(stored.encoded)),
        sealed=is_sealed,
        countersigned=tuple(
            dict.fromkeys(one.event.hex() for one in later.countersignatures) if later else ()
        ),
    )
