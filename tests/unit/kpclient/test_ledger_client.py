"""Asking nodes: answers that are verified, nodes that lie, nodes that do not answer.

The nodes here are scripts behind real sockets, because an honest node cannot be made to lie; what
an honest one answers is tried in ``tests/cli``.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import parse_qsl

import msgspec
import pytest
from aiohttp import web
from founding import make_event, make_genesis, open_trade, signing_key
from scripted_node import STATUS, Script, problem, served
from statements import CERTIFICATE as DECLARED

from kpclient.errors import UsageError
from kpclient.net.connections import NotTrustworthyError
from kpclient.net.ledger_client import LedgerClient, NotConfirmedError
from kpclient.net.node_client import NodeClient, NodeUnreachableError
from kpclient.net.refusals import NodeProblemError
from kpledger.api.answers import (
    CommittedAnswer,
    PendingAnswer,
    Problem,
    RefusedAnswer,
    StatusAnswer,
)
from kpledger.base.errors import AnotherLedgerError
from kpledger.books.certificates import (
    CERTIFICATE,
    CERTIFICATES,
    CertificateQuestion,
    CertificatesAnswer,
    CertificatesQuestion,
)
from kpledger.books.participants import PARTICIPANTS, ParticipantsAnswer, ParticipantsQuestion
from kpledger.books.query import readable
from kpledger.scheme.envelope import decode_envelope, format_envelope_json
from kpledger.scheme.event import EventSignature, SignedEvent, compute_event_id
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.records import CertificateRecord

GENESIS = make_genesis()
NO_LEADER = Problem(
    type="urn:kpledger:problem:no-leader", title="", status=503, detail="there is no leader"
)
EVENT = decode_envelope(make_event("BW/gaborone", CertificateIssued(certificate=DECLARED), nonce=1))
OTHER = decode_envelope(make_event("BW/gaborone", CertificateIssued(certificate=DECLARED), nonce=2))


def committed(event: SignedEvent, *, duplicate: bool = False) -> dict[str, object]:
    return {
        "id": event.event_id.hex(),
        "status": "committed",
        "height": 4,
        "index": 2,
        "block_time_ms": 6,
        "duplicate": duplicate,
    }


def landed(event: SignedEvent, *, duplicate: bool) -> CommittedAnswer:
    return CommittedAnswer(
        id=event.event_id.hex(), height=4, index=2, block_time_ms=6, duplicate=duplicate
    )


async def ask_participants(ledger: LedgerClient) -> ParticipantsAnswer:
    return await ledger.ask(PARTICIPANTS, ParticipantsQuestion())


async def ask_certificate(ledger: LedgerClient, number: str) -> CertificateRecord | None:
    question = CertificateQuestion(number=number)
    return await ledger.find(CERTIFICATE, question)


async def list_certificates(ledger: LedgerClient, limit: int) -> CertificatesAnswer:
    question = CertificatesQuestion(issuer="BW", limit=limit)
    return await ledger.ask(CERTIFICATES, question)


def answered(event: SignedEvent) -> dict[str, object]:
    envelope = msgspec.Raw(format_envelope_json(event.encoded))
    return committed(event) | {"event": {}, "envelope": envelope}


@asynccontextmanager
async def playing(*scripts: Script) -> AsyncIterator[LedgerClient]:
    """Start scripted nodes and a line to them, in this order."""
    async with AsyncExitStack() as stack:
        for script in scripts:
            script.url = await stack.enter_async_context(served(script))
        yield await stack.enter_async_context(client_of(*(script.url for script in scripts)))


@asynccontextmanager
async def client_of(*urls: str, timeout_s: float = 5.0) -> AsyncIterator[LedgerClient]:
    async with NodeClient(GENESIS, urls, timeout_s=timeout_s, observe=lambda *_: None) as line:
        yield LedgerClient(GENESIS, line)


async def free_url() -> str:
    """Give the URL of a port that nobody listens on."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return f"http://127.0.0.1:{port}"


def event_path(event: SignedEvent) -> str:
    return f"GET /v1/events/{event.event_id.hex()}"


