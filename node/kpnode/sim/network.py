"""Simulated links: they lose, copy, delay and reorder messages, and can be cut one way."""

from collections.abc import Iterable
from heapq import heappop, heappush
from random import Random

from kpnode.raft import Envelope, NodeId

_STRAGGLE_FACTOR = 12


class SimNetwork:
    """Everything that is on its way."""

    def __init__(self, prng: Random, *, delay_ticks: int) -> None:
        self._prng = prng
        self._delay_ticks = delay_ticks
        self._queue: list[tuple[int, int, Envelope]] = []
        self._posted = 0
        self._cut: set[tuple[NodeId, NodeId]] = set()

    @property
    def is_cut(self) -> bool:
        """Tell whether any link is cut."""
        return bool(self._cut)

    def post(self, envelope: Envelope, *, now: int, straggles: bool) -> None:
        """Send one message; the tie of equal arrival times is broken by the order of sending."""
        delay = self._prng.randint(1, self._delay_ticks)
        due = now + delay * (_STRAGGLE_FACTOR if straggles else 1)
        self._posted += 1
        heappush(self._queue, (due, self._posted, envelope))

    def due(self, now: int) -> Iterable[Envelope]:
        """Yield what arrives now; what would cross a cut is lost."""
        while self._queue and self._queue[0][0] <= now:
            envelope = heappop(self._queue)[2]
            if (envelope.sender, envelope.recipient) not in self._cut:
                yield envelope

    def cut(self, side: list[NodeId], other: list[NodeId], *, one_way: bool) -> None:
        """Cut every link from one side to the other, and back unless `one_way`."""
        for left in side:
            for right in other:
                self._cut.add((left, right))
                if not one_way:
                    self._cut.add((right, left))

    def heal(self, *, delay_ticks: int | None = None) -> None:
        """Restore every link; optionally make them faster."""
        self._cut.clear()
        self._delay_ticks = delay_ticks or self._delay_ticks
