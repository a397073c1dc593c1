"""What a projection sees: an event that was recorded, and the state after its block."""

from collections.abc import Callable
from dataclasses import dataclass

from kpledger.analysis.index import IndexChanges
from kpledger.base.state import StateReader
from kpledger.scheme.event import SignedEvent


@dataclass(frozen=True, slots=True)
class Applied:
    """An event that was recorded."""

    event: SignedEvent
    index: int
    """Its leaf position in the tree."""
    height: int
    time_ms: int
    """Block time, Unix milliseconds: when it was recorded."""
    state: StateReader
    """The state after its block."""


Projection = Callable[[Applied, IndexChanges], None]
"""Writes what an event changes in the indexes of one topic."""
