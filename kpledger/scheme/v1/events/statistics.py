"""Statistics that participants submit (KPCS Annex III), and questions about them.

The catalogue's group S. A submission is an edition: it never replaces an earlier one, so that any
table can be printed as it was known at a date. Rows are written as arrays, since a quarter of a
large importer has a thousand of them.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from kpledger.base.ids import ParticipantCode
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.base import DocumentHash, LongText
from kpledger.scheme.v1.events.certificate import HsCode
from kpledger.scheme.v1.quantities import CaratTotal, Day, HalfYear, Quarter, UsdTotal

MAX_ROWS = 1000
"""The most rows of one submission; they fit into an event."""

Edition = Annotated[int, Meta(ge=1, le=1000)]
"""1 for the first submission of a period, then one more each time."""

CertificateCount = Annotated[int, Meta(ge=0, le=10**9)]
"""A number of certificates."""


class Flow(StrEnum):
    """A direction of trade."""

    EXPORT = "EXPORT"
    IMPORT = "IMPORT"


class TradeRow(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, array_like=True
):
    """One row of a trade table."""

    flow: Flow
    """Export or import."""
    partner: ParticipantCode
    """Destination of an export, provenance of an import."""
    origin: Annotated[str, Meta(pattern=r"^([A-Z]{2})?\Z", max_length=2)]
    """Country of origin; empty for mixed or unknown."""
    hs: HsCode
    """The Harmonised System code."""
    carat_thousandths: CaratTotal
    """Weight, in thousandths of a carat."""
    value_usd_cents: UsdTotal
    """Value, in US cents."""


class CountRow(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, array_like=True
):
    """One row of a table of certificate counts."""

    partner: ParticipantCode
    """The other participant."""
    issued: CertificateCount
    """Certificates validated for export to it."""
    received: CertificateCount
    """Certificates received from it with imports."""


class TradeStatisticsSubmitted(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant submits its imports and exports of a quarter."""

    quarter: Quarter
    """The reference period; the subject is ``<code>/trade/<quarter>``."""
    edition: Edition
    """One more than the newest."""
    rows: Annotated[tuple[TradeRow, ...], Meta(max_length=MAX_ROWS)]
    """In ascending order of flow, partner, origin and code, each combination once."""
    remarks: LongText
    """In words: why it was restated, for instance."""


class ProductionStatisticsSubmitted(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant submits its production of a half-year."""

    half_year: HalfYear
    """The reference period; the subject is ``<code>/production/<half-year>``."""
    edition: Edition
    """One more than the newest."""
    carat_thousandths: CaratTotal
    """Weight, in thousandths of a carat."""
    value_usd_cents: UsdTotal
    """Value, in US cents."""
    remarks: LongText
    """In words."""


class CountStatisticsSubmitted(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant submits how many certificates it issued and received in a quarter."""

    quarter: Quarter
    """The reference period; the subject is ``<code>/counts/<quarter>``."""
    edition: Edition
    """One more than the newest."""
    rows: Annotated[tuple[CountRow, ...], Meta(max_length=MAX_ROWS)]
    """In alphabetical order of partners, each once."""
    remarks: LongText
    """In words."""


class Series(StrEnum):
    """The three series of Annex III."""

    TRADE = "TRADE"
    PRODUCTION = "PRODUCTION"
    COUNTS = "COUNTS"


class AnomalyQuestioned(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The statistics working group or the secretariat asks about figures."""

    participant: ParticipantCode
    """Who is asked; the subject is ``<code>/anomaly/<name>``."""
    series: Series
    """About which series."""
    period: Annotated[str, Meta(pattern=r"^[0-9]{4}(Q[1-4]|H[12])?\Z", max_length=6)]
    """About which period."""
    question: LongText
    """What is asked."""
    answer_due_on: Day | None
    """By when an answer is asked for."""


class AnomalyAnswered(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The participant answers."""

    answer: LongText
    """Its answer."""
    document: DocumentHash | None
    """Hash of a paper behind it."""
