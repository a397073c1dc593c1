"""Bodies of requests, as far as there is room and patience for them."""

import asyncio
from contextlib import nullcontext

from aiohttp import web

from kpnode.api.problems import ProblemError, ProblemKind, make_problem
from kpnode.api.served import ApiLimits
from kpnode.api.shares import Held
from kpnode.fairness import BATCHES, Slices


async def read_body(request: web.Request, limits: ApiLimits, held: Held, slices: Slices) -> bytes:
    """Read a body; ``held`` counts its bytes as they come.

    Raises:
        ProblemError: it comes too slowly, or there is no room for it.
        HTTPRequestEntityTooLarge: it is too large.
    """
    limit, announced = limits.max_body_bytes, request.content_length or 0
    if announced > limit:
        raise web.HTTPRequestEntityTooLarge(limit, announced)
    body = bytearray()
    # Most bodies have come with their headers.
    patience = nullcontext() if request.content.is_eof() else asyncio.timeout(limits.request_s)
    try:
        async with patience:
            # Counted as it comes: what is announced costs whoever announces it nothing.
            while piece := await request.content.readany():
                if len(body) + len(piece) > limit:
                    raise web.HTTPRequestEntityTooLarge(limit, len(body) + len(piece))
                held.add(len(piece))
                held.went_on(len(piece))
                body += piece
                if not request.content.is_eof():
                    await slices.next(BATCHES)
    except TimeoutError:
        detail = f"the body was not there within {limits.request_s:g} seconds"
        raise ProblemError(make_problem(ProblemKind.TOO_SLOW, detail)) from None
    return bytes(body)
