"""How help is laid out: arguments in words alone, every command with its whole summary."""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, cast

import typer
from typer.core import TyperCommand

from kpledger.command import Program


class _HelpFormatter(Protocol):
    """What typer formats help with; its own class has no public name."""

    def section(self, name: str) -> AbstractContextManager[None]: ...

    def write_dl(self, rows: Sequence[tuple[str, str]]) -> None: ...


class CommandGroup(Program):
    """Lists its commands with their summaries, which are never cut."""

    def sections(self) -> Mapping[str, Sequence[str]]:
        """Give the commands by the title they stand under."""
        return {"Commands": list(self.commands)}

    def format_commands(self, ctx: object, formatter: _HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands, section by section."""
        for title, names in self.sections().items():
            with formatter.section(title):
                formatter.write_dl(
                    [(one, (self.commands[one].help or "").strip().split("\n")[0]) for one in names]
                )


class PlainCommand(TyperCommand):
    """Calls its arguments by their names, where typer would add their types.

    An option that may be given once is not given twice: the last would silently win.
    """

    def parse_args(self, ctx: object, args: list[str]) -> list[str]:
        """Read what was typed.

        Raises:
            BadParameter: an option that may not be repeated is.
        """
        context = cast("typer.Context", ctx)
        _, _, given = self.make_parser(context).parse_args(args=list(args))
        for one in given:
            takes_one = not (getattr(one, "multiple", False) or getattr(one, "is_flag", False))
            if one.param_type_name == "option" and takes_one and given.count(one) > 1:
                problem = "it is given twice, and may be given once"
                raise typer.BadParameter(problem, context, param_hint=one.opts[0])
        return super().parse_args(context, args)

    def format_options(self, ctx: object, formatter: _HelpFormatter) -> None:
        """Write what the arguments are, and the options."""
        context = cast("typer.Context", ctx)
        for kind in ("argument", "option"):
            found = [
                one.get_help_record(context)
                for one in self.get_params(context)
                if one.param_type_name == kind
            ]
            rows = [(re.sub(r" <[^<>]+>\Z", "", one[0]), one[1]) for one in found if one]
            if rows:
                with formatter.section(f"{kind.title()}s"):
                    formatter.write_dl(rows)
