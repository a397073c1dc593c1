"""How far one peer is, and what may be sent to it next.

A peer is *probed* until the place where the two logs agree is found: one append at a time, the next
one only after an answer or after the peer answered a heartbeat. Then it is *streamed* to: a window
of appends in flight, each assuming that those before it arrive. A refusal, or news of a lost
connection, leads back to probing.

A peer whose disk was wiped or rolled back refuses what it acknowledged. It is probed like any
other, and what it lost is not counted until it has it again.
"""

from collections import deque
from dataclasses import dataclass, field

from kpnode.raft.types import NO_INDEX, Entry, Index


@dataclass(slots=True)
class Progress:
    """One peer of a leader, for one term; nothing of it outlives the leadership."""

    next: Index
    """First entry to send next."""
    recently_active: bool
    """The peer answered, with whatever verdict, since the last quorum check."""
    match: Index = NO_INDEX
    """The highest index the peer has acknowledged; never falls."""
    held: Index = NO_INDEX
    """The peer holds the leader's log up to here, durably: `match`, unless its disk lost some."""
    probing: bool = True
    in_flight: deque[Index] = field(default_factory=deque)
    """Last index of each append that is streamed and not answered."""
    round: int = 0
    """Newest read round the peer has answered."""
    commit_sent: Index = NO_INDEX
    """Commit index in the last append."""
    _paused: bool = False
    _poked: bool = False

    def wants(self, *, last_index: Index, commit: Index, window: int) -> bool:
        """Tell whether an append should go out now."""
        if self.probing:
            return not self._paused
        return self._poked or (
            len(self.in_flight) < window and (self.next <= last_index or self.commit_sent < commit)
        )

    def sent(self, entries: tuple[Entry, ...], commit: Index) -> None:
        """Note that an append with these entries is on its way."""
        self.commit_sent = commit
        self._poked = False
        if self.probing:
            self._paused = True
        elif entries:
            # On trust: what was sent is taken for received until a refusal says otherwise (10.2.2).
            self.next = Index(entries[-1].index + 1)
            self.in_flight.append(entries[-1].index)

    def accepted(self, index: Index) -> None:
        """Note that the peer holds the log up to `index`."""
        self.match = max(self.match, index)
        # Answers overtake each other; an older one says nothing new.
        if index < self.held:
            return
        self.held = index
        if self.probing:
            self._restart(Index(index + 1), probing=False)
        else:
            self.next = max(self.next, Index(index + 1))
            while self.in_flight and self.in_flight[0] <= index:
                self.in_flight.popleft()

    def refused(self, previous: Index, agreement: Index) -> None:
        """Note that the peer lacks the entry at `previous`; it may agree up to `agreement`.

        A refusal that was overtaken by later news is ignored. One of the last entry the peer is
        known to hold may be late as well, or its disk lost it. The search begins again, and at
        worst finds that nothing is missing. All logs agree at index 0: what is said of it is an
        answer to an append of an earlier term.
        """
        if previous == NO_INDEX:
            return
        if not self.probing and previous > self.held:
            self._restart(Index(self.held + 1), probing=True)
        elif previous == (self.next - 1 if self.probing else self.held):
            self.held = NO_INDEX
            self._restart(Index(agreement + 1), probing=True)

    def heard(self, *, behind: bool) -> None:
        """Note an answered heartbeat: if appends were lost, this is what gets things moving.

        A probe may be repeated. A stream is poked with an append that has no entries: its answer
        either confirms all that is in flight or leads back to probing.
        """
        self._paused = False
        self._poked = behind

    def lost(self) -> None:
        """Note that the connection broke, and with it perhaps what was in flight."""
        if not self.probing:
            self._restart(Index(self.held + 1), probing=True)

    def _restart(self, first: Index, *, probing: bool) -> None:
        self.next = first
        self.probing = probing
        self.in_flight.clear()
        self._paused = False
        self._poked = False
