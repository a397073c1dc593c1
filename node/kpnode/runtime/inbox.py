"""Inputs on their way to the core, taken in portions whose answers leave soon."""

from collections import deque
from typing import Final

from kpnode.runtime.pace import count_block_bytes
from kpnode.step import EngineInput

MAX_INPUTS: Final = 64
MAX_INPUT_BYTES: Final = 256 << 10
"""Blocks for one step; a larger append has a step of its own. What is executed and not yet saved
is held in memory, and whoever sent it waits for the answer before it sends more."""


class Inbox:
    """A queue of bounded length; belongs to the event loop."""

    def __init__(self, limit: int) -> None:
        """Start empty; takes so many inputs."""
        self._limit = limit
        self._inputs: deque[EngineInput] = deque()

    def __len__(self) -> int:
        """Count what waits."""
        return len(self._inputs)

    def put(self, item: EngineInput) -> bool:
        """Take an input; False if there is no room.

        Raft takes the loss of any message; an endless queue would only make all of them late.
        """
        has_room = len(self._inputs) < self._limit
        if has_room:
            self._inputs.append(item)
        return has_room

    def take(self) -> list[EngineInput]:
        """Take what has arrived, but only so many blocks that their answer leaves soon."""
        taken: list[EngineInput] = []
        size = 0
        while self._inputs and len(taken) < MAX_INPUTS and size < MAX_INPUT_BYTES:
            item = self._inputs.popleft()
            size += count_block_bytes(item)
            taken.append(item)
        return taken

    def clear(self) -> None:
        """Forget what has arrived."""
        self._inputs.clear()
