"""What a running node has found wrong so far: with blocks, disks, clocks, and with getting on."""

import logging
import time
from collections import deque
from typing import Final

from kpnode.engine import Engine
from kpnode.punctuality import ClockDoubt, Early
from kpnode.raft import Role, Status
from kpnode.stalls import StallWatch
from kpnode.step import MAX_REFUSED_BLOCKS, LeaderStalled, Loss, RefusedBlock, Step

_STUCK_ELECTIONS: Final = 5
"""Election timeouts in which a leader that is heard commits something, if it has anything."""
_log = logging.getLogger(__name__)


class Trouble:
    """Gathers it from the steps of one node; belongs to its event loop."""

    def __init__(self, engine: Engine, loss: Loss | None, election_s: float) -> None:
        """Begin with what the disk was found to have lost, and with the end of its log."""
        self.loss = loss
        self.doubt: ClockDoubt | None = None
        self.refused: deque[RefusedBlock] = deque(maxlen=MAX_REFUSED_BLOCKS)
        self._find_early = engine.find_early
        self._newest_ms = engine.newest_ms
        self._was_early = False
        self._election_s = election_s
        self._watch = StallWatch(engine.election_ticks)
        self._held = 0
        self._ticked: Status | None = None
        self._waiting_from, self._moved_s = -1, time.monotonic()

    @property
    def early(self) -> Early | None:
        """The newest block, if it is so far ahead of the clock now that none may follow it yet."""
        return self._find_early(self._newest_ms)

    @property
    def stuck_s(self) -> float:
        """For how long this node has led and could commit nothing; 0 while that is normal."""
        stuck_s, least_s = time.monotonic() - self._moved_s, _STUCK_ELECTIONS * self._election_s
        return stuck_s if stuck_s > least_s and self._waiting_from >= 0 else 0

    @property
    def stalled(self) -> LeaderStalled | None:
        """The leader that this node has set aside, as long as nothing is final since."""
        return self._watch.stalled

    def tick(self, status: Status, waited_s: float) -> LeaderStalled | None:
        """Tell, once, that the leader which this node follows makes nothing final.

        ``waited_s`` is for how long the oldest request has waited to be ordered.
        """
        ticked, self._ticked = self._ticked, status
        # Without a step since then it is this node that does nothing; by an early block nobody may.
        if status is ticked or self.early is not None:
            return None
        stalled = self._watch.tick(status, self._held, waits=waited_s > self._election_s)
        if stalled is not None:
            _log.error("%s leads term %d and makes nothing final", stalled.leader, stalled.term)
        return stalled

    def take(self, step: Step) -> bool:
        """Take in what a step has found; tells whether the operator should hear of it now."""
        for refused in step.refused:
            _log.error("refused a block of %s: %s", refused.leader, refused.problem)
            self.refused.append(refused)
        is_news = step.loss is not None or (step.doubt is not None and self.doubt is None)
        self.loss, self.doubt, self._newest_ms = step.loss or self.loss, step.doubt, step.newest_ms
        self._held = step.held
        waits = step.status.role is Role.LEADER and step.status.commit < step.status.last_index
        waiting_from = step.status.commit if waits else -1
        if waiting_from != self._waiting_from:
            self._waiting_from, self._moved_s = waiting_from, time.monotonic()
        was_early, self._was_early = self._was_early, self.early is not None
        return is_news or self._was_early > was_early
