"""What a run is asked to be: the words of the command line, checked before anything is touched."""

import argparse
import secrets
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from lab.chaos.faults import FAULT_NAMES
from lab.chaos.run import Options

_MINUTES: Final = 1.0
_VOTERS: Final = 3
_CLIENTS: Final = 8
_PACE_S: Final = 0.1
_MOST_MINUTES: Final = 24 * 60
_MOST_PACE_S: Final = 60
"""At the end, clients are waited for."""
# Of two voters, none can be cut off without stopping the other.
_POSSIBLE_VOTERS: Final = range(3, 10)
_POSSIBLE_CLIENTS: Final = range(1, 1001)
_POSSIBLE_SEEDS: Final = range(1 << 64)

_DESCRIPTION: Final = (
    "Injects faults into a network of real processes and judges what its clients saw."
    " Needs root with CAP_SYS_ADMIN, and iproute2."
)
_EPILOG: Final = f"""\
examples:
  scripts/chaos --minutes 20                  all faults, a seed of its own (printed)
  scripts/chaos --seconds 45 --seed 1         a short run, the same plan each time
  scripts/chaos --voters 5 --only kill_leader,stall_links
                                              two kinds of fault, five voters

faults:
{textwrap.fill(", ".join(FAULT_NAMES), 96, initial_indent="  ", subsequent_indent="  ")}

exit codes:
  0    nothing was found; or the run was skipped, which the last line says
  1    a violation was found
  2    it could not run, no fault happened, it was called wrongly, or it was skipped under --require
  130  it was interrupted
"""

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the command line says."""

    options: Options
    figures: Path | None
    """Where the figures are written, too."""
    is_required: bool
    """A run that has to be skipped has failed."""
    is_kept: bool
    """The directory is kept in any case."""


def parse_arguments(words: Sequence[str] | None = None) -> Arguments:
    """Read the command line; None: that of this process.

    Raises:
        SystemExit: it is wrong (2), or asks for help (0).
    """
    parser = _make_parser()
    chosen = parser.parse_args(words)
    if chosen.json is not None:
        _check_writable(parser, chosen.json)
    seconds = chosen.minutes * 60 if chosen.seconds is None else chosen.seconds
    seed = secrets.randbelow(1 << 32) if chosen.seed is None else chosen.seed
    options = Options(seed, seconds, chosen.voters, chosen.clients, chosen.pace, chosen.only)
    return Arguments(options, chosen.json, chosen.require, chosen.keep)


def format_replay(options: Options) -> str:
    """Give the command that does the same again."""
    words = [f"scripts/chaos --seed {options.seed} --voters {options.voters}"]
    words.append(f"--seconds {options.seconds:g}")
    if options.clients != _CLIENTS:
        words.append(f"--clients {options.clients}")
    if options.pace_s != _PACE_S:
        words.append(f"--pace {options.pace_s:g}")
    if options.only:
        words.append(f"--only {','.join(sorted(options.only))}")
    return " ".join(words)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes",
        type=_parse_length(_MOST_MINUTES),
        default=_MINUTES,
        help="how long faults happen (default: 1)",
    )
    length.add_argument(
        "--seconds", type=_parse_length(_MOST_MINUTES * 60), help="the same in seconds"
    )
    parser.add_argument(
        "--voters",
        type=_parse_whole(_POSSIBLE_VOTERS),
        default=_VOTERS,
        help="nodes of the network, 3 to 9 (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=_parse_whole(_POSSIBLE_SEEDS),
        help="of the plan (default: drawn and printed)",
    )
    parser.add_argument(
        "--clients",
        type=_parse_whole(_POSSIBLE_CLIENTS),
        default=_CLIENTS,
        help="clients that submit and read all the time (default: %(default)s)",
    )
    parser.add_argument(
        "--pace",
        type=_parse_number(
            float, f"a number from 0 to {_MOST_PACE_S}", lambda pace: 0 <= pace <= _MOST_PACE_S
        ),
        default=_PACE_S,
        metavar="SECONDS",
        help="mean pause of a client between two calls (default: %(default)s)",
    )
    parser.add_argument(
        "--only",
        type=_parse_faults,
        default=frozenset[str](),
        metavar="FAULT,...",
        help="no other faults (default: all of those below)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--require", action="store_true", help="fail if the run has to be skipped")
    parser.add_argument(
        "--keep", action="store_true", help="keep the directory, also if nothing is found"
    )
    return parser


def _parse_number(
    convert: Callable[[str], Number], limits: str, is_possible: Callable[[Number], bool]
) -> Callable[[str], Number]:
    def parse(text: str) -> Number:
        try:
            number = convert(text)
        except ValueError:
            number = None
        if number is None or not is_possible(number):
            raise argparse.ArgumentTypeError(f"it has to be {limits}, not {text!r}")
        return number

    return parse


def _parse_whole(possible: range) -> Callable[[str], int]:
    limits = f"a whole number from {possible.start} to {possible.stop - 1}"
    return _parse_number(int, limits, possible.__contains__)


def _parse_length(most: int) -> Callable[[str], float]:
    limits = f"a number above 0 and up to {most}"
    return _parse_number(float, limits, lambda length: 0 < length <= most)


def _parse_faults(text: str) -> frozenset[str]:
    names = text.split(",")
    for name in names:
        if name not in FAULT_NAMES:
            raise argparse.ArgumentTypeError(
                f"there is no fault {name!r}, only {', '.join(FAULT_NAMES)}"
            )
    return frozenset(names)


def _check_writable(parser: argparse.ArgumentParser, file: Path) -> None:
    """Fail now rather than after an hour of faults."""
    is_new = not file.exists()
    try:
        with file.open("ab"):
            pass
        if is_new:
            file.unlink()
    except OSError as error:
        parser.error(f"argument --json: {file} cannot be written: {error.strerror}")
