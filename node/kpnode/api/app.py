"""The HTTP application of the process that takes part in consensus: all routes of the node.

It answers about submissions, blocks and itself; what people ask about the ledger it passes on to
the books (:mod:`kpnode.api.proxy`).
"""

from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from kpledger.api import routes
from kpledger.api.route import JSON_TYPE, Route
from kpnode.api.access import AccessControl
from kpnode.api.blocks import BlocksApi
from kpnode.api.client import take_turns
from kpnode.api.delivery import Delivery
from kpnode.api.gossip import GossipApi
from kpnode.api.http import add_route, answer_problems, note_faults
from kpnode.api.openapi import build_openapi
from kpnode.api.proxy import BooksProxy
from kpnode.api.served import ApiLimits, BooksGate, ServedNode
from kpnode.api.status import StatusApi
from kpnode.api.submit import SubmitApi
from kpnode.api.transparency import TransparencyApi
from kpnode.api.witness import WitnessApi
from kpnode.fairness import Slices
from kpnode.gossip.rounds import Gossip
from kpnode.sealing.seals import Seals

FOR_MEMBERS: Final = (
    routes.SUBMIT,
    routes.EVENT,
    routes.BLOCKS,
    routes.COMMITS,
    routes.EVIDENCE,
    routes.GOSSIP,
    routes.GENESIS,
    routes.CHECKPOINT,
    routes.ADD_CHECKPOINT,
    routes.BUNDLE,
    routes.TILE,
    routes.INCLUSION,
    routes.CONSISTENCY,
)
"""What nodes ask each other."""
_BEGINNING: Final = 8
"""Requests of one client that begin in one turn of the loop, each in half a millisecond or so."""


class NodeApi:
    """What a node answers: to everybody at its API, and to other nodes at its port for peers."""

    def __init__(
        self,
        node: ServedNode,
        books: BooksGate,
        gossip: Gossip,
        *,
        seals: Seals,
        limits: ApiLimits,
        alarms: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        """Answer for a node; its status has these alarms besides its own."""
        submit = SubmitApi(node, seals.published, limits)
        blocks = BlocksApi(node, seals.published, limits)
        status = StatusApi(node, books, alarms, gossip.addresses)
        transparency = TransparencyApi(node, seals, limits)
        witness = WitnessApi(node, seals, limits)
        rumours = GossipApi(gossip, limits, node.slices)
        self._node, self._books, self._limits = node, books, limits
        self._openapi = build_openapi()
        self._handlers: dict[Route, Handler] = {
            routes.SUBMIT: submit.post_events,
            routes.REHEARSE: submit.post_rehearsals,
            routes.EVENT: blocks.get_event,
            routes.BLOCKS: blocks.get_blocks,
            routes.COMMITS: blocks.get_commits,
            routes.EVIDENCE: blocks.get_evidence,
            routes.GOSSIP: rumours.post_gossip,
            routes.HEARD: rumours.get_gossip,
            routes.GENESIS: status.get_genesis,
            routes.STATUS: status.get_status,
            routes.CHECKPOINT: transparency.get_checkpoint,
            routes.ADD_CHECKPOINT: witness.post_checkpoint,
            routes.BUNDLE: transparency.get_bundle,
            routes.TILE: transparency.get_tile,
            routes.RECEIPT: transparency.get_receipt,
            routes.COSE_RECEIPT: transparency.get_cose_receipt,
            routes.INCLUSION: transparency.get_inclusion,
            routes.CONSISTENCY: transparency.get_consistency,
            routes.LIVE: status.get_live,
            routes.READY: status.get_ready,
            routes.OPENAPI: self._get_openapi,
        }

    async def _get_openapi(self, _: web.Request) -> web.Response:
        return web.Response(body=self._openapi, headers={"Content-Type": JSON_TYPE})

    async def _tell_age(self, _: web.Request, response: web.StreamResponse) -> None:
        if self._node.age_s:
            response.headers["KP-Age-S"] = str(self._node.age_s)

    def build_public(self, access: AccessControl) -> web.Application:
        """Build what serves everybody, as far as each may ask."""
        delivery = Delivery(self._limits)
        proxy = BooksProxy(self._node, self._books, self._limits, delivery)
        app = self._build(delivery, access.identify)
        app.cleanup_ctx.append(proxy.connected)
        for route in routes.ROUTES:
            handler = proxy.forwarding(route) if route.from_books else self._handlers[route]
            add_route(app, route, handler, guard=access.guard)
        return app

    def build_for_members(self, identify: Middleware) -> web.Application:
        """Build what serves other nodes of the genesis file, each counted by its name."""
        app = self._build(Delivery(self._limits), identify)
        note_faults(app)
        for route in FOR_MEMBERS:
            add_route(app, route, self._handlers[route])
        return app

    def _build(self, delivery: Delivery, identify: Middleware) -> web.Application:
        app = web.Application(
            client_max_size=self._limits.max_body_bytes,
            middlewares=[
                delivery.deliver,
                answer_problems,
                identify,
                take_turns(Slices(_BEGINNING)),
            ],
        )
        app.on_response_prepare.append(self._tell_age)
        app.cleanup_ctx.append(delivery.watching)
        return app