async def test_a_status_is_read_and_the_node_is_met_once() -> None:
    script = Script()
    async with playing(script) as ledger:
        expected = msgspec.convert(STATUS, StatusAnswer)
        assert [await ledger.status(), await ledger.status()] == [expected] * 2
    assert script.asked == ["GET /v1/status"] * 3


async def test_what_a_node_shows_first_can_be_compared_with_what_was_seen() -> None:
    seen: list[tuple[str, int]] = []
    script = Script()
    async with playing(script):
        line = NodeClient(
            GENESIS,
            [script.url + "/"],
            timeout_s=5,
            observe=lambda node, status: seen.append((node, status.height)),
        )
        async with line:
            await LedgerClient(GENESIS, line).status()
            await LedgerClient(GENESIS, line).status()
    assert seen == [(script.url, 3)]


async def test_a_node_of_another_ledger_is_not_asked_anything() -> None:
    script = Script({"GET /v1/status": STATUS | {"chain": "ab" * 32}})
    async with playing(script) as ledger:
        with pytest.raises(AnotherLedgerError, match="is of another ledger: its chain id is abab"):
            await ledger.submit([EVENT])
    assert script.asked == ["GET /v1/status"]


async def test_another_genesis_file_is_noticed() -> None:
    script = Script({"GET /v1/genesis": [GENESIS.encoded, GENESIS.encoded + b" "]})
    async with playing(script) as ledger:
        await ledger.verify_genesis()
        with pytest.raises(NotTrustworthyError, match="another genesis file"):
            await ledger.verify_genesis()


async def test_an_event_is_verified() -> None:
    async with playing(Script({event_path(EVENT): answered(EVENT)})) as ledger:
        found = await ledger.event(EVENT.event_id)
    assert found is not None
    assert (found.event, found.height, found.index, found.block_time_ms) == (EVENT, 4, 2, 6)


async def test_an_unknown_event_is_none() -> None:
    async with playing(Script({event_path(EVENT): {"status": "unknown", "id": ""}})) as ledger:
        assert await ledger.event(EVENT.event_id) is None


def forged() -> dict[str, object]:
    forger = signing_key("a forger")
    signature = forger.sign(b"something else")
    found = answered(EVENT)
    envelope = msgspec.json.decode(format_envelope_json(EVENT.encoded))
    copied = EventSignature(keyid=forger.public_key, sig=signature)
    envelope["signatures"] = [
        {"keyid": copied.keyid.hex(), "sig": msgspec.to_builtins(copied.sig)},
    ]
    return found | {"envelope": envelope}


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        pytest.param(answered(OTHER), "it gives", id="another event"),
        pytest.param(forged(), "does not verify", id="a forged signature"),
    ],
)
async def test_an_event_that_is_not_what_was_asked_for_is_not_believed(
    answer: object, problem: str
) -> None:
    async with playing(Script({event_path(EVENT): answer})) as ledger:
        with pytest.raises(NotTrustworthyError, match=problem):
            await ledger.event(EVENT.event_id)


async def test_a_certificate_is_read_with_its_bytes() -> None:
    memory = open_trade()
    memory.record(EVENT.encoded)
    record = memory.certificate("BW000001")
    plain = readable(record)
    missing = problem(404, "there is none")
    script = Script(
        {
            "GET /v1/certificates/BW000001": plain,
            "GET /v1/certificates/BW000003": missing,
            "GET /v1/certificates": {"certificates": [plain], "next": "BW000001"},
        }
    )
    async with playing(script) as ledger:
        assert await ask_certificate(ledger, "BW000001") == record
        assert await ask_certificate(ledger, "BW000003") is None
        found = await list_certificates(ledger, 1)
    assert found == CertificatesAnswer(certificates=(record,), next="BW000001")


async def test_events_are_sent_once_and_answered_in_order() -> None:
    refusal = problem(422, "no", rule="E3")
    results = [
        committed(EVENT, duplicate=True),
        {"id": OTHER.event_id.hex(), "status": "refused", "problem": readable(refusal)},
    ]
    script = Script({"POST /v1/events": {"results": results}})
    async with playing(script) as ledger:
        answers = await ledger.submit([EVENT, OTHER])
    assert answers == (
        landed(EVENT, duplicate=True),
        RefusedAnswer(id=OTHER.event_id.hex(), problem=refusal),
    )
    assert script.batches == [[EVENT.encoded, OTHER.encoded]]


