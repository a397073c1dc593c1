"""The agenda: what is to be done at which time; the year is lived in its order."""

import heapq
from collections.abc import Callable, Iterator

from lab.year.pen import Entry, Pen

Action = Callable[[], object]
"""Something to do; what it gives is of no interest."""


class Agenda:
    """Appointments in the order of their times; those of one instant as they were made."""

    def __init__(self, pen: Pen) -> None:
        """Keep the pen's clock."""
        self._pen = pen
        self._appointments: list[tuple[int, int, Action]] = []
        self._count = 0

    @property
    def now_ms(self) -> int:
        """The instant that is being lived."""
        return self._pen.now_ms

    def at(self, time_ms: int, action: Action) -> None:
        """Do something at a time; at once after what is under way, if that has passed."""
        self._count += 1
        heapq.heappush(self._appointments, (max(time_ms, self.now_ms), self._count, action))

    def after(self, delay_ms: int, action: Action) -> None:
        """Do something later."""
        self.at(self.now_ms + delay_ms, action)

    def live(self) -> Iterator[Entry]:
        """Keep every appointment, and give what is written on the way."""
        pen = self._pen
        while self._appointments:
            pen.now_ms, _, action = heapq.heappop(self._appointments)
            action()
            yield from pen.entries
            pen.entries.clear()
