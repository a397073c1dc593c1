"""Indexes in memory and the changes of a block over them, compared with a dictionary."""

from hypothesis import given, strategies as st

from kpledger.analysis.index import IndexChanges, MemoryIndex

NAME = b"some-index"
KEYS = st.binary(max_size=2)
WRITES = st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=1)), max_size=12)
Model = dict[bytes, bytes]


def write(changes: IndexChanges, model: Model, writes: list[tuple[bytes, bytes | None]]) -> None:
    for key, value in writes:
        if value is None:
            changes.delete(NAME, key)
            model.pop(key, None)
        else:
            changes.put(NAME, key, value)
            model[key] = value


def pairs(model: Model, prefix: bytes) -> list[tuple[bytes, bytes]]:
    return [pair for pair in sorted(model.items()) if pair[0].startswith(prefix)]


@given(blocks=st.lists(WRITES, max_size=5), prefix=st.binary(max_size=1), limit=st.integers(0, 9))
def test_blocks_of_changes_give_what_a_dictionary_holds(
    blocks: list[list[tuple[bytes, bytes | None]]], prefix: bytes, limit: int
) -> None:
    index, model = MemoryIndex(), Model()
    for writes in blocks:
        changes = IndexChanges(index)
        write(changes, model, writes)
        assert list(changes.scan(NAME, prefix)) == pairs(model, prefix)
        assert list(changes.scan(NAME, prefix, limit=limit)) == pairs(model, prefix)[:limit]
        assert [changes.get(NAME, key) for key in model] == list(model.values())
        index.apply(changes)
        assert list(index.scan(NAME, prefix)) == pairs(model, prefix)
        assert list(index.scan(NAME, prefix, reverse=True)) == pairs(model, prefix)[::-1]
        assert list(index.scan(NAME, prefix, limit=limit)) == pairs(model, prefix)[:limit]


def test_what_is_written_during_a_scan_does_not_disturb_it() -> None:
    index = MemoryIndex()
    first = IndexChanges(index)
    for key in (b"a", b"b", b"c"):
        first.put(NAME, key, b"1")
    index.apply(first)
    changes = IndexChanges(index)
    changes.put(NAME, b"d", b"1")
    for key, _ in changes.scan(NAME):
        changes.put(NAME, key, b"2")
    assert [value for _, value in changes.scan(NAME)] == [b"2"] * 4


def test_indexes_do_not_see_each_other() -> None:
    index = MemoryIndex()
    changes = IndexChanges(index)
    changes.put(b"one", b"key", b"1")
    assert list(changes.scan(b"other")) == []
    index.apply(changes)
    assert (list(index.scan(b"other")), index.get(b"other", b"key")) == ([], None)


def test_a_scan_may_start_anywhere() -> None:
    index = MemoryIndex()
    changes = IndexChanges(index)
    for key in (b"a", b"b", b"c"):
        changes.put(NAME, key)
    index.apply(changes)
    assert [key for key, _ in index.scan(NAME, start=b"b")] == [b"b", b"c"]
    assert [key for key, _ in index.scan(NAME, start=b"b", reverse=True)] == [b"b", b"a"]
