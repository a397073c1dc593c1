"""Query parameters: every one known, parsed and bounded, or the request is refused by its name."""

import re
from collections.abc import Callable
from typing import Final, TypeVar

from multidict import MultiMapping

from kpledger.api.routes import DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS
from kpledger.base.errors import LedgerError, MalformedError
from kpledger.base.ids import parse_hex32
from kpnode.api.problems import parameter_error

T = TypeVar("T")

_DIGITS: Final = re.compile(r"[0-9]{1,18}")


class Parameters:
    """The query parameters of one request."""

    def __init__(self, query: MultiMapping[str], *known: str) -> None:
        """Accept a query.

        A misspelt filter that were ignored would answer another question than was asked.

        Raises:
            ProblemError: a parameter is unknown, or stands there twice.
        """
        for name in query:
            if name not in known:
                accepted = ", ".join(known) or "none"
                raise parameter_error(name[:64], "there is no such parameter", accepted)
            if len(query.getall(name)) > 1:
                raise parameter_error(name, "it stands there twice", "one value")
        self._query = query

    def integer(self, name: str, *, low: int, high: int) -> int | None:
        """Read a number; None if it is not given.

        Raises:
            ProblemError: it is not a plain decimal in the range.
        """
        text = self._query.get(name)
        if text is None:
            return None
        if _DIGITS.fullmatch(text) is None or not low <= int(text) <= high:
            raise parameter_error(name, f"{text[:64]!r}", f"an integer from {low} to {high}")
        return int(text)

    def timeout_s(self) -> float:
        """Read `timeout_ms`, for how long a request may wait for consensus; in seconds.

        Raises:
            ProblemError: it is not a number of milliseconds in the range.
        """
        given = self.integer("timeout_ms", low=1, high=MAX_TIMEOUT_MS)
        return (DEFAULT_TIMEOUT_MS if given is None else given) / 1000

    def parsed(self, name: str, parse: Callable[[str], T], accepted: str) -> T | None:
        """Read a value with a parser; None if it is not given.

        Raises:
            ProblemError: the parser refuses it.
        """
        text = self._query.get(name)
        return None if text is None else parse_parameter(name, text, parse, accepted)


def parse_parameter(name: str, text: str, parse: Callable[[str], T], accepted: str) -> T:
    """Read a value with a parser that raises `LedgerError` or `ValueError`.

    Raises:
        ProblemError: the parser refuses it.
    """
    try:
        return parse(text)
    except (LedgerError, ValueError):
        raise parameter_error(name, f"{text[:64]!r}", accepted) from None


def parse_hex_parameter(name: str, text: str) -> bytes:
    """Read 32 bytes of lower-case hexadecimal.

    Raises:
        ProblemError: it is something else.
    """
    try:
        return parse_hex32(text, name)
    except MalformedError:
        accepted = "64 lower-case hexadecimal digits"
        raise parameter_error(name, f"{text[:64]!r}", accepted) from None
