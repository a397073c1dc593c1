"""Bad input to a running network: each gets a clear answer, and a good event still commits."""

import asyncio
import io
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from network import PATIENCE_S, Network, running_network

from kpledger.base.codec import encode
from kpledger.base.keys import SigningKey
from kpledger.log.genesis import parse_genesis
from kpledger.scheme.envelope import format_envelope_json, open_envelope, sign_event
from kpnode.addresses import Address
from kpnode.raft import NodeId
from kpnode.transport.tls import client_context

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

JSON = "application/json"
MSGPACK = "application/msgpack"
STRANGER = SigningKey.from_seed(b"\x07" * 32)
NEXT_YEAR_MS = time.time_ns() // 1_000_000 + 366 * 86_400_000
Content = dict[str, object]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    place = tmp_path_factory.mktemp("bad-input") / "net"
    async with running_network(place, "--voters", "3") as running:
        yield running


async def post(network: Network, body: bytes, media_type: str) -> tuple[int, Content]:
    url = f"{network.seen.nodes[0].api}/v1/events"
    headers = {"Content-Type": media_type}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=io.BytesIO(body), headers=headers) as response,
    ):
        return response.status, msgspec.json.decode(await response.read(), type=Content)


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _good_event_commits_afterwards(network: Network) -> AsyncIterator[None]:
    yield
    status, answer = await post(network, network.note(), MSGPACK)
    assert (status, answer["status"]) == (201, "committed")
    for node in network.seen.nodes:
        assert "Traceback" not in node.log.read_text()


@pytest.mark.parametrize(
    ("head", "status"),
    [(b"Content-Type: \xff", 415), (b"Expect: \xff", 417), (b"Expect: 100-continue", 415)],
)
async def test_head_that_is_no_text_is_answered_with_a_problem(
    network: Network, head: bytes, status: int
) -> None:
    address = Address(network.seen.nodes[0].api.partition("//")[2])
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"POST /v1/events HTTP/1.1\r\nHost: n\r\n%s\r\nContent-Length: 2\r\n\r\n{}" % head)
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 100 " in answer:
            answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"application/problem+json" in answer


def sign_content(network: Network, change: Callable[[Content], object]) -> bytes:
    """Change the content of a good event, and sign that."""
    content = msgspec.msgpack.decode(open_envelope(network.note()).payload, type=Content)
    change(content)
    payload = msgspec.msgpack.encode(content, order="sorted")
    return sign_event(payload, [network.signing_key("root-BW")])


def body_of(content: Content) -> Content:
    body = content["body"]
    assert isinstance(body, dict)
    return body


def edit_json(network: Network, change: Callable[[Content], object]) -> bytes:
    """Change the DSSE JSON of a good event."""
    envelope = msgspec.json.decode(format_envelope_json(network.note()), type=Content)
    change(envelope)
    return msgspec.json.encode(envelope)


def flip_signature(network: Network) -> bytes:
    envelope = open_envelope(network.note())
    (signature,) = envelope.signatures
    flipped = bytes([signature.sig[0] ^ 1]) + signature.sig[1:]
    altered = msgspec.structs.replace(signature, sig=flipped)
    return encode(msgspec.structs.replace(envelope, signatures=(altered,)))


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    make: Callable[[Network], bytes]
    media_type: str
    status: int
    slug: str
    rule: str | None


