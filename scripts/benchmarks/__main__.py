"""Command line of the benchmarks; each prints one JSON object. Run it as ``scripts/bench``."""

import argparse
import contextlib
import json
import tempfile
from pathlib import Path
from typing import Final

import commit
import peers
import queries
import replay
from rates import CORES

EXAMPLES: Final = """\
examples:
  scripts/bench replay --events 100000
  scripts/bench commit --clients 64 --seconds 10
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
    elif chosen.benchmark == "replay":
        result = replay.run(
            chosen.events, chosen.block_events, chosen.jobs, with_books=chosen.books
        )
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
    replaying = benchmarks.add_parser("replay", help="audit a synthetic ledger")
    replaying.add_argument("--events", type=int, default=100_000)
    replaying.add_argument("--block-events", type=int, default=64, help="events in a block")
    replaying.add_argument("--jobs", type=int, default=CORES, help="processes for signatures")
    replaying.add_argument("--books", action="store_true", help="write the books as well")
    committing = benchmarks.add_parser("commit", help="load a network of real processes")
    committing.add_argument("--voters", type=int, default=3)
    committing.add_argument(
        "--clients", default="1,64", help="how many at a time, for instance 1,64"
    )
    committing.add_argument("--seconds", type=float, default=5)
    committing.add_argument("--rounds", type=int, default=1)
    committing.add_argument("--through", choices=("leader", "all"), default="leader")
    committing.add_argument("--against", metavar="COMMIT", help="measure that commit as well")
    committing.add_argument("--readers", type=int, default=0, help="clients that ask for all flags")
    committing.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()))
    comparing = benchmarks.add_parser("peers", help="the same load for etcd and NATS")
    comparing.add_argument("--clients", default="1,16,64")
    comparing.add_argument("--seconds", type=float, default=5)
    comparing.add_argument("--rounds", type=int, default=3)
    comparing.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()))
    asking = benchmarks.add_parser("queries", help="ask the books of many years")
    asking.add_argument("--years", type=int, default=20)
    asking.add_argument("--events", type=int, default=5_000_000, help="of all years together")
    asking.add_argument("--rounds", type=int, default=60, help="requests of each kind")
    asking.add_argument(
        "--direct",
        action="store_true",
        help="ask in this process, and count its processor time alone",
    )
    asking.add_argument("--directory", type=Path, help="where the books are, or will be kept")
    return parser


def _read_numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


if __name__ == "__main__":
    main()
