"""Command line of the benchmarks; each prints one JSON object. Run it as ``scripts/bench``."""

import argparse
import contextlib
import json
import tempfile
from pathlib import Path
from typing import Final

import audits
import catch_up
import commit
import follow
import peers
import queries
import replay
import soak
import world
from rates import CORES

_TEMPORARY: Final = Path(tempfile.gettempdir())
EXAMPLES: Final = """\
examples:
  scripts/bench replay --events 100000
  scripts/bench replay --events 1000000 --continue --against 3bfff8b1
  scripts/bench catch-up --events 20000
  scripts/bench follow --events 200000
  scripts/bench commit --clients 64 --seconds 10
  scripts/bench world --rate 20 --seconds 60 --partition
  scripts/bench queries --years 20 --events 5000000 --directory /var/tmp/years
"""


def main() -> None:
    """Run the benchmark that is named."""
    chosen = make_parser().parse_args()
    if chosen.benchmark == "queries":
        with contextlib.ExitStack() as stack:
            directory = chosen.directory
            if directory is None:
                scratch = tempfile.TemporaryDirectory(prefix="kpledger-bench-")
                directory = Path(stack.enter_context(scratch))
            result = queries.run(
                chosen.years, chosen.events, directory, chosen.rounds, is_direct=chosen.direct
            )
    elif chosen.benchmark == "peers":
        clients = _read_numbers(chosen.clients)
        comparison = peers.Comparison(clients, chosen.seconds, chosen.rounds)
        result = peers.run(comparison, chosen.directory)
    elif chosen.benchmark == "replay" and (chosen.is_continued or chosen.against):
        result = audits.run(
            chosen.events, chosen.block_events, chosen.jobs, chosen.against, chosen.directory
        )
    elif chosen.benchmark == "replay":
        result = replay.run(
            chosen.events, chosen.block_events, chosen.jobs, with_books=chosen.books
        )
    elif chosen.benchmark == "world":
        result = world.run(
            world.WorldLoad(
                voters=chosen.voters,
                replicas=chosen.replicas,
                rate=chosen.rate,
                seconds=chosen.seconds,
                is_parted=chosen.partition,
            ),
            chosen.directory,
        )
    elif chosen.benchmark == "soak":
        result = soak.run(
            chosen.voters, chosen.replicas, chosen.rate, chosen.minutes, chosen.directory
        )
    elif chosen.benchmark == "catch-up":
        result = catch_up.run(chosen.events, chosen.block_events, chosen.directory)
    elif chosen.benchmark == "follow":
        result = follow.run(chosen.events, chosen.block_events, chosen.directory)
    else:
        load = commit.Load(
            voters=chosen.voters,
            clients=_read_numbers(chosen.clients),
            seconds=chosen.seconds,
            through=chosen.through,
            rounds=chosen.rounds,
            readers=chosen.readers,
        )
        result = commit.run(load, chosen.directory, chosen.against)
    print(json.dumps(result))  # noqa: T201 (a program for the command line)


def make_parser() -> argparse.ArgumentParser:
    """Say what can be measured, and how."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure, and print one JSON object; docs/performance.md says what it means.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    benchmarks = parser.add_subparsers(dest="benchmark", required=True)
    _add_replaying(benchmarks.add_parser("replay", help="audit a synthetic ledger"))
    catching_up = benchmarks.add_parser("catch-up", help="let a voter catch up with a log")
    _add(catching_up, "--events", 20_000, "in the log")
    _add(catching_up, "--block-events", 16, "events in a block")
    _add(catching_up, "--directory", _TEMPORARY, "where the network lives")
    following = benchmarks.add_parser("follow", help="let a node that does not vote catch up")
    _add(following, "--events", 20_000, "in the log")
    _add(following, "--block-events", 64, "events in a block")
    _add(following, "--directory", _TEMPORARY, "where the network lives")
    committing = benchmarks.add_parser("commit", help="load a network of real processes")
    _add(committing, "--voters", 3, "nodes")
    _add(committing, "--clients", "1,64", "how many at a time, one measure for each")
    _add(committing, "--seconds", 5.0, "of load for each measure")
    _add(committing, "--rounds", 1, "how often all is measured")
    _add(committing, "--through", "leader", "whom the clients send to", ("leader", "all"))
    committing.add_argument("--against", metavar="COMMIT", help="measure that commit as well")
    _add(committing, "--readers", 0, "clients that ask for all flags")
    _add(committing, "--directory", _TEMPORARY, "where the networks live")
    comparing = benchmarks.add_parser("peers", help="the same load for etcd and NATS")
    _add(comparing, "--clients", "1,16,64", "how many at a time, one measure for each")
    _add(comparing, "--seconds", 5.0, "of load for each measure")
    _add(comparing, "--rounds", 3, "how often all is measured")
    _add(comparing, "--directory", _TEMPORARY, "where the networks live")
    everybody = benchmarks.add_parser("world", help="run a node for every participant")
    _add_world(everybody, replicas=54)
    _add(everybody, "--seconds", 60.0, "of load that count")
    everybody.add_argument(
        "--partition", action="store_true", help="cut one half off afterwards, and heal it (root)"
    )
    soaking = benchmarks.add_parser("soak", help="load a world for long, and sample its memory")
    _add_world(soaking, replicas=6)
    _add(soaking, "--minutes", 60.0, "of load")
    asking = benchmarks.add_parser("queries", help="ask the books of many years")
    _add(asking, "--years", 20, "in the books")
    _add(asking, "--events", 5_000_000, "of all years together")
    _add(asking, "--rounds", 60, "requests of each kind")
    asking.add_argument(
        "--direct",
        action="store_true",
        help="ask in this process, and count its processor time alone",
    )
    asking.add_argument(
        "--directory", type=Path, help="where the books are, or will be kept (default: nowhere)"
    )
    return parser


def _add_world(parser: argparse.ArgumentParser, replicas: int) -> None:
    _add(parser, "--voters", 7, "nodes that vote")
    _add(parser, "--replicas", replicas, "nodes that follow")
    _add(parser, "--rate", 20.0, "events a second")
    _add(parser, "--directory", _TEMPORARY, "where the world lives")


def _add_replaying(replaying: argparse.ArgumentParser) -> None:
    _add(replaying, "--events", 100_000, "in the ledger")
    _add(replaying, "--block-events", 64, "events in a block")
    _add(replaying, "--jobs", CORES, "processes for signatures")
    replaying.add_argument("--books", action="store_true", help="write the books as well")
    replaying.add_argument(
        "--continue",
        action="store_true",
        dest="is_continued",
        help="go on a day later, as people do",
    )
    replaying.add_argument("--against", metavar="COMMIT", help="that, and by that commit as well")
    _add(replaying, "--directory", _TEMPORARY, "where the ledger lies then")


def _add(
    parser: argparse.ArgumentParser,
    option: str,
    default: str | float | Path,
    about: str,
    choices: tuple[str, ...] | None = None,
) -> None:
    """Add an option whose help says its default."""
    shown = f"{about} (default: {default})"
    parser.add_argument(option, type=type(default), default=default, help=shown, choices=choices)


def _read_numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


if __name__ == "__main__":
    main()
