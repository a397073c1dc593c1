"""Which steps the event loop makes itself.

The way to another thread and back costs as much as a small step, and on a disk that syncs in a
fraction of a millisecond there is nothing to wait for. So small steps are made in place as long as
they are quick. One that was not, most likely because the disk took its time, sends those that
follow into the thread for a while; then it is tried again.
"""

from collections.abc import Callable, Sequence
from typing import Final

from kpledger.scheme.event import SignedEvent
from kpnode.raft import AppendRequest, Received
from kpnode.step import EngineInput

_EVENTS: Final = 8
"""Events that are executed in place, as a rule in two or three milliseconds."""
IN_PLACE_BYTES: Final = 8192
"""The same for blocks of another leader."""
_QUICK_S: Final = 0.005
_DETOURS: Final = 256
"""Steps that may save and take the way through the thread after one that was not quick."""


class Pace:
    """Decides for one engine; belongs to one event loop."""

    def __init__(self, may_save: Callable[[EngineInput], bool]) -> None:
        """Take the disk for quick until it shows otherwise.

        ``may_save`` tells whether handling an input may have to wait for it.
        """
        self._may_save = may_save
        self._detours = 0

    def is_quick(self, items: Sequence[EngineInput], events: Sequence[SignedEvent]) -> bool:
        """Tell whether a step with these is to be made in place."""
        if not events and not any(map(self._may_save, items)):
            return True
        if self._detours:
            self._detours -= 1
            return False
        return len(events) <= _EVENTS and sum(map(count_block_bytes, items)) <= IN_PLACE_BYTES

    def took(self, seconds: float) -> None:
        """Note how long a step in place has taken."""
        if seconds > _QUICK_S:
            self._detours = _DETOURS


def count_block_bytes(item: EngineInput) -> int:
    """Give how long the blocks are that an input brings."""
    body = item.message.body if isinstance(item, Received) else None
    if not isinstance(body, AppendRequest):
        return 0
    return sum(len(entry.payload) for entry in body.entries)
