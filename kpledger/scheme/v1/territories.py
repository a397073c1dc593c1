"""Territories: countries whose trade in rough diamonds is that of a participant of another code.

A frozen table, as a rule may not change with a library's version. It holds what the scheme, or the
law by which a participant takes part in it, says of itself: the European Union with its member
states, their outermost regions and Greenland (Council Decision 2014/177/EU); China with its two
special administrative regions; Switzerland with Liechtenstein, by their customs union; the United
States with their territories (Clean Diamond Trade Act, section 3). Chinese Taipei stands
for itself.
"""

from typing import Final

_OF: Final = {
    "CN": "HK MO",
    "CH": "LI",
    "EU": "AT AX BE BG CY CZ DE DK EE ES FI FR GF GL GP GR HR HU IE IT LT LU LV MF MQ MT NL PL PT"
    " RE RO SE SI SK YT",
    "US": "AS GU MP PR UM VI",
}
TERRITORIES: Final[dict[str, str]] = {
    code: participant for participant, codes in _OF.items() for code in codes.split()
}
"""ISO 3166-1 alpha-2 code of a territory, and the participant that it belongs to."""


def tell_home(code: str) -> str:
    """Say who takes part for a territory, to follow what is said against its code; '' of others."""
    home = TERRITORIES.get(code)
    return "" if home is None else f": {code} is part of {home}; use {home}"
