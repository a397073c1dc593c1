"""Clocks that were ahead: whoever leads waits with the others, and no elections come of it."""

from dataclasses import replace
from random import Random

import pytest
from lab.simulator.founded import SKEW_MS
from lab.simulator.options import SimOptions
from lab.simulator.world import World

from kpnode.raft import NodeId

MINUTE_MS, DAY_MS = 60_000, 86_400_000
MINUTE_TICKS = 600
ELECTIONS = 8
"""Terms that a clock which is set may cost: until a leader is found that the others can follow."""


class Town:
    """Nodes in fair weather, whose clocks a test sets, and their clients."""

    def __init__(self, voters: int) -> None:
        fair = SimOptions.from_prng(Random("a ledger"))._with_ledger(Random(1)).healed()
        self.world = World(1, options=replace(fair, voters=voters, election_ticks=10))
        self.nodes = self.world.fleet.nodes
        self.record()

    def pass_time(self, ticks: int) -> None:
        self.world.run_safety(ticks)

    def set_clocks(self, ahead_ms: int, *names: NodeId) -> None:
        for name in names or self.nodes:
            self.nodes[name].clock.offset_ms = ahead_ms

    def record(self) -> None:
        """Let a client send a new event, and wait until it is recorded."""
        clients = self.world._clients
        clients.begin(self.world.now)
        for _ in range(MINUTE_TICKS):
            self.pass_time(1)
            if clients.newest in clients.settled:
                return
            if clients.newest not in clients.open:
                clients.begin(self.world.now)  # a rule has refused it, as it does now and then
        raise AssertionError(f"not recorded in a minute: {self.terms()}")

    def send(self) -> None:
        self.world._clients.begin(self.world.now)

    def leader(self) -> NodeId:
        (leader,) = self.world.fleet.leaders()
        return leader.name

    def others(self) -> list[NodeId]:
        return sorted(self.nodes.keys() - {self.leader()})

    def terms(self) -> list[int]:
        return [node.disk.hard_state.term for node in self.nodes.values()]

    def wait_for_it(self, least_ticks: int = MINUTE_TICKS) -> None:
        """Let clients send while nothing can be recorded; next to no elections come of it."""
        begun, settled = max(self.terms()), len(self.world._clients.settled)
        for _ in range(3):
            self.send()
            self.pass_time(least_ticks // 4)
        assert len(self.world._clients.settled) == settled
        assert max(self.terms()) - begun <= ELECTIONS

    def restart(self, *names: NodeId) -> None:
        for name in names or self.nodes:
            self.world.fleet.stop(self.nodes[name])
            self.world.fleet.start(self.nodes[name])


@pytest.mark.parametrize("restarted", ["nobody", "all", "the leader"])
@pytest.mark.parametrize("voters", [2, 3, 4, 5])
def test_clocks_that_were_ahead_for_one_event(voters: int, restarted: str) -> None:
    town = Town(voters)
    town.set_clocks(2 * MINUTE_MS)
    town.record()
    town.set_clocks(0)
    town.wait_for_it()
    if restarted != "nobody":
        town.restart(*([] if restarted == "all" else [town.leader()]))
        town.wait_for_it(MINUTE_TICKS // 2)
    town.pass_time(MINUTE_TICKS)
    town.record()


def test_clocks_that_were_a_day_ahead() -> None:
    town = Town(3)
    town.set_clocks(DAY_MS)
    town.record()
    town.set_clocks(0)
    town.wait_for_it(5 * MINUTE_TICKS)
    town.set_clocks(DAY_MS)
    town.record()


@pytest.mark.parametrize("voters", [2, 3, 4, 5])
def test_leader_whose_clock_was_ahead(voters: int) -> None:
    """With two voters there is nobody else to lead; else it is replaced, and nobody waits."""
    town = Town(voters)
    first = town.leader()
    town.set_clocks(2 * MINUTE_MS, first)
    town.send()
    town.pass_time(50)
    town.set_clocks(0, first)
    if voters == 2:
        town.wait_for_it()
        town.pass_time(MINUTE_TICKS)
    else:
        assert town.leader() != first
    town.record()


@pytest.mark.parametrize("ahead_ms", [2 * MINUTE_MS, -2 * MINUTE_MS, DAY_MS, -DAY_MS])
@pytest.mark.parametrize("who", ["the leader", "another"])
def test_one_clock_of_four_that_stays_wrong(who: str, ahead_ms: int) -> None:
    town = Town(4)
    town.set_clocks(ahead_ms, town.leader() if who == "the leader" else town.others()[0])
    begun = max(town.terms())
    for _ in range(10):
        town.record()
        town.pass_time(MINUTE_TICKS // 10)
    assert max(town.terms()) - begun <= 2 * ELECTIONS


@pytest.mark.parametrize("behind_ms", [MINUTE_MS, DAY_MS])
def test_clocks_of_a_majority_that_are_behind(behind_ms: int) -> None:
    town = Town(4)
    town.pass_time(2 * SKEW_MS // 100)
    town.record()
    town.set_clocks(-behind_ms, *town.others())
    town.wait_for_it()
    town.set_clocks(0)
    town.record()


def test_voter_that_missed_the_block_which_is_ahead() -> None:
    """It has never seen such a block, and is needed: it waits for it with who leads."""
    town = Town(3)
    missing = town.others()[0]
    town.world.fleet.stop(town.nodes[missing])
    town.set_clocks(2 * MINUTE_MS)
    town.record()
    town.set_clocks(0)
    gone = next(name for name in town.others() if name != missing)
    town.world.fleet.stop(town.nodes[gone])
    town.world.fleet.start(town.nodes[missing])
    town.wait_for_it()
    town.pass_time(MINUTE_TICKS)
    town.record()
