"""Shares of a bounded capacity, and turns at what few may do at once."""

import asyncio
from contextlib import ExitStack
from functools import partial
from ipaddress import ip_address

import pytest

from kpnode.api.client import Client
from kpnode.api.problems import ProblemError
from kpnode.api.shares import RATE, TURN_S, WINDOW_S, Shares, Turns
from kpnode.sites import site_of


def client(address: str, *, is_listed: bool = False) -> Client:
    return Client(site_of(ip_address(address)), is_listed=is_listed)


ONE, OTHER, THIRD = map(client, ("192.0.2.1", "192.0.2.2", "2001:db8::1"))
LISTED = client("192.0.2.3", is_listed=True)


def refusal(shares: Shares, client: Client, count: int = 1) -> tuple[int, str] | None:
    try:
        with shares.take(client, count):
            return None
    except ProblemError as error:
        return error.problem.status, error.problem.detail


def test_one_client_has_at_most_its_share() -> None:
    shares = Shares(8, "downloads are under way")
    with shares.take(ONE), shares.take(ONE):
        told = "2 downloads are under way for this client alone; send this again later"
        assert refusal(shares, ONE) == (429, told)
        assert refusal(shares, OTHER) is None
    assert refusal(shares, ONE) is None


def test_all_clients_together_have_at_most_the_whole() -> None:
    shares = Shares(3, "downloads are under way", share=1)
    with shares.take(ONE), shares.take(OTHER), shares.take(client("192.0.2.9")):
        told = "3 downloads are under way; send this again later"
        assert refusal(shares, THIRD) == (503, told)
    assert refusal(shares, THIRD) is None


def test_what_is_held_grows_and_is_given_back_whole() -> None:
    shares = Shares(100, "bytes are being read", share=60)
    with shares.take(ONE, 10) as held:
        held.add(50)
        with pytest.raises(ProblemError):
            held.add(1)
        assert held.count == 60
        assert refusal(shares, OTHER, 15) is None
        assert refusal(shares, OTHER, 16) is not None
    assert refusal(shares, OTHER, 60) is None


def test_addresses_of_one_ipv6_network_are_one_client() -> None:
    shares = Shares(4, "downloads are under way")
    with shares.take(THIRD):
        assert refusal(shares, client("2001:db8::ffff:1")) is not None
        assert refusal(shares, client("2001:db8:0:1::1")) is None


def test_listed_clients_have_more_and_a_part_of_their_own() -> None:
    shares = Shares(8, "downloads are under way")
    with shares.take(ONE, 2), shares.take(OTHER, 2), shares.take(THIRD, 2):
        assert refusal(shares, client("192.0.2.9")) == (
            503,
            "6 downloads are under way; send this again later",
        )
        assert refusal(shares, LISTED, 2) is None
        assert refusal(shares, LISTED, 3) is not None
    assert refusal(shares, LISTED, 4) is None
    assert refusal(shares, LISTED, 5) is not None


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Running:
    """Clients at turns; each says when it has one, and ends when it is told to."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.begun: list[Client] = []
        self._ends: list[asyncio.Event] = []

    async def one(self, client: Client) -> None:
        end = asyncio.Event()
        async with self.turns.take(client):
            self.begun.append(client)
            self._ends.append(end)
            await end.wait()

    async def begin(self, *clients: Client) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self.one(client)) for client in clients]
        await settle()
        return tasks

    async def end_first(self) -> None:
        self._ends.pop(0).set()
        await settle()

    async def end_all(self) -> None:
        while self._ends:
            await self.end_first()


async def test_clients_take_turns() -> None:
    running = Running(Turns(1))
    tasks = await running.begin(ONE, ONE, ONE, OTHER, OTHER, THIRD)
    await running.end_all()
    assert running.begun == [ONE, ONE, OTHER, THIRD, ONE, OTHER]
    await asyncio.gather(*tasks)


async def test_one_place_is_left_for_others() -> None:
    running = Running(Turns(3))
    tasks = await running.begin(*[ONE] * 9)
    assert running.begun == [ONE, ONE]
    tasks += await running.begin(OTHER)
    assert running.begun == [ONE, ONE, OTHER]
    await running.end_all()
    assert len(running.begun) == 10
    await asyncio.gather(*tasks)


async def test_whoever_leaves_gives_back_its_turn_and_its_place_in_the_queue() -> None:
    running = Running(Turns(1))
    first, second, third, other = await running.begin(ONE, ONE, ONE, OTHER)
    # In one go: none of them has heard of it when the turn of the first is free.
    first.cancel()
    second.cancel()
    await settle()
    assert running.begun == [ONE, ONE]
    third.cancel()
    await settle()
    assert running.begun == [ONE, ONE, OTHER]
    other.cancel()
    await settle()
    await running.begin(THIRD)
    assert running.begun == [ONE, ONE, OTHER, THIRD]
    await running.end_all()


class Stream:
    """Something that gives way when its client lags."""

    def __init__(self, shares: Shares, client: Client, stack: ExitStack) -> None:
        self.is_cut_off = False
        self.held = stack.enter_context(shares.take(client, cut_off=self.cut_off))

    def cut_off(self) -> None:
        self.is_cut_off = True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Stands still until a test sets its only item."""
    now = [1000.0]
    monkeypatch.setattr("kpnode.api.shares.time.monotonic", lambda: now[0])
    return now


