"""The book: state and indexes after some block, as questions are asked of them."""

from collections.abc import Iterator
from itertools import islice
from typing import Protocol, TypeVar

from kpledger.analysis.index import IndexReader, MemoryIndex
from kpledger.analysis.projection import project_block
from kpledger.analysis.sorted_keys import SortedKeys
from kpledger.base.state import ChangeSet, MemoryState, read_record
from kpledger.log.chain import ExecutedBlock, Tip, genesis_tip
from kpledger.log.genesis import Genesis
from kpledger.scheme.v1.records import Record

R = TypeVar("R", bound=Record)


class Book(Protocol):
    """What questions need: a node's ledger, or what an auditor has replayed."""

    @property
    def tip(self) -> Tip:
        """The end of the chain that the answers are given as of."""
        ...

    @property
    def index(self) -> IndexReader:
        """The indexes."""
        ...

    def record(self, key: bytes, kind: type[R]) -> R | None:
        """Read the record under a key of :mod:`kpledger.scheme.v1.records`, or None."""
        ...

    def records(
        self, prefix: bytes, kind: type[R], *, after: bytes | None, limit: int
    ) -> Iterator[tuple[bytes, R]]:
        """Read the records whose keys begin with a prefix, in key order, from after a key on."""
        ...


class MemoryBook:
    """A book in memory, made by applying blocks that were verified."""

    def __init__(self, genesis: Genesis) -> None:
        """Stand before the first block."""
        self.state = MemoryState()
        self.index = MemoryIndex()
        seed = genesis.seed_state(MemoryState())
        self.tip = genesis_tip(genesis, seed)
        self._keys = SortedKeys()
        self._take_over(seed)

    def apply(self, execution: ExecutedBlock) -> None:
        """Take in the next block."""
        self.index.apply(project_block(execution, self.index))
        self._take_over(execution.changes)
        self.tip = execution.tip

    def _take_over(self, changes: ChangeSet) -> None:
        for key in changes.written:
            if key not in self.state.pairs:
                self._keys.add(key)
        self.state.apply(changes)

    def record(self, key: bytes, kind: type[R]) -> R | None:
        """Read the record under a key of :mod:`kpledger.scheme.v1.records`, or None."""
        return read_record(self.state, key, kind)

    def records(
        self, prefix: bytes, kind: type[R], *, after: bytes | None, limit: int
    ) -> Iterator[tuple[bytes, R]]:
        """Read the records whose keys begin with a prefix, in key order, from after a key on."""
        start = None if after is None else after + b"\0"
        for key in islice(self._keys.walk(prefix, start=start), limit):
            found = read_record(self.state, key, kind)
            if found is not None:
                yield key, found
