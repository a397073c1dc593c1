"""Linearizable reads without writing: the read index (Raft thesis 6.4).

A read is safe at the commit index of a moment at which this node certainly was the leader. It
proves that by a round of heartbeats *begun after* the read was asked for; an older round proves
nothing about now (etcd #21399), so every batch of reads begins a round of its own. Not here: the
rule that no round begins before an entry of the leader's own term is committed; see
`replication.flush`.
"""

from collections import deque
from dataclasses import dataclass, field

from kpnode.raft.interface import ReadGrant
from kpnode.raft.types import Index


@dataclass(frozen=True, slots=True)
class _Round:
    number: int
    index: Index
    tickets: tuple[int, ...]


@dataclass(slots=True)
class ReadQueue:
    """The reads of one leadership."""

    round: int = 0
    """The newest round begun; every heartbeat carries it."""
    waiting: list[int] = field(default_factory=list)
    """Tickets no round has been begun for."""
    _rounds: deque[_Round] = field(default_factory=deque)

    def __len__(self) -> int:
        return len(self.waiting) + sum(len(begun.tickets) for begun in self._rounds)

    def begin_round(self, commit: Index) -> None:
        """Begin a round for everything that waits, at the current commit index."""
        self.round += 1
        self._rounds.append(_Round(self.round, commit, tuple(self.waiting)))
        self.waiting.clear()

    def confirm(self, number: int) -> tuple[ReadGrant, ...]:
        """Grant the reads of every round up to `number`."""
        grants: list[ReadGrant] = []
        while self._rounds and self._rounds[0].number <= number:
            begun = self._rounds.popleft()
            grants += (ReadGrant(ticket, begun.index) for ticket in begun.tickets)
        return tuple(grants)

    def tickets(self) -> tuple[int, ...]:
        """Return the tickets of all reads that are not granted, oldest first."""
        return (*(ticket for begun in self._rounds for ticket in begun.tickets), *self.waiting)
