"""Simulated links: they lose, copy, delay and reorder messages, and can be cut one way."""

from collections.abc import Iterable
from enum import Enum
from heapq import heappop, heappush
from random import Random

from kpnode.raft import Message, NodeId

_STRAGGLE_FACTOR = 12

Link = tuple[NodeId, NodeId]
"""From whom to whom."""


class CutShape(Enum):
    """Which links a partition takes away."""

    HALVES = "halves"
    """Two groups that do not hear each other."""
    ONE_WAY = "one way"
    """One group still hears the other."""
    BRIDGE = "bridge"
    """Two groups that only one node in the middle can talk to."""
    RING = "ring"
    """Each node has two neighbours, and nobody else."""
    ONE_LINK = "one link"
    """A single pair does not hear each other."""
    ONE_DIRECTION = "one direction"
    """A single node does not hear another one."""


def draw_cut(names: list[NodeId], shape: CutShape, prng: Random) -> tuple[Link, ...]:
    """Return the links that a partition of this shape takes away; `names[0]` is on its edge."""
    at = prng.randint(1, max(1, len(names) // 2))
    match shape:
        case CutShape.HALVES:
            return _between(names[:at], names[at:]) + _between(names[at:], names[:at])
        case CutShape.ONE_WAY:
            sides = (names[:at], names[at:])
            return _between(*(sides if prng.randrange(2) else sides[::-1]))
        case CutShape.BRIDGE:
            left, right = names[1 : at + 1], names[at + 1 :]
            return _between(left, right) + _between(right, left)
        case CutShape.RING:
            return tuple(
                (left, right)
                for i, left in enumerate(names)
                for j, right in enumerate(names)
                if (i - j) % len(names) not in (0, 1, len(names) - 1)
            )
        case CutShape.ONE_LINK:
            return _between(names[:1], names[1:2]) + _between(names[1:2], names[:1])
        case CutShape.ONE_DIRECTION:
            return _between(names[:1], names[1:2])


def _between(left: list[NodeId], right: list[NodeId]) -> tuple[Link, ...]:
    return tuple((one, other) for one in left for other in right)


class SimNetwork:
    """Everything that is on its way."""

    def __init__(self, prng: Random, *, delay_ticks: int) -> None:
        self._prng = prng
        self._delay_ticks = delay_ticks
        self._queue: list[tuple[int, int, Message]] = []
        self._posted = 0
        self._cut: set[Link] = set()

    @property
    def is_cut(self) -> bool:
        """Tell whether any link is cut."""
        return bool(self._cut)

    def post(self, message: Message, *, now: int, straggles: bool) -> None:
        """Send one message; the tie of equal arrival times is broken by the order of sending."""
        delay = 1 + int(self._prng.random() * self._delay_ticks)
        due = now + delay * (_STRAGGLE_FACTOR if straggles else 1)
        self._posted += 1
        heappush(self._queue, (due, self._posted, message))

    def due(self, now: int) -> Iterable[Message]:
        """Yield what arrives now; what would cross a cut is lost."""
        while self._queue and self._queue[0][0] <= now:
            message = heappop(self._queue)[2]
            if self.carries(message.sender, message.recipient):
                yield message

    def carries(self, sender: NodeId, recipient: NodeId) -> bool:
        """Tell whether a link is not cut."""
        return (sender, recipient) not in self._cut

    def cut(self, links: Iterable[Link]) -> None:
        """Cut links."""
        self._cut.update(links)

    def heal(self, *, delay_ticks: int | None = None) -> None:
        """Restore every link; optionally make them faster."""
        self._cut.clear()
        self._delay_ticks = delay_ticks or self._delay_ticks
