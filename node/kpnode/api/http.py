"""Serving HTTP: a server with its limits, and problems instead of stack traces.

Whatever goes wrong is answered with a problem document (:mod:`kpnode.api.problems`). There is no
access log: it would cost more than many a request, and a proxy keeps a better one.
"""

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import Callable
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler

from kpledger.api.answers import Problem
from kpledger.api.route import Route
from kpledger.base.errors import LedgerError
from kpledger.scheme.outcome import Rule
from kpnode.api.parameters import check_parameters
from kpnode.api.problems import (
    ProblemError,
    ProblemKind,
    error_problem,
    make_problem,
    respond_problem,
)
from kpnode.incident import Incident
from kpnode.listening.acceptor import Acceptor, http_logger
from kpnode.listening.connections import ConnectionLimits, keep_connection
from kpnode.sites import IPAddress
from kpnode.storage.errors import StorageError

_CONTINUE: Final = "100-continue"
_UNASKED_BYTES: Final = 16 * 1024
SHUTDOWN_S: Final = 3.0
"""How long requests under way may go on when the server is stopped."""

_log = logging.getLogger(__name__)


_FAULTS: Final = web.AppKey("faults", dict[type[Exception], Incident])
"""Errors of our own, by their kind."""


def add_route(
    app: web.Application,
    route: Route,
    handler: Handler,
    *,
    guard: Callable[[Route, Handler], Handler] = lambda _, handler: handler,
) -> None:
    """Serve a route; its handler sees no request with a parameter that there is not.

    ``guard`` may keep requests from it that are not for whoever sends them.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        check_parameters(request, route)
        if request.body_exists and not route.has_body:
            # Behind what nobody reads, it would not be seen that the client has left.
            detail = f"{request.method} {route.path} takes no body"
            raise ProblemError(make_problem(ProblemKind.UNWANTED_BODY, detail, accepted="no body"))
        return await handler(request)

    add = app.router.add_post if route.has_body else app.router.add_get
    path = re.sub(r"}$", ":.+}", route.path) if route.takes_rest else route.path
    add(path, guard(route, handle), expect_handler=_meet_expectation)


def note_faults(app: web.Application) -> None:
    """Prepare an application for :func:`answer_problems`."""
    app[_FAULTS] = {}


async def _meet_expectation(request: web.Request) -> web.StreamResponse | None:
    """Let a client send the body that it has announced (RFC 9110, section 10.1.1)."""
    expected = request.headers["Expect"]
    if expected.lower() != _CONTINUE:
        detail = f"Expect: {expected} is not known"
        problem = make_problem(ProblemKind.UNKNOWN_EXPECTATION, detail, accepted=_CONTINUE)
        return respond_problem(problem)
    if request.version == HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # The answer has not begun.
        request.writer.output_size = 0
    return None


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong into a problem document."""
    try:
        return await handler(request)
    except Exception as error:  # noqa: BLE001 (the last door: nobody outside sees a stack trace)
        problem = _explain(request, error)
    headers = {}
    if problem.status == ProblemKind.METHOD_NOT_ALLOWED.status and problem.accepted:
        headers["Allow"] = problem.accepted
    response = respond_problem(problem, headers)
    if problem.status == ProblemKind.SHARE_TAKEN.status or not request.content.is_eof():
        # What is still coming is not read, nor is what else this client has asked on.
        response.force_close()
    return response


def _explain(request: web.Request, error: Exception) -> Problem:
    """Say what an error means to whoever sent the request; log it if it is ours."""
    match error:
        case ProblemError():
            problem = error.problem
        case LedgerError():
            problem = error_problem(error)
        case web.HTTPNotFound():
            problem = make_problem(ProblemKind.NOT_FOUND, f"there is no {request.path}")
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            detail = f"{request.method} is not possible on {request.path}"
            problem = make_problem(ProblemKind.METHOD_NOT_ALLOWED, detail, accepted=allowed)
        case web.HTTPRequestEntityTooLarge():
            detail = f"the request is larger than {request.client_max_size} bytes"
            problem = make_problem(ProblemKind.OVERSIZED, detail, rule=Rule.E12)
        case web.HTTPException():
            is_theirs = error.status < ProblemKind.INTERNAL.status
            kind = ProblemKind.MALFORMED if is_theirs else ProblemKind.INTERNAL
            problem = make_problem(kind, error.reason)
        case ConnectionError() | web.RequestPayloadError():
            # Nobody may be there any more to read this, and it is not worth a line in the log.
            problem = make_problem(ProblemKind.BROKEN_OFF, str(error))
        case _:
            _note_fault(request, error)
            is_disk = isinstance(error, StorageError)
            kind = ProblemKind.STORAGE_FAILED if is_disk else ProblemKind.INTERNAL
            problem = make_problem(kind, "this failed in the node, whose log says why")
    return problem


def _note_fault(request: web.Request, error: Exception) -> None:
    """Log an error of our own: whoever finds a way to make one can make it again and again."""
    faults, kind = request.app[_FAULTS], type(error)
    if kind not in faults:
        faults[kind] = Incident(_log, kind.__name__, level=logging.ERROR)
    faults[kind].note(f"{request.method} {request.path}", error)


class HttpServer:
    """Listens for HTTP requests."""

    def __init__(self, app: web.Application, *, request_s: float) -> None:
        """Prepare to serve an application.

        ``request_s`` is how long a client may take for the headers of a request, its TLS handshake
        included, or be silent.
        """
        app.middlewares.insert(0, keep_connection)
        note_faults(app)
        self._request_s = request_s
        self._acceptor: Acceptor | None = None
        self._runner = web.AppRunner(
            app,
            handle_signals=False,
            access_log=None,
            logger=http_logger(__name__),
            shutdown_timeout=SHUTDOWN_S,
            # Counts from the first byte of a connection too, so it also ends one on which the
            # headers of a request trickle in.
            keepalive_timeout=request_s,
            # An event is a few hundred bytes, and what inflates is no event.
            auto_decompress=False,
            # Nobody works on for a client that has left.
            handler_cancellation=True,
            # So much of a body is read, and twice as much waits, before somebody asks for it.
            read_bufsize=_UNASKED_BYTES,
            # Nor is read what nobody wants; how a client hears of that is said when it is answered.
            lingering_time=0,
        )

    async def start(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        limits: ConnectionLimits,
        *,
        is_preferred: Callable[[IPAddress], bool],
    ) -> int:
        """Listen, and give the port; port 0 takes a free one.

        Addresses that are preferred may have the reserved ones of the connections.

        Raises:
            OSError: the address cannot be used.
        """
        await self._runner.setup()
        self._acceptor = Acceptor(
            "the API",
            self._make_speaker,
            limits,
            wait_s=self._request_s,
            tls=tls,
            is_preferred=is_preferred,
        )
        return await self._acceptor.start(host, port)

    def _make_speaker(self) -> asyncio.Protocol:
        if self._runner.server is None:
            raise RuntimeError("nothing is served before the application is set up")
        return self._runner.server()

    async def start_on(self, listener: socket.socket) -> None:
        """Listen on a socket, which is closed at the end."""
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        if self._acceptor is not None:
            await self._acceptor.close()
        await self._runner.cleanup()
