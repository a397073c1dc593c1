"""The HTTP application: routes, the one middleware, and the server with its limits.

Whatever goes wrong is answered with a problem document (:mod:`kpnode.api.problems`). There is no
access log: it would cost more than many a request, and a proxy keeps a better one.
"""

import logging
import ssl
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from kpledger.analysis.topics import TOPICS
from kpledger.api.answers import Problem
from kpledger.api.routes import JSON_TYPE
from kpledger.base.errors import LedgerError
from kpledger.base.keys import SigningKey
from kpledger.scheme.outcome import Rule
from kpnode.api.blocks import BlocksApi
from kpnode.api.openapi import build_openapi
from kpnode.api.problems import (
    Kind,
    ProblemError,
    error_problem,
    make_problem,
    respond_problem,
)
from kpnode.api.query import QueryApi
from kpnode.api.rehearse import RehearsalApi
from kpnode.api.served import ApiLimits, ServedNode
from kpnode.api.status import StatusApi
from kpnode.api.submit import SubmitApi
from kpnode.api.topics import TopicsApi
from kpnode.storage.errors import StorageError

SHUTDOWN_S: Final = 3.0
"""How long requests under way may go on when the server is stopped."""

_log = logging.getLogger(__name__)


class _StrangersFilter(logging.Filter):
    """Keeps out of the log what any stranger could fill it with: bytes that are no HTTP."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything else pass."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError | ConnectionError)


_http_log = logging.getLogger(f"{__name__}.http")
_http_log.addFilter(_StrangersFilter())


def build_app(node: ServedNode, *, cosigning_key: SigningKey, limits: ApiLimits) -> web.Application:
    """Build the application that serves a node."""
    query = QueryApi(node)
    status = StatusApi(node, cosigning_key)
    topics = TopicsApi(node, query)
    openapi = build_openapi()

    async def get_openapi(_: web.Request) -> web.Response:
        return web.Response(body=openapi, headers={"Content-Type": JSON_TYPE})

    app = web.Application(client_max_size=limits.max_body_bytes, middlewares=[answer_problems])
    app.add_routes(
        [
            web.post("/v1/events", SubmitApi(node, limits).post_events),
            web.post("/v1/rehearsals", RehearsalApi(node, query, limits).post_rehearsals),
            web.get("/v1/events/{id}", query.get_event),
            web.get("/v1/certificates", query.list_certificates),
            web.get("/v1/certificates/{number}", query.get_certificate),
            web.get("/v1/certificates/{number}/history", query.get_history),
            web.get("/v1/participants", query.list_participants),
            web.get("/v1/participants/{code}", query.get_participant),
            web.get("/v1/keys/{key}", query.get_key),
            web.get("/v1/blocks", BlocksApi(node, limits).get_blocks),
            web.get("/v1/genesis", status.get_genesis),
            web.get("/v1/status", status.get_status),
            web.get("/checkpoint", status.get_checkpoint),
            web.get("/health/live", status.get_live),
            web.get("/health/ready", status.get_ready),
            web.get("/openapi.json", get_openapi),
            *(web.get(f"/v1/{topic.path}", topics.handler(topic)) for topic in TOPICS),
        ]
    )
    return app


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong into a problem document."""
    try:
        return await handler(request)
    except Exception as error:  # noqa: BLE001 (the last door: nobody outside sees a stack trace)
        problem = _explain(request, error)
    headers = {}
    if problem.status == Kind.METHOD_NOT_ALLOWED.status and problem.accepted:
        headers["Allow"] = problem.accepted
    if problem.status == Kind.OVERSIZED.status:
        # What is still coming is not read.
        headers["Connection"] = "close"
    return respond_problem(problem, headers)


def _explain(request: web.Request, error: Exception) -> Problem:
    """Say what an error means to whoever sent the request; log it if it is ours."""
    match error:
        case ProblemError():
            return error.problem
        case web.HTTPException():
            return _translate(request, error)
        case LedgerError():
            return error_problem(error)
        case ConnectionError() | web.RequestPayloadError():
            # Nobody may be there any more to read this, and it is not worth a line in the log.
            return make_problem(Kind.BROKEN_OFF, str(error))
    _log.error("%s %s", request.method, request.path, exc_info=error)
    if isinstance(error, StorageError):
        return make_problem(Kind.STORAGE_FAILED, error.why)
    return make_problem(Kind.INTERNAL, "it is in the node's log")


def _translate(request: web.Request, error: web.HTTPException) -> Problem:
    """Say in our own words what aiohttp has to say."""
    match error:
        case web.HTTPNotFound():
            return make_problem(Kind.NOT_FOUND, f"there is no {request.path}")
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            detail = f"{request.method} is not possible on {request.path}"
            return make_problem(Kind.METHOD_NOT_ALLOWED, detail, accepted=allowed)
        case web.HTTPRequestEntityTooLarge():
            detail = f"the request is larger than {request.client_max_size} bytes"
            return make_problem(Kind.OVERSIZED, detail, rule=Rule.E12)
        case _:
            kind = Kind.MALFORMED if error.status < Kind.INTERNAL.status else Kind.INTERNAL
            return make_problem(kind, error.reason)


class ApiServer:
    """Listens for HTTP requests."""

    def __init__(self, app: web.Application, limits: ApiLimits) -> None:
        """Prepare to serve an application; see :func:`build_app`."""
        self._runner = web.AppRunner(
            app,
            handle_signals=False,
            access_log=None,
            logger=_http_log,
            shutdown_timeout=SHUTDOWN_S,
            # Counts from the first byte of a connection too, so it also ends one on which the
            # headers of a request trickle in.
            keepalive_timeout=limits.request_s,
            # An event is a few hundred bytes, and what inflates is no event.
            auto_decompress=False,
        )

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> int:
        """Listen, and give the port; port 0 takes a free one.

        Raises:
            OSError: the address cannot be used.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=tls, reuse_address=True)
        await site.start()
        return site.port

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        await self._runner.cleanup()
