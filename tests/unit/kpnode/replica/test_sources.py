"""Which source is asked next, and which not for now."""

from dataclasses import dataclass
from random import Random

from kpledger.api.addresses import parse_addresses
from kpnode.replica.sources import DISTRUST_S, KnownSource, Sources
from kpnode.transport.contact import Contact

URLS = ("http://one:1", "http://other:1")


@dataclass
class World:
    now_s: float = 1000.0

    def sources(self, *urls: str) -> Sources:
        lines = [Contact.public(one, None, {}) for one in parse_addresses(urls)]
        return Sources(lines, clock=lambda: self.now_s, chance=Random(1))


def chosen(sources: Sources) -> set[str]:
    found = (sources.choose() for _ in range(50))
    return {one.name for one in found if one is not None}


def give_up(sources: Sources, source: KnownSource) -> None:
    for _ in range(3):
        sources.failed(source, "does not answer")


def test_those_that_are_furthest_or_unknown_are_asked() -> None:
    sources = World().sources(*URLS, "http://third:1")
    one, other, _ = sources.all
    assert len(chosen(sources)) == 3
    one.height, other.height = 7, 8
    assert chosen(sources) == {"http://other:1", "http://third:1"}


def test_one_that_fails_is_asked_again_after_a_pause_that_grows() -> None:
    world = World()
    sources = world.sources(URLS[0])
    (one,) = sources.all
    pauses = []
    for _ in range(12):
        sources.failed(one, "does not answer")
        assert sources.choose() is None
        pauses.append(sources.pause_s)
        world.now_s += sources.pause_s
        assert sources.choose() is one
    assert pauses[0] <= 0.5
    assert 2.5 <= pauses[-1] <= 5
    one.answered()
    sources.failed(one, "does not answer")
    assert sources.pause_s <= 0.5


def test_one_that_lied_is_asked_only_while_no_other_is_of_use() -> None:
    world = World()
    sources = world.sources(*URLS)
    liar, other = sources.all
    sources.lied(liar, "sent nonsense")
    world.now_s += 100
    assert chosen(sources) == {other.name}
    sources.failed(other, "does not answer")
    assert sources.choose() is None
    give_up(sources, other)
    assert chosen(sources) == {liar.name}
    liar.answered()
    assert sources.liars() == (liar,)
    world.now_s += 60
    other.answered()
    assert chosen(sources) == {other.name}
    liar.height, other.height = 9, 8
    assert chosen(sources) == {liar.name}
    world.now_s += DISTRUST_S
    assert sources.liars() == ()


def test_nobody_is_asked_where_there_is_nobody() -> None:
    sources = World().sources()
    assert sources.choose() is None
    assert sources.pause_s > 1


def test_others_are_looked_at_in_turn_however_far_they_were() -> None:
    world = World()
    sources = world.sources(*URLS, "http://third:1")
    one, other, current = sources.all
    one.height, other.height = 9, 3
    looked = []
    for _ in range(4):
        looked.append(sources.look(but=current))
        world.now_s += 5
    assert looked in ([one, other] * 2, [other, one] * 2)


def test_one_that_is_left_alone_is_asked_once_the_ledger_is_heard_to_be_further() -> None:
    world = World()
    sources = world.sources(*URLS)
    one, other = sources.all
    one.height, other.height = 9, 7
    for _ in range(4):
        sources.failed(one, "does not answer")
        sources.failed(other, "does not answer")
    sources.hear_of(9)
    assert sources.choose() is None
    world.now_s += 1
    assert sources.free() == (other,)