def test_whoever_lags_gives_way_to_the_next_of_the_same_client(clock: list[float]) -> None:
    shares = Shares(8, "downloads are under way")
    with ExitStack() as stack:
        streams = [Stream(shares, ONE, stack) for _ in range(2)]
        assert refusal(shares, ONE) is not None, "neither lags yet"
        clock[0] += 4
        streams[0].held.went_on(4 * RATE)
        assert refusal(shares, ONE) is None
        assert [stream.is_cut_off for stream in streams] == [False, True]
        assert [stream.held.count for stream in streams] == [1, 0]
    with shares.take(ONE), shares.take(ONE):
        assert refusal(shares, ONE) is not None, "what was cut off is given back once"


def test_where_all_is_taken_whoever_lags_most_gives_way(clock: list[float]) -> None:
    shares = Shares(3, "downloads are under way", share=1)
    with ExitStack() as stack:
        streams = []
        for one in (ONE, OTHER, THIRD):
            streams.append(Stream(shares, one, stack))
            clock[0] += 4
        assert refusal(shares, client("192.0.2.9")) is None
        assert [stream.is_cut_off for stream in streams] == [True, False, False]


def test_whoever_holds_more_gives_way_to_a_site_that_holds_less() -> None:
    shares = Shares(8, "downloads are under way")
    with ExitStack() as stack:
        streams = [Stream(shares, one, stack) for one in (ONE, ONE, OTHER, OTHER, THIRD, THIRD)]
        assert refusal(shares, client("192.0.2.9")) is None
        assert [stream.is_cut_off for stream in streams] == [True, *[False] * 5]


def test_whoever_has_had_its_turn_gives_way_to_a_site_that_holds_nothing(
    clock: list[float],
) -> None:
    shares = Shares(4, "downloads are under way", share=1)
    with ExitStack() as stack:
        streams = [Stream(shares, one, stack) for one in (ONE, OTHER, THIRD)]
        for _ in range(int(TURN_S)):
            assert refusal(shares, client("192.0.2.9")) is not None
            clock[0] += 1
            for stream in streams:
                stream.held.went_on(RATE)
        assert refusal(shares, client("192.0.2.9")) is None
        assert [stream.is_cut_off for stream in streams] == [True, False, False]


def test_what_waits_for_the_node_does_not_lag(clock: list[float]) -> None:
    shares = Shares(4, "questions are being answered", share=2)
    with ExitStack() as stack:
        cut_off = [False] * 2
        for at in range(2):
            end = partial(cut_off.__setitem__, at, True)  # noqa: FBT003 (the value of an item)
            stack.enter_context(shares.take(ONE, cut_off=end, is_paced=False))
        stack.enter_context(shares.take(OTHER))
        clock[0] += 4
        assert refusal(shares, OTHER) is not None, "it would hold as much as who gives way"
        assert cut_off == [False, False]
        assert refusal(shares, THIRD) is None
        assert cut_off == [True, False]


def test_listed_clients_give_way_to_listed_ones_alone(clock: list[float]) -> None:
    shares = Shares(4, "downloads are under way", share=4)
    with ExitStack() as stack:
        streams = [Stream(shares, LISTED, stack) for _ in range(4)]
        clock[0] += 2
        assert refusal(shares, ONE) is not None
        assert refusal(shares, client("192.0.2.9", is_listed=True)) is None
        assert [stream.is_cut_off for stream in streams] == [True, False, False, False]


def test_nobody_is_cut_off_where_that_would_not_be_enough(clock: list[float]) -> None:
    shares = Shares(100, "bytes are being read", share=60)
    with shares.take(ONE, 50), ExitStack() as stack:
        stream = Stream(shares, ONE, stack)
        clock[0] += 4
        assert refusal(shares, ONE, 20) is not None
        assert not stream.is_cut_off


def test_a_client_is_given_the_time_that_its_rate_allows(clock: list[float]) -> None:
    with Shares(1, "downloads are under way").take(ONE) as held:
        assert held.patience_s == WINDOW_S
        clock[0] += 5
        assert held.patience_s == WINDOW_S - 5
        held.went_on(2 * RATE)
        assert held.patience_s == WINDOW_S - 3
        held.went_on(1000 * RATE)
        assert held.patience_s == WINDOW_S, "what was quick once says nothing of later"
