"""What evidence amounts to: who is convicted, how gravely, and the words for it."""

from dataclasses import dataclass
from enum import StrEnum

from kpledger.base.errors import LedgerError
from kpledger.log.statements import Acknowledgement, Nomination, Vote


class Guilt(StrEnum):
    """How grave it is."""

    LIE = "lie"
    """No program that keeps the rules signs it: whoever holds the key made it lie."""
    FAULT = "fault"
    """It is signed where a voter's storage was put back to an earlier state, or copied."""
    SUSPICION = "suspicion"
    """An honest voter may have signed it: a reason to ask, and a proof of nothing."""

    @property
    def convicts(self) -> bool:
        """Whether it proves anything against anybody."""
        return self is not Guilt.SUSPICION

    @property
    def gravity(self) -> int:
        """The higher, the graver."""
        return -[*Guilt].index(self)


@dataclass(frozen=True, slots=True)
class Conviction:
    """What a piece of evidence amounts to."""

    kind: str
    """``E1`` to ``E10``."""
    culprits: tuple[str, ...]
    """The nodes concerned, in alphabetical order."""
    guilt: Guilt
    words: str
    """One sentence for people; of a fork more."""
    others: tuple[tuple[str, Guilt], ...] = ()
    """Who else signed both histories of a fork, in alphabetical order, and how grave that is."""

    @property
    def named(self) -> dict[str, Guilt]:
        """How grave it is, for each node."""
        return dict.fromkeys(self.culprits, self.guilt) | dict(self.others)


class EvidenceError(LedgerError):
    """Evidence that does not show what it is shown for.

    Attributes:
        kind: ``E1`` to ``E10``.
        problem: what does not hold.
    """

    def __init__(self, kind: str, problem: str) -> None:
        super().__init__(f"evidence {kind} does not hold: {problem}")
        self.kind = kind
        self.problem = problem


def weigh_starts(
    one: Acknowledgement | Vote | Nomination, other: Acknowledgement | Vote | Nomination
) -> Guilt:
    """Tell a lie from a storage that forgot: one that was started in between may have."""
    return Guilt.LIE if one.generation == other.generation else Guilt.FAULT
