"""A world: its weather is its seed's, its disks crash where they should, its end is calm."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from lab.invariants import ViolationError
from lab.simulator.clock import WORLD_MS, SimClock
from lab.simulator.coverage import REQUIRED, never_happened
from lab.simulator.disk import CrashPoint, SimCrashError, SimDisk, SimFullError
from lab.simulator.ledgernode import SimStore, _SeenMachine
from lab.simulator.life import run_seed
from lab.simulator.machine import Applied, SimMachine, encode_block
from lab.simulator.network import CutShape, SimNetwork, draw_cut
from lab.simulator.options import SimOptions
from lab.simulator.world import World

from kpledger.log.chain import ExecutedBlock
from kpnode.raft import (
    Configuration,
    Entry,
    EntryKind,
    HardState,
    Index,
    InvariantError,
    Message,
    NodeId,
    Term,
    TimeoutNow,
    encode_configuration,
)

A, B = NodeId("a"), NodeId("b")
STATE = HardState(Term(1), A)


def entry(index: int) -> Entry:
    return Entry(Index(index), Term(1), EntryKind.BLOCK, b"")


def body(term: int) -> Message:
    return Message(A, B, TimeoutNow(Term(term)))


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
    assert (healed.skew, healed.pause, healed.full, healed.lose) == (0, 0, 0, 0)
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
    network.cut([(A, B)])
    back = Message(B, A, TimeoutNow(Term(2)))
    for message in (body(1), back):
        network.post(message, now=0, straggles=False)
    assert (list(network.due(0)), list(network.due(1))) == ([], [back])
    assert network.is_cut
    network.heal()
    network.post(body(3), now=1, straggles=False)
    assert list(network.due(2)) == [body(3)]


def test_straggler_is_overtaken() -> None:
    network = SimNetwork(Random(1), delay_ticks=1)
    network.post(body(1), now=0, straggles=True)
    network.post(body(2), now=0, straggles=False)
    assert list(network.due(99)) == [body(2), body(1)]


@pytest.mark.parametrize(
    ("shape", "cut"),
    [
        (CutShape.BRIDGE, {("b", "c"), ("c", "b"), ("b", "d"), ("d", "b")}),
        (CutShape.ONE_LINK, {("a", "b"), ("b", "a")}),
        (CutShape.ONE_DIRECTION, {("a", "b")}),
        (CutShape.RING, {("a", "c"), ("c", "a"), ("b", "d"), ("d", "b")}),
    ],
)
def test_partial_partition_leaves_the_other_links(
    shape: CutShape, cut: set[tuple[str, str]]
) -> None:
    names = [NodeId(name) for name in "abcd"]

    class First(Random):
        def randint(self, a: int, _b: int) -> int:
            return a

    assert set(draw_cut(names, shape, First())) == cut


def test_halves_hear_nothing_of_each_other_and_one_way_hears_one_side() -> None:
    names = [NodeId(name) for name in "abc"]
    halves = set(draw_cut(names, CutShape.HALVES, Random(1)))
    assert halves == {("a", "b"), ("b", "a"), ("a", "c"), ("c", "a")}
    assert set(draw_cut(names, CutShape.ONE_WAY, Random(1))) < halves


def test_full_disk_refuses_a_save_and_keeps_what_it_has() -> None:
    disk = SimDisk(lambda: None)
    disk.save(STATE, (entry(1),))
    disk.full = True
    with pytest.raises(SimFullError):
        disk.save(HardState(Term(2), None), (entry(2),))
    assert (disk.hard_state, disk.log) == (STATE, [entry(1)])


@pytest.mark.parametrize("votes", [True, False])
def test_disk_that_comes_back_with_less(*, votes: bool) -> None:
    disk = SimDisk(lambda: None)
    disk.save(STATE, (entry(1), entry(2)))
    disk.lose(Index(0 if votes else 1), votes=votes)
    assert disk.last_index() == (0 if votes else 1)
    assert disk.hard_state == (HardState(Term(0), None) if votes else STATE)
    assert disk.link_at(Index(2)) is None


def test_configurations_on_disk_are_those_of_the_log() -> None:
    old, new = Configuration((A, B)), Configuration((A,))
    disk = SimDisk(lambda: None, old)
    change = Entry(Index(2), Term(1), EntryKind.CONFIG, encode_configuration(new))
    disk.save(STATE, (entry(1), change))
    assert [disk.active(Index(at)) for at in (0, 1, 2)] == [(old, new), (old, new), (new,)]
    disk.save(None, (entry(2),))
    assert disk.active(Index(0)) == (old,)
    assert disk.truncated == [change]


@pytest.mark.parametrize(("rate", "ticks"), [(500, 5), (1000, 10), (1500, 15)])
def test_clock_is_as_fast_as_its_rate(rate: int, ticks: int) -> None:
    clock = SimClock()
    clock.rate = rate
    assert sum(clock.advance(now) for now in range(1, 11)) == ticks
    assert clock.now_ms() == WORLD_MS + 1000
    clock.offset_ms = -7
    assert clock.now_ms() == WORLD_MS + 993
    clock.set_right()
    assert (clock.advance(11), clock.now_ms()) == (1, WORLD_MS + 1100)


def test_machine_knows_what_it_applied_and_what_its_log_holds() -> None:
    genesis = Applied(entry(0), b"", Configuration((A,)))
    machine = SimMachine(genesis, book={}, persist=lambda _: None, now_ms=lambda: 0)
    first, second, other = (
        Entry(Index(index), Term(term), EntryKind.BLOCK, encode_block(ticket, (event,), 2))
        for index, term, ticket, event in ((1, 1, 7, b"e"), (2, 1, 8, b"f"), (2, 2, 9, b"g"))
    )
    machine.stage((first, second))
    applied = machine.apply(first)
    assert (applied.ticket, applied.events, machine.top) == (7, (b"e",), 2)
    assert (machine.find_applied(b"e"), machine.find_applied(b"f")) == (1, None)
    assert machine.is_staged(b"f")
    machine.stage((other,))
    assert [machine.is_staged(event) for event in (b"e", b"f", b"g")] == [False, False, True]


def test_unsynced_records_of_a_ledger_go_with_the_power() -> None:
    disk = SimDisk(lambda: None)
    store = SimStore(disk)
    store.apply([(b"x1", b"old"), (b"x2", b"old")])
    disk.save(STATE, ())
    store.apply([(b"x1", b"new"), (b"x3", b"new")], [b"x2"])
    assert list(store.scan(b"x", limit=9)) == [(b"x1", b"new"), (b"x3", b"new")]
    store.lose_unsynced()
    assert [store.get(key) for key in (b"x1", b"x2", b"x3")] == [b"old", b"old", None]


def test_run_covers_what_it_is_meant_to_cover() -> None:
    """A simulator in which nothing happens would never find anything."""
    counts: Counter[str] = Counter()
    for seed in range(24):
        outcome = run_seed(seed, ticks=600)
        assert outcome.violation is None
        counts += outcome.counts
    missing = never_happened(counts)
    assert len(missing) < len(REQUIRED) // 4, missing
    assert counts["lives with the whole ledger"] > 0


def test_life_with_the_whole_ledger_orders_real_events() -> None:
    drawn = replace(options()._with_ledger(Random(1)), loss=0, partition=0, crash=0, propose=100)
    world = World(3, options=drawn)
    world.run_safety(300)
    world.run_liveness()
    assert world.counts["events committed"] > 5
    assert world.counts["events refused by a rule"] > 0


def test_ledger_with_the_clock_in_its_state_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkers see through to the ledger's digests, not only to the bytes of the log."""

    def apply(self: _SeenMachine, entry: Entry) -> ExecutedBlock:
        committed = sound(self, entry)
        last = self._node.applied[-1]
        clock = b"%d" % self._node.clock.offset_ms
        self._node.applied[-1] = replace(last, digest=last.digest + clock)
        return committed

    sound = _SeenMachine.apply
    monkeypatch.setattr(_SeenMachine, "apply", apply)
    drawn = replace(options()._with_ledger(Random(1)), jump=200, propose=100)
    with pytest.raises(
        ViolationError, match=r"StateMachineSafety: .* applies another entry, or result"
    ):
        World(3, options=drawn).run_safety(300)


def test_world_that_cannot_move_is_noticed() -> None:
    """Nobody restarts, so nobody is there when the weather turns fair."""

    class Dead(SimOptions):
        def healed(self) -> "Dead":
            return self

    blown = dict.fromkeys(("restart", "loss", "copies", "partition", "crash_in_save", "ledger"), 0)
    drawn = replace(options(), **blown, crash=1000)
    fields = {name: getattr(drawn, name) for name in SimOptions.__dataclass_fields__}
    world = World(1, options=Dead(**fields))
    world.run_safety(2)
    with pytest.raises(ViolationError, match=r"Liveness: .* not yet: a new event is applied"):
        world.run_liveness()
