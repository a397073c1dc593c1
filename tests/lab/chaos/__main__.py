"""Chaos as a program, run as ``scripts/chaos``; :mod:`.arguments` has its exit codes."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from lab.chaos.arguments import Arguments, format_replay, parse_arguments
from lab.chaos.network import plan_names
from lab.chaos.report import judge, print_report, summarize
from lab.chaos.run import Options, Result, Run
from lab.chaos.sites import Site, SitesError, made_sites

from kpledger.command import open_console
from kpnode.books.place import SOCKET_NAME

_MIB: Final = 1 << 20
_DISK_MIB: Final = 64
_DISK_MIB_PER_MINUTE: Final = 16
_FAILED: Final = 2
_INTERRUPTED: Final = 130
_console = open_console(sys.stdout)


def _say(line: str) -> None:
    _console.print(line, markup=False)
    # Whoever reads this through a pipe wants to see how far it is.
    sys.stdout.flush()


def main() -> int:
    """Run it; gives the exit code."""
    arguments = parse_arguments()
    try:
        return _run(arguments)
    except (KeyboardInterrupt, asyncio.CancelledError):
        _say("chaos: interrupted")
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 (exit code 1 is for violations alone)
        _say(f"chaos: could not run: {_describe(error)}")
        return _FAILED


def _run(arguments: Arguments) -> int:
    options = arguments.options
    _say(f"chaos: seed {options.seed}, {options.voters} voters, {options.seconds:g} s of faults")
    disk_bytes = int(_DISK_MIB + _DISK_MIB_PER_MINUTE * options.seconds / 60) * _MIB
    with ExitStack() as undone:
        try:
            made = made_sites(plan_names(options.voters), disk_bytes)
            directory, sites = undone.enter_context(made)
        except SitesError as error:
            _say(f"chaos: {error}")
            needs = "needs root with CAP_SYS_ADMIN, and iproute2"
            _say(f"chaos: skipped: no network namespaces ({needs})")
            return _FAILED if arguments.is_required else 0
        return _run_on(arguments, directory, sites)


def _run_on(arguments: Arguments, directory: Path, sites: list[Site]) -> int:
    options = arguments.options
    try:
        result = asyncio.run(_run_chaos(options, directory, sites))
        summary = summarize(result)
    except Exception:
        _keep(directory, {"seed": options.seed, "error": traceback.format_exc()})
        raise
    print_report(_console, summary)
    if result.violations or arguments.is_kept:
        _keep(directory, summary)
    if arguments.figures is not None:
        arguments.figures.write_text(json.dumps(summary) + "\n", encoding="utf-8")
    code, verdict = judge(result)
    _say(f"chaos: {verdict}; again with: {format_replay(options)}")
    return code


async def _run_chaos(options: Options, directory: Path, sites: list[Site]) -> Result:
    task = asyncio.current_task()
    if task is not None:
        # Everything is undone on the way out. Whoever is started in the background ignores SIGINT
        # unless it says otherwise.
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await Run(options, directory, _say).complete(sites)


def _keep(directory: Path, summary: dict[str, object]) -> None:
    """Copy everything to where it outlives the run."""
    kept = Path(tempfile.gettempdir(), f"kpledger-chaos-{summary['seed']}-{os.getpid()}")
    shutil.copytree(directory, kept, ignore=shutil.ignore_patterns("ballast", SOCKET_NAME))
    (kept / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    _say(f"chaos: history, logs and ledgers are kept in {kept}")


def _describe(error: BaseException) -> str:
    """Name what went wrong, inside of all groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}".removesuffix(": ")


if __name__ == "__main__":
    sys.exit(main())
