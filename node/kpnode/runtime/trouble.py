"""What a running node has found wrong so far: with blocks, disks, clocks, and with getting on."""

import logging
import time
from collections import deque
from typing import Final

from kpnode.engine import Engine
from kpnode.punctuality import ClockDoubt, Early
from kpnode.raft import Index, NodeId, Role, Status, Term
from kpnode.step import MAX_REFUSED_BLOCKS, LeaderStalled, Loss, RefusedBlock, Step

_STUCK_ELECTIONS: Final = 5
"""Election timeouts in which a leader that is heard commits something, if it has anything."""
_STALLED_ELECTIONS: Final = 20
"""The same for one that a node follows, which sees less of it."""
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
        self._stuck_from_s = _STUCK_ELECTIONS * election_s
        self.stalled: LeaderStalled | None = None
        self._stalled_from_s = _STALLED_ELECTIONS * election_s
        self._watched: tuple[NodeId, Term, Index, Index] | None = None
        self._watched_s = time.monotonic()
        self._waiting_from, self._moved_s = -1, time.monotonic()

    @property
    def early(self) -> Early | None:
        """The newest block, if it is so far ahead of the clock now that none may follow it yet."""
        return self._find_early(self._newest_ms)

    @property
    def stuck_s(self) -> float:
        """For how long this node has led and could commit nothing; 0 while that is normal."""
        stuck_s = time.monotonic() - self._moved_s
        return stuck_s if stuck_s > self._stuck_from_s and self._waiting_from >= 0 else 0

    def find_stalled(self, status: Status, *, waits: bool) -> LeaderStalled | None:
        """Tell, once, that the leader which this node follows makes nothing final.

        ``waits`` is whether this node has passed on an event to it that has no answer.
        """
        leader, waits = status.leader, waits or status.commit < status.last_index
        waits = (waits or status.last_term < status.term) and self.early is None
        if leader is None or status.role is not Role.FOLLOWER or not waits:
            self._watched, self.stalled = None, None
            return None
        watched = leader, status.term, status.commit, status.last_index
        if watched != self._watched:
            self._watched, self._watched_s, self.stalled = watched, time.monotonic(), None
        if self.stalled or time.monotonic() - self._watched_s <= self._stalled_from_s:
            return None
        self.stalled = LeaderStalled(leader, status.term)
        return self.stalled

    def take(self, step: Step) -> bool:
        """Take in what a step has found; tells whether the operator should hear of it now."""
        for refused in step.refused:
            _log.error("refused a block of %s: %s", refused.leader, refused.problem)
            self.refused.append(refused)
        is_news = step.loss is not None or (step.doubt is not None and self.doubt is None)
        self.loss, self.doubt, self._newest_ms = step.loss or self.loss, step.doubt, step.newest_ms
        waits = step.status.role is Role.LEADER and step.status.commit < step.status.last_index
        waiting_from = step.status.commit if waits else -1
        if waiting_from != self._waiting_from:
            self._waiting_from, self._moved_s = waiting_from, time.monotonic()
        was_early, self._was_early = self._was_early, self.early is not None
        return is_news or self._was_early > was_early
