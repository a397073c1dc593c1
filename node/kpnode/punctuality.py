"""Whether blocks come in time: who may be late, and what a person should know about clocks.

The leader stamps block time, and rules see no other. So a voter bounds it by its own clock, from
both sides. A new block is older than that only if its leader's clock is behind, or lies; but blocks
that a node missed are old as well, and it must take them: after a start, a partition or a pause,
and those of a leader that brings back what nobody could commit for an hour. None of this happens to
a node in company: one that has heard leaders without a break, and that was sent nothing old
meanwhile. Whatever a leader holds it has been sent by then, and a leader that was away cannot win
against those that were not (thesis 3.6.1). So a node in company refuses late blocks.

It is another question who leads then. A leader whose block was refused is not heard for a while,
and the others elect one whose clock is right. If nobody else was heard until the same leader has
been refused twice, the network has no other, and goes on with what it has.

Block time never goes back: after clocks that were ahead, nobody can stamp less. So an early block
is held against its leader once, and not at all if this node holds one of that time: both wait.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from kpledger.log.chain import ExecutedBlock
from kpnode.raft import AppendRequest, NodeId

BREAK_ELECTIONS: Final = 5
"""Shortest election timeouts without a leader that end a company; others are elected sooner."""
COMPANY_ELECTIONS: Final = 3
"""For how many of them a node has to hear leaders, and be sent nothing old, to be in company."""
HEARINGS: Final = 2
"""So often a leader's late blocks are refused before they are taken because nobody else leads."""
STILL_MS: Final = 2_000
"""For so long one leader's blocks may carry the same time; its clock shows each but once."""


@dataclass(frozen=True, slots=True)
class ClockDoubt:
    """A block that shows that a clock is wrong: its leader's, or this node's."""

    leader: NodeId
    block_ms: int
    """What the block says."""
    own_ms: int
    """What this node's clock said when it came."""
    stands_still: bool = False
    """An earlier block of this leader said the same, longer ago than that can be."""


@dataclass(frozen=True, slots=True)
class Early:
    """A block so far ahead of a clock that nobody with such a clock takes it, or one on it, yet."""

    block_ms: int
    own_ms: int
    until_ms: int
    """When the block is within what two clocks may differ by."""


class Punctuality:
    """What one node knows of the time of the blocks that it is sent.

    Attributes:
        doubt: the newest block that shows a wrong clock; None once one came in time.
        early_ms: the time of a block that the leader sends, and that is too early for now; or 0.
    """

    def __init__(self, now_ms: Callable[[], int], *, skew_ms: int, election_ticks: int) -> None:
        """Begin alone, by this node's clock; two clocks may differ by ``skew_ms``."""
        self.doubt: ClockDoubt | None = None
        self._now_ms = now_ms
        self._skew_ms = skew_ms
        self._break_ticks = BREAK_ELECTIONS * election_ticks
        self._company_ticks = COMPANY_ELECTIONS * election_ticks
        self._ticks = 0
        self._tick_ms = now_ms()
        self._heard: int | None = None
        self._since = 0
        self._late: tuple[NodeId, int] | None = None
        self._newest: tuple[NodeId, int, int] | None = None
        self.early_ms = 0
        self._early_of: NodeId | None = None
        self._refused_ms: int | None = None

    def tick(self) -> None:
        """Let one tick pass."""
        self._ticks += 1
        self._notice_pause()
        self._tick_ms = self._now_ms()

    def _notice_pause(self) -> None:
        """Time that passed without ticks was spent alone: a pause, or a jump of the clock.

        What a clock made doubtful that shows another time now, it does not any more.
        """
        now_ms = self._now_ms()
        if abs(now_ms - self._tick_ms) > self._skew_ms:
            self._heard = self.doubt = None
            self._tick_ms = now_ms

    def hear(self, leader: NodeId) -> None:
        """Take note that this node leads, or follows who has just spoken."""
        if self._late is not None and self._late[0] != leader:
            self._late = None
        if self._early_of != leader:
            self.early_ms = 0
        if self._heard is None or self._ticks - self._heard > self._break_ticks:
            self._since = self._ticks
        self._heard = self._ticks

    def refuses_late(self, leader: NodeId) -> bool:
        """Tell whether nothing of a leader that is new to this node may be old."""
        if self._late is not None and self._late[0] == leader and self._late[1] >= HEARINGS:
            return False
        # After a pause, what waited in the sockets may come before the next tick.
        self._notice_pause()
        if self._heard is None or self._ticks - self._heard > self._break_ticks:
            return False
        return self._ticks - self._since >= self._company_ticks

    def take(self, leader: NodeId, request: AppendRequest, blocks: Iterable[ExecutedBlock]) -> None:
        """Look at the blocks in an append that were new to this node, and that it takes."""
        now_ms = self._now_ms()
        for block in blocks:
            self.early_ms = 0
            time_ms = block.tip.time_ms
            if time_ms < now_ms - self._skew_ms:
                self._since = self._ticks
            # What is committed, or was made under an earlier leader, may be as old as it likes.
            if block.tip.height > request.commit and block.tip.term == request.term:
                self.doubt = self._judge(leader, time_ms, now_ms)

    def _judge(self, leader: NodeId, time_ms: int, now_ms: int) -> ClockDoubt | None:
        newest = self._newest
        if newest is None or newest[:2] != (leader, time_ms):
            self._newest = leader, time_ms, now_ms
        # Until its clock is past the newest block, a leader can stamp only that block's time.
        elif now_ms - newest[2] > STILL_MS and time_ms < now_ms:
            return ClockDoubt(leader, time_ms, now_ms, stands_still=True)
        if abs(time_ms - now_ms) > self._skew_ms:
            return ClockDoubt(leader, time_ms, now_ms)
        return None

    def find_early(self, time_ms: int) -> Early | None:
        """Tell whether a block is ahead of this node's clock; may be asked at any moment."""
        now_ms, until_ms = self._now_ms(), time_ms - self._skew_ms
        return Early(time_ms, now_ms, until_ms) if until_ms > now_ms else None

    def refuse(self, leader: NodeId, time_ms: int, held_ms: int) -> bool:
        """Take note of a block that was refused for its time; tell if its leader answers for it.

        ``held_ms`` is the time of the last block that this node holds.
        """
        now_ms = self._now_ms()
        if time_ms > now_ms:
            self._early_of, self.early_ms = leader, time_ms
            # The same one again: the others have had the time to elect somebody who lacks it.
            is_known, self._refused_ms = time_ms == self._refused_ms, time_ms
            return not is_known and time_ms > held_ms
        self.doubt = ClockDoubt(leader, time_ms, now_ms)
        before = self._late[1] if self._late is not None and self._late[0] == leader else 0
        self._late = leader, before + 1
        return True
