"""Who a client is, and which routes it may ask."""

import re
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest
from multidict import CIMultiDict
from serving import Served, serve

from kpledger.api.route import Access, Route
from kpledger.api.routes import ROUTES
from kpnode.addresses import LOOPBACK, AddressRange
from kpnode.api.served import ApiLimits
from kpnode.config import AccessSection, BlocksFor
from kpnode.sites import read_address, site_of
from kpnode.tokens import add_token, revoke_token

LISTED = "10.1.2.3"
HERE = AddressRange("127.0.0.1")
BEHIND = AccessSection(addresses=(AddressRange("10.1.0.0/16"),), proxies=(HERE,))


async def ask(
    served: Served, route: Route, headers: Mapping[str, str] | None = None
) -> aiohttp.ClientResponse:
    """Ask at a route, with what it cannot read for what stands in its path."""
    path = re.sub("[{}]", "", route.path)
    async with served.session.request(route.method, path, headers=headers) as response:
        await response.read()
        return response


@pytest.mark.parametrize("blocks", list(BlocksFor))
async def test_a_stranger_is_answered_where_everybody_is_and_nowhere_else(
    tmp_path: Path, blocks: BlocksFor
) -> None:
    open_to_all = {Access.EVERYBODY} | ({Access.AS_CONFIGURED} if blocks == "all" else set())
    async with serve(
        tmp_path / "ledger", ApiLimits(), access=AccessSection(blocks=blocks)
    ) as served:
        for route in ROUTES:
            response = await ask(served, route)
            assert (response.status != 401) == (route.access in open_to_all), route.path
            challenge = response.headers.get("WWW-Authenticate")
            assert challenge == ('Bearer realm="kpledger"' if response.status == 401 else None)


async def test_a_refusal_says_what_everybody_may_ask_and_how_one_is_listed(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(), access=AccessSection()) as served:
        problem = (await served.get("/v1/certificates")).json
    assert problem["type"] == "urn:kpledger:problem:not-listed"
    assert "GET /v1/status" in str(problem["detail"])
    assert "GET /v1/blocks" not in str(problem["detail"])
    assert "kpnode token add" in str(problem["accepted"])


async def test_a_stranger_hears_of_a_node_only_what_a_client_needs(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(), access=AccessSection()) as served:
        found = (await served.get("/v1/status")).json
    names = {"node", "chain", "height", "head", "tree_size", "tree_root", "ready", "age_s"}
    assert set(found) == names | {"final_height", "evidence", "behind"}


async def test_a_token_is_accepted_as_soon_as_it_is_made_and_until_it_is_revoked(
    tmp_path: Path,
) -> None:
    async with serve(tmp_path / "ledger", ApiLimits(), access=AccessSection()) as served:

        async def status_with(token: str) -> tuple[int, str]:
            headers = {"Authorization": f"Bearer {token}"}
            async with served.session.get("/v1/participants", headers=headers) as response:
                return response.status, response.headers.get("WWW-Authenticate", "")

        token = add_token(tmp_path / "tokens", "border-office")
        assert await status_with(token) == (200, "")
        refused = (401, 'Bearer realm="kpledger", error="invalid_token"')
        assert await status_with(token[:-1]) == refused
        assert await status_with("") == refused
        revoke_token(tmp_path / "tokens", "border-office")
        assert await status_with(token) == refused


async def test_a_wrong_token_is_refused_where_everybody_is_answered(tmp_path: Path) -> None:
    async with serve(tmp_path / "ledger", ApiLimits()) as served:
        for headers, status in (
            ({"Authorization": "Bearer x"}, 401),
            ({"Authorization": "Basic x"}, 200),
        ):
            async with served.session.get("/v1/status", headers=headers) as response:
                assert response.status == status


