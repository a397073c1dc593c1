"""Whether the leader that a node follows makes anything final while there is something to be done.

A leader that is slow looks like one that holds back: so patience doubles each time, until something
is final again, and who was waited for in vain is set aside for no longer than it was waited for.
"""

from typing import Final

from kpnode.raft import Role, Status
from kpnode.step import LeaderStalled

PATIENCE_ELECTIONS: Final = 20
"""Shortest election timeouts in which a leader that is heard makes something final."""
MAX_PATIENCE: Final = 64
"""So many times as long is waited at most, when nothing came of one leader after the other."""


class StallWatch:
    """Counts for how long one node waits for its leaders in vain.

    Attributes:
        stalled: the leader that was waited for in vain last; None when something is final since.
    """

    def __init__(self, election_ticks: int) -> None:
        """Begin; ``election_ticks`` is the shortest election timeout."""
        self._least_ticks = self._patience_ticks = PATIENCE_ELECTIONS * election_ticks
        self._waited_ticks = 0
        self._held = 0
        self._watched: object = None
        self.stalled: LeaderStalled | None = None

    def tick(self, status: Status, held: int, *, waits: bool) -> LeaderStalled | None:
        """Let a tick pass; tells, once, of a leader that was heard all the time and did nothing.

        Only ticks count in which the node waits, so a leader that has nothing to do may be silent;
        but they add up until something is final: whoever asks again waits on.

        Args:
            status: of the core.
            held: how much the node holds of what it knows to be final.
            waits: whether it has waited for the leader for longer than a leader takes. It waits in
                any case for what is in its log and not final, and for what opens the term.
        """
        if held > self._held:
            self._held, self._waited_ticks, self.stalled = held, 0, None
            self._patience_ticks = self._least_ticks
        # That it lost sight of the leader for a moment is no news.
        if status.leader is None or status.role is not Role.FOLLOWER:
            return None
        if self._watched != (status.leader, status.term):
            self._watched, self._waited_ticks = (status.leader, status.term), 0
        waits = waits or status.commit < status.last_index or status.last_term < status.term
        self._waited_ticks += waits
        if self._waited_ticks < self._patience_ticks:
            return None
        self.stalled = LeaderStalled(status.leader, status.term, self._waited_ticks)
        self._waited_ticks = 0
        self._patience_ticks = min(2 * self._patience_ticks, MAX_PATIENCE * self._least_ticks)
        return self.stalled
