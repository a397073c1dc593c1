"""GET /v1/blocks: the committed blocks themselves, as stored, for whoever verifies them.

A stream of MessagePack arrays [height, stored entry], up to the block that was the newest when the
request came. One request can carry the whole ledger, so the number of streams is bounded, and a
client that does not read is cut off.
"""

import asyncio
import logging
from typing import Final

import msgspec
from aiohttp import web

from kpledger.api.routes import MSGPACK_TYPE, BlocksQuestion
from kpnode.api.parameters import read_parameters
from kpnode.api.problems import ProblemError, ProblemKind, make_problem
from kpnode.api.served import ApiLimits, ServedNode, ledger_headers
from kpnode.ledger import Ledger
from kpnode.storage.errors import StorageError

PIECE_BYTES: Final = 256 * 1024

_log = logging.getLogger(__name__)


class BlocksApi:
    """Streams blocks."""

    def __init__(self, node: ServedNode, limits: ApiLimits) -> None:
        """Stream from this node's ledger."""
        self._ledger = node.ledger
        self._limits = limits
        self._streams = 0

    async def get_blocks(self, request: web.Request) -> web.StreamResponse:
        """Stream blocks from a height on."""
        question = read_parameters(request, BlocksQuestion)
        if self._streams >= self._limits.max_streams:
            detail = f"{self._streams} downloads of blocks are under way; try again later"
            raise ProblemError(make_problem(ProblemKind.BUSY, detail))
        self._streams += 1
        try:
            return await self._stream(request, question)
        finally:
            self._streams -= 1

    async def _stream(self, request: web.Request, question: BlocksQuestion) -> web.StreamResponse:
        tip = self._ledger.tip
        last = min(tip.height, question.first + question.limit - 1)
        headers = {"Content-Type": MSGPACK_TYPE, **ledger_headers(tip)}
        response = web.StreamResponse(headers=headers)
        response.enable_chunked_encoding()
        if request.method == "HEAD":
            return response
        await response.prepare(request)
        height = question.first
        try:
            while height <= last:
                piece, height = await asyncio.to_thread(read_piece, self._ledger, height, last)
                async with asyncio.timeout(self._limits.write_s):
                    await response.write(piece)
        except (StorageError, TimeoutError) as error:
            # The status has been sent: all that can still be said is that the stream is not whole.
            _log.warning("a download of blocks ends at %d: %r", height, error)
            if request.transport is not None:
                request.transport.abort()
        return response


def read_piece(ledger: Ledger, first: int, last: int) -> tuple[bytes, int]:
    """Read blocks up to about :data:`PIECE_BYTES`; gives them, and the height to go on from."""
    piece = bytearray()
    height = first
    while height <= last and len(piece) < PIECE_BYTES:
        stored = ledger.block(height)
        piece += msgspec.msgpack.encode((height, stored))
        height += 1
    return bytes(piece), height
