"""Run scenarios by hand: `python -m kpnode.sim.scenario FILE...`.

It exits with 0 if every scenario ends well, 1 if one does not, 2 if it was called wrongly.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from kpnode.sim.planted import PLANTED, PlantedBug
from kpnode.sim.scenario.commands import COMMANDS
from kpnode.sim.scenario.expectations import EXPECTATIONS
from kpnode.sim.scenario.script import ScriptError, run_script

_EXAMPLE = """
example:
  nodes a b c
  elect a
  propose a 1
  settle without c
  expect a role=leader commit=2
  expect c log=1

  python -m kpnode.sim.scenario tests/scenarios/b15_step_down_keeps_the_vote.txt --trace
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the files and report; return the exit code."""
    options = _parser().parse_args(arguments)
    bug = PLANTED[options.planted] if options.planted else PlantedBug()
    failed = 0
    for path in options.files:
        try:
            met = run_script(
                path.read_text(encoding="utf-8"),
                str(path),
                bug=bug,
                note=_write if options.trace else lambda _: None,
            )
        except ScriptError as error:
            failed += 1
            _write(f"FAIL {error}")
        except OSError as error:
            _write(f"{path}: {error.strerror}")
            return 2
        else:
            _write(f"ok   {path}: {met} expectations met")
    _write(f"{len(options.files)} scenarios, {failed} failed")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    lines = ["commands:", *(f"  {verb} {it.usage}" for verb, it in COMMANDS.items())]
    lines += ["expectations:", "  expect A role=leader term=2 log=1,2 ..."]
    lines += [f"  expect {what} {it.usage}" for what, it in EXPECTATIONS.items()]
    parser = argparse.ArgumentParser(
        prog="python -m kpnode.sim.scenario",
        description=__doc__,
        epilog="\n".join(lines) + "\n" + _EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="scenarios")
    parser.add_argument("--planted", choices=sorted(PLANTED), help="run with a known bug")
    parser.add_argument("--trace", action="store_true", help="print everything that happens")
    return parser


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