async def test_what_is_not_decided_is_sent_again_with_the_same_bytes() -> None:
    pending = {"id": EVENT.event_id.hex(), "status": "pending"}
    later = {"results": [committed(EVENT, duplicate=True)]}
    first = {"results": [pending, committed(OTHER)]}
    script = Script({"POST /v1/events": [first, later]})
    async with playing(script) as ledger:
        answers = await ledger.submit([EVENT, OTHER])
    assert answers == (
        landed(EVENT, duplicate=True),
        landed(OTHER, duplicate=False),
    )
    assert script.batches == [[EVENT.encoded, OTHER.encoded], [EVENT.encoded]]


async def test_a_node_without_a_leader_is_passed_over() -> None:
    refusal = readable(problem(503, "no leader"))
    lost = {"id": EVENT.event_id.hex(), "status": "unavailable", "problem": refusal}
    cut_off = Script({"POST /v1/events": {"results": [lost]}})
    busy = Script({"POST /v1/events": problem(503, "not now")})
    good = Script({"POST /v1/events": {"results": [committed(EVENT)]}})
    async with playing(cut_off, busy, good) as ledger:
        answers = await ledger.submit([EVENT])
    assert answers == (landed(EVENT, duplicate=False),)
    # On a slow machine one of them may be asked again.
    assert min(len(one.batches) for one in (cut_off, busy)) >= 1
    assert len(good.batches) == 1


async def test_a_dead_node_is_passed_over() -> None:
    good = Script()
    async with playing(good), client_of(await free_url(), good.url) as ledger:
        assert (await ledger.status()).node == "bw-1"


async def test_when_time_is_up_nothing_is_claimed() -> None:
    pending = {"id": EVENT.event_id.hex(), "status": "pending"}
    script = Script({"POST /v1/events": {"results": [pending]}})
    async with playing(script), client_of(script.url, timeout_s=1.0) as ledger:
        assert await ledger.submit([EVENT]) == (PendingAnswer(id=EVENT.event_id.hex()),)
    assert {tuple(batch) for batch in script.batches} == {(EVENT.encoded,)}


async def test_when_nobody_answers_everybody_is_named() -> None:
    urls = [await free_url(), await free_url()]
    async with client_of(*urls, timeout_s=1.0) as ledger:
        with pytest.raises(NodeUnreachableError) as caught:
            await ledger.submit([EVENT])
    assert list(caught.value.silences) == urls
    assert all(str(caught.value).count(url) == 1 for url in urls)


async def test_a_refusal_of_the_whole_request_is_passed_on() -> None:
    refusal = problem(413, "too large", rule="E12", accepted="less")
    async with playing(Script({"POST /v1/events": refusal})) as ledger:
        with pytest.raises(NodeProblemError) as caught:
            await ledger.submit([EVENT])
    assert caught.value.problem == refusal


@pytest.mark.parametrize(
    ("results", "problem"),
    [
        pytest.param([], "0 results for 1 events", id="too few"),
        pytest.param([committed(OTHER)], "it answers about", id="about another event"),
    ],
)
async def test_answers_that_do_not_fit_are_not_believed(results: object, problem: str) -> None:
    async with playing(Script({"POST /v1/events": {"results": results}})) as ledger:
        with pytest.raises(NotTrustworthyError, match=problem):
            await ledger.submit([EVENT])


async def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kpclient.net.node_client.MAX_ANSWER_BYTES", 2000)
    endless = Script({"GET /v1/participants": b"x" * 2001})
    async with playing(endless), client_of(endless.url, timeout_s=1.0) as ledger:
        with pytest.raises(NodeUnreachableError, match="more than 2000 bytes"):
            await ask_participants(ledger)


