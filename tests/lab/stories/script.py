"""A scenario from its text to its end: lines, the commands they name, and errors that say where."""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lab.planted import PlantedBug
from lab.stories.commands import COMMANDS, run
from lab.stories.expectations import describe, usages_of
from lab.stories.stage import Stage
from lab.stories.words import UsageError, format_message

_SOUND = PlantedBug()
_SHOWN_MESSAGES = 12


class ScriptError(Exception):
    """A scenario did not end well; the message shows file, line, reason and all states."""


class LanguageError(ScriptError):
    """A text is not in the language; the message shows file, line, reason and usage."""


@dataclass(frozen=True, slots=True)
class Line:
    """One command."""

    number: int
    text: str
    words: tuple[str, ...]


def read_lines(text: str, name: str) -> Iterator[Line]:
    """Yield the commands of a scenario, without comments and empty lines.

    Raises:
        LanguageError: A quotation has no end.
    """
    for number, line in enumerate(text.splitlines(), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise LanguageError(f"{name}:{number}: {line.strip()}\n  {error}") from error
        if words:
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
        LanguageError: A line is not in the language, or nothing at all is expected.
        ScriptError: An expectation is not met, or a rule is broken.
    """
    stage, expected = Stage(bug, note), 0
    for line in read_lines(text, name):
        note(f"{line.number}: {line.text}")
        where = f"{name}:{line.number}: {line.text}"
        try:
            run(stage, line.words[0], list(line.words[1:]))
            stage.watch.on_line()
        except UsageError as error:
            raise LanguageError("\n".join((where, f"  {error}", *_usages(line)))) from error
        # Whatever else goes wrong, also inside a broken core, belongs to the line that caused it.
        except Exception as error:
            what = f"  {type(error).__name__}: {error}"
            raise ScriptError("\n".join((where, what, *_picture(stage)))) from error
        expected += line.words[0] == "expect"
    if not expected:
        raise LanguageError(f"{name}: expects nothing")
    return expected


def _usages(line: Line) -> Iterator[str]:
    """Yield how the command is written."""
    verb, *words = line.words
    if verb == "expect":
        yield from (f"  usage: {usage}" for usage in usages_of(words))
    elif verb in COMMANDS:
        yield f"  usage: {verb} {COMMANDS[verb].usage}"


def _picture(stage: Stage) -> Iterator[str]:
    """Yield the last states of all nodes, and what is on the wire."""
    for name in stage.actors:
        shown = describe(stage, name)
        yield f"  {name}: " + " ".join(f"{key}={value}" for key, value in shown.items())
    for title, messages in (("wire", stage.wire), ("held", stage.held)):
        for message in messages[:_SHOWN_MESSAGES]:
            yield f"  {title}: {format_message(message)}"
        if len(messages) > _SHOWN_MESSAGES:
            yield f"  {title}: and {len(messages) - _SHOWN_MESSAGES} more"
