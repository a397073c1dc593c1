"""Worlds with a liar, explored and reported as :mod:`lab.explorer` does its own."""

from collections.abc import Callable
from time import process_time

from lab.branches.search import Search
from lab.branches.world import World


def explore(name: str, world: World, write: Callable[[str], None]) -> int | None:
    """Explore a world; give how many states it has, None if a rule is broken in one."""
    begin, search = process_time(), Search(world)
    write(
        f"{name}: {world.voters} voters, {world.liars} of them a liar, terms {world.terms},"
        f" heights {world.heights}, branches {world.branches}"
    )
    result = search.run(world.depth)
    if result.broken is None:
        end = "all of them" if result.exhausted else f"all within {result.depth} moves"
        write(f"  {result.states:,} states, {end}; depth {result.depth}")
        if result.forks:
            write(f"  {result.forks:,} of them with two histories: the liar contradicts itself")
    seconds = process_time() - begin
    write(f"  {result.moves:,} moves in {seconds:.1f} s of processor time")
    if result.broken is None:
        return result.states
    write(f"VIOLATION of {result.broken}")
    for number, move in enumerate(result.way, start=1):
        write(f"{number:>4}  {move}")
    return None
