"""A queue of events that is fair between authors, and shares that leave room for everybody.

Participants take turns, and the offices of a participant theirs within it, by bytes: who sends
large events has fewer of them in a block. What somebody sends in one request stays in order.
"""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager

from kpledger.scheme.event import Author, SignedEvent


class FairQueue:
    """Events that wait, each in the lane of the author who sent it or all that came with it."""

    def __init__(self) -> None:
        """Start empty."""
        self._lanes: dict[str, dict[str, deque[SignedEvent]]] = {}
        """By participant and office; none is empty."""
        self._had: dict[tuple[str, ...], int] = {}
        """Bytes that each has had, counted from where the others were when it came."""
        self._count = 0

    def __len__(self) -> int:
        """Count the events that wait."""
        return self._count

    def add(self, lane: Author, event: SignedEvent) -> None:
        """Put an event at the end of a lane."""
        code, office = lane.participant, lane.authority
        if code not in self._lanes:
            self._had[code,] = self._least(tuple((one,) for one in self._lanes))
        offices = self._lanes.setdefault(code, {})
        if office not in offices:
            self._had[code, office] = self._least(tuple((code, one) for one in offices))
        offices.setdefault(office, deque()).append(event)
        self._count += 1

    def take(self) -> SignedEvent | None:
        """Take the event whose turn it is; None if none waits."""
        if not self._count:
            return None
        code = min(self._lanes, key=lambda one: self._had[one,])
        offices = self._lanes[code]
        office = min(offices, key=lambda one: self._had[code, one])
        event = offices[office].popleft()
        self._had[code,] += len(event.encoded)
        self._had[code, office] += len(event.encoded)
        self._count -= 1
        if not offices[office]:
            del offices[office], self._had[code, office]
        if not offices:
            del self._lanes[code], self._had[code,]
        return event

    def _least(self, names: tuple[tuple[str, ...], ...]) -> int:
        return min((self._had[name] for name in names), default=0)


class LaneShares:
    """How many events of each author may be under way at once.

    An author may have half as many as there is still room for, a participant as many: so there is
    room for the next author, however many others have taken their share.
    """

    def __init__(self, limit: int) -> None:
        """Allow so many in all; a little more, since a request that has begun is not cut."""
        self._limit = limit
        self._lanes: Counter[Author] = Counter()
        self._codes: Counter[str] = Counter()

    def has_room(self, lane: Author) -> bool:
        """Tell whether an author may have more under way."""
        room = self._limit - self._lanes.total()
        return 2 * self._lanes[lane] < room and self._codes[lane.participant] < room

    @contextmanager
    def hold(self, lane: Author, count: int) -> Iterator[None]:
        """Have so many under way."""
        self.add(lane, count)
        try:
            yield
        finally:
            self.add(lane, -count)

    def add(self, lane: Author, count: int) -> None:
        """Count so many more, or fewer."""
        self._lanes[lane] += count
        self._codes[lane.participant] += count
        if not self._lanes[lane]:
            del self._lanes[lane]
        if not self._codes[lane.participant]:
            del self._codes[lane.participant]
