"""Settings: the thresholds that a question sets for itself.

People write them as ``F1.days=45,F6.percent=120,stock.US=250000``.
"""

import re
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.errors import MalformedError
from kpledger.base.ids import parse_participant
from kpledger.books.database import Books
from kpledger.books.flags.catalogue import Threshold, read_flags
from kpledger.books.query import read_participant
from kpledger.books.question import QuestionError, form

MAX_SETTINGS_CHARS: Final = 4_000
_FIELD: Final = "settings"
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_STOCK: Final = Threshold(default=0, most=10**12, meaning="held when the ledger began, in carats")


@dataclass(frozen=True, slots=True)
class FlagSettings:
    """The thresholds of a question; what is not named keeps its default."""

    chosen: dict[str, int | bool] = field(default_factory=dict)
    """By name, ``F1.days``."""
    stock: dict[str, int] = field(default_factory=dict)
    """What a participant held when the ledger began, in carats, for F5 and F6."""

    def of_flag(self, code: str) -> dict[str, int | bool]:
        """Give every threshold of a flag, by its name in statements."""
        thresholds = read_flags()[code].settings.items()
        return {name: self.chosen.get(f"{code}.{name}", one.default) for name, one in thresholds}

    def of_all(self) -> dict[str, int | bool]:
        """Give every threshold of all flags, as ``F6_percent``."""
        return {
            f"{code}_{name}": value
            for code in read_flags()
            for name, value in self.of_flag(code).items()
        }


def parse_settings(text: str) -> FlagSettings:
    """Read ``F1.days=45,stock.US=250000``.

    Raises:
        QuestionError: no such setting, or a value that it may not have; names it.
    """
    if len(text) > MAX_SETTINGS_CHARS:
        problem = f"{len(text)} characters"
        raise QuestionError(_FIELD, problem, f"up to {MAX_SETTINGS_CHARS} characters")
    settings = FlagSettings()
    for one in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = (piece.strip() for piece in one.partition("="))
        if equals and "." not in name:
            problem = f"{name!r} does not say of which flag it is"
            raise QuestionError(_FIELD, problem, f"FLAG.NAME=VALUE, as F1.{name or 'days'}={value}")
        if not equals:
            raise QuestionError(_FIELD, f"{one!r} is not NAME=VALUE", "as F1.days=45")
        code, _, setting = name.partition(".")
        if code.lower() == "stock":
            settings.stock[_read_code(name, setting)] = _read(name, value, _STOCK)
        else:
            threshold = _find(name, code, setting)
            settings.chosen[f"{code.upper()}.{setting}"] = _read(name, value, threshold)
    return settings


Settings = Annotated[
    str,
    form(
        ".{1,4000}",
        "thresholds, such as F1.days=45,stock.US=250000",
        parse=parse_settings,
        may_be_empty=True,
    ),
]
"""Other thresholds than the defaults; or empty."""


def read_settings(books: Books, text: str) -> FlagSettings:
    """Read settings, and see that stocks are those of participants on the ledger.

    Raises:
        QuestionError: as :func:`parse_settings`, or there is no such participant.
    """
    settings = parse_settings(text)
    for code in settings.stock:
        read_participant(books, code, _FIELD)
    return settings


def _find(name: str, code: str, setting: str) -> Threshold:
    flag = read_flags().get(code.upper())
    if flag is None:
        known = "F1 to F19, or stock"
        raise QuestionError(_FIELD, f"{name}: there is no flag {code!r}", known)
    if setting not in flag.settings:
        known = ", ".join(f"{flag.flag}.{one}" for one in flag.settings)
        raise QuestionError(_FIELD, f"{name}: there is no such setting", known)
    return flag.settings[setting]


def _read_code(name: str, code: str) -> str:
    try:
        return parse_participant(code)
    except MalformedError as error:
        raise QuestionError(_FIELD, f"{name}: {error.problem}", "as stock.US=250000") from None


def _read(name: str, value: str, threshold: Threshold) -> int:
    yes_or_no = isinstance(threshold.default, bool)
    least, most = threshold.least, threshold.most
    kind = bool if yes_or_no else Annotated[int, Meta(ge=least, le=most)]
    # msgspec would take 1e3 and 1.0 for whole numbers.
    plain = value if yes_or_no or _WHOLE.fullmatch(value) else None
    try:
        return msgspec.convert(plain, kind, strict=False)
    except msgspec.ValidationError:
        accepted = "true or false" if yes_or_no else f"a whole number from {least} to {most}"
        raise QuestionError(_FIELD, f"{name}: {value[:40]!r}", accepted) from None
