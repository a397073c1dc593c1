"""Storage in memory, for tests, demonstrations and the simulator; it outlives no process."""

from kpnode.raft import Entry, HardState, Index, InvariantError, Term, take_bytes


class MemoryStorage:
    """A log and a hard state in two attributes."""

    def __init__(self) -> None:
        self.hard_state = HardState(Term(0), None)
        self.log: list[Entry] = []

    def last_index(self) -> Index:
        """Return the index of the last entry, 0 if there is none."""
        return Index(len(self.log))

    def term_at(self, index: Index) -> Term | None:
        """Return the term of an entry; 0 for index 0, None beyond the end."""
        if index == 0:
            return Term(0)
        return self.log[index - 1].term if 0 < index <= len(self.log) else None

    def entries(self, first: Index, last: Index, max_bytes: int) -> tuple[Entry, ...]:
        """Return entries from `first` to `last`, as many as fit `max_bytes` and at least one."""
        return take_bytes(self.log[first - 1 : last], max_bytes)

    def save(self, hard_state: HardState | None, entries: tuple[Entry, ...]) -> None:
        """Replace the hard state, and everything from the first of the entries on.

        Raises:
            InvariantError: The entries would leave a gap.
        """
        if entries:
            keep = entries[0].index - 1
            if keep > len(self.log):
                raise InvariantError(f"entry {keep + 1} after a log of {len(self.log)}")
            del self.log[keep:]
            self.log.extend(entries)
        if hard_state is not None:
            self.hard_state = hard_state
