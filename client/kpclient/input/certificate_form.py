"""The brief form of a certificate: what may be left out of one, and how its origin is written.

Totals, the day of issue, the day of expiry, the time of validation and whatever is usual may be
left out; the countries of origin stand in a list, with their shares in per cent and the zones
beside it.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from kpledger.base.errors import MalformedError
from kpledger.base.units import add_days, day_of, parse_carats, parse_percent, parse_usd

DEFAULT_VALIDITY_DAYS: Final = 60
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

WRITTEN_AS: Final = {
    "origin.countries": "origin",
    "origin.shares": "shares",
    "origin.zones": "zones",
    "carat_thousandths": "carats",
    "value_usd_cents": "value_usd",
}
"""Fields of a certificate that have another name or place in its brief form."""
_DEFAULTED: Final = ("issued_on", "expires_on", "carats", "value_usd")
"""What is worked out where it is left out, or null."""


def is_brief(draft: Mapping[str, object]) -> bool:
    """Tell whether a certificate has the brief form; the ledger's own names the whole weight."""
    return "carat_thousandths" not in draft


def complete_certificate(
    draft: Mapping[str, object], *, time_ms: int, place: str
) -> dict[str, object]:
    """Fill in what a certificate in brief form leaves out.

    Args:
        draft: the certificate.
        time_ms: when it is issued, unless it says so.
        place: where it stands, for errors.

    Raises:
        MalformedError: what is left out cannot be worked out; names the field.
    """
    said = {name: one for name, one in draft.items() if one is not None or name not in _DEFAULTED}
    shares = said.pop("shares", ())
    origin: dict[str, object] = {
        "countries": (countries := said.pop("origin", ())),
        "kind": "SINGLE" if isinstance(countries, list) and len(countries) == 1 else "MIXED",
        "shares": _read_shares(shares, place),
        "zones": said.pop("zones", ()),
    }
    usual: dict[str, object] = {
        "kind": "NORMAL",
        "languages": ("en",),
        "issued_on": day_of(time_ms),
        "validated_at": time_ms,
        "parcels": 1,
        "seals": (),
        "sources": (),
        "remarks": "",
    }
    found = usual | said | {"origin": origin}
    for party in ("exporter", "importer"):
        if isinstance(named := found.get(party, {}), dict):
            found[party] = {"licence": "", **named}
    if "expires_on" not in found:
        found["expires_on"] = _default_expiry(str(found["issued_on"]), place)
    lines = found.get("lines")
    if "carats" not in found:
        found["carat_thousandths"] = _add_up(lines, "carats", "carat_thousandths", parse_carats)
    if "value_usd" not in found:
        found["value_usd_cents"] = _add_up(lines, "value_usd", "value_usd_cents", parse_usd)
    return found


def below(place: str, name: str) -> str:
    """Say where a field of what stands at a place is; the whole has no place."""
    return f"{place}.{name}" if place else name


def _read_shares(shares: object, place: str) -> object:
    if not isinstance(shares, list):
        return shares
    found = []
    for n, one in enumerate(shares):
        try:
            found.append(parse_percent(str(one)))
        except MalformedError as error:
            where = below(place, f"shares[{n}]")
            raise MalformedError("draft", error.problem, field=where) from None
    return found


def _default_expiry(issued_on: str, place: str) -> str:
    if _DAY.fullmatch(issued_on) is None:
        return issued_on  # whoever reads it says what is wrong with it
    try:
        return add_days(issued_on, DEFAULT_VALIDITY_DAYS)
    except MalformedError as error:
        raise MalformedError("draft", error.problem, field=below(place, "issued_on")) from None


def _add_up(lines: object, called: str, name: str, parse: Callable[[str], int]) -> object:
    """Add up the lines, as far as they can be understood; whoever reads them names what cannot."""
    total = 0
    for line in lines if isinstance(lines, list | tuple) else ():
        if isinstance(line, dict):
            with suppress(MalformedError, ValueError):
                total += int(str(line[name])) if name in line else parse(str(line.get(called, "")))
    return max(total, 1)
