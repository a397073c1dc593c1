"""Authors take turns; nobody's share leaves no room for the next one."""

import pytest
from founding import OFFICES, opening_events

from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import Author, SignedEvent
from kpnode.fairness import Buckets, FairQueue, LaneShares

EVENTS = [decode_envelope(one) for office in OFFICES for one in opening_events(office)]
SMALL, LARGE = sorted(EVENTS, key=lambda one: len(one.encoded))[:: len(EVENTS) - 1]


def lane(name: str) -> Author:
    participant, _, authority = name.partition("/")
    return Author(participant=participant, authority=authority)


def anything(_: SignedEvent) -> bool:
    return True


def take_all(queue: FairQueue) -> list[SignedEvent]:
    taken = []
    while len(queue):
        taken += queue.take(1, anything)
    return taken


def test_events_of_one_lane_stay_in_order() -> None:
    queue = FairQueue()
    for event in EVENTS:
        queue.add(lane("BW/root"), event)
    assert len(queue) == len(EVENTS)
    assert take_all(queue) == EVENTS


def test_participants_take_turns_and_within_them_offices() -> None:
    queue = FairQueue()
    names = {}
    for name, count in {"BW/root": 3, "BW/gaborone": 1, "IN/mumbai": 2}.items():
        for number in range(count):
            event = SMALL.__class__(**{f: getattr(SMALL, f) for f in SMALL.__struct_fields__})
            names[id(event)] = f"{name} {number}"
            queue.add(lane(name), event)
    order = [names[id(event)] for event in take_all(queue)]
    assert order == [
        "BW/root 0",
        "IN/mumbai 0",
        "BW/gaborone 0",
        "IN/mumbai 1",
        "BW/root 1",
        "BW/root 2",
    ]


def test_nodes_that_relay_take_turns_however_many_lanes_one_of_them_names() -> None:
    queue = FairQueue()
    for number in range(300):
        queue.add(lane(f"A{number}/root"), LARGE, "za-1")
        queue.add(lane("IN/root"), LARGE, "za-1")
    for _ in range(3):
        queue.add(lane("IN/root"), SMALL, "eu-1")
    taken = queue.take(6, anything)
    assert taken.count(SMALL) == 3
    assert len(queue) == 597


def test_who_sends_large_events_has_fewer_of_them() -> None:
    queue = FairQueue()
    for _ in range(100):
        queue.add(lane("BW/root"), LARGE)
        queue.add(lane("IN/root"), SMALL)
    taken = [event for _ in range(60) for event in queue.take(1, anything)]
    had = [sum(len(one.encoded) for one in taken if one is kind) for kind in (LARGE, SMALL)]
    assert abs(had[0] - had[1]) <= len(LARGE.encoded)


def test_newcomer_is_next_but_has_no_credit_from_when_it_was_away() -> None:
    queue = FairQueue()
    for _ in range(50):
        queue.add(lane("BW/root"), LARGE)
    for _ in range(30):
        queue.take(1, anything)
    for _ in range(10):
        queue.add(lane("IN/root"), SMALL)
    taken = queue.take(4, anything)
    assert SMALL in taken
    assert LARGE in taken


def test_however_many_fill_their_share_the_next_one_has_room() -> None:
    shares = LaneShares(10_000)
    for number in range(20):
        one = lane(f"A{number}/root")
        assert shares.has_room(one)
        while shares.has_room(one):
            shares.add(one, 1)
    assert shares.has_room(lane("IN/root"))


def test_strangers_may_not_use_more_names_than_can_be_looked_through() -> None:
    shares = LaneShares(10_000, names=6)
    for number in range(3):
        shares.add(lane(f"A{number}/root"), 1)
    assert shares.has_room(lane("A0/root"))
    assert not shares.has_room(lane("IN/root"))
    shares.add(lane("A1/root"), -1)
    assert shares.has_room(lane("IN/root"))


@pytest.mark.parametrize(("limit", "expected"), [(900, 300), (1, 1)])
def test_one_author_alone_has_a_third(limit: int, expected: int) -> None:
    shares, count = LaneShares(limit), 0
    while shares.has_room(lane("BW/root")):
        shares.add(lane("BW/root"), 1)
        count += 1
    assert count == expected


def test_offices_of_one_participant_have_half_between_them() -> None:
    shares, count = LaneShares(1000), 0
    for number in range(100):
        while shares.has_room(lane(f"BW/office-{number}")):
            shares.add(lane(f"BW/office-{number}"), 1)
            count += 1
    assert count == 500
    assert shares.has_room(lane("IN/root"))


def test_what_was_held_is_given_back() -> None:
    shares = LaneShares(10)
    with shares.hold(lane("BW/root"), 10):
        assert not shares.has_room(lane("IN/root"))
    assert shares.has_room(lane("BW/root"))


def test_one_lane_has_a_part_of_a_block_and_what_nobody_wants_none() -> None:
    queue = FairQueue()
    for _ in range(100):
        queue.add(lane("BW/root"), SMALL)
        queue.add(lane("BW/root"), LARGE)
    taken = queue.take(256, lambda event: event is SMALL)
    assert taken == [SMALL] * 64
    queue.add(lane("IN/root"), LARGE)
    assert len(queue.take(256, anything)) == 65


class Hands:
    """A clock that a test moves."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def hands() -> Hands:
    return Hands()


def test_bucket_of_one_fills_and_leaks_and_no_other(hands: Hands) -> None:
    buckets = Buckets(100, 10, hands)
    buckets.fill("me", 99)
    assert not buckets.is_full("me")
    buckets.fill("me", 0)
    buckets.fill("me", 1)
    assert [buckets.is_full(name) for name in ("me", "you")] == [True, False]
    hands.now_s += 0.2
    assert not buckets.is_full("me")


def test_a_bucket_admits_as_many_as_it_holds_then_evenly(hands: Hands) -> None:
    buckets = Buckets(2, 10, hands)
    assert [buckets.admits("a") for _ in range(3)] == [True, True, False]
    assert buckets.admits("b")
    assert buckets.early_s("a") == pytest.approx(0.1, abs=1e-5)
    hands.now_s += 0.05
    assert not buckets.admits("a")
    hands.now_s += 0.06
    assert buckets.admits("a")


def test_whoever_is_refused_again_and_again_is_not_forgotten(hands: Hands) -> None:
    buckets = Buckets(1, 0.001, hands)
    assert buckets.admits("hasty")
    for other in range(20_000):
        buckets.fill(other, 1)
        assert other % 5_000 or not buckets.admits("hasty")


def test_no_bucket_is_full_for_longer_than_a_minute(hands: Hands) -> None:
    buckets = Buckets(100, 10, hands)
    buckets.fill("me", 1_000_000)
    hands.now_s += 59
    assert buckets.is_full("me")
    hands.now_s += 2
    assert not buckets.is_full("me")


def test_buckets_that_are_remembered_are_bounded(hands: Hands) -> None:
    buckets = Buckets(100, 10, hands)
    buckets.fill("first", 1000)
    for other in range(10_000):
        buckets.fill(other, 1)
    assert not buckets.is_full("first")
