"""The participants, their offices, and the keys of all of them.

The keys are derived from a seed and good for nothing but this year. Labels name them: ``BW/root``,
``EU/antwerp/1`` for the first officer of an office, ``KPCS/chair/2022`` for the Chair of a year.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from lab.year.days import FOUNDED_ON, YEAR
from lab.year.published import list_active
from lab.year.tables import Tables

from kpledger.base.keys import SigningKey
from kpledger.base.units import start_of_day_ms
from kpledger.log.genesis import (
    GENESIS_FORMAT,
    NO_QUOTAS,
    RULES_VERSION,
    Genesis,
    GenesisFile,
    GenesisNode,
    GenesisParticipant,
    format_genesis,
    parse_genesis,
)
from kpledger.scheme.v1.events.governance import AuthorityRole, ParticipantKind

NODE: Final = "bw-1"
"""The one voter of the offline ledger."""

NODE_KEYS: Final = ("consensus", "cosigning", "tls")
LATE_COMERS: Final = ("KG", "MZ", "QA")
"""Admitted by a decision after the founding."""

FOUR_EYES: Final = ("BW", "CA", "NA")
"""Participants whose offices sign with two officers."""

STATISTICS: Final = "statistics"
"""The office that submits a participant's statistics."""

WORKING_GROUP: Final = "wgs"
MONITOR: Final = "car-monitor"
"""Offices of the scheme: the working group on statistics, and the monitoring team of a zone."""

RESTRICTION: Final = "compliant-zones"
ZONES: Final = ("CF/berberati", "CF/boda", "CF/carnot", "CF/nola")
"""What the Central African Republic may export from, each shipment approved."""

_TRADE: Final = (AuthorityRole.EXPORTING, AuthorityRole.IMPORTING)
_UNION: Final = {
    "antwerp": 80,
    "bucharest": 1,
    "dublin": 1,
    "idar-oberstein": 14,
    "lisbon": 2,
    "prague": 1,
    "torino": 1,
}
_KINDS: Final = {"EU": ParticipantKind.REIO, "TW": ParticipantKind.ENTITY}


@dataclass(frozen=True, slots=True)
class Office:
    """An authority that issues certificates and confirms imports."""

    participant: str
    authority: str
    prefix: str
    """What its numbers begin with."""
    weight: int
    """Its part of the participant's business."""
    territory: str | None = None

    @property
    def subject(self) -> str:
        """How an event names it."""
        return f"{self.participant}/{self.authority}"

    @property
    def roles(self) -> tuple[AuthorityRole, ...]:
        """What it is designated for."""
        return _TRADE


class Participants:
    """Who takes part in the year."""

    def __init__(
        self, tables: Tables, seed: int, founded: Mapping[str, SigningKey] | None = None
    ) -> None:
        """Prepare the participants of the year; each seed has keys of its own.

        A ledger that was founded elsewhere has ``founded`` keys, by label; on it everybody is there
        from the beginning, one officer signs, and no zone is restricted.
        """
        self.tables = tables
        self._seed = seed
        self._is_ours = founded is None
        self._keys = dict(founded or {})
        self.codes = tuple(sorted(list_active(tables)))
        self.founders = tuple(code for code in self.codes if code not in LATE_COMERS)
        self.offices = {code: _list_offices(code) for code in self.codes}

    def name(self, code: str) -> str:
        """Give a participant's name."""
        return self.tables.participants[code].name

    def kind(self, code: str) -> ParticipantKind:
        """Give what kind of member it is."""
        return _KINDS.get(code, ParticipantKind.STATE)

    @property
    def voters(self) -> tuple[str, ...]:
        """Whoever supports a decision: all participants but the entity."""
        return tuple(code for code in self.founders if code != "TW")

    def seed_of(self, label: str) -> bytes:
        """Give the seed of the key with a label."""
        return hashlib.sha256(f"kpledger synthetic year {self._seed} {label}".encode()).digest()

    def key(self, label: str) -> SigningKey:
        """Give the key with a label."""
        key = self._keys.get(label)
        if key is None:
            key = self._keys[label] = SigningKey.from_seed(self.seed_of(label))
        return key

    def officers(self, participant: str) -> int:
        """Give how many officers of its offices sign."""
        return 2 if self._is_ours and participant in FOUR_EYES else 1

    def draw_zones(self, chance: Random, participant: str) -> tuple[str, ...]:
        """Choose the restricted zone that a participant's own goods come from, if it has any."""
        return (chance.choice(ZONES),) if self._is_ours and participant == "CF" else ()

    def draw_office(self, chance: Random, code: str) -> Office:
        """Choose the office of a participant that handles a shipment."""
        offices = self.offices[code]
        if len(offices) == 1:
            return offices[0]
        return chance.choices(offices, [office.weight for office in offices])[0]

    def found(self) -> Genesis:
        """Make the genesis file: every founder, and one node that votes."""
        node_keys = {
            f"{kind}_key": self.key(f"{NODE}/{kind}").public_key.hex() for kind in NODE_KEYS
        }
        file = GenesisFile(
            format=GENESIS_FORMAT,
            origin="kp.example/synthetic-year",
            created_at=start_of_day_ms(FOUNDED_ON),
            rules_version=RULES_VERSION,
            policy=NO_QUOTAS,
            chair_key=self.key(f"KPCS/chair/{YEAR - 1}").public_key.hex(),
            secretariat_key=self.key("KPCS/secretariat").public_key.hex(),
            participants=tuple(
                GenesisParticipant(
                    code=code,
                    name=self.name(code),
                    kind=self.kind(code),
                    root_key=self.key(f"{code}/root").public_key.hex(),
                    recovery_key=self.key(f"{code}/recovery").public_key.hex(),
                )
                for code in self.founders
            ),
            nodes=(GenesisNode(name=NODE, participant="BW", **node_keys),),
            voters=(NODE,),
        )
        return parse_genesis(format_genesis(file))


def _list_offices(code: str) -> tuple[Office, ...]:
    if code == "EU":
        return tuple(Office(code, name, code, weight) for name, weight in _UNION.items())
    if code == "CN":
        return (
            Office(code, "beijing", "CN", 30),
            Office(code, "hong-kong", "HK", 70, territory="HK"),
        )
    return (Office(code, "diamond-office", code, 1),)
