"""What was published about 2022, as the year uses it.

Own-origin exports follow the published production. The published exports contain own production
and re-exports, so what an exporter sends beyond its own production is its re-exports. For 2022 this
makes 38 % of the carats own-origin and 62 % re-exports; certificates are divided likewise, 40 to
60, which is near the one published count (in 2015 Antwerp, which mines nothing, issued about 30,000
of more than 50,000).
"""

from typing import Final

from lab.year.days import YEAR
from lab.year.shares import divide
from lab.year.tables import OTHERS, Amount, Tables

YEAR_CERTIFICATES: Final = 60_000
"""A real year; fewer certificates carry that part of the year's carats and dollars."""

OWN_ORIGIN_PERCENT: Final = 40
"""Of the certificates."""
# Argyle closed in November 2020: a producer that has mined nothing since.
_IDLE_PRODUCERS: Final = frozenset({"AU"})


def list_active(tables: Tables) -> tuple[str, ...]:
    """List the participants that belong to the scheme in :data:`YEAR`."""
    return tuple(
        code
        for code, participant in tables.participants.items()
        if participant.listed_since is None or participant.listed_since <= YEAR
    )


def spread_production(tables: Tables) -> dict[str, Amount]:
    """Give each origin its production; ``OTHERS`` in equal shares, as none are published."""
    production = {
        origin: amount for origin, amount in tables.production.items() if origin != OTHERS
    }
    rest = tables.production.get(OTHERS)
    if rest is not None:
        remaining = [
            code
            for code in list_active(tables)
            if tables.participants[code].is_producer
            and code not in production
            and code not in _IDLE_PRODUCERS
        ]
        equal = [1] * len(remaining)
        carats = divide(rest.carat_thousandths, equal)
        values = divide(rest.value_usd_cents, equal)
        production |= dict(zip(remaining, map(Amount, carats, values), strict=True))
    return production


def scale_production(tables: Tables, certificates: int) -> dict[str, Amount]:
    """Give each origin its part of as much of the year as so many certificates stand for."""
    production = spread_production(tables)
    carats = [amount.carat_thousandths for amount in production.values()]
    values = [amount.value_usd_cents for amount in production.values()]
    scaled = map(
        Amount,
        divide(_scale(sum(carats), certificates), carats),
        divide(_scale(sum(values), certificates), values),
    )
    return dict(zip(production, scaled, strict=True))


def scale_re_exports(tables: Tables, certificates: int) -> dict[str, int]:
    """Give each exporter, in thousandths of a carat, what it sends beyond its own production."""
    production = spread_production(tables)
    beyond = {
        code: carats - (production[code].carat_thousandths if code in production else 0)
        for code, carats in tables.exports_carat_thousandths.items()
    }
    re_exports = {code: carats for code, carats in beyond.items() if carats > 0}
    total = _scale(sum(re_exports.values()), certificates)
    return dict(zip(re_exports, divide(total, list(re_exports.values())), strict=True))


def _scale(total: int, certificates: int) -> int:
    return total * min(certificates, YEAR_CERTIFICATES) // YEAR_CERTIFICATES
