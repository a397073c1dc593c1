"""Command line of the torture; exit code 1 on a violation. Run it as ``scripts/chaos``."""

import argparse
import asyncio
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from scripts.torture.ground import GroundError, Plot, laid_ground
from scripts.torture.network import plan_names
from scripts.torture.report import print_report, summarize
from scripts.torture.run import Options, Result, Run

_MIB: Final = 1 << 20
_DISK_MIB: Final = 64
_DISK_MIB_PER_MINUTE: Final = 16
_console = Console(highlight=False, soft_wrap=True)


def _say(line: str) -> None:
    _console.print(line, markup=False)
    # Whoever reads this through a pipe wants to see how far it is.
    sys.stdout.flush()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=1.0, help="how long faults happen")
    length.add_argument("--seconds", type=float, help="the same in seconds")
    parser.add_argument("--voters", type=int, default=3)
    parser.add_argument("--seed", type=int, help="of the plan; drawn if it is not given")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--pace", type=float, default=0.1, help="mean pause of a client, seconds")
    parser.add_argument("--only", default="", metavar="FAULT,...", help="no other faults")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--require", action="store_true", help="fail if it has to be skipped")
    parser.add_argument("--keep", action="store_true", help="keep the directory in any case")
    return parser.parse_args()


def main() -> int:
    """Run it; gives the exit code."""
    chosen = _parse()
    seconds = chosen.minutes * 60 if chosen.seconds is None else chosen.seconds
    seed = secrets.randbelow(1 << 32) if chosen.seed is None else chosen.seed
    only = frozenset(filter(None, chosen.only.split(",")))
    options = Options(seed, seconds, chosen.voters, chosen.clients, chosen.pace, only)
    disk_bytes = int(_DISK_MIB + _DISK_MIB_PER_MINUTE * seconds / 60) * _MIB
    _say(f"chaos: seed {seed}, {chosen.voters} voters, {seconds:.0f} s of faults")
    try:
        with laid_ground(plan_names(chosen.voters), disk_bytes) as (directory, plots):
            try:
                result = asyncio.run(_torture(options, directory, plots))
            except Exception:
                _keep(directory, {"seed": seed})
                raise
            summary = summarize(result)
            print_report(_console, summary)
            if chosen.json:
                chosen.json.write_text(json.dumps(summary) + "\n", encoding="utf-8")
            if result.violations or chosen.keep:
                _keep(directory, summary)
    except GroundError as error:
        _say(f"chaos: {error}")
        _say("chaos: skipped: no network namespaces (needs root and iproute2)")
        return 2 if chosen.require else 0
    except (KeyboardInterrupt, asyncio.CancelledError):
        _say("chaos: interrupted")
        return 130
    verdict = f"{len(result.violations)} violations" if result.violations else "no violation"
    again = f"scripts/chaos --seed {seed} --voters {chosen.voters} --seconds {seconds:g}"
    _say(f"chaos: {verdict}; again with: {again}{f' --only {chosen.only}' if only else ''}")
    return 1 if result.violations else 0


async def _torture(options: Options, directory: Path, plots: list[Plot]) -> Result:
    task = asyncio.current_task()
    if task is not None:
        # As Ctrl-C does it: everything is undone on the way out.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await Run(options, directory, _say).torture(plots)


def _keep(directory: Path, summary: dict[str, object]) -> None:
    """Copy everything to where it outlives the run."""
    kept = Path(tempfile.gettempdir(), f"kpledger-chaos-{summary['seed']}-{os.getpid()}")
    shutil.copytree(directory, kept, ignore=shutil.ignore_patterns("ballast"))
    (kept / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    _say(f"chaos: history, logs and ledgers are kept in {kept}")


if __name__ == "__main__":
    sys.exit(main())
