"""Gossip over HTTP: ``POST /v1/gossip`` exchanges rumours, ``GET /v1/gossip`` tells them.

For everybody: all of it is signed by nodes, and no trade stands in it. One message after the other
is looked at, clients take turns, and each may bring only so much.
"""

from dataclasses import replace
from functools import partial
from typing import Final

from aiohttp import web

from kpledger.api.gossip import MAX_GOSSIP_BYTES
from kpledger.api.routes import MSGPACK_TYPE
from kpnode.api.bodies import read_body
from kpnode.api.client import client_of
from kpnode.api.delivery import cut_off
from kpnode.api.problems import ProblemError, ProblemKind, make_problem
from kpnode.api.served import ApiLimits
from kpnode.api.shares import Shares, Turns
from kpnode.fairness import Slices
from kpnode.gossip.rounds import Gossip

_MESSAGES: Final = 16
"""That wait, or are looked at, at once; a quarter of them for one client."""


class GossipApi:
    """Hears and tells rumours."""

    def __init__(self, gossip: Gossip, limits: ApiLimits, slices: Slices) -> None:
        self._gossip = gossip
        self._limits = replace(limits, max_body_bytes=MAX_GOSSIP_BYTES)
        self._slices = slices
        self._bytes = Shares(_MESSAGES * MAX_GOSSIP_BYTES, "bytes of gossip wait")
        self._turns = Turns(1)

    async def post_gossip(self, request: web.Request) -> web.Response:
        """Take what a client tells, and tell what it lacks."""
        client = client_of(request)
        if self._gossip.is_tired_of(client.site):
            detail = "this client has told much lately; come again later"
            raise ProblemError(make_problem(ProblemKind.SHARE_TAKEN, detail))
        media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media_type != MSGPACK_TYPE:
            detail = f"{media_type or 'no content type'} is not {MSGPACK_TYPE}"
            raise ProblemError(make_problem(ProblemKind.UNSUPPORTED_MEDIA_TYPE, detail))
        end = partial(cut_off, request)
        with self._bytes.take(client, 0, cut_off=end) as held:
            body = await read_body(request, self._limits, held, self._slices)
            async with self._turns.take(client):
                answer = await self._gossip.answer(client.site, body)
        return _respond(answer)

    async def get_gossip(self, request: web.Request) -> web.Response:
        """Tell all that this node has heard."""
        async with self._turns.take(client_of(request)):
            return _respond(await self._gossip.tell())


def _respond(encoded: bytes) -> web.Response:
    return web.Response(body=encoded, headers={"Content-Type": MSGPACK_TYPE})
