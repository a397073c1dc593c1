"""A scenario from its text to its end: lines, the commands they name, and errors that say where."""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kpnode.sim.planted import PlantedBug
from kpnode.sim.scenario.commands import COMMANDS
from kpnode.sim.scenario.expectations import describe
from kpnode.sim.scenario.stage import Stage
from kpnode.sim.scenario.words import UsageError, format_envelope

_SOUND = PlantedBug()
_SHOWN_MESSAGES = 12


class ScriptError(Exception):
    """A scenario did not end well; the message shows file, line, reason and all states."""


@dataclass(frozen=True, slots=True)
class Line:
    """One command."""

    number: int
    text: str
    words: tuple[str, ...]


def read_lines(text: str) -> Iterator[Line]:
    """Yield the commands of a scenario, without comments and empty lines.

    Raises:
        ValueError: A quotation has no end.
    """
    for number, line in enumerate(text.splitlines(), 1):
        if words := shlex.split(line, comments=True):
            yield Line(number, line.strip(), tuple(words))


def run_script(
    text: str,
    name: str,
    *,
    bug: PlantedBug = _SOUND,
    note: Callable[[str], None] = lambda _: None,
) -> int:
    """Run a scenario and return how many expectations were met.

    Raises:
        ScriptError: A line cannot be run, an expectation is not met, or a rule is broken.
    """
    stage, expected = Stage(bug, note), 0
    for line in read_lines(text):
        note(f"{line.number}: {line.text}")
        try:
            _run_line(stage, line)
        # Whatever goes wrong, also inside a broken core, belongs to the line that brought it about.
        except Exception as error:
            where = f"{name}:{line.number}: {line.text}"
            what = f"  {type(error).__name__}: {error}{_usage(line.words[0], error)}"
            raise ScriptError("\n".join((where, what, *_picture(stage)))) from error
        expected += line.words[0] == "expect"
    return expected


def _run_line(stage: Stage, line: Line) -> None:
    verb, *words = line.words
    if verb not in COMMANDS:
        raise UsageError(f"there is no command {verb!r}, only {', '.join(COMMANDS)}")
    COMMANDS[verb].run(stage, words)
    stage.watch.on_line()


def _usage(verb: str, error: Exception) -> str:
    if verb not in COMMANDS or not isinstance(error, TypeError | IndexError | ValueError):
        return ""
    return f" (usage: {verb} {COMMANDS[verb].usage})"


def _picture(stage: Stage) -> Iterator[str]:
    """Yield the last states of all nodes, and what is on the wire."""
    for name in stage.actors:
        shown = describe(stage, name)
        yield f"  {name}: " + " ".join(f"{key}={value}" for key, value in shown.items())
    for title, envelopes in (("wire", stage.wire), ("held", stage.held)):
        for envelope in envelopes[:_SHOWN_MESSAGES]:
            yield f"  {title}: {format_envelope(envelope)}"
        if len(envelopes) > _SHOWN_MESSAGES:
            yield f"  {title}: and {len(envelopes) - _SHOWN_MESSAGES} more"
