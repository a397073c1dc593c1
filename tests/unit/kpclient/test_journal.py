"""The journal of a submission: written ahead, read again, cut where a crash tore it."""

from base64 import b64encode
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, strategies as st

from kpclient.errors import FileError
from kpclient.journal import Decided, Journal, JournalError, Signed
from kpledger.api.answers import Problem

CHAIN = bytes(32)
TEXT = "ab" * 32


def signed(line: int) -> Signed:
    event_id = bytes([line % 256]) * 32
    return Signed(line=line, text=TEXT, event_id=event_id.hex(), envelope=b"envelope %d" % line)


def decided(line: int, problem: Problem | None = None) -> Decided:
    outcome = Decided(line=line, text=TEXT, event_id="00" * 32, outcome="committed")
    if problem is None:
        return outcome
    return Decided(line=line, text=TEXT, event_id=None, outcome="refused", problem=problem)


REFUSED = decided(3, Problem(type="", title="", detail="no", rule="E3", status=422))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.progress"
    with Journal(path, CHAIN) as journal:
        journal.write([signed(1), signed(2)])
        journal.write([decided(1), REFUSED])
    return path


def test_the_next_run_knows_what_was_signed_and_decided(path: Path) -> None:
    with Journal(path, CHAIN) as journal:
        assert journal.signed == {2: signed(2)}
        assert journal.decided == {1: decided(1), 3: REFUSED}
    assert path.stat().st_mode & 0o777 == 0o600


@given(cut=st.integers(min_value=0), data=st.data())
def test_a_journal_torn_anywhere_is_taken_up_at_its_last_whole_entry(
    tmp_path_factory: pytest.TempPathFactory, cut: int, data: st.DataObject
) -> None:
    """Whatever part of the end is lost, what remains is a prefix of what was written."""
    path = tmp_path_factory.mktemp("torn") / "file.progress"
    lines = data.draw(st.lists(st.integers(1, 50), unique=True, max_size=6))
    with Journal(path, CHAIN) as journal:
        for line in lines:
            journal.write([signed(line)])
    whole = path.read_bytes()
    path.write_bytes(whole[: cut % (len(whole) + 1)])
    kept = max(0, path.read_bytes().count(b"\n") - 1)
    with Journal(path, CHAIN) as journal:
        assert journal.signed == {line: signed(line) for line in lines[:kept]}
        journal.write([signed(99)])
    with Journal(path, CHAIN) as journal:
        assert journal.signed == {line: signed(line) for line in (*lines[:kept], 99)}


def test_an_entry_is_a_line_of_json(path: Path) -> None:
    opening, first, *_ = path.read_bytes().splitlines()
    assert msgspec.json.decode(opening) == {
        "type": "open",
        "format": "kpledger-progress/1",
        "chain": "00" * 32,
    }
    assert msgspec.json.decode(first) == {
        "type": "signed",
        "line": 1,
        "text": TEXT,
        "event_id": "01" * 32,
        "envelope": b64encode(b"envelope 1").decode(),
    }


def test_a_changed_line_is_noticed(path: Path) -> None:
    with Journal(path, CHAIN) as journal:
        for line in (1, 2, 4):
            journal.check_text(line, TEXT)
        for line, became in ((1, "committed"), (2, "signed"), (3, "refused")):
            expected = f"/file: line {line} was changed .* it was {became};"
            with pytest.raises(FileError, match=expected):
                journal.check_text(line, "cd" * 32)


def test_one_journal_is_used_by_one_run_at_a_time(path: Path) -> None:
    with Journal(path, CHAIN), pytest.raises(JournalError, match="another submission"):
        Journal(path, CHAIN).__enter__()
    with Journal(path, CHAIN):
        pass


def test_a_journal_of_another_ledger_is_refused(path: Path) -> None:
    with pytest.raises(JournalError, match="it belongs to ledger 0000"):
        Journal(path, bytes([1]) * 32).__enter__()


def test_damage_before_the_end_is_refused(path: Path) -> None:
    entries = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*entries[:2], b"{]\n", *entries[2:]]))
    with pytest.raises(JournalError, match="entry 3 is damaged"):
        Journal(path, CHAIN).__enter__()


def test_entries_without_their_opening_are_refused(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    with pytest.raises(JournalError, match="entry 1 is out of place"):
        Journal(path, CHAIN).__enter__()
