"""A queue that is fair between authors, shares that leave room for everybody, and buckets.

Nodes that relay take turns, participants theirs within what one node relays, and the offices of a
participant theirs within that, by bytes: who sends large events has fewer of them in a block. What
somebody sends in one request stays in order.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from kpledger.scheme.event import Author, SignedEvent

_BLOCK_EVENTS: Final = 64
"""Events of one lane in a block at most; fewer if they are large."""
_BLOCK_BYTES: Final = 64 * 1024
_LONGEST_S: Final = 60
"""How long a bucket is full at most, whatever was put into it."""
_BUCKETS: Final = 10_000
"""Buckets that are remembered; the longest untouched are forgotten first."""
_ROUNDING_S: Final = 1e-6

_Name = tuple[str, str]
"""A lane: a participant and one of its offices."""

BATCHES: Final = "batches"
"""The name of all work on requests of many events."""


class Slices:
    """A few slices of work of each name in one turn of an event loop, however much there is.

    Whoever has little work waits between two of its steps for a slice of each other name, and not
    for all that came at once.
    """

    def __init__(self, width: int = 1) -> None:
        """Let ``width`` slices of a name be done in one turn."""
        self._width = width
        self._done: Counter[Hashable] = Counter()
        """In this turn."""
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}
        """By name, in the order of asking; none is empty."""

    async def next(self, name: Hashable) -> None:
        """Wait until a slice may be done."""
        if name in self._waiting or self._done[name] >= self._width:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(name, deque()).append(turn)
            await turn
        else:
            self._note(name)

    def _note(self, name: Hashable) -> None:
        if not self._done:
            asyncio.get_running_loop().call_soon(self._turn)
        self._done[name] += 1

    def _turn(self) -> None:
        """Begin the next turn with those who wait."""
        self._done.clear()
        for name, turns in tuple(self._waiting.items()):
            while turns and self._done[name] < self._width:
                turn = turns.popleft()
                # Whoever waited may have left.
                if not turn.done():
                    turn.set_result(None)
                    self._note(name)
            if not turns:
                del self._waiting[name]


class FairQueue:
    """Events that wait, each in the lane of the author who sent it or all that came with it.

    The node that relays an event names its lane, so that lanes of different nodes are apart.
    """

    def __init__(self) -> None:
        self._relays: dict[str, _Lanes] = {}
        """By who relayed what waits; none is empty."""
        self._count = 0

    def __len__(self) -> int:
        """Count the events that wait."""
        return self._count

    def add(self, lane: Author, event: SignedEvent, via: str = "") -> None:
        """Put an event at the end of a lane; ``via`` is who relayed it, if anybody did."""
        if via not in self._relays:
            self._relays[via] = _Lanes(min((one.had for one in self._relays.values()), default=0))
        self._relays[via].add(lane, event)
        self._count += 1

    def take(self, count: int, is_wanted: Callable[[SignedEvent], bool]) -> list[SignedEvent]:
        """Take up to so many events for a block, in turns; those that nobody wants are dropped.

        One lane has so much of a block at most that whoever comes next need not wait for long.
        """
        taken: list[SignedEvent] = []
        rooms: dict[str, dict[_Name, int]] = {via: {} for via in self._relays}
        while len(taken) < count and rooms:
            via = min(rooms, key=lambda one: self._relays[one].had)
            name = self._relays[via].next(rooms[via])
            if name is None:
                del rooms[via]
                continue
            event = self._relays[via].pop(name)
            self._count -= 1
            if is_wanted(event):
                taken.append(event)
                cost = max(len(event.encoded), _BLOCK_BYTES // _BLOCK_EVENTS)
                rooms[via][name] = rooms[via].get(name, _BLOCK_BYTES) - cost
        self._relays = {via: lanes for via, lanes in self._relays.items() if lanes}
        return taken


class _Lanes:
    """The lanes of what one node relays."""

    def __init__(self, had: int) -> None:
        self.had = had
        """Bytes that were taken, counted from where other nodes were when it came."""
        self._lanes: dict[str, dict[str, deque[SignedEvent]]] = {}
        """By participant and office; none is empty."""
        self._had: dict[tuple[str, ...], int] = {}
        """Bytes that each has had, counted likewise."""

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def add(self, lane: Author, event: SignedEvent) -> None:
        code, office = lane.participant, lane.authority
        if code not in self._lanes:
            self._had[code,] = self._least(tuple((one,) for one in self._lanes))
        offices = self._lanes.setdefault(code, {})
        if office not in offices:
            self._had[code, office] = self._least(tuple((code, one) for one in offices))
        offices.setdefault(office, deque()).append(event)

    def next(self, room: Mapping[_Name, int]) -> _Name | None:
        """Find the lane whose turn it is, among those that still have room in the block."""
        turns = [
            (self._had[code,], self._had[code, office], (code, office))
            for code, offices in self._lanes.items()
            for office in offices
            if room.get((code, office), 1) > 0
        ]
        return min(turns, key=lambda turn: turn[:2])[2] if turns else None

    def pop(self, name: _Name) -> SignedEvent:
        code, office = name
        offices = self._lanes[code]
        event = offices[office].popleft()
        self.had += len(event.encoded)
        self._had[code,] += len(event.encoded)
        self._had[name] += len(event.encoded)
        if not offices[office]:
            del offices[office], self._had[name]
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

    def __init__(self, limit: int, names: int | None = None) -> None:
        """Allow so many in all; a little more, since a request that has begun is not cut.

        ``names`` is how many authors and participants may have some, where nobody knows them.
        """
        self._limit = limit
        self._names = 2 * limit if names is None else names
        self._total = 0
        self._taken: dict[Author | str, int] = {}
        """By author and by participant; none is zero."""

    def has_room(self, lane: Author) -> bool:
        """Tell whether an author may have more under way."""
        room, taken = self._limit - self._total, self._taken
        if lane not in taken and len(taken) >= self._names:
            return False
        return 2 * taken.get(lane, 0) < room and taken.get(lane.participant, 0) < room

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
        self._total += count
        for name in (lane, lane.participant):
            taken = self._taken.get(name, 0) + count
            if taken:
                self._taken[name] = taken
            else:
                self._taken.pop(name, None)


class Buckets:
    """Leaky buckets, one for each name: what somebody has done lately, until it is forgotten.

    As a meter they say how often something may happen: evenly, after a burst (I.371 of the ITU-T).
    """

    def __init__(
        self, burst: int, per_s: float, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Hold ``burst`` each, and forget ``per_s`` a second; none is full for over a minute."""
        self._full_s = burst / per_s
        self._per_s = per_s
        self._now_s = now_s
        self._empty_at_s: dict[Hashable, float] = {}

    def is_full(self, name: Hashable) -> bool:
        """Tell whether a bucket holds as much as it may."""
        return self.left_s(name) >= self._full_s

    def fill(self, name: Hashable, count: float) -> None:
        """Put so much more into a bucket."""
        if count:
            left_s = min(self.left_s(name) + count / self._per_s, self._full_s + _LONGEST_S)
            self._empty_at_s.pop(name, None)
            self._empty_at_s[name] = self._now_s() + left_s
            if len(self._empty_at_s) > _BUCKETS:
                del self._empty_at_s[next(iter(self._empty_at_s))]

    def left_s(self, name: Hashable) -> float:
        """Tell in how many seconds a bucket is empty."""
        return max(0.0, self._empty_at_s.get(name, 0.0) - self._now_s())

    def early_s(self, name: Hashable) -> float:
        """Tell in how many seconds a bucket has room for one more; not above zero: it has now."""
        return self.left_s(name) + 1 / self._per_s - self._full_s - _ROUNDING_S

    def admits(self, name: Hashable) -> bool:
        """Put one more into a bucket if it has room; tell whether it had."""
        has_room = self.early_s(name) <= 0
        if has_room:
            self.fill(name, 1)
        else:
            # Whoever goes on is not forgotten for it.
            self._empty_at_s[name] = self._empty_at_s.pop(name)
        return has_room
