"""What strangers and one key can make a node compute and queue, on real processes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from load import HEADERS
from network import (
    GLANCE_S,
    PATIENCE_S,
    Network,
    NodeSeen,
    ask_status,
    find_leader,
    running_network,
)

from attacks.forgeries import add_noise, forge, sign_as_strangers
from kpledger.api.routes import MAX_BATCH

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

FLOOD_BATCHES = 4
BLOCK_EVENTS = 256
"""Events that the leader takes into a block at most."""
Result = dict[str, object]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    place = tmp_path_factory.mktemp("admission") / "net"
    async with running_network(place, "--voters", "3", "--no-quotas") as running:
        yield running


@asynccontextmanager
async def calling_from(host: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a client at an address of its own: what one has sent in vain counts for no other."""
    connector = aiohttp.TCPConnector(local_addr=(host, 0))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


async def send(
    session: aiohttp.ClientSession,
    node: NodeSeen,
    events: Sequence[bytes],
    path: str = "/v1/events",
) -> tuple[int, list[Result], str | None]:
    """Send a batch; gives the status, what became of each event, and when to come again."""
    url, body = f"{node.api}{path}", msgspec.msgpack.encode(list(events))
    async with session.post(url, data=body, headers=HEADERS) as response:
        answer = msgspec.json.decode(await response.read(), type=Result)
        results = msgspec.convert(answer.get("results", []), list[Result])
        return response.status, results, response.headers.get("Retry-After")


def problem_of(result: Result) -> tuple[str, str]:
    """Give the kind of a problem, and what it says."""
    problem = msgspec.convert(result["problem"], dict[str, object])
    return str(problem["type"]).rpartition(":")[2], str(problem["detail"])


@pytest.mark.parametrize("path", ["/v1/events", "/v1/rehearsals"])
async def test_nothing_is_verified_of_whoever_may_not_sign(network: Network, path: str) -> None:
    """A signature that does not verify goes unnoticed: the key is refused without arithmetic."""
    leader = None
    india = network.signing_key("root-IN").public_key
    shapes: dict[str, Callable[[bytes], bytes]] = {
        "is not registered": sign_as_strangers,
        "belongs to IN/root": lambda event: add_noise(event, india),
    }
    async with calling_from("127.0.0.61") as session:
        leader = await find_leader(session, network)
        for node in network.seen.nodes[:2]:
            for words, make in shapes.items():
                events = [make(network.note()) for _ in range(8)]
                status, results, _ = await send(session, node, events, path)
                assert status == 200
                found = [problem_of(result) for result in results]
                assert [kind for kind, _ in found] == ["refused"] * 8, found
                assert all(words in detail for _, detail in found), found
    assert leader is not None


async def test_forgeries_use_up_the_allowance_of_their_sender_and_of_nobody_else(
    network: Network,
) -> None:
    forgeries = [forge(network.note()) for _ in range(MAX_BATCH)]
    async with calling_from("127.0.0.62") as attacker, calling_from("127.0.0.63") as officer:
        leader = await find_leader(officer, network)
        status, results, _ = await send(attacker, leader, forgeries)
        kinds = [problem_of(result)[0] for result in results]
        assert status == 200
        assert set(kinds) == {"bad-signature", "share-taken"}
        assert kinds == sorted(kinds), "it was looked at again after the allowance was spent"
        status, _, retry_after = await send(attacker, leader, forgeries)
        assert (status, retry_after is None) == (429, False)
        status, results, _ = await send(officer, leader, [network.note()])
        assert (status, [one["status"] for one in results]) == (200, ["committed"])


async def test_what_is_no_event_or_recorded_already_is_counted_as_well(network: Network) -> None:
    recorded = network.note()
    again = [add_noise(recorded, network.signing_key("root-IN").public_key)] * MAX_BATCH
    shapes = {"127.0.0.67": [b""] * MAX_BATCH, "127.0.0.68": again}
    async with calling_from("127.0.0.69") as officer:
        leader = await find_leader(officer, network)
        assert (await send(officer, leader, [recorded]))[1][0]["status"] == "committed"
        for host, events in shapes.items():
            async with calling_from(host) as attacker:
                answers = [await send(attacker, leader, events) for _ in range(2)]
                assert answers[-1][0] == 429, answers[-1]
                assert answers[-1][2] is not None
                _, results, _ = answers[0]
                assert (
                    len([one for one in results if one["status"] == "committed"]) <= MAX_BATCH / 4
                )
        # As whoever has lost the answers.
        status, results, _ = await send(officer, leader, [recorded] * MAX_BATCH)
        assert (status, {one["status"] for one in results}) == (200, {"committed"})


async def test_author_that_floods_the_queue_keeps_nobody_else_waiting(network: Network) -> None:
    """Whoever else submits is in one of the next blocks, before much of what was there first."""
    batches = [[network.note("ZA") for _ in range(MAX_BATCH)] for _ in range(FLOOD_BATCHES)]
    honest = network.note("IN")
    async with calling_from("127.0.0.64") as flooder, calling_from("127.0.0.65") as officer:
        leader = await find_leader(officer, network)
        height = (await ask_status(officer, leader))["height"]
        flood = [asyncio.create_task(send(flooder, leader, batch)) for batch in batches]
        async with asyncio.timeout(PATIENCE_S):
            while (await ask_status(officer, leader))["height"] == height:  # noqa: ASYNC110 (no event)
                await asyncio.sleep(GLANCE_S)
        _, [own], _ = await send(officer, leader, [honest])
        flooded = [one for _, results, _ in await asyncio.gather(*flood) for one in results]
    assert own["status"] == "committed"
    index = msgspec.convert(own["index"], int)
    indexes = [msgspec.convert(one["index"], int) for one in flooded if "index" in one]
    assert sum(one > index for one in indexes) > BLOCK_EVENTS
