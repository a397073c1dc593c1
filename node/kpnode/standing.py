"""How a node stands, whether it votes or follows: what the API, the books and the daemon go by."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from kpledger.api.answers import PeerAnswer, SourceAnswer
from kpnode.docket import Exhibit, ForkedError
from kpnode.step import RefusedBlock
from kpnode.storage.errors import StorageError, is_shortage


class Cause(Enum):
    """What kind of trouble ended a node's part in the network."""

    STORAGE = "storage"
    """The disk is full, broken or holds something else than was written."""
    SHORTAGE = "shortage"
    """The system had no descriptor or no memory left for it; a new start may have them."""
    INTERNAL = "internal"
    """The program met a state that it knows to be impossible, or made a mistake."""
    FORK = "fork"
    """The ledger has two histories, and no program can say which one holds."""
    STOPPING = "stopping"
    """It was asked to stop."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a node takes no part any more. It still answers questions from what it has."""

    cause: Cause
    text: str


STOPPING: Final = Failure(Cause.STOPPING, "the node is stopping")


def explain_error(error: Exception) -> Failure:
    """Say what an error in a step of the node means."""
    if is_shortage(error):
        return Failure(Cause.SHORTAGE, str(error) or "out of memory")
    if isinstance(error, ForkedError):
        return Failure(Cause.FORK, str(error))
    if isinstance(error, StorageError):
        return Failure(Cause.STORAGE, str(error))
    return Failure(Cause.INTERNAL, f"{type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStanding:
    """How a node stands at one moment."""

    role: str
    """As the status names it."""
    term: int
    leader: str | None
    """Who leads as far as this node knows; a node that has stopped hears of nobody."""
    hears_leader: bool
    """Whether this node leads, or hears who does and can answer."""
    last_index: int
    """The end of its log."""
    behind: int = 0
    """How many blocks it lacks that it knows to be final."""
    age_s: int
    """How many seconds ago it was in touch with its leader; since its start, if it never was."""
    uptime_s: int
    obstacle: str | None
    """Why it cannot take events now, in a sentence; None if it can."""
    failure: Failure | None
    """Why it has stopped taking part; it still answers questions."""
    alarms: tuple[str, ...]
    """What a person should look at, each in sentences of its own; empty as long as all is well."""
    peers: Mapping[str, PeerAnswer]
    """The other voters, by name."""
    sources: tuple[SourceAnswer, ...] = ()
    """Where it gets blocks, unless the leader sends them."""
    pending: int
    """Events that wait for admission."""
    refused: tuple[RefusedBlock, ...]
    """What it would not let in lately."""
    exhibits: tuple[Exhibit, ...]
    """The evidence that it has."""
