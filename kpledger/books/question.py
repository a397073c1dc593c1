"""Questions: flat Structs of text, whole numbers and truth values, checked when they are made.

Each text has one of the forms below: a pattern, which ``/openapi.json`` names; words for people;
and what reads it, where a pattern cannot tell. So whoever asks what has no answer hears so at once,
and no books have to be there for it.
"""

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Final, get_type_hints

import msgspec
from msgspec import Meta

from kpledger.base.errors import LedgerError, MalformedError
from kpledger.base.ids import KPCS
from kpledger.base.units import parse_day
from kpledger.scheme.v1.ids import NUMBER_PATTERN

_SHOWN: Final = 64
"""So many characters of what was given are shown."""
_FORM: Final = "form"


class QuestionError(LedgerError):
    """A question that has no answer: names the parameter, and what would be accepted."""

    def __init__(self, field: str, problem: str, accepted: str) -> None:
        super().__init__(f"{field}: {problem}; accepted: {accepted}")
        self.field = field
        self.problem = problem
        self.accepted = accepted


@dataclass(frozen=True, slots=True)
class _Form:
    """What a text has to look like."""

    pattern: re.Pattern[str]
    accepted: str
    parse: Callable[[str], object] | None

    def check(self, field: str, text: str) -> None:
        """See that a text has it.

        Raises:
            QuestionError: it has not.
        """
        if self.pattern.fullmatch(text) is None:
            raise QuestionError(field, repr(text[:_SHOWN]), self.accepted)
        if self.parse is None or not text:
            return
        try:
            self.parse(text)
        except MalformedError as error:
            raise QuestionError(field, error.problem, self.accepted) from None


def form(
    pattern: str,
    accepted: str,
    *,
    parse: Callable[[str], object] | None = None,
    may_be_empty: bool = False,
) -> Meta:
    """Make a form of text.

    Args:
        pattern: all of a text that has it, in what Python and ECMA-262 share.
        accepted: the same in words.
        parse: reads what fits the pattern; raises :class:`kpledger.base.errors.MalformedError` or
            :class:`QuestionError`.
        may_be_empty: whether a question may leave it empty, and so say nothing.
    """
    whole = f"({pattern})?" if may_be_empty else pattern
    more = {"format": "date"} if parse is parse_day else {}
    return Meta(
        # Nobody asks for an empty text: who says nothing leaves the parameter out.
        extra_json_schema={"pattern": f"^({pattern})$", "description": accepted, **more},
        extra={_FORM: _Form(re.compile(whole), accepted, parse)},
    )


def some_of(words: Iterable[str]) -> Meta:
    """Make the form of a list of such words, with commas; it may be empty."""
    one = f"({'|'.join(words)})"
    accepted = f"{', '.join(words)}; or several of them, with commas"
    return form(f"{one}(,{one})*", accepted, may_be_empty=True)


_CODE: Final = "[A-Z]{2}"
_A_CODE: Final = "two capital letters, such as BW"
_A_NUMBER: Final = "a certificate number, such as BW00001234"

AnyDay = Annotated[
    str,
    # Periods are counted one by one from day to day, so that a day near an end of the calendar
    # would cost a node seconds for nothing.
    form(
        "(199[0-9]|20[0-9]{2})-[0-9]{2}-[0-9]{2}",
        "a day of the years 1990 to 2099, such as 2026-03-02",
        parse=parse_day,
        may_be_empty=True,
    ),
]
"""A day, ``2026-03-02``; or empty."""
Participant = Annotated[str, form(_CODE, _A_CODE)]
"""The code of a participant."""
AnyParticipant = Annotated[str, form(_CODE, _A_CODE, may_be_empty=True)]
"""The code of a participant; or empty, for all."""
ALL: Final = "all"
"""Every participant, where one or all of them may be asked for."""
OneOrAll = Annotated[str, form(f"{_CODE}|{ALL}", f"{_A_CODE}, or {ALL}")]
"""The code of a participant; or ``all``."""
Side = Annotated[str, form(f"{_CODE}|{KPCS}", f"{_A_CODE}, or {KPCS}")]
"""The code of a participant, or that of the scheme itself."""
AnySide = Annotated[str, form(f"{_CODE}|{KPCS}", f"{_A_CODE}, or {KPCS}", may_be_empty=True)]
"""Likewise; or empty, for all."""
Number = Annotated[str, form(NUMBER_PATTERN[1:-2], _A_NUMBER)]
"""The number of a certificate."""
AnyNumber = Annotated[str, form(NUMBER_PATTERN[1:-2], _A_NUMBER, may_be_empty=True)]
"""Likewise; or empty."""
Hex = Annotated[str, form("[0-9a-f]{64}", "64 lower-case hexadecimal digits")]
"""A digest or a public key."""
SubjectName = Annotated[
    str, form("[!-~]{1,255}", "what events are about, such as BW00000042 or ZW/policy")
]
"""What events name as their subject."""
PeriodName = Annotated[
    str,
    form("(19|20)[0-9]{2}(Q[1-4]|H[12])?", "a quarter, half-year or year: 2022Q1, 2022H1, 2022"),
]
"""A reference period."""


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked; one with a text that has not the form of its field is not made.

    Raises:
        QuestionError: a text has not; names its field.
    """

    def __post_init__(self) -> None:
        """Check its texts."""
        for field, one in _forms_of(type(self)):
            one.check(field, getattr(self, field))


@functools.cache
def _forms_of(kind: type[Question]) -> tuple[tuple[str, _Form], ...]:
    hints = get_type_hints(kind, include_extras=True).items()
    return tuple(
        (field, meta.extra[_FORM])
        for field, hint in hints
        for meta in getattr(hint, "__metadata__", ())
        if isinstance(meta, Meta) and meta.extra is not None
    )
