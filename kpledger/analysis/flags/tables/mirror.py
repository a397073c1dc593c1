"""The topic ``mirror``: what two participants say about the same trade, quarter by quarter."""

from typing import Final

import msgspec

from kpledger.analysis.book import Book
from kpledger.analysis.flags.detect.pairs import Mirror, read_mirror
from kpledger.analysis.flags.topic import look_at
from kpledger.analysis.statistics.periods import ask_period
from kpledger.analysis.topic import QuestionError, Topic, ask_participant


class MirrorQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose trade, and when."""

    one: str = ""
    """A participant's code."""
    other: str = ""
    """Another's."""
    period: str = ""
    """A quarter, half-year or year: ``2022Q1``, ``2022H1``, ``2022``."""
    at: str = ""
    """Today; the day of the newest block if not given."""


class MirrorRow(msgspec.Struct, frozen=True, kw_only=True):
    """A quarter of trade one way. Weights in thousandths of a carat, values in US cents."""

    quarter: str
    """Of issue."""
    issuer: str
    destination: str
    issued: int
    """Certificates that were issued and not taken back."""
    issued_carat_thousandths: int
    issued_value_usd_cents: int
    confirmed: int
    """Of these, how many were confirmed, whenever that was."""
    confirmed_carat_thousandths: int
    """As declared."""
    confirmed_value_usd_cents: int
    found_carat_thousandths: int
    """As found or agreed on afterwards, of the same."""
    found_value_usd_cents: int
    held: int
    """Detained, sent back or seized, and neither released nor confirmed."""
    held_carat_thousandths: int
    open: int
    """Without an answer."""
    open_carat_thousandths: int
    settled: bool
    """Whether the open ones can no longer be on their way."""
    received: int
    """Certificates that were received in this quarter, whenever they were issued."""
    received_carat_thousandths: int
    submitted_out_carat_thousandths: int | None
    """What the issuer submitted; null if it has not."""
    submitted_in_carat_thousandths: int | None
    """What the destination submitted."""
    unexplained_carat_thousandths: int | None
    """How far these differ beyond what was on its way."""


class MirrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Both ways, by quarter."""

    at: str
    rows: tuple[MirrorRow, ...]


def _respond(book: Book, question: MirrorQuestion) -> MirrorAnswer:
    look = look_at(book, at=question.at)
    one, other = question.one, question.other
    for field, code in (("one", one), ("other", other)):
        ask_participant(book, code, field)
    if one == other:
        problem = f"{one} and {other} are no pair"
        raise QuestionError("other", problem, "the codes of two participants")
    return MirrorAnswer(
        at=look.at,
        rows=tuple(
            _row(read_mirror(look, issuer, destination, quarter))
            for quarter in ask_period(question.period).quarters
            for issuer, destination in ((one, other), (other, one))
        ),
    )


def _row(mirror: Mirror) -> MirrorRow:
    pair, submitted = mirror.pair, mirror.submitted_by_each
    return MirrorRow(
        quarter=mirror.quarter,
        issuer=mirror.issuer,
        destination=mirror.destination,
        issued=pair.declared.count,
        issued_carat_thousandths=pair.declared.carat_thousandths,
        issued_value_usd_cents=pair.declared.value_usd_cents,
        confirmed=pair.settled.count,
        confirmed_carat_thousandths=pair.settled.carat_thousandths,
        confirmed_value_usd_cents=pair.settled.value_usd_cents,
        found_carat_thousandths=pair.found.carat_thousandths,
        found_value_usd_cents=pair.found.value_usd_cents,
        held=pair.held.count,
        held_carat_thousandths=pair.held.carat_thousandths,
        open=pair.open.count,
        open_carat_thousandths=pair.open.carat_thousandths,
        settled=mirror.settled,
        received=pair.received.count,
        received_carat_thousandths=pair.received.carat_thousandths,
        submitted_out_carat_thousandths=submitted[0],
        submitted_in_carat_thousandths=submitted[1],
        unexplained_carat_thousandths=mirror.unexplained,
    )


MIRROR: Final = Topic(
    path="mirror",
    summary="What two participants say about the same trade, by quarter",
    question=MirrorQuestion,
    answer=MirrorAnswer,
    respond=_respond,
)