FORWARDED = [
    (BEHIND, {"X-Forwarded-For": LISTED}, True),
    (BEHIND, {"X-Forwarded-For": f"8.8.8.8, {LISTED}"}, True),
    (BEHIND, {"X-Forwarded-For": f"{LISTED}:4711, 127.0.0.1"}, True),
    (BEHIND, {"Forwarded": f'for="{LISTED}:4711";proto=https'}, True),
    (BEHIND, {"Forwarded": f"for=8.8.8.8, By=x;For={LISTED}"}, True),
    (BEHIND, {"X-Forwarded-For": "::ffff:10.1.2.3"}, True),
    # What stands further to the left was written by nobody knows whom.
    (BEHIND, {"X-Forwarded-For": f"{LISTED}, 8.8.8.8"}, False),
    (BEHIND, {"Forwarded": f"for={LISTED}, for=8.8.8.8"}, False),
    (BEHIND, {"Forwarded": f"for={LISTED}, for=unknown"}, False),
    (BEHIND, {"X-Forwarded-For": f"{LISTED}, "}, False),
    (BEHIND, {"X-Forwarded-For": "x"}, False),
    # A proxy writes one of them, and its client may have written the other.
    (BEHIND, {"X-Forwarded-For": LISTED, "Forwarded": f"for={LISTED}"}, False),
    # A proxy that says nothing speaks for nobody knows whom.
    (AccessSection(addresses=LOOPBACK, proxies=(HERE,)), {}, False),
    (AccessSection(addresses=LOOPBACK, proxies=(HERE,)), {"X-Forwarded-For": "127.0.0.1"}, False),
    (AccessSection(addresses=LOOPBACK, proxies=(HERE,)), {"X-Forwarded-For": "127.0.0.2"}, True),
    # And so does one that is not in the configuration.
    (AccessSection(addresses=LOOPBACK), {"X-Forwarded-For": LISTED}, False),
    (AccessSection(addresses=LOOPBACK), {"Forwarded": "for=127.0.0.1"}, False),
    (AccessSection(addresses=LOOPBACK), {"X-Forwarded-For": ""}, False),
    (AccessSection(addresses=LOOPBACK), {}, True),
]


@pytest.mark.parametrize(("access", "headers", "is_listed"), FORWARDED)
async def test_a_client_is_where_believed_proxies_say(
    tmp_path: Path, access: AccessSection, headers: dict[str, str], *, is_listed: bool
) -> None:
    async with (
        serve(tmp_path / "ledger", ApiLimits(), access=access) as served,
        served.session.get("/v1/participants", headers=headers) as response,
    ):
        assert response.status == (200 if is_listed else 401)


async def test_a_proxy_that_is_not_named_is_told_to_the_operator(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(
        tmp_path / "ledger", ApiLimits(), access=AccessSection(addresses=LOOPBACK)
    ) as (served):
        for headers in ({}, {"X-Forwarded-For": LISTED}, {"X-Forwarded-For": "10.9.9.9"}):
            async with served.session.get("/v1/participants", headers=headers):
                pass
    [said] = [one.getMessage() for one in caplog.records if "as listed" in one.getMessage()]
    assert said.startswith("a client was not taken as listed: 127.0.0.1 sends X-Forwarded-For or")


async def test_a_second_line_of_a_header_counts_like_the_first(tmp_path: Path) -> None:
    headers = CIMultiDict([("X-Forwarded-For", LISTED), ("X-Forwarded-For", "8.8.8.8")])
    async with (
        serve(tmp_path / "ledger", ApiLimits(), access=BEHIND) as served,
        served.session.get("/v1/participants", headers=headers) as response,
    ):
        assert response.status == 401


def test_a_site_is_an_ipv4_address_or_what_one_household_has_of_ipv6() -> None:
    assert site_of(read_address("::ffff:10.1.2.3")) == "10.1.2.3"
    here, there = read_address("2001:db8::1"), read_address("2001:db8:0:1::1")
    assert site_of(here) == "2001:db8::/64"
    assert site_of(there) == "2001:db8:0:1::/64"
