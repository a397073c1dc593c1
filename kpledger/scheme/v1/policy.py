"""Policy: what the scheme leaves open, as it holds for a participant at an instant.

The scheme says nothing about how long a certificate is valid, how far weights may differ, who has
to sign. The genesis file settles it for the network; the Chair, and each participant for itself,
settle it anew by signed events (G10). Every value is the newest one in force: the participant's
own where it has one, otherwise the network's.
"""

import functools
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from kpledger.base.units import add_days, add_months
from kpledger.scheme.v1.events.decisions import ExpiryMeaning
from kpledger.scheme.v1.records import PolicyRecord, PolicySince


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Every value, resolved, as in :class:`~kpledger.scheme.v1.events.decisions.PolicyValues`."""

    max_validity_days: int | None = 60
    """None where the limit is in months."""
    max_validity_months: int | None = None
    expiry: ExpiryMeaning = ExpiryMeaning.EXPORT_BY
    carat_tolerance_ppm: int = 1_000
    carat_tolerance_thousandths: int = 10
    """Two scales that show hundredths of a carat may round one stone to neighbouring figures."""
    value_tolerance_ppm: int = 20_000
    value_tolerance_usd_cents: int = 100
    """Likewise for valuers, who write whole dollars."""
    officers: int = 1
    strict_lineage: bool = False
    notice_expected: bool = False
    confirm_within_days: int = 10
    overdue_days: int = 30
    signed_supports: int = 0
    interim_days: int = 90
    vigilance: tuple[str, ...] = ()
    clock_skew_ms: int = 10_000
    trade_quota: int = 2_500
    """Twenty times the mean of the largest office, which files some 40,000 events a year."""
    statistics_quota: int = 100
    governance_quota: int = 2_000
    notes_quota: int = 100
    quota_offices: int = 4

    def latest_expiry(self, issued_on: str) -> str:
        """Give the last day to which a certificate of a day may be valid.

        Raises:
            MalformedError: not a day, or it leaves the calendar.
        """
        if self.max_validity_months is not None:
            return add_months(issued_on, self.max_validity_months)
        return add_days(issued_on, self.max_validity_days or 0)


SCHEME_ONLY: Final = (
    "signed_supports",
    "interim_days",
    "vigilance",
    "clock_skew_ms",
    "trade_quota",
    "statistics_quota",
    "governance_quota",
    "notes_quota",
    "quota_offices",
)
"""Values that no participant settles for itself."""

_FOLDED: Final = 1024
"""How many results are kept: more than participants that settle something for themselves."""


def resolve_policy(network: PolicyRecord, own: PolicyRecord | None, time_ms: int) -> Policy:
    """Give the values in force at an instant for whoever has set ``own``."""
    settled = network.history + (own.history if own is not None else ())
    return _fold(tuple(since for since in settled if since.effective_from <= time_ms))


@functools.lru_cache(maxsize=_FOLDED)
def _fold(in_force: tuple[PolicySince, ...]) -> Policy:
    """Let each override the ones before; every event asks several times for the same few."""
    policy = Policy()
    for since in in_force:
        values = msgspec.structs.asdict(since.values)
        given = {name: value for name, value in values.items() if value is not None}
        # One limit replaces the other: they are two ways to say one thing.
        if "max_validity_months" in given:
            given["max_validity_days"] = None
        elif "max_validity_days" in given:
            given["max_validity_months"] = None
        policy = replace(policy, **given)
    return policy
