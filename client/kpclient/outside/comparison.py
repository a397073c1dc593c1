"""What a table from outside says beside what the ledger says, and what neither can know."""

from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Final

import msgspec

from kpclient.outside.tables import FigureAmounts, FigureKey, Measured, OutsideTable, TableKind
from kpledger.books.statistics import Annex3Answer
from kpledger.scheme.v1.events.statistics import Flow

_FLOWS: Final = {Flow.EXPORT: Measured.EXPORT, Flow.IMPORT: Measured.IMPORT}
_HALF_YEARS: Final = 2
OWN_EXPORTS: Final = "exports of its own origin"


def cannot_know(kind: TableKind) -> tuple[str, ...]:
    """Say why figures may differ though nobody has done wrong."""
    text = resources.files(__package__).joinpath("notes.toml").read_bytes()
    notes = msgspec.toml.decode(text, type=dict[str, tuple[str, ...]])
    return (*notes[kind], *notes["always"])


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A figure on both sides; null where a side does not tell it, and then without a difference."""

    year: str
    participant: str
    figure: str
    """``production``, ``import``, ``export``; or what else it is of."""
    partner: str
    hs: str
    ledger_carat_thousandths: int | None
    outside_carat_thousandths: int | None
    difference_carat_thousandths: int | None
    """Outside less ledger."""
    difference_percent: int | None
    """Of the ledger's weight, rounded; null where it has none."""
    ledger_value_usd_cents: int | None
    outside_value_usd_cents: int | None
    difference_value_usd_cents: int | None


def figures_of(
    answers: Iterable[Annex3Answer], kind: TableKind
) -> dict[tuple[FigureKey, str], FigureAmounts]:
    """Add up what the ledger says, by the keys of a kind of table and what each figure is."""
    found: dict[tuple[FigureKey, str], FigureAmounts] = {}

    def add(key: FigureKey, figure: str, carats: int | None, value: int | None) -> None:
        found.setdefault((key, figure), FigureAmounts()).add(carats, value)

    for answer in answers:
        year, code = answer.period, answer.participant
        mined = FigureKey(year=year, participant=code, measured=Measured.PRODUCTION)
        if kind is not TableKind.COMTRADE:
            for half in answer.production:
                add(mined, mined.measured, half.carat_thousandths, half.value_usd_cents)
            if len(answer.production) < _HALF_YEARS:
                add(mined, mined.measured, None, None)
        for row in answer.trade:
            amounts = row.carat_thousandths, row.value_usd_cents
            flow = _FLOWS[row.flow]
            is_own = row.origin == code and flow is Measured.EXPORT
            if kind is TableKind.ESTIMATE:
                if is_own:
                    add(mined, OWN_EXPORTS, *amounts)
                continue
            detail = kind is TableKind.COMTRADE
            key = FigureKey(
                year=year,
                participant=code,
                measured=flow,
                partner=row.partner if detail else "",
                hs=row.hs if detail else "",
            )
            add(key, flow, *amounts)
    return found


def compare(
    table: OutsideTable, ledger: Mapping[tuple[FigureKey, str], FigureAmounts]
) -> tuple[Difference, ...]:
    """Compare every figure that one side has; the largest difference in carats comes first."""
    wanted = {(key.year, key.participant, key.measured) for key in table.figures}
    keys = {(key, key.measured.value) for key in table.figures}
    keys |= {one for one in ledger if (one[0].year, one[0].participant, one[0].measured) in wanted}
    told = table.figures.values()
    # Without a row there was nothing; but nobody says so in an amount that no row tells.
    without = FigureAmounts(
        0 if any(one.carat_thousandths is not None for one in told) else None,
        0 if any(one.value_usd_cents is not None for one in told) else None,
    )
    found = [
        _compare(*one, ledger.get(one, FigureAmounts()), table.figures.get(one[0], without))
        for one in keys
    ]
    return tuple(sorted(found, key=_rank))


def _compare(key: FigureKey, figure: str, ours: FigureAmounts, theirs: FigureAmounts) -> Difference:
    carats = _less(theirs.carat_thousandths, ours.carat_thousandths)
    known = ours.carat_thousandths
    return Difference(
        year=key.year,
        participant=key.participant,
        figure=figure,
        partner=key.partner,
        hs=key.hs,
        ledger_carat_thousandths=known,
        outside_carat_thousandths=theirs.carat_thousandths,
        difference_carat_thousandths=carats,
        difference_percent=round(100 * carats / known) if carats is not None and known else None,
        ledger_value_usd_cents=ours.value_usd_cents,
        outside_value_usd_cents=theirs.value_usd_cents,
        difference_value_usd_cents=_less(theirs.value_usd_cents, ours.value_usd_cents),
    )


def _less(theirs: int | None, ours: int | None) -> int | None:
    return None if theirs is None or ours is None else theirs - ours


def _rank(one: Difference) -> tuple[object, ...]:
    sizes = one.difference_carat_thousandths, one.difference_value_usd_cents
    names = one.year, one.participant, one.figure, one.partner, one.hs
    return sizes[0] is None, *(-abs(size or 0) for size in sizes), *names
