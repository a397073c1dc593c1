"""The timeline: what is to be done at which time; the year is lived in its order."""

import heapq
from collections.abc import Callable, Iterator

from lab.year.signer import Signer, TimedEvent

Action = Callable[[], object]
"""Something to do; what it gives is of no interest."""


class Timeline:
    """Appointments in the order of their times; those of one instant as they were made."""

    def __init__(self, signer: Signer) -> None:
        """Keep the signer's clock."""
        self._signer = signer
        self._appointments: list[tuple[int, int, Action]] = []
        self._count = 0

    @property
    def now_ms(self) -> int:
        """The instant that is being lived."""
        return self._signer.now_ms

    def at(self, time_ms: int, action: Action) -> None:
        """Do something at a time; at once after what is under way, if that has passed."""
        self._count += 1
        heapq.heappush(self._appointments, (max(time_ms, self.now_ms), self._count, action))

    def after(self, delay_ms: int, action: Action) -> None:
        """Do something later."""
        self.at(self.now_ms + delay_ms, action)

    def live(self) -> Iterator[TimedEvent]:
        """Keep every appointment, and give what is written on the way."""
        signer = self._signer
        while self._appointments:
            signer.now_ms, _, action = heapq.heappop(self._appointments)
            action()
            yield from signer.entries
            signer.entries.clear()
