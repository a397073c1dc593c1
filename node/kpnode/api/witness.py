"""Checkpoints come in: to be cosigned, if this node's own ledger has the same tree.

It is the protocol of a witness (C2SP tlog-witness), spoken among the nodes of one ledger: for other
logs this node is none. Whoever asks shows with the checkpoint what others have signed of it, so
that a leader that has sealed one tells the others of it by asking again.
"""

import asyncio
import logging
import time
from contextlib import suppress
from functools import partial
from typing import Final

from aiohttp import web

from kpledger.api.routes import HEIGHT_HEADER, NOTE_TYPE, SIZE_TYPE
from kpledger.base.errors import LedgerError
from kpledger.base.text import parse_count
from kpledger.log.note import Note, NoteSignature, add_signatures
from kpledger.log.witnessing import (
    AddCheckpoint,
    WitnessError,
    WitnessStatus,
    format_cosignatures,
    parse_add_checkpoint,
)
from kpnode.api.bodies import read_body
from kpnode.api.client import client_of
from kpnode.api.delivery import cut_off
from kpnode.api.problems import ProblemError, ProblemKind, make_problem
from kpnode.api.served import ApiLimits, ServedNode
from kpnode.api.shares import Shares
from kpnode.incident import Incident
from kpnode.sealing.cosigner import NotYetError
from kpnode.sealing.seals import Seals

_REACH_S: Final = 1.0
"""So long is waited for the block that a checkpoint is of: it is on its way."""
_log = logging.getLogger(__name__)


class WitnessApi:
    """Cosigns for others."""

    def __init__(self, node: ServedNode, seals: Seals, limits: ApiLimits) -> None:
        self._node = node
        self._cosigner = seals.cosigner
        self._published = seals.published
        self._limits = limits
        self._bytes = Shares(limits.request_bytes, "bytes of checkpoints wait")
        self._refusals = Incident(_log, "refused to cosign", level=logging.ERROR)
        self._bad_lines = Incident(_log, "left out what a checkpoint was cosigned with")

    async def post_checkpoint(self, request: web.Request) -> web.Response:
        """Cosign a checkpoint, and take up what others have signed of it."""
        client, end = client_of(request), partial(cut_off, request)
        with self._bytes.take(client, 0, cut_off=end) as held:
            body = await read_body(request, self._limits, held, self._node.slices)
            asked = parse_add_checkpoint(body)
            await self._reach(request)
            try:
                line = await asyncio.to_thread(self._cosigner.cosign, asked, int(time.time()))
            except NotYetError as error:
                raise ProblemError(make_problem(ProblemKind.BUSY, str(error))) from None
            except WitnessError as error:
                return self._refuse(client.site, error)
        self._take(asked, line)
        answer = format_cosignatures(Note(asked.note.text, (line,)))
        return web.Response(body=answer, headers={"Content-Type": NOTE_TYPE})

    async def _reach(self, request: web.Request) -> None:
        """Wait for the block that whoever asks names."""
        height = parse_count(request.headers.get(HEIGHT_HEADER, ""))
        if height is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_REACH_S):
                    await self._node.reach(height)

    def _take(self, asked: AddCheckpoint, line: NoteSignature) -> None:
        try:
            self._published.take(
                add_signatures(Note(asked.note.text, (line,)), asked.note.signatures)
            )
        except LedgerError as error:
            self._bad_lines.note(error)

    def _refuse(self, site: str, error: WitnessError) -> web.Response:
        if error.status is WitnessStatus.INCONSISTENT:
            self._refusals.note(f"what {site} asked for: {error}")
        text, media_type = f"{error}\n", NOTE_TYPE
        if error.size is not None:
            text, media_type = f"{error.size}\n", SIZE_TYPE
        headers = {"Content-Type": media_type}
        return web.Response(status=error.status, body=text.encode(), headers=headers)
