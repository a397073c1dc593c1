"""Thresholds of the flags: from a file, and from what is typed, which counts more."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kpclient.errors import UsageError
from kpclient.files import read_text_bounded
from kpclient.input.documents import parse_toml
from kpledger.base.errors import MalformedError
from kpledger.base.text import spell
from kpledger.books.flags.settings import parse_settings
from kpledger.books.question import QuestionError

_MAX_FILE_BYTES: Final = 64 * 1024
_ACCEPTED: Final = (
    "a table for each flag, such as [F1] with days = 45 below it; stocks under [stock]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Other thresholds than the defaults."""

    config: Path | None = None
    # typer takes repeated options as lists only.
    settings: list[str] | None = None

    def as_text(self) -> str:
        """Give them as a question names them; checked before any node is asked.

        Raises:
            UsageError: the file is none, or there is no such threshold.
        """
        typed = list(self.settings or ())
        text = ",".join((*_read(self.config), *typed))
        try:
            parse_settings(text)
        except QuestionError as error:
            option = "--set" if typed else "--config"
            raise UsageError(option, error.problem, error.accepted) from None
        return text


def _read(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        tables = parse_toml(read_text_bounded(path, max_bytes=_MAX_FILE_BYTES).encode())
    except MalformedError as error:
        problem = f"{path} is not a TOML file: {error.problem}"
        raise UsageError("--config", problem, _ACCEPTED) from None
    found = []
    for part, values in tables.items():
        if not isinstance(values, dict):
            raise UsageError("--config", f"{part} is not in a table", _ACCEPTED)
        found += [f"{part}.{name}={spell(value)}" for name, value in values.items()]
    return tuple(found)
