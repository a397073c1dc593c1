"""Where a node that does not vote gets blocks: which of its sources next, and which not for now.

A source that does not answer is asked again after a pause that grows. One that sent what no honest
node sends is named, and left alone for long as long as another one answers: whatever it sends is
verified, so that to ask it is better than to ask nobody.
"""

import math
import random
import time
from collections.abc import Callable, Sequence
from typing import Final

from kpledger.api.answers import SourceAnswer
from kpnode.contacts import NodeLine

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 5.0
DISTRUST_S: Final = 600.0
"""For how long a source that has lied is asked only if no other one is of use."""
_GIVEN_UP: Final = 3
"""A source that has failed so often in a row is of no use for now."""
_GLANCE_S: Final = 0.05
_MAX_DOUBLINGS: Final = 4


class LyingSourceError(Exception):
    """A source has sent what no honest node sends."""


class KnownSource:
    """One source, and what is known of it.

    Attributes:
        height: of the newest certificate that it has shown; None before the first.
        problem: why nothing is taken from it now.
    """

    def __init__(self, line: NodeLine) -> None:
        self.line = line
        self.name = line.name
        self.height: int | None = None
        self.problem: str | None = None
        self.lie: str | None = None
        """What it has sent that no honest node of this ledger sends, and why; the newest."""
        self.lied_s = -math.inf
        self.not_before_s = 0.0
        self.asked_s = -math.inf
        """When it was asked last how far it is."""
        self.failures = 0
        """In a row."""

    def answered(self) -> None:
        """Note that it does what it should."""
        self.problem = None
        self.failures = 0

    def failed(self, problem: str, now_s: float, chance: float) -> None:
        """Leave it alone for a while, longer each time; ``chance`` from 0 to 1 spreads that."""
        pause_s = min(_FIRST_PAUSE_S * (1 << min(self.failures, _MAX_DOUBLINGS)), _LONGEST_PAUSE_S)
        self.failures += 1
        self.problem = problem
        self.not_before_s = now_s + pause_s * (1 + chance) / 2

    def answer(self) -> SourceAnswer:
        """Say how it is."""
        return SourceAnswer(source=self.name, height=self.height, problem=self.problem)


class Sources:
    """All sources of one node."""

    def __init__(
        self,
        lines: Sequence[NodeLine],
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: random.Random | None = None,
    ) -> None:
        """Know nothing of them yet; ``clock`` gives seconds."""
        self.all = tuple(map(KnownSource, lines))
        self._clock = clock
        self._chance = chance or random.SystemRandom()

    def free(self) -> tuple[KnownSource, ...]:
        """Give those that may be asked now."""
        now_s = self._clock()
        return tuple(one for one in self._eligible() if one.not_before_s <= now_s)

    def _eligible(self) -> tuple[KnownSource, ...]:
        """Give all but those that have lied, unless none of the others is of use."""
        since_s = self._clock() - DISTRUST_S
        trusted = tuple(one for one in self.all if one.lied_s < since_s)
        newest = max((one.height or 0 for one in self.all), default=0)
        of_use = (
            one.failures < _GIVEN_UP and (one.height is None or one.height >= newest)
            for one in trusted
        )
        return trusted if any(of_use) else self.all

    def liars(self) -> tuple[KnownSource, ...]:
        """Give those that have lied lately."""
        since_s = self._clock() - DISTRUST_S
        return tuple(one for one in self.all if one.lied_s >= since_s)

    def choose(self) -> KnownSource | None:
        """Give one that may be asked now: any of those that are known to be furthest, or unknown.

        None if there is none.
        """
        free = self.free()
        if not free:
            return None
        known = max((one.height or 0 for one in free), default=0)
        best = [one for one in free if one.height is None or one.height >= known]
        return self._chance.choice(best)

    def look(self, *, but: KnownSource | None) -> KnownSource | None:
        """Give the one that may be asked now and was not for longest how far it is, or None."""
        free = [one for one in self.free() if one is not but]
        found = min(free, key=lambda one: one.asked_s, default=None)
        if found is not None:
            found.asked_s = self._clock()
        return found

    def shows_more(self, than: KnownSource) -> bool:
        """Tell whether one that may be asked now has shown more than another."""
        return any((one.height or 0) > (than.height or 0) for one in self.free())

    def hear_of(self, height: int) -> None:
        """Hear how far the ledger is: who has shown less and is left alone may have it by now.

        They are asked within a second, not all nodes at once.
        """
        soon_s = self._clock() + self._chance.random()
        for one in self.all:
            if (one.height or 0) < height:
                one.not_before_s = min(one.not_before_s, soon_s)

    @property
    def pause_s(self) -> float:
        """How long it takes until one may be asked."""
        next_s = min((one.not_before_s for one in self._eligible()), default=math.inf)
        return min(max(_GLANCE_S, next_s - self._clock()), _LONGEST_PAUSE_S)

    def spread(self, seconds: float) -> float:
        """Give a time at random, up to a half more or less: not all nodes ask at once."""
        return seconds * (0.5 + self._chance.random())

    def failed(self, source: KnownSource, problem: str) -> None:
        """Note that a source does not answer as it should."""
        source.failed(problem, self._clock(), self._chance.random())

    def lied(self, source: KnownSource, what: str) -> None:
        """Note that a source has sent what no honest node sends."""
        self.failed(source, what)
        source.lie, source.lied_s = what, self._clock()