async def test_a_redirect_is_not_followed() -> None:
    class Redirecting(Script):
        async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
            if request.path == "/v1/status":
                return await super().answer(request)
            raise web.HTTPFound("/v1/status", text="{}")

    script = Redirecting()
    async with playing(script) as ledger:
        ledger._nodes.timeout_s = 0.3
        with pytest.raises(NodeUnreachableError, match="HTTP status 302"):
            await ask_participants(ledger)
    assert set(script.asked) == {"GET /v1/status"}


@pytest.mark.parametrize(
    "urls", [[], ["ftp://x"], ["127.0.0.1:1"], ["http://"], [f"http://{n}" for n in range(65)]]
)
def test_what_is_no_list_of_nodes_is_refused(urls: list[str]) -> None:
    with pytest.raises(UsageError):
        NodeClient(GENESIS, urls, timeout_s=1, observe=lambda *_: None)


@pytest.mark.parametrize("url", ["http://a..b", f"http://{'a' * 64}"])
async def test_a_url_without_a_host_is_refused(url: str) -> None:
    async with client_of(url, timeout_s=1.0) as ledger:
        with pytest.raises(UsageError, match="is not a URL"):
            await ledger.status()


def test_the_events_of_these_tests_differ() -> None:
    assert compute_event_id(EVENT.payload) != OTHER.event_id


async def test_what_is_newest_is_asked_for_with_every_question_and_of_nobody_else() -> None:
    empty: dict[str, object] = {"certificates": [], "next": None}
    script = Script(
        {
            "GET /v1/certificates": empty,
            "GET /v1/participants": {"participants": []},
            event_path(EVENT): {"id": EVENT.event_id.hex(), "status": "unknown"},
        }
    )
    async with playing(script) as plain:
        plain._nodes.timeout_s = 3
        ledger = LedgerClient(GENESIS, plain._nodes, newest=True)
        await list_certificates(ledger, 7)
        await ask_participants(ledger)
        await ledger.event(EVENT.event_id)
        await ledger.status()
    asked = [dict(parse_qsl(query)) for query in script.queries if query]
    assert all(0 < int(query.pop("timeout_ms")) < 3000 for query in asked)
    newest = {"consistency": "linearizable"}
    assert asked == [{"issuer": "BW", "limit": "7"} | newest, newest, newest]


class Unsure(Script):
    """Cannot confirm what is newest, and says so a given number of times; then says nothing."""

    def __init__(self, *, says_so: int) -> None:
        super().__init__()
        self._left = says_so
        self.over = asyncio.Event()
        self.timeouts_ms: list[int] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/v1/status":
            return await super().answer(request)
        self.timeouts_ms.append(int(request.query["timeout_ms"]))
        if not self._left:
            await self.over.wait()
        self._left -= 1
        body = msgspec.json.encode(NO_LEADER)
        return web.Response(status=503, body=body)


async def ask_for_newest(timeout_s: float, *scripts: Unsure) -> str:
    """Ask what nobody can confirm; gives what the error says, nodes by their places."""
    async with playing(*scripts) as plain:
        plain._nodes.timeout_s = timeout_s
        try:
            with pytest.raises(NotConfirmedError) as caught:
                await ask_participants(LedgerClient(GENESIS, plain._nodes, newest=True))
        finally:
            for script in scripts:
                script.over.set()
    text = str(caught.value)
    for place, script in enumerate(scripts):
        text = text.replace(script.url, f"node {place}")
    return text


async def test_what_a_node_says_is_kept_when_it_falls_silent_afterwards() -> None:
    node = Unsure(says_so=1)
    assert await ask_for_newest(0.5, node) == (
        "what is newest cannot be confirmed: node 0: there is no leader"
        " (without --newest the node answers from what it has)"
    )
    assert node.timeouts_ms[0] < 500
    assert node.timeouts_ms == sorted(set(node.timeouts_ms), reverse=True)


async def test_a_silent_node_leaves_time_to_ask_the_next_one() -> None:
    silent, other = Unsure(says_so=0), Unsure(says_so=1)
    text = await ask_for_newest(2.0, silent, other)
    assert re.search(r"node 0: no answer within [\d.]+ s; node 1: there is no leader \(", text)
    assert silent.timeouts_ms[0] < 1000
