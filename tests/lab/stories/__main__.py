"""Run scenarios by hand: `scripts/stories FILE...`.

It exits with 0 if every scenario ends well. It exits with 1 if one does not: an expectation is not
met, or a rule is broken. Otherwise it exits with 2 if it was called wrongly or has to refuse a
file, which cannot be read, has a line that is not in the language, or expects nothing.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from lab.planted import PLANTED, PlantedBug
from lab.simulator.output import exit_with, write_line
from lab.stories.commands import COMMANDS
from lab.stories.expectations import EXPECTATIONS, NODE_USAGE
from lab.stories.script import LanguageError, ScriptError, run_script

_EXAMPLE = """
example:
  nodes a b c
  elect a
  propose a 1
  settle without c
  expect a role=leader commit=2
  expect c log=1

  scripts/stories tests/scenarios/b15_step_down_keeps_the_vote.txt --trace
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the files and report; return the exit code."""
    options = _parser().parse_args(arguments)
    bug = PLANTED[options.planted] if options.planted else PlantedBug()
    note = write_line if options.trace else lambda _: None
    failed = refused = 0
    for path in options.files:
        try:
            met = run_script(_read(path), str(path), bug=bug, note=note)
        except LanguageError as error:
            refused += 1
            write_line(f"REFUSED {error}")
        except ScriptError as error:
            failed += 1
            write_line(f"FAIL {error}")
        else:
            write_line(f"ok   {path}: {met} expectations met")
    others = f", {refused} refused" if refused else ""
    write_line(f"{len(options.files)} scenarios, {failed} failed{others}")
    return 1 if failed else 2 if refused else 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise LanguageError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise LanguageError(f"{path}: not UTF-8 at byte {error.start}") from error


def _parser() -> argparse.ArgumentParser:
    lines = ["commands:", *(f"  {verb} {it.usage}" for verb, it in COMMANDS.items())]
    lines += ["expectations:", f"  expect {NODE_USAGE}: as role=leader term=2 log=1,2"]
    lines += [f"  expect {what} {it.usage}" for what, it in EXPECTATIONS.items()]
    parser = argparse.ArgumentParser(
        prog="scripts/stories",
        description=__doc__,
        epilog="\n".join(lines) + "\n" + _EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="scenarios")
    parser.add_argument(
        "--planted",
        choices=sorted(PLANTED),
        metavar="NAME",
        help="run with a known bug; scripts/sim --help lists them",
    )
    parser.add_argument("--trace", action="store_true", help="print everything that happens")
    return parser


if __name__ == "__main__":
    exit_with(main)
