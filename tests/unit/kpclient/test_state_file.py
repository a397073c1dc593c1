"""A state on a disk says what one in memory says, and goes on from where it was durable."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st

from kpclient.replay.state_file import DamagedStateError, GrowingFile, StateFile, StateShape
from kpledger.base.state import ChangeSet, MemoryState, Record

KEYS = st.sampled_from([b"%d" % number for number in range(20)])
BATCHES = st.lists(st.tuples(st.booleans(), st.dictionaries(KEYS, st.text(max_size=9))))
MANY = 20_000
"""More than the table holds at first, several times."""


class Note(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: str


def write(texts: Mapping[bytes, str], *states: StateFile | MemoryState) -> None:
    changes = ChangeSet(MemoryState())
    for key, text in texts.items():
        changes.put(key, Note(text=text))
    for state in states:
        state.apply(changes)


class Place:
    """Where a state lies: one file of records, and a table for each time that it is gone on."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.records, self.count = directory / "records", 0

    @property
    def table(self) -> Path:
        return self.directory / f"table.{self.count}"

    def begin(self) -> StateFile:
        return StateFile(self.records, self.table)

    def go_on(self, shape: StateShape) -> StateFile:
        """Go on from the table as it stands, on a copy of it."""
        durable = self.table
        self.count += 1
        shutil.copy(durable, self.table)
        return StateFile(self.records, self.table, shape)


@settings(deadline=None, max_examples=60)
@given(batches=BATCHES)
def test_it_says_what_memory_says_after_any_changes_and_what_is_not_durable_is_gone(
    batches: list[tuple[bool, dict[bytes, str]]],
) -> None:
    with TemporaryDirectory() as directory:
        place = Place(Path(directory))
        state = place.begin()
        shape, durable, memory = state.sync(), dict[bytes, bytes](), MemoryState()
        state = place.go_on(shape)
        for is_durable, texts in batches:
            write(texts, state, memory)
            if is_durable:
                shape, durable = state.sync(), dict(memory.pairs)
                state.close()
            else:
                state.close()
                place.table.unlink()
                place.count -= 1
                memory = MemoryState(dict(durable))
            state = place.go_on(shape)
            for number in range(20):
                assert state.get(b"%d" % number) == memory.get(b"%d" % number)
        state.close()


def test_the_table_grows_with_its_keys(tmp_path: Path) -> None:
    place, memory = Place(tmp_path), MemoryState()
    state = place.begin()
    for start in range(0, MANY, 100):
        # Some of them are written again, long after.
        numbers = [*range(start, start + 100), start // 2]
        write({b"%d" % number: f"{number} {start}" for number in numbers}, state, memory)
    shape = state.sync()
    assert (shape.keys, shape.slots) == (MANY, 1 << 16)
    state.close()
    again = place.go_on(shape)
    for number in range(MANY + 1000):
        assert again.get(b"%d" % number) == memory.get(b"%d" % number)
    again.close()


@pytest.mark.parametrize("at", [0, 8, -1])
def test_a_table_that_is_not_what_was_written_is_refused(tmp_path: Path, at: int) -> None:
    place = Place(tmp_path)
    state = place.begin()
    write({b"1": "one"}, state)
    shape = state.sync()
    state.close()
    flip(place.table, at)
    with pytest.raises(DamagedStateError, match="another one"):
        place.go_on(shape)


def test_a_record_that_is_not_what_was_written_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path)
    state = place.begin()
    write({b"1": "one", b"2": "two"}, state)
    shape = state.sync()
    state.close()
    flip(place.records, -1)
    state = place.go_on(shape)
    assert state.get(b"1") is not None
    with pytest.raises(DamagedStateError, match="has another checksum"):
        state.get(b"2")
    state.close()
    os.truncate(place.records, shape.records_bytes - 1)
    with pytest.raises(DamagedStateError, match="fewer than"):
        place.go_on(shape)


def test_a_file_that_grows_is_read_anywhere(tmp_path: Path) -> None:
    file, expected = GrowingFile(tmp_path / "file"), bytearray()
    for number in range(3):
        piece = bytes([number]) * 700_000  # some of it waits to be written
        file.extend(piece)
        expected += piece
        for start, end in ((0, 9), (699_990, 700_010), (len(expected) - 5, len(expected) + 5)):
            assert file[start:end] == expected[start:end]
    file.sync()
    assert (tmp_path / "file").read_bytes() == expected
    file.close()


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
