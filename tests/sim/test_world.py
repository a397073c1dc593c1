"""A world: its weather is its seed's, its disks crash where they should, its end is calm."""

from dataclasses import replace
from random import Random

import pytest

from kpnode.raft import (
    Entry,
    EntryKind,
    Envelope,
    HardState,
    Index,
    InvariantError,
    NodeId,
    Term,
    TimeoutNow,
)
from kpnode.sim.checkers import ViolationError
from kpnode.sim.disk import CrashPoint, SimCrashError, SimDisk
from kpnode.sim.network import SimNetwork
from kpnode.sim.options import SimOptions
from kpnode.sim.world import World

A, B = NodeId("a"), NodeId("b")
STATE = HardState(Term(1), A)


def entry(index: int) -> Entry:
    return Entry(Index(index), Term(1), EntryKind.BLOCK, b"")


def message(term: int) -> Envelope:
    return Envelope(A, B, TimeoutNow(Term(term)))


def options() -> SimOptions:
    return SimOptions.from_prng(Random("any"))


def test_climates_differ_by_seed_and_never_by_run() -> None:
    def climates() -> list[SimOptions]:
        return [SimOptions.from_prng(Random(seed)) for seed in range(20)]

    assert climates() == climates()
    assert len(set(climates())) == 20


def test_fair_weather_keeps_the_cluster_and_takes_the_faults() -> None:
    healed = options().healed()
    assert (healed.voters, healed.window) == (options().voters, options().window)
    assert (healed.loss, healed.crash, healed.crash_in_save, healed.partition) == (0, 0, 0, 0)
    assert (healed.delay_ticks, healed.restart) == (1, 1000)


def test_crash_before_the_write_leaves_the_disk_as_it_was() -> None:
    disk = SimDisk(lambda: CrashPoint.BEFORE)
    with pytest.raises(SimCrashError):
        disk.save(STATE, (entry(1),))
    assert (disk.hard_state, disk.log) == (HardState(Term(0), None), [])


def test_crash_after_the_write_leaves_all_of_it() -> None:
    disk = SimDisk(lambda: CrashPoint.AFTER)
    with pytest.raises(SimCrashError):
        disk.save(STATE, (entry(1),))
    assert (disk.hard_state, disk.log) == (STATE, [entry(1)])


def test_gap_on_disk_is_refused() -> None:
    with pytest.raises(InvariantError, match="entry 2 after a log of 0"):
        SimDisk(lambda: None).save(None, (entry(2),))


def test_cut_link_loses_what_is_under_way_in_its_direction() -> None:
    network = SimNetwork(Random(1), delay_ticks=1)
    network.cut([A], [B], one_way=True)
    back = Envelope(B, A, TimeoutNow(Term(2)))
    for envelope in (message(1), back):
        network.post(envelope, now=0, straggles=False)
    assert (list(network.due(0)), list(network.due(1))) == ([], [back])
    assert network.is_cut
    network.heal()
    network.post(message(3), now=1, straggles=False)
    assert list(network.due(2)) == [message(3)]


def test_straggler_is_overtaken() -> None:
    network = SimNetwork(Random(1), delay_ticks=1)
    network.post(message(1), now=0, straggles=True)
    network.post(message(2), now=0, straggles=False)
    assert list(network.due(99)) == [message(2), message(1)]


def test_run_covers_what_it_is_meant_to_cover() -> None:
    """A simulator in which nothing happens would never find anything."""
    worlds = [World(seed) for seed in range(12)]
    for world in worlds:
        world.run_safety(600)
        world.run_liveness()
    total = sum((world.counts for world in worlds), start=worlds[0].counts.copy())
    expected = (
        "elections",
        "crashes",
        "crashes inside a save",
        "truncations",
        "partitions",
        "messages lost",
        "messages copied",
        "reads granted",
        "dropped: overwritten",
        "dropped: transferring",
        "dropped: config pending",
    )
    assert [name for name in expected if total[name] == 0] == []


def test_world_that_cannot_move_is_noticed() -> None:
    """Nobody restarts, so nobody is there when the weather turns fair."""

    class Dead(SimOptions):
        def healed(self) -> "Dead":
            return self

    blown = dict.fromkeys(("restart", "loss", "copies", "partition", "crash_in_save"), 0)
    drawn = replace(options(), **blown, crash=1000)
    fields = {name: getattr(drawn, name) for name in SimOptions.__dataclass_fields__}
    world = World(1, options=Dead(**fields))
    world.run_safety(2)
    with pytest.raises(ViolationError, match="Liveness: no progress"):
        world.run_liveness()
