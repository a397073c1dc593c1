"""Command line of the benchmarks; each prints one JSON object. Run it as ``scripts/bench``."""

import argparse
import json
import tempfile
from pathlib import Path

import commit
import replay
from rates import CORES


def main() -> None:
    """Run the benchmark that is named."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    benchmarks = parser.add_subparsers(dest="benchmark", required=True)
    replaying = benchmarks.add_parser("replay", help="audit a synthetic ledger")
    replaying.add_argument("--events", type=int, default=100_000)
    replaying.add_argument("--block-events", type=int, default=64, help="events in a block")
    replaying.add_argument("--jobs", type=int, default=CORES, help="processes for signatures")
    committing = benchmarks.add_parser("commit", help="load a network of real processes")
    committing.add_argument("--voters", type=int, default=3)
    committing.add_argument("--clients", type=int, default=64)
    committing.add_argument("--seconds", type=float, default=10)
    committing.add_argument("--through", choices=("leader", "all"), default="leader")
    committing.add_argument("--directory", type=Path, default=Path(tempfile.gettempdir()))
    chosen = parser.parse_args()
    if chosen.benchmark == "replay":
        result = replay.run(chosen.events, chosen.block_events, chosen.jobs)
    else:
        load = commit.Load(chosen.voters, chosen.clients, chosen.seconds, chosen.through)
        result = commit.run(load, chosen.directory)
    print(json.dumps(result))  # noqa: T201 (a program for the command line)


if __name__ == "__main__":
    main()
