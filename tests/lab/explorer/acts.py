"""What can happen to one node, and in which manner."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from kpnode.raft import (
    ConfigProposed,
    Configuration,
    Message,
    Proposed,
    ReadRequested,
    TransferRequested,
)


@dataclass(frozen=True, slots=True)
class Timeout:
    """Campaign: no leader was heard."""


@dataclass(frozen=True, slots=True)
class Beat:
    """Send heartbeats."""


@dataclass(frozen=True, slots=True)
class Lapse:
    """Check the quorum twice with no answer in between; the first check passes and forgets."""


@dataclass(frozen=True, slots=True)
class Expire:
    """Reach the deadline of a transfer."""


@dataclass(frozen=True, slots=True)
class Report:
    """Tell the core of the oldest save it has not heard about."""


@dataclass(frozen=True, slots=True)
class Flush:
    """Do what the core wants done since inputs that were only handled."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Lose power and come back; how long it takes is told by what happens elsewhere meanwhile.

    The state machine is found where it was, or at its beginning.
    """

    machine_kept: bool
    genesis: Configuration


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand over a message."""

    message: Message


Act: TypeAlias = (
    Timeout
    | Beat
    | Lapse
    | Expire
    | Report
    | Flush
    | Restart
    | Deliver
    | Proposed
    | ConfigProposed
    | ReadRequested
    | TransferRequested
)
"""What can happen to one node."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How it happens, where the core leaves it to its surroundings."""

    held: bool = False
    """The driver only hands the input over, and will save later."""
    late: bool = False
    """The core does not hear yet that its entries are durable."""
    silent: bool = False
    """A leader was last heard longer ago than the shortest election timeout."""


PLAIN: Final = Manner()
"""Nothing unusual."""