CASES = (
    Case("empty JSON", lambda _: b"", JSON, 400, "malformed", "E12"),
    Case("no JSON", lambda _: b"\xff{", JSON, 400, "malformed", "E12"),
    Case("nested JSON", lambda _: b"[" * 100_000, JSON, 400, "malformed", "E12"),
    Case("nested MessagePack", lambda _: b"\x91" * 100_000, MSGPACK, 400, "malformed", "E12"),
    Case(
        "unknown field of the DSSE JSON",
        lambda network: edit_json(network, lambda one: one.update(extra=1)),
        JSON,
        400,
        "malformed",
        "E12",
    ),
    Case(
        "wrong type in the DSSE JSON",
        lambda network: edit_json(network, lambda one: one.update(signatures="none")),
        JSON,
        400,
        "malformed",
        "E12",
    ),
    Case(
        "no base64",
        lambda network: edit_json(network, lambda one: one.update(payload="%%%")),
        JSON,
        400,
        "malformed",
        "E12",
    ),
    Case(
        "no signature",
        lambda network: edit_json(network, lambda one: one.update(signatures=[])),
        JSON,
        400,
        "malformed",
        "E12",
    ),
    Case(
        "unknown field of the event",
        lambda network: sign_content(network, lambda one: one.update(extra=1)),
        MSGPACK,
        400,
        "malformed",
        "E12",
    ),
    Case(
        "wrong type in the event",
        lambda network: sign_content(network, lambda one: one.update(occurred_at="today")),
        MSGPACK,
        400,
        "malformed",
        "E12",
    ),
    Case(
        "unknown type of event",
        lambda network: sign_content(network, lambda one: one.update(type="rumour_heard")),
        MSGPACK,
        400,
        "malformed",
        "E12",
    ),
    Case(
        "unknown field of the body",
        lambda network: sign_content(network, lambda one: body_of(one).update(extra=1)),
        MSGPACK,
        400,
        "malformed",
        "E5",
    ),
    Case(
        "wrong type in the body",
        lambda network: sign_content(network, lambda one: body_of(one).update(text=1.5)),
        MSGPACK,
        400,
        "malformed",
        "E5",
    ),
    Case(
        "field of the body missing",
        lambda network: sign_content(network, lambda one: body_of(one).pop("references")),
        MSGPACK,
        400,
        "malformed",
        "E5",
    ),
    Case(
        "a second spelling",
        lambda network: b"\xde\x00\x03" + network.note()[1:],
        MSGPACK,
        400,
        "not-canonical",
        "E12",
    ),
    Case(
        "bytes after the end",
        lambda network: network.note() + b"\xc0",
        MSGPACK,
        400,
        "malformed",
        "E12",
    ),
    Case(
        "bytes missing",
        lambda network: network.note()[:-1],
        MSGPACK,
        400,
        "malformed",
        "E12",
    ),
    Case("oversized envelope", lambda _: bytes(60_000), MSGPACK, 413, "oversized", "E12"),
    Case("oversized body", lambda _: bytes(2 << 20), MSGPACK, 413, "oversized", "E12"),
    Case(
        "another ledger",
        lambda network: network.note(chain="00" * 32),
        MSGPACK,
        422,
        "refused",
        "E12",
    ),
    Case(
        "from the future",
        lambda network: sign_content(network, lambda one: one.update(occurred_at=NEXT_YEAR_MS)),
        MSGPACK,
        422,
        "refused",
        "E12",
    ),
    Case(
        "unknown key",
        lambda network: sign_event(open_envelope(network.note()).payload, [STRANGER]),
        MSGPACK,
        422,
        "refused",
        "E1",
    ),
    Case(
        "key of somebody else",
        lambda network: sign_event(
            open_envelope(network.note()).payload, [network.signing_key("root-ZA")]
        ),
        MSGPACK,
        422,
        "refused",
        "E1",
    ),
    Case("bad signature", flip_signature, MSGPACK, 422, "bad-signature", "E1"),
    Case(
        "form instead of JSON",
        lambda _: b"event=1",
        "application/x-www-form-urlencoded",
        415,
        "unsupported-media-type",
        None,
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_bad_event_is_refused_for_its_reason(network: Network, case: Case) -> None:
    status, problem = await post(network, case.make(network), case.media_type)
    slug = str(problem["type"]).removeprefix("urn:kpledger:problem:")
    assert (status, slug, problem.get("rule")) == (case.status, case.slug, case.rule), problem


async def test_every_node_refuses_with_the_same_words(network: Network) -> None:
    envelope = sign_event(open_envelope(network.note()).payload, [STRANGER])
    answers = []
    async with aiohttp.ClientSession() as session:
        for node in network.seen.nodes:
            async with session.post(
                f"{node.api}/v1/events", data=envelope, headers={"Content-Type": MSGPACK}
            ) as response:
                answers.append((response.status, await response.json(content_type=None)))
    assert answers == [answers[0]] * 3
    assert answers[0][1]["rule"] == "E1"


async def speak(address: str, data: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """Send bytes, and give what comes back until the other side ends the connection."""
    target = Address(address.removeprefix("http://"))
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection(target.host, target.port, ssl=tls)
        try:
            writer.write(data)
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()


async def test_a_request_that_breaks_off_harms_nobody(network: Network) -> None:
    envelope = network.note()
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: node\r\nContent-Type: {MSGPACK}\r\n"
        f"Content-Length: {len(envelope)}\r\n\r\n"
    ).encode()
    whole = head + envelope
    address = Address(network.seen.nodes[0].api.removeprefix("http://"))
    for length in (1, 20, len(head), len(head) + 1, len(whole) - 1):
        _, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(whole[:length])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{network.seen.nodes[0].api}/v1/status") as response,
    ):
        assert (await response.json())["pending"] == 0


async def test_connections_that_say_nothing_or_little_stop_nobody(network: Network) -> None:
    address = Address(network.seen.nodes[0].api.removeprefix("http://"))
    silent = [await asyncio.open_connection(address.host, address.port) for _ in range(200)]
    for _, writer in silent[::2]:
        writer.write(b"POST /v1/events HTTP/1.1\r\nHost: no")
    status, answer = await post(network, network.note(), MSGPACK)
    assert (status, answer["status"]) == (201, "committed")
    for _, writer in silent:
        writer.close()


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(bytes(range(256)) * 300, id="bytes"),
        pytest.param(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\r\n\r\n", id="TLS hello"),
        pytest.param(b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", id="endless path"),
    ],
)
async def test_garbage_on_the_api_port_is_a_bad_request(network: Network, garbage: bytes) -> None:
    answer = await speak(network.seen.nodes[0].api, garbage)
    assert b" 400 " in answer.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(bytes(range(256)) * 300, id="bytes"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: node\r\n\r\n", id="HTTP without TLS"),
        pytest.param(b"\x16\x03\x01\xff\xff\x01" + bytes(70_000), id="a long TLS hello"),
    ],
)
async def test_garbage_on_the_peer_port_gets_at_most_a_tls_alert(
    network: Network, garbage: bytes
) -> None:
    try:
        answer = await speak(network.seen.nodes[0].peers, garbage)
    except ConnectionError:
        answer = b""
    # Content type 21 is an alert (RFC 8446, section 5.1).
    assert answer[:1] in (b"", b"\x15")


async def test_a_peer_with_a_wrong_tls_key_is_refused(network: Network) -> None:
    genesis = parse_genesis(network.seen.genesis.read_bytes())
    pins = {NodeId(one.name): bytes.fromhex(one.tls_key) for one in genesis.file.nodes}
    wrong = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
    context = client_context(wrong, NodeId("za-2"), pins)
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.ws_connect(f"https://{network.seen.nodes[0].peers}/v1/peer")


async def test_the_right_tls_key_is_let_in(network: Network) -> None:
    """The counterpart of the test above: there it is the key that is wrong, nothing else."""
    genesis = parse_genesis(network.seen.genesis.read_bytes())
    pins = {NodeId(one.name): bytes.fromhex(one.tls_key) for one in genesis.file.nodes}
    seed = network.seen.nodes[1].config.with_name("tls.seed").read_text().strip()
    right = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    connector = aiohttp.TCPConnector(ssl=client_context(right, NodeId("za-2"), pins))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.ws_connect(f"https://{network.seen.nodes[0].peers}/v1/peer") as peer,
    ):
        assert not peer.closed
