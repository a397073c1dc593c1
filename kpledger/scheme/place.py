"""Where an event is executed: the one thing besides event and state that rules may look at."""

import msgspec


class EventPlace(msgspec.Struct, frozen=True):
    """Where in the ledger an event is executed."""

    chain: bytes
    """The ledger's id."""
    now_ms: int
    """Block time."""
    index: int
    """The event's leaf position."""
    height: int
    """The block's height."""
