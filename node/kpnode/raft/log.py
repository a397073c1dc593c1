"""The log as the core sees it: what is stored, plus a tail that is not known to be durable yet.

Four positions move along it, in this order at a follower and in almost any order at a leader::

    applied <= commit <= last_index,   persisted <= handed_out <= last_index

`applied` is what the driver was given to apply, `handed_out` what it was given to save. An entry
may be overwritten between being handed out and being reported durable, and the same slot may be
written again. Therefore a report counts for the batch it was made for, and only as far as no later
batch reaches back (an "ABA" that etcd's raft met with asynchronous disks).
"""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from kpnode.raft.types import Entry, EntryKind, Index, InvariantError, Term


class LogReader(Protocol):
    """Read access to the stored log. It is never compacted: every index from 1 on is there."""

    def last_index(self) -> Index:
        """Return the index of the last stored entry, 0 if there is none."""

    def term_at(self, index: Index) -> Term | None:
        """Return the term of a stored entry; 0 for index 0, None beyond the end."""

    def entries(self, first: Index, last: Index, max_bytes: int) -> tuple[Entry, ...]:
        """Return stored entries from `first` to `last`, both included.

        It stops before the payloads exceed `max_bytes`, but returns at least one entry unless
        `first` is beyond `last` or beyond the end.
        """


def take_bytes(entries: Sequence[Entry], max_bytes: int) -> tuple[Entry, ...]:
    """Return the longest prefix whose payloads fit, but at least one entry if there is any."""
    size = 0
    for count, entry in enumerate(entries):
        size += len(entry.payload)
        if count and size > max_bytes:
            return tuple(entries[:count])
    return tuple(entries)


def _holds(batch: tuple[Entry, ...], index: Index, term: Term) -> bool:
    offset = index - batch[0].index
    return 0 <= offset < len(batch) and batch[offset].term == term


class RaftLog:
    """The log of one core."""

    def __init__(self, reader: LogReader, applied: Index) -> None:
        self._reader = reader
        self._tail: list[Entry] = []
        self._handed_out = reader.last_index()
        self._batches: deque[tuple[Entry, ...]] = deque()
        self.persisted = reader.last_index()
        self.applied = applied
        # A disk that lost its end must not stop the node from being repaired by the leader.
        self.commit = min(applied, self.persisted)

    @property
    def last_index(self) -> Index:
        """Index of the last entry, durable or not."""
        return Index(self.persisted + len(self._tail))

    @property
    def last_term(self) -> Term:
        """Term of the last entry."""
        return self.require_term(self.last_index)

    def term_at(self, index: Index) -> Term | None:
        """Return the term of an entry; 0 for index 0, None outside the log."""
        if not 0 <= index <= self.last_index:
            return None
        if index > self.persisted:
            return self._tail[index - self.persisted - 1].term
        return self._reader.term_at(index)

    def require_term(self, index: Index) -> Term:
        """Return the term of an entry that must be there.

        Raises:
            InvariantError: It is not.
        """
        term = self.term_at(index)
        if term is None:
            raise InvariantError(f"entry {index} has no term")
        return term

    def entries(self, first: Index, last: Index, max_bytes: int) -> tuple[Entry, ...]:
        """Return some entries from `first` on; at least one if there is one up to `last`."""
        if first > last:
            return ()
        if first > self.persisted:
            start = first - self.persisted - 1
            return take_bytes(self._tail[start : last - self.persisted], max_bytes)
        found = self._reader.entries(first, min(last, self.persisted), max_bytes)
        if not found or found[0].index != first:
            raise InvariantError(f"the stored log does not return entry {first}")
        return found

    def agreement(self, *, floor: Index, ceiling: Index, term: Term) -> Index:
        """Return the last index in [floor, ceiling] whose entry is not younger than `term`.

        Terms never fall along a log, so everything above has a higher term and cannot be in a log
        that has `term` there. One round trip passes over a whole term of divergence (thesis 3.5),
        and bisection keeps the number of reads small.
        """
        low, high = floor, max(floor, min(ceiling, self.last_index))
        while low < high:
            middle = Index((low + high + 1) // 2)
            found = self.term_at(middle)
            if found is not None and found <= term:
                low = middle
            else:
                high = Index(middle - 1)
        return low

    def missing(self, entries: tuple[Entry, ...], *, compared: bool = False) -> tuple[Entry, ...]:
        """Return the entries from the first one this log lacks or contradicts.

        An honest leader makes one entry of a term for a place; of a liar's there may be several.
        With `compared` they are told apart, as long as none is committed.
        """
        for position, entry in enumerate(entries):
            if self.term_at(entry.index) != entry.term or (compared and self._differs(entry)):
                return entries[position:]
        return ()

    def _differs(self, entry: Entry) -> bool:
        """Tell whether the entry in the same place, of the same term, is another one.

        Two that open the term are one, whichever votes they show: what follows them is the same.
        """
        if entry.index <= self.commit:
            return False
        (own,) = self.entries(entry.index, entry.index, 1)
        return own != entry and not own.kind is entry.kind is EntryKind.NOOP

    def append(self, entries: tuple[Entry, ...]) -> None:
        """Put entries at their place and drop what was there and after.

        Raises:
            InvariantError: A committed entry would go, or a gap would open.
        """
        first = entries[0].index
        if not self.commit < first <= self.last_index + 1:
            raise InvariantError(
                f"entry {first} does not fit a log committed to {self.commit}"
                f" and ending at {self.last_index}"
            )
        keep = Index(first - 1)
        if keep < self.persisted:
            # The disk still holds what is overwritten here, until the batch with its successor is
            # saved; it counts for nothing from now on.
            self.persisted = keep
            self._tail.clear()
        del self._tail[keep - self.persisted :]
        self._handed_out = min(self._handed_out, keep)
        self._tail.extend(entries)

    def take_unsaved(self) -> tuple[Entry, ...]:
        """Hand out the entries the driver has not been given to save."""
        batch = tuple(self._tail[self._handed_out - self.persisted :])
        if batch:
            self._handed_out = batch[-1].index
            self._batches.append(batch)
        return batch

    def mark_persisted(self, index: Index, term: Term) -> None:
        """Note that the oldest batch with this entry is durable up to it."""
        reported = next((b for b in self._batches if _holds(b, index, term)), None)
        if reported is None:
            return
        while self._batches.popleft() is not reported:
            pass
        rest = reported[index - reported[0].index + 1 :]
        # What a later batch or an unsaved entry overwrites is not the entry this report is about.
        durable = min([index, self._handed_out, *(Index(b[0].index - 1) for b in self._batches)])
        if rest:
            self._batches.appendleft(rest)
        if durable > self.persisted:
            del self._tail[: durable - self.persisted]
            self.persisted = durable

    def take_committed(self, max_bytes: int) -> tuple[Entry, ...]:
        """Hand out the next committed entries to apply."""
        batch = self.entries(Index(self.applied + 1), self.commit, max_bytes)
        if batch:
            self.applied = batch[-1].index
        return batch
