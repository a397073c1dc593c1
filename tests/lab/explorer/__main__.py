"""Explore every state of small worlds, driven by the real consensus core.

Each world is explored to its end, or to a given depth. The first broken rule ends the search; the
shortest way to it is printed. Exit code: 0 no rule is broken, 1 one is, 2 called wrongly.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from time import perf_counter, process_time

from lab.branches import world as liars
from lab.branches.program import explore as explore_branches
from lab.branches.world import World
from lab.explorer.bounds import Bounds
from lab.explorer.bugs import BUGS, NOTHING
from lab.explorer.search import Result, Search
from lab.explorer.share import Task
from lab.explorer.text import describe_bounds, describe_check, describe_move
from lab.explorer.worlds import QUICK, WORLDS
from lab.simulator.output import exit_with

_EXAMPLES = """examples:
  scripts/explore                          every world, to its end
  scripts/explore --quick                  smaller worlds, for the gate
  scripts/explore --depth 12               no deeper than twelve moves
  scripts/explore --world membership --crashes 1 --depth 14
  scripts/explore --world liar             one voter of four lies
  scripts/explore --planted no-log-match   plant a known bug and see it found
"""
_HELP = {
    "nodes": "nodes that run",
    "voters": "nodes that vote at the start",
    "terms": "highest term",
    "messages": "messages in flight",
    "timeouts": "campaigns for want of a leader",
    "entries": "proposed blocks",
    "crashes": "crashes with restart",
    "configs": "proposed changes of configuration",
    "reads": "linearizable reads",
    "beats": "heartbeats besides those of reads",
    "lapses": "leaders that lost their quorum",
    "transfers": "transfers of leadership",
    "copies": "messages that arrive twice",
    "late": "saves the core hears of late",
    "held": "inputs handled before the one before is saved",
    "append": "entries in one append",
    "window": "appends in flight to one peer",
    "led": "1: begin under a leader, 0: with empty disks",
    "forget": "1: drop messages that will be ignored, 0: keep them",
    "polls": "1: a pre-vote request is answered in the same move, 0: two moves",
}
_SWITCHES = ("led", "forget", "polls")


def main(arguments: Sequence[str] | None = None) -> int:
    """Explore, report, and return the exit code."""
    options = _parser().parse_args(arguments)
    changes = {name: getattr(options, name) for name in _HELP if getattr(options, name) is not None}
    begin = perf_counter()
    states = 0
    for name, world in _worlds(options).items():
        try:
            bounds = world.with_(changes)
        except ValueError as error:
            _parser().error(str(error))
        _write(f"{name}: {describe_bounds(bounds)}")
        result = _explore(Task(bounds, options.planted, options.jobs), options.depth)
        states += result.states
        if result.finding is not None:
            return _report_finding(result)
    for name, small in _worlds_with_a_liar(options).items():
        seen = explore_branches(name, small, _write)
        if seen is None:
            return 1
        states += seen
    _write(f"{states:,} states in {perf_counter() - begin:.1f} s, no rule broken")
    return 0


def _worlds(options: argparse.Namespace) -> Mapping[str, Bounds]:
    if options.planted in liars.PLANTED:
        return {}
    if options.planted:
        return {options.planted: NOTHING.with_(BUGS[options.planted].world)}
    known = QUICK if options.quick else WORLDS
    return {name: known[name] for name in options.world or known if name in known}


def _worlds_with_a_liar(options: argparse.Namespace) -> Mapping[str, World]:
    planted = options.planted
    if planted:
        chosen = {planted: liars.PLANTED[planted]} if planted in liars.PLANTED else {}
    else:
        known = liars.QUICK if options.quick else liars.WORLDS
        chosen = {name: known[name] for name in options.world or known if name in known}
    depth, bug = options.depth, planted
    return {
        name: replace(world, planted=bug, depth=world.depth if depth is None else depth)
        for name, world in chosen.items()
    }


def _explore(task: Task, depth: int | None) -> Result:
    begin, cpu = perf_counter(), process_time()
    with Search(task) as search:
        result = search.run(depth, _progress())
    seconds = perf_counter() - begin
    end = "all of them" if result.exhausted else f"all within {result.depth} moves"
    if result.finding is None:
        _write(f"  {result.states:,} states, {end}; depth {result.depth}")
    _write(
        f"  {result.moves:,} moves in {seconds:.1f} s ({result.cpu + process_time() - cpu:.1f} s of"
        f" processor time), {result.states / seconds:,.0f} states/s"
    )
    _write(f"  the core ran {result.runs:,} times, on {result.nodes:,} different nodes; checked:")
    for check, count in sorted(result.checks.items(), key=lambda one: one[0].name):
        _write(f"  {count:>12,} {describe_check(check)}")
    return result


def _progress() -> Callable[[Result], None]:
    """Return what tells a person at a terminal how far the search is."""

    def show(result: Result) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r  depth {result.depth}, {result.states:,} states ")
            sys.stderr.flush()

    return show


def _report_finding(result: Result) -> int:
    finding = result.finding
    if finding is None:
        return 0
    _write(f"VIOLATION of {finding.what}")
    for number, move in enumerate(finding.moves, start=1):
        _write(f"{number:>4}  {describe_move(move)}")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/explore",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--depth", type=_count, help="moves from the start; default: to the end")
    parser.add_argument("--jobs", type=_positive, default=2, help="processes (default 2)")
    parser.add_argument(
        "--world",
        action="append",
        choices=sorted({*WORLDS, *liars.WORLDS}),
        help="one world; may be repeated",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="smaller bounds, under a minute on two free cores",
    )
    parser.add_argument(
        "--planted",
        choices=sorted({*BUGS, *liars.PLANTED}),
        metavar="NAME",
        help=f"plant a known bug: {', '.join(sorted({*BUGS, *liars.PLANTED}))}",
    )
    group = parser.add_argument_group("bounds", "each replaces that of every world")
    for field in fields(Bounds):
        read = _switch if field.name in _SWITCHES else _count
        group.add_argument(f"--{field.name}", type=read, metavar="N", help=_HELP[field.name])
    return parser


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no count")
    return int(text)


def _switch(text: str) -> int:
    if text not in ("0", "1"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither 0 nor 1")
    return int(text)


def _positive(text: str) -> int:
    if _count(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not positive")
    return int(text)


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    exit_with(main)
