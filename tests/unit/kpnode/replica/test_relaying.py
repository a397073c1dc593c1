"""Events and questions that a node passes on which does not vote, and what it believes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from following import following, honest_node, serving_api
from founding import event_id_of, make_certificate, make_event, opening_events
from neighbours import wait_until

from kpledger.api.answers import (
    BatchAnswer,
    CommittedAnswer,
    PendingAnswer,
    Problem,
    RefusedAnswer,
    SubmitAnswer,
)
from kpledger.api.routes import HEIGHT_HEADER, SUBMIT
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpnode.replica.condition import READY_AGE_S
from kpnode.replica.replica import Replica
from kpnode.submission import Committed, Pending, Refused, Unavailable

SHORT_S = 2.0
LONG_S = 60.0
GOOD = opening_events("BW/maun", first=False)[0]
OUT_OF_RANGE = make_event(
    "BW/gaborone", CertificateIssued(certificate=make_certificate("BW999999"))
)


async def wait_until_ready(*replicas: Replica) -> None:
    await wait_until(lambda: all(one.status().obstacle is None for one in replicas))


async def test_event_is_recorded_through_several_hops_and_only_once(tmp_path: Path) -> None:
    async with (
        honest_node(tmp_path) as (served, url),
        following(tmp_path / "near", url) as near,
        serving_api(near, tmp_path) as near_url,
        following(tmp_path / "middle", near_url) as middle,
        serving_api(middle, tmp_path) as middle_url,
        following(tmp_path / "far", middle_url) as far,
    ):
        await wait_until_ready(near, middle, far)
        (first,) = await far.submit([decode_envelope(GOOD)], LONG_S)
        (again,) = await far.submit([decode_envelope(GOOD)], LONG_S)
        assert isinstance(first, Committed)
        assert isinstance(again, Committed)
        assert (first.duplicate, again.duplicate) == (False, True)
        assert far.ledger.tip.height == served.node.ledger.tip.height
        assert await far.catch_up(LONG_S) is None


async def test_batch_keeps_its_order(tmp_path: Path) -> None:
    events = [decode_envelope(one) for one in opening_events("BW/maun", first=False)[:2]]
    async with honest_node(tmp_path) as (_, url), following(tmp_path / "own", url) as replica:
        await wait_until_ready(replica)
        outcomes = await replica.submit(events, LONG_S)
        assert [type(one) for one in outcomes] == [Committed, Committed]


async def test_refusal_is_passed_on_in_own_words(tmp_path: Path) -> None:
    async with honest_node(tmp_path) as (_, url), following(tmp_path / "own", url) as replica:
        await wait_until_ready(replica)
        (outcome,) = await replica.submit([decode_envelope(OUT_OF_RANGE)], LONG_S)
        assert isinstance(outcome, Refused)
        assert outcome.refusal.rule is Rule.E3


@asynccontextmanager
async def answering(url: str, answer: bytes = b"", height: str = "") -> AsyncIterator[str]:
    """Stand before a node, answer submissions in its place, and say how high its ledger is."""
    app = web.Application()

    async def submit(_: web.Request) -> web.Response:
        return web.Response(body=answer, content_type="application/json")

    async def send_on(request: web.Request) -> web.Response:
        async with (
            aiohttp.ClientSession() as session,
            session.get(url + str(request.rel_url)) as said,
        ):
            own = {HEIGHT_HEADER: height} if height else {}
            return web.Response(status=said.status, body=await said.read(), headers=own)

    app.router.add_post(SUBMIT.path, submit)
    app.router.add_get("/{path:.*}", send_on)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


EVENT_ID = event_id_of(GOOD).hex()
PROBLEM = Problem(type="x", title="x", status=422, detail="so it is", rule="E3")
COMMITTED = CommittedAnswer(id=EVENT_ID, height=99, index=99, block_time_ms=1, duplicate=False)
DUPLICATE = msgspec.structs.replace(COMMITTED, duplicate=True)
REFUSED = RefusedAnswer(id=EVENT_ID, problem=PROBLEM)


EVENT_ID = event_id_of(GOOD).hex()
PROBLEM = Problem(type="x", title="x", status=422, detail="so it is", rule="E3")
COMMITTED = CommittedAnswer(id=EVENT_ID, height=99, index=99, block_time_ms=1, duplicate=False)
LIES: tuple[SubmitAnswer, ...] = (
    RefusedAnswer(id=EVENT_ID, problem=PROBLEM),
    COMMITTED,
    msgspec.structs.replace(COMMITTED, duplicate=True),
)


async def test_what_a_source_says_of_an_event_is_not_believed(tmp_path: Path) -> None:
    async with honest_node(tmp_path) as (_, url):
        for at, said in enumerate(LIES):
            answer = msgspec.json.encode(BatchAnswer(results=(said,)))
            async with (
                answering(url, answer) as lying,
                following(tmp_path / str(at), lying) as replica,
            ):
                await wait_until_ready(replica)
                (outcome,) = await replica.submit([decode_envelope(GOOD)], SHORT_S)
                assert isinstance(outcome, Pending | Unavailable), outcome


async def test_knowledge_of_a_voter_that_is_cut_off_makes_nobody_young(tmp_path: Path) -> None:
    async with (
        honest_node(tmp_path) as (served, url),
        following(tmp_path / "near", url) as near,
        serving_api(near, tmp_path) as near_url,
        following(tmp_path / "far", near_url) as far,
    ):
        await wait_until_ready(near, far)
        await served.node.stop()
        await wait_until(lambda: min(near.age_s, far.age_s) > READY_AGE_S)
        for one in (near, far):
            assert one.status().obstacle == (
                f"what this node knows of the end of the ledger is {one.age_s} s old"
            )
            assert (one.status().hears_leader, one.status().leader) == (False, None)


@pytest.mark.parametrize(
    "said",
    [
        RefusedAnswer(id=EVENT_ID, problem=PROBLEM),
        msgspec.structs.replace(COMMITTED, height=1),
        PendingAnswer(id=EVENT_ID, reason=None),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_source_that_lets_no_event_through_is_gone_round(
    tmp_path: Path, said: SubmitAnswer
) -> None:
    answer = msgspec.json.encode(BatchAnswer(results=(said,)))
    async with (
        honest_node(tmp_path) as (_, url),
        answering(url, answer) as lying,
        following(tmp_path / "own", lying, url) as replica,
    ):
        await wait_until_ready(replica)
        (outcome,) = await replica.submit([decode_envelope(GOOD)], LONG_S)
        if isinstance(outcome, Unavailable):
            # It may be the leader's own refusal, and is told; who sends the event again is heard.
            (outcome,) = await replica.submit([decode_envelope(GOOD)], LONG_S)
        assert isinstance(outcome, Committed), outcome


async def test_height_that_is_never_reached_is_not_waited_for(tmp_path: Path) -> None:
    async with (
        honest_node(tmp_path) as (_, url),
        answering(url, height=str(10**12)) as lying,
        following(tmp_path / "own", lying, url) as replica,
    ):
        await wait_until_ready(replica)
        assert await replica.catch_up(LONG_S) is None
