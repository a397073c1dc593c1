"""A node's sense of time: ticks that come too often or too rarely, and a wall clock that is off."""

_TICK_MS = 100
_FAIR = 1000

WORLD_MS = 1_772_409_600_000
"""Wall time at which every life begins: 2026-03-02, 00:00 UTC."""


def count_ticks(time_ms: int) -> int:
    """Return how many ticks after the beginning of a life a right clock shows this time."""
    return (time_ms - WORLD_MS) // _TICK_MS


class SimClock:
    """The clock of one node, which differs from the world's by its rate and its offset."""

    def __init__(self) -> None:
        self.rate = _FAIR
        """Ticks in a thousand ticks of the world."""
        self.offset_ms = 0
        """How far its wall clock is ahead."""
        self.now = 0
        """The world's time, in ticks."""
        self._due = 0

    def advance(self, now: int) -> int:
        """Let one tick of the world pass; return how many ticks this clock makes of it."""
        self.now = now
        self._due += self.rate
        ticks, self._due = divmod(self._due, _FAIR)
        return ticks

    def now_ms(self) -> int:
        """Return what the wall clock shows, Unix milliseconds."""
        return WORLD_MS + self.now * _TICK_MS + self.offset_ms

    def set_right(self) -> None:
        """Be neither fast nor slow nor off."""
        self.rate = _FAIR
        self.offset_ms = 0
