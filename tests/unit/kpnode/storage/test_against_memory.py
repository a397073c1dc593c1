"""LevelStorage and MemoryStorage give the same answers, across restarts."""

import tempfile
from pathlib import Path

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from memory_storage import MemoryStorage

from kpnode.raft import Entry, EntryKind, HardState, Index, NodeId, Term
from kpnode.storage.leveldb import TAIL_ENTRIES, LevelStorage

CHAIN = bytes(range(32))

hard_states = st.builds(
    HardState,
    st.integers(0, 9).map(Term),
    st.none() | st.sampled_from(["bw-1", "za-2"]).map(NodeId),
)
keys = st.binary(max_size=2).map(lambda tail: b"s" + tail)


class TwoStorages(RuleBasedStateMachine):
    """Does the same to both; the map of derived records has a dict for its twin."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.directory = Path(self.scratch.name) / "ledger"
        self.level = LevelStorage(self.directory, chain=CHAIN, create=True)
        self.memory = MemoryStorage()
        self.derived: dict[bytes, bytes] = {}

    @rule(
        hard_state=st.none() | hard_states,
        back=st.integers(0, 4) | st.integers(0, 2 * TAIL_ENTRIES),
        count=st.integers(0, 4) | st.just(TAIL_ENTRIES),
        term=st.integers(1, 9),
        kind=st.sampled_from(EntryKind),
        payload=st.binary(max_size=9),
    )
    def save(
        self,
        *,
        hard_state: HardState | None,
        back: int,
        count: int,
        term: int,
        kind: EntryKind,
        payload: bytes,
    ) -> None:
        first = max(1, self.memory.last_index() + 1 - back)
        entries = tuple(
            Entry(Index(index), Term(term), kind, payload) for index in range(first, first + count)
        )
        self.level.save(hard_state, entries)
        self.memory.save(hard_state, entries)

    @rule(puts=st.dictionaries(keys, st.binary(max_size=4)), deletes=st.lists(keys))
    def apply(self, puts: dict[bytes, bytes], deletes: list[bytes]) -> None:
        self.level.apply(puts.items(), deletes)
        for key in deletes:
            self.derived.pop(key, None)
        self.derived |= puts

    @rule()
    def restart(self) -> None:
        self.level.close()
        self.level = LevelStorage(self.directory, chain=CHAIN, create=False)

    @rule(
        first=st.integers(1, 3 * TAIL_ENTRIES),
        last=st.integers(0, 3 * TAIL_ENTRIES),
        max_bytes=st.integers(0, 999),
    )
    def read(self, first: int, last: int, max_bytes: int) -> None:
        asked = (Index(first), Index(last), max_bytes)
        assert self.level.entries(*asked) == self.memory.entries(*asked)
        assert self.level.term_at(Index(first)) == self.memory.term_at(Index(first))

    @rule(prefix=keys, limit=st.integers(0, 5))
    def scan(self, prefix: bytes, limit: int) -> None:
        found = list(self.level.scan(prefix, limit=limit))
        inside = [item for item in sorted(self.derived.items()) if item[0].startswith(prefix)]
        assert found == inside[:limit]

    @invariant()
    def ends_agree(self) -> None:
        assert self.level.last_index() == self.memory.last_index()
        assert self.level.hard_state == self.memory.hard_state

    def teardown(self) -> None:
        try:
            self.verify_all()
        finally:
            self.level.close()
            self.scratch.cleanup()

    def verify_all(self) -> None:
        whole = (Index(1), self.memory.last_index(), 1 << 40)
        assert self.level.entries(*whole) == self.memory.entries(*whole)
        assert dict(self.level.scan(b"s", limit=1 << 40)) == self.derived


TwoStorages.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestTwoStorages = TwoStorages.TestCase
