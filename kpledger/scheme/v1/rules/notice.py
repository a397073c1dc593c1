"""E14: how far ahead the scheme decides."""

from typing import Final

from kpledger.base.units import DAY_MS, format_time
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse

MAX_NOTICE_MS: Final = 366 * DAY_MS
"""How far ahead a measure may be decided. Standings follow each other in time, so one set by
mistake for a distant year would stand in the way of all others until then."""


def check_notice_period(context: Context, effective_from: int) -> Refusal | None:
    """E14: what is decided takes effect within a year."""
    latest = context.at.now_ms + MAX_NOTICE_MS
    if effective_from > latest:
        return refuse(
            Rule.E14,
            "body.effective_from",
            f"{format_time(effective_from)} is too far ahead",
            f"a time up to {format_time(latest)}",
        )
    return None
