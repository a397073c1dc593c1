"""Settings: the thresholds of the flags, with their units and what they may be set to.

People write them as ``F1.days=45,F6.percent=120,stock.US=250000``. The least value of a threshold
of something observed (F2, F4, F7, F14, F16) is the measure below which nothing is written down.
"""

from typing import Annotated, Final, get_args, get_type_hints

import msgspec
from msgspec import Meta

from kpledger.analysis.topic import QuestionError
from kpledger.base.errors import MalformedError
from kpledger.base.ids import parse_participant

_Days = Annotated[int, Meta(ge=0, le=3660)]
_Percent = Annotated[int, Meta(ge=0, le=10_000)]
_Carats = Annotated[int, Meta(ge=0, le=10**12)]


class _Of(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one flag."""


class OfF1(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F1."""

    days: Annotated[_Days, Meta(description="days after expiry without news")] = 30


class OfF2(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F2."""

    ppm: Annotated[int, Meta(ge=100, description="weight differs, in millionths")] = 500
    thousandths: Annotated[
        int, Meta(ge=0, description="and at least so much, in thousandths of a carat")
    ] = 10
    value_ppm: Annotated[int, Meta(ge=5_000, description="value differs, in millionths")] = 20_000
    discrepant_percent: Annotated[
        int, Meta(ge=2, description="weight differs in an open discrepancy, in percent")
    ] = 10
    revalued_percent: Annotated[
        int, Meta(ge=2, description="value per carat differs in an open discrepancy, in percent")
    ] = 30
    leaning_percent: Annotated[
        int, Meta(ge=51, le=100, description="of a pair's differences to one side, in percent")
    ] = 90
    leaning_count: Annotated[
        int, Meta(ge=5, description="differences of a pair in a quarter before their side counts")
    ] = 20


class OfF3(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F3."""

    z_tenths: Annotated[int, Meta(ge=10, description="robust z, in tenths")] = 40
    samples: Annotated[int, Meta(ge=8, description="prices in the group and year")] = 20
    ratio_percent: Annotated[
        int, Meta(ge=100, description="and at least so far from the usual price, in percent of it")
    ] = 150
    sourced_percent: Annotated[
        _Percent, Meta(description="and a re-export so far from what its sources cost, in percent")
    ] = 30


class OfF4(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F4."""

    percent: Annotated[int, Meta(ge=20, description="value per carat changes, in percent")] = 30
    days: Annotated[_Days, Meta(description="from import to re-export, in days")] = 180
    share_percent: Annotated[
        int, Meta(ge=0, le=100, description="of the imported weight re-exported, in percent")
    ] = 50


class OfF5(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F5."""

    months: Annotated[int, Meta(ge=3, le=60, description="months looked back over")] = 12
    slack_percent: Annotated[_Percent, Meta(description="of what came in, in percent")] = 5
    carats: Annotated[_Carats, Meta(description="and at least so much, in carats")] = 1_000


class OfF6(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F6."""

    months: Annotated[int, Meta(ge=3, le=60, description="months looked back over")] = 12
    percent: Annotated[_Percent, Meta(description="exports, in percent of production")] = 110
    carats: Annotated[_Carats, Meta(description="and at least so much beyond, in carats")] = 1_000


class OfF7(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F7."""

    gap_days: Annotated[_Days, Meta(description="days since the number after a gap was used")] = 30
    order_days: Annotated[
        int, Meta(ge=1, description="days by which a higher number was used before")
    ] = 7


class OfF8(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F8."""

    seals: Annotated[bool, Meta(description="whether equal seals and photographs count")] = True


class OfF9(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F9."""

    expiry_days: Annotated[_Days, Meta(description="days after expiry")] = 0
    grace_days: Annotated[
        _Days, Meta(description="working days beyond the destination's own limit")
    ] = 0
    approval_days: Annotated[
        _Days, Meta(description="days after issue without an approval that is due afterwards")
    ] = 31


class OfF10(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F10."""

    days: Annotated[_Days, Meta(description="days before a suspension")] = 30


class OfF11(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F11."""

    sanctions: Annotated[bool, Meta(description="whether Russian origins to the G7 are listed")] = (
        True
    )


class OfF12(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F12."""

    percent: Annotated[_Percent, Meta(description="of what was declared, in percent")] = 5
    carats: Annotated[_Carats, Meta(description="and at least so much, in carats")] = 1_000
    settle_days: Annotated[
        _Days, Meta(description="days after a quarter in which shipments may still be on their way")
    ] = 120


class OfF13(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F13."""

    percent: Annotated[_Percent, Meta(description="of the larger figure, in percent")] = 1
    carats: Annotated[_Carats, Meta(description="and at least so much, in carats")] = 100
    usd: Annotated[int, Meta(ge=0, description="likewise for value, in US$")] = 100_000
    certificates: Annotated[int, Meta(ge=0, description="likewise for counts")] = 2


class OfF14(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F14."""

    late_days: Annotated[_Days, Meta(description="days after the due day")] = 0
    restated_percent: Annotated[
        int, Meta(ge=1, description="a later edition changes a total, in percent")
    ] = 3


class OfF15(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F15."""

    days: Annotated[int, Meta(ge=0, le=365, description="days from the first to the return")] = 90


class OfF16(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F16."""

    days: Annotated[int, Meta(ge=2, description="days from the date stated to the record")] = 7


class OfF17(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F17."""

    quarters: Annotated[int, Meta(ge=1, le=8, description="quarters without a certificate")] = 2
    carats: Annotated[_Carats, Meta(description="production in the year before, in carats")] = 1_000


class OfF18(_Of, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """F18."""

    neighbours: Annotated[bool, Meta(description="whether neighbours are listed too")] = False


class FlagSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings; the name of a part is the code of its flag in small letters."""

    f1: OfF1 = OfF1()
    f2: OfF2 = OfF2()
    f3: OfF3 = OfF3()
    f4: OfF4 = OfF4()
    f5: OfF5 = OfF5()
    f6: OfF6 = OfF6()
    f7: OfF7 = OfF7()
    f8: OfF8 = OfF8()
    f9: OfF9 = OfF9()
    f10: OfF10 = OfF10()
    f11: OfF11 = OfF11()
    f12: OfF12 = OfF12()
    f13: OfF13 = OfF13()
    f14: OfF14 = OfF14()
    f15: OfF15 = OfF15()
    f16: OfF16 = OfF16()
    f17: OfF17 = OfF17()
    f18: OfF18 = OfF18()
    stock: dict[str, _Carats] = {}
    """What a participant held when the ledger began, in carats, for F5 and F6."""


DEFAULTS: Final = FlagSettings()
MAX_SETTINGS_CHARS: Final = 4_000
_FIELD: Final = "settings"


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One threshold, for lists."""

    name: str
    """As people write it, ``F1.days``."""
    default: int | bool
    meaning: str
    """What it counts, with its unit."""


def settings_of(code: str) -> tuple[Setting, ...]:
    """List the settings of a flag."""
    part = getattr(DEFAULTS, code.lower())
    return tuple(
        Setting(name=f"{code}.{name}", default=getattr(part, name), meaning=_meaning(hint))
        for name, hint in get_type_hints(type(part), include_extras=True).items()
    )


def _meaning(hint: object) -> str:
    texts = [one.description for one in getattr(hint, "__metadata__", ()) if one.description]
    return texts[0] if texts else ""


def parse_settings(text: str) -> FlagSettings:
    """Read ``F1.days=45,stock.US=250000``; what is not named keeps its default.

    Raises:
        QuestionError: no such setting, or a value that it may not have; names it.
    """
    if len(text) > MAX_SETTINGS_CHARS:
        problem = f"{len(text)} characters"
        raise QuestionError(_FIELD, problem, f"up to {MAX_SETTINGS_CHARS} characters")
    settings = DEFAULTS
    for one in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = (piece.strip() for piece in one.partition("="))
        if not equals or "." not in name:
            raise QuestionError(_FIELD, f"{one!r} is not NAME=VALUE", "as F1.days=45")
        settings = _set(settings, name, value)
    return settings


def _set(settings: FlagSettings, name: str, value: str) -> FlagSettings:
    code, _, setting = name.partition(".")
    part = code.lower()
    if part not in settings.__struct_fields__:
        known = "F1 to F18, or stock"
        raise QuestionError(_FIELD, f"{name}: there is no flag {code!r}", known)
    old = getattr(settings, part)
    if isinstance(old, dict):
        new: object = {**old, _participant(name, setting): _read(name, value, _Carats)}
    else:
        hints = get_type_hints(type(old), include_extras=True)
        if setting not in hints:
            problem = f"{name}: there is no such setting"
            raise QuestionError(
                _FIELD, problem, ", ".join(f"{part.upper()}.{one}" for one in hints)
            )
        read = _read(name, value, hints[setting])
        new = msgspec.structs.replace(old, **{setting: read})
    return msgspec.structs.replace(settings, **{part: new})


def _participant(name: str, code: str) -> str:
    try:
        return parse_participant(code)
    except MalformedError as error:
        raise QuestionError(_FIELD, f"{name}: {error.problem}", "as stock.US=250000") from None


def _read(name: str, value: str, hint: object) -> object:
    try:
        return msgspec.convert(value, hint, strict=False)
    except msgspec.ValidationError:
        raise QuestionError(_FIELD, f"{name}: {value[:40]!r}", _accepted(hint)) from None


def _accepted(hint: object) -> str:
    """Say in words which values a setting may have."""
    if hint is bool or get_args(hint)[:1] == (bool,):
        return "true or false"
    bounds = getattr(hint, "__metadata__", ())
    least = max((one.ge for one in bounds if one.ge is not None), default=None)
    most = min((one.le for one in bounds if one.le is not None), default=None)
    begin = "" if least is None else f" from {least}"
    return f"a whole number{begin}{'' if most is None else f' to {most}'}"
