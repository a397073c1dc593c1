"""The kinds of lies, by name; and which of them is expected to be convicted, or to stop others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from lab.liars.certifying import CertifyAlone
from lab.liars.leading import AskAgain, BreakRules, Equivocate, ForkForOne, PartAndLeave, Withhold
from lab.liars.liar import Liar
from lab.liars.naming import Flood, NameTerms, Replay, Unseat, Usurp
from lab.liars.voting import (
    Amnesia,
    Collude,
    DoubleAcknowledge,
    DoubleVote,
    LongLog,
    PreVoteLie,
)

HONEST: Final = "none"
"""Nobody lies, but old disks come back."""
_ONE: Final = ((3, 1), (4, 1), (5, 1), (7, 2))
_CONTESTED: Final = {
    "election_ticks": 6,
    "delay_ticks": 2,
    "partition": 30,
    "heal": 100,
    "loss": 50,
    "straggle": 50,
    "propose": 300,
}
"""Leaders change while followers lag behind."""
_DISKS: Final = {"restore": 600, "crash": 15, "restart": 200}
"""Nobody lies, but voters crash, and most disks that may be older when they start are."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of lie, and the configurations that it is tried in: voters, and liars of them."""

    liar: type[Liar]
    configurations: tuple[tuple[int, int], ...] = _ONE
    climate: Mapping[str, int] = field(default_factory=dict)
    """Changes of the climate, in which the lie has consequences."""
    convicts: bool = False
    """Whoever sees its two statements together can convict it; else they show nothing."""


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        HONEST: Kind(Liar, ((3, 0), (4, 0), (5, 0), (7, 0)), _DISKS),
        "equivocate": Kind(Equivocate, convicts=True),
        "part-and-leave": Kind(PartAndLeave, ((4, 1), (5, 1), (6, 1)), convicts=True),
        "double-vote": Kind(DoubleVote, convicts=True),
        "double-acknowledge": Kind(DoubleAcknowledge, convicts=True),
        "amnesia": Kind(Amnesia, climate=_CONTESTED, convicts=True),
        "break-rules": Kind(BreakRules, convicts=True),
        "fork-for-one": Kind(ForkForOne, convicts=True),
        "certify-alone": Kind(CertifyAlone),
        "replay": Kind(Replay),
        "long-log": Kind(LongLog, convicts=True),
        "pre-vote-lie": Kind(PreVoteLie),
        "usurp": Kind(Usurp),
        "name-terms": Kind(NameTerms),
        "withhold": Kind(Withhold),
        "flood": Kind(Flood),
        "ask-again": Kind(AskAgain),
        "unseat": Kind(Unseat),
        "collude": Kind(Collude, ((7, 2), (4, 2)), convicts=True),
    }
)
