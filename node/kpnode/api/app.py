"""The HTTP application of the process that takes part in consensus: all routes of the node.

It answers about submissions, blocks and itself; what people ask about the ledger it passes on to
the books (:mod:`kpnode.api.proxy`).
"""

from typing import Final

from aiohttp import web

from kpledger.api.routes import (
    BLOCKS,
    CHECKPOINT,
    EVENT,
    GENESIS,
    JSON_TYPE,
    LIVE,
    OPENAPI,
    READY,
    REHEARSE,
    ROUTES,
    STATUS,
    SUBMIT,
    Answerer,
)
from kpledger.base.keys import SigningKey
from kpnode.api.blocks import BlocksApi
from kpnode.api.http import add_route, answer_problems
from kpnode.api.openapi import build_openapi
from kpnode.api.proxy import BooksProxy
from kpnode.api.served import ApiLimits, BooksGate, Freshness
from kpnode.api.status import StatusApi
from kpnode.api.submit import SubmitApi
from kpnode.runtime import Node


def build_app(
    node: Node, books: BooksGate, *, cosigning_key: SigningKey, limits: ApiLimits
) -> web.Application:
    """Build the application that serves a node."""
    freshness = Freshness(node)
    submit = SubmitApi(node, freshness, limits)
    blocks = BlocksApi(node.ledger, freshness, limits)
    status = StatusApi(node, books, cosigning_key)
    openapi: Final = build_openapi()

    async def get_openapi(_: web.Request) -> web.Response:
        return web.Response(body=openapi, headers={"Content-Type": JSON_TYPE})

    handlers = {
        SUBMIT: submit.post_events,
        REHEARSE: submit.post_rehearsals,
        EVENT: blocks.get_event,
        BLOCKS: blocks.get_blocks,
        GENESIS: status.get_genesis,
        STATUS: status.get_status,
        CHECKPOINT: status.get_checkpoint,
        LIVE: status.get_live,
        READY: status.get_ready,
        OPENAPI: get_openapi,
    }
    proxy = BooksProxy(books, freshness, limits)
    app = web.Application(client_max_size=limits.max_body_bytes, middlewares=[answer_problems])
    app.cleanup_ctx.append(proxy.connected)
    for route in ROUTES:
        is_ours = route.answerer is Answerer.CONSENSUS
        add_route(app, route, handlers[route] if is_ours else proxy.forward)
    return app
