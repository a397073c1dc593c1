"""Quantities of the trade: the bounds and spellings within which events and records say them."""

from typing import Annotated, Final

from msgspec import Meta

MAX_QUANTITY: Final = 2**53 - 1
"""The largest weight or value: what JSON readers in every language still hold exactly."""

CaratThousandths = Annotated[int, Meta(gt=0, le=MAX_QUANTITY)]
"""Carat weight in thousandths of a carat; positive."""

UsdCents = Annotated[int, Meta(gt=0, le=MAX_QUANTITY)]
"""Value in US cents; positive."""

CaratTotal = Annotated[int, Meta(ge=0, le=MAX_QUANTITY)]
"""A statistical total in thousandths of a carat; may be zero."""

UsdTotal = Annotated[int, Meta(ge=0, le=MAX_QUANTITY)]
"""A statistical total in US cents; may be zero."""

Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", max_length=10)]
"""A calendar day in UTC, ``YYYY-MM-DD``. Compared as text; rules check that the day exists."""

Quarter = Annotated[str, Meta(pattern=r"^[0-9]{4}Q[1-4]\Z", max_length=6)]
"""A reference period of the trade statistics, ``2022Q1`` (KPCS Annex III)."""

HalfYear = Annotated[str, Meta(pattern=r"^[0-9]{4}H[12]\Z", max_length=6)]
"""A reference period of the production statistics, ``2022H1`` (KPCS Annex III)."""

EARLIEST_YEAR: Final = 1900
"""The first year that anything may be about."""

Year = Annotated[int, Meta(ge=EARLIEST_YEAR, le=9999)]
"""A calendar year."""
