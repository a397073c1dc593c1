"""States, moves, and the three things that make them fewer: renaming, forgetting, sharing."""

from collections.abc import Iterator

import pytest
from lab.explorer.acts import PLAIN, Deliver, Flush
from lab.explorer.bounds import Bounds
from lab.explorer.bugs import NOTHING
from lab.explorer.local import Local
from lab.explorer.pieces import is_spent
from lab.explorer.search import Result, Search
from lab.explorer.share import Task, World
from lab.explorer.space import State

pytestmark = pytest.mark.slow

REMOVALS = NOTHING.with_({"configs": 1, "timeouts": 1, "terms": 2, "led": 1})
ELECTIONS = NOTHING.with_({"led": 0, "terms": 1, "timeouts": 2, "crashes": 1})
DRIVER = NOTHING.with_({"entries": 1, "late": 1, "held": 1})


def search(bounds: Bounds, *, depth: int | None = None, shares: int = 1) -> Result:
    with Search(Task(bounds, shares=shares)) as found:
        return found.run(depth, lambda _: None)


def walk(world: World, depth: int) -> Iterator[State]:
    """Yield every state within some moves, without taking renamings for one."""
    seen = {world.root}
    frontier = [world.root]
    yield world.root
    for _ in range(depth):
        found = [after for state in frontier for _, after in world.space.moves(state)]
        frontier = [state for state in dict.fromkeys(found) if state not in seen]
        seen.update(frontier)
        yield from frontier


def renamings(world: World, state: State) -> Iterator[State]:
    pieces = world.pieces
    for renaming in ((0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)):
        nodes = [b""] * 3
        for place, key in enumerate(state.nodes):
            nodes[renaming[place]] = pieces.rename_node(key, renaming)
        flying = sorted(pieces.rename_message(key, renaming) for key in state.flying)
        history = pieces.rename_history(state.history, renaming)
        yield State(tuple(nodes), history, state.budget, tuple(flying))


@pytest.mark.parametrize("bounds", [REMOVALS, ELECTIONS, DRIVER])
def test_renamings_of_a_state_are_one_state(bounds: Bounds) -> None:
    world = World(Task(bounds))
    for state in walk(world, 4):
        assert len({world.space.canonical(one) for one in renamings(world, state)}) == 1


@pytest.mark.parametrize("bounds", [REMOVALS, ELECTIONS, DRIVER])
def test_search_up_to_renaming_sees_what_a_search_without_sees(bounds: Bounds) -> None:
    world = World(Task(bounds))
    states = list(walk(world, 6))
    classes = {world.space.canonical(state) for state in states}
    assert search(bounds, depth=6).states == len(classes) < len(states)


@pytest.mark.parametrize("bounds", [REMOVALS, ELECTIONS, DRIVER])
def test_message_that_is_forgotten_would_have_been_ignored(bounds: Bounds) -> None:
    world = World(Task(bounds.with_({"forget": 0})))
    forgotten = 0
    for state in walk(world, 6):
        for key in state.flying:
            body = world.pieces.messages[key]
            node = world.pieces.nodes[state.nodes[body.recipient]]
            if is_spent(body, node.view):
                forgotten += 1
                local = Local.thaw(node.plain)
                assert not local.step(Deliver(body.message), PLAIN).outgoing
                # What was waiting to be saved is saved now; nothing else may be different.
                flushed = Local.thaw(node.plain)
                flushed.step(Flush(), PLAIN)
                assert local.freeze() == flushed.freeze()
    assert forgotten or bounds is DRIVER


@pytest.mark.parametrize("bounds", [ELECTIONS, DRIVER])
def test_two_processes_see_the_same_states_as_one(bounds: Bounds) -> None:
    one, two = search(bounds), search(bounds, shares=2)
    assert (one.states, one.moves, one.depth) == (two.states, two.moves, two.depth)
    assert one.exhausted
    assert two.exhausted


def test_depth_bounds_the_search_and_a_deeper_one_sees_more() -> None:
    shallow, deep = search(ELECTIONS, depth=3), search(ELECTIONS, depth=4)
    assert (shallow.depth, deep.depth) == (3, 4)
    assert 1 < shallow.states < deep.states
    assert not deep.exhausted


def test_state_comes_back_from_its_bytes() -> None:
    world = World(Task(REMOVALS))
    for state in walk(world, 2):
        assert world.space.unpack(state.pack()) == state


def test_no_more_messages_are_in_flight_than_the_bound_allows() -> None:
    world = World(Task(REMOVALS.with_({"messages": 2})))
    sizes = {len(state.flying) for state in walk(world, 5)}
    assert sizes == {0, 1, 2}


def test_core_runs_far_less_often_than_there_are_moves() -> None:
    result = search(ELECTIONS)
    assert result.runs * 5 < result.moves


@pytest.mark.parametrize(
    "wrong", [{"voters": 4}, {"nodes": 6}, {"terms": 0}, {"crashes": 256}, {"reads": -1}]
)
def test_bounds_of_no_world_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        NOTHING.with_(wrong)
