"""The HTTP application of the process that takes part in consensus: all routes of the node.

It answers about submissions, blocks and itself; what people ask about the ledger it passes on to
the books (:mod:`kpnode.api.proxy`).
"""

from typing import Final

from aiohttp import web

from kpledger.api import routes
from kpledger.base.keys import SigningKey
from kpnode.api.access import AccessControl
from kpnode.api.blocks import BlocksApi
from kpnode.api.client import take_turns
from kpnode.api.delivery import Delivery
from kpnode.api.http import add_route, answer_problems
from kpnode.api.openapi import build_openapi
from kpnode.api.proxy import BooksProxy
from kpnode.api.served import ApiLimits, BooksGate, ServedNode
from kpnode.api.status import StatusApi
from kpnode.api.submit import SubmitApi
from kpnode.fairness import Slices

_BEGINNING: Final = 8
"""Requests of one client that begin in one turn of the loop, each in half a millisecond or so."""


def build_app(
    node: ServedNode,
    books: BooksGate,
    *,
    cosigning_key: SigningKey,
    limits: ApiLimits,
    access: AccessControl,
    alarms: tuple[str, ...] = (),
) -> web.Application:
    """Build the application that serves a node; its status has these alarms at all times."""
    submit = SubmitApi(node, limits)
    blocks = BlocksApi(node, limits)
    status = StatusApi(node, books, cosigning_key, alarms)
    delivery = Delivery(limits)
    proxy = BooksProxy(node, books, limits, delivery)
    openapi = build_openapi()

    async def get_openapi(_: web.Request) -> web.Response:
        return web.Response(body=openapi, headers={"Content-Type": routes.JSON_TYPE})

    handlers = {
        routes.SUBMIT: submit.post_events,
        routes.REHEARSE: submit.post_rehearsals,
        routes.EVENT: blocks.get_event,
        routes.BLOCKS: blocks.get_blocks,
        routes.COMMITS: blocks.get_commits,
        routes.EVIDENCE: blocks.get_evidence,
        routes.GENESIS: status.get_genesis,
        routes.STATUS: status.get_status,
        routes.CHECKPOINT: status.get_checkpoint,
        routes.LIVE: status.get_live,
        routes.READY: status.get_ready,
        routes.OPENAPI: get_openapi,
    }

    async def tell_age(_: web.Request, response: web.StreamResponse) -> None:
        if node.age_s:
            response.headers["KP-Age-S"] = str(node.age_s)

    app = web.Application(
        client_max_size=limits.max_body_bytes,
        middlewares=[
            delivery.deliver,
            answer_problems,
            access.identify,
            take_turns(Slices(_BEGINNING)),
        ],
    )
    app.on_response_prepare.append(tell_age)
    app.cleanup_ctx.extend((proxy.connected, delivery.watching))
    for route in routes.ROUTES:
        handler = proxy.forwarding(route) if route.from_books else handlers[route]
        add_route(app, route, handler, guard=access.guard)
    return app
