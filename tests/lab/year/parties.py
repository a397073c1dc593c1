"""Parties: who sends a shipment and who receives it. All of them are invented, and say so."""

from collections.abc import Mapping
from random import Random
from typing import Final, Literal

from lab.year.tables import Participant

from kpledger.scheme.v1.events.certificate import Party

_COMPANIES_PER_PARTICIPANT: Final = 24
# How the world's rough travels, about: India cuts most of it, Dubai and Antwerp trade it.
_DESTINATION_WEIGHTS: Final = {
    "AE": 3_650,
    "EU": 2_900,
    "IN": 2_750,
    "IL": 130,
    "CN": 150,
    "BW": 140,
    "US": 70,
    "ZA": 60,
    "CD": 30,
    "CH": 35,
    "GB": 35,
    "SG": 25,
    "TH": 10,
    "AM": 10,
    "CA": 10,
    "BY": 5,
    "LK": 5,
    "VN": 5,
    "JP": 5,
    "TW": 8,
}


def list_importers(active: tuple[str, ...]) -> dict[str, int]:
    """List who imports, and how much, among the participants that belong to the scheme.

    Raises:
        ValueError: fewer than two of them do, so that somebody could send to nobody.
    """
    importers = {code: weight for code, weight in _DESTINATION_WEIGHTS.items() if code in active}
    if len(importers) <= 1:
        raise ValueError(f"one importer cannot send to itself: {sorted(importers)}")
    return importers


def draw_destination(chance: Random, importers: Mapping[str, int], issuer: str) -> str:
    """Choose where a shipment of the issuer goes."""
    others = {code: weight for code, weight in importers.items() if code != issuer}
    return chance.choices(list(others), list(others.values()))[0]


def draw_party(
    chance: Random,
    participants: Mapping[str, Participant],
    code: str,
    role: Literal["Exporter", "Importer"],
) -> Party:
    """Choose one of a participant's synthetic companies."""
    number = chance.randrange(_COMPANIES_PER_PARTICIPANT) + 1
    return Party(
        name=f"Synthetic {role} {code}-{number:02d}",
        address=f"{number} Synthetic Street, {participants[code].name}",
        licence=f"SYNTHETIC-{code}-{role[:3].upper()}-{number:04d}",
    )
