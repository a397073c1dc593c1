"""What a row of the table of routes says is what is served, whatever stands in the row."""

from collections.abc import AsyncIterator
from typing import Final

import aiohttp
import msgspec
import pytest
from aiohttp import web
from yarl import URL

from kpledger.api.route import Route
from kpnode.api.http import add_route, answer_problems


class PlaceQuestion(msgspec.Struct, frozen=True, kw_only=True):
    at: str


DEEP: Final = Route("/place/{at}", "A place", (), question=PlaceQuestion, takes_rest=True)
FLAT: Final = Route("/room/{at}", "A room", (), question=PlaceQuestion)
GIVE: Final = Route("/notes", "Give a note", (), takes="text/plain")


async def echo(request: web.Request) -> web.Response:
    said = request.match_info.get("at", "")
    return web.Response(text=f"{request.method} {said}{await request.text()}")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    app = web.Application(middlewares=[answer_problems])
    for route in (DEEP, FLAT, GIVE):
        add_route(app, route, echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as found:
        yield found
    await runner.cleanup()


@pytest.mark.parametrize(
    ("method", "target", "body", "expected"),
    [
        ("GET", DEEP.target(PlaceQuestion(at="0/x001/067.p/8")), "", "GET 0/x001/067.p/8"),
        ("GET", DEEP.target(PlaceQuestion(at="a b/?")), "", "GET a b/?"),
        ("GET", FLAT.target(PlaceQuestion(at="a/b")), "", "GET a/b"),
        ("POST", GIVE.target(), "a note", "POST a note"),
    ],
)
async def test_a_route_is_served_as_its_row_says(
    session: aiohttp.ClientSession, method: str, target: str, body: str, expected: str
) -> None:
    async with session.request(method, URL(target, encoded=True), data=body or None) as response:
        assert (response.status, await response.text()) == (200, expected)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/place/", "", 404),
        ("GET", "/room/a/b", "", 404),
        ("GET", "/place/a/b", "unwanted", 400),
        ("GET", "/notes", "", 405),
        ("POST", "/place/a", "", 405),
    ],
)
async def test_what_no_row_says_is_refused(
    session: aiohttp.ClientSession, method: str, path: str, body: str, status: int
) -> None:
    async with session.request(method, path, data=body or None) as response:
        assert response.status == status
