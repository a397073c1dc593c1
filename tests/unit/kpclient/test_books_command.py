"""``kpledger books``: a ledger that was verified becomes a database, or nothing at all."""

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from copied import store, write_copy, write_genesis
from founding import MemoryLedger, issue, make_certificate, number_of, open_trade
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpclient.sightings import Seen
from kpledger.base.units import format_time


@pytest.fixture
def ledger() -> MemoryLedger:
    ledger = open_trade()
    for serial in range(1, 4):
        issue(ledger, make_certificate(number_of("BW", serial)))
    return ledger


def run(place: Path, *arguments: str) -> Result:
    genesis = ("--genesis", str(write_genesis(place)), "--home", str(place / "home"))
    return CliRunner().invoke(app, ["books", *genesis, *arguments])


def copy_of(ledger: MemoryLedger, place: Path) -> str:
    return str(write_copy(place / "copy", map(store, ledger.blocks)))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "copy").mkdir()
    return tmp_path


def test_a_copy_becomes_one_file_that_sqlite_opens(ledger: MemoryLedger, place: Path) -> None:
    out = place / "out" / "books.sqlite"
    out.parent.mkdir()
    result = run(place, "--copy", copy_of(ledger, place), "-o", str(out))
    assert result.exit_code == 0, result.output
    assert [one.name for one in out.parent.iterdir()] == ["books.sqlite"]
    with closing(sqlite3.connect(out)) as books:
        records = dict(books.execute("SELECT key, value FROM records"))
        numbers = books.execute("SELECT number, carats FROM v_certificates ORDER BY number")
        assert numbers.fetchall() == [(number_of("BW", one), "100.000") for one in (1, 2, 3)]
    state = ledger.state.pairs
    left_out = (b"event/", b"quota/")
    assert records == {key: value for key, value in state.items() if not key.startswith(left_out)}


def test_it_says_what_was_verified(ledger: MemoryLedger, place: Path) -> None:
    out = place / "books.sqlite"
    result = run(place, "--copy", copy_of(ledger, place), "-o", str(out), "--json")
    assert json.loads(result.stdout) == {
        "file": str(out),
        "chain": ledger.genesis.chain.hex(),
        "height": ledger.tip.height,
        "head": ledger.tip.head.hex(),
        "events": ledger.tip.tree.size,
        "block_time_ms": ledger.tip.time_ms,
    }
    again = run(place, "--copy", str(place / "copy"), "-o", str(place / "again.sqlite"))
    assert format_time(ledger.tip.time_ms) in again.stdout


def test_tables_are_written_as_csv_and_parquet(ledger: MemoryLedger, place: Path) -> None:
    result = run(
        place,
        *("--copy", copy_of(ledger, place), "-o", str(place / "books.sqlite")),
        *("--csv", str(place / "csv"), "--parquet", str(place / "parquet")),
    )
    assert result.exit_code == 0, result.output
    with closing(sqlite3.connect(place / "books.sqlite")) as books:
        tables = books.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        names = {name for (name,) in tables} - {"records"}
        assert {one.stem for one in (place / "csv").iterdir()} == names
        assert {one.stem for one in (place / "parquet").iterdir()} == names
        for name in names - {"meta"}:
            rows = books.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608
            table = pq.read_table(place / "parquet" / f"{name}.parquet")
            assert [tuple(row.values()) for row in table.to_pylist()] == rows, name
            with (place / "csv" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
                _, *lines = csv.reader(file)
            assert lines == [list(map(as_text, row)) for row in rows], name


def as_text(value: object) -> str:
    return "" if value is None else value.hex() if isinstance(value, bytes) else str(value)


@pytest.mark.parametrize("option", ["-o", "--csv", "--parquet"])
def test_nothing_is_overwritten(ledger: MemoryLedger, place: Path, option: str) -> None:
    there = place / "there"
    there.write_text("kept", encoding="utf-8")
    named = {"-o": str(place / "books.sqlite"), option: str(there)}
    options = [word for pair in named.items() for word in pair]
    result = run(place, "--copy", copy_of(ledger, place), *options)
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert there.read_text(encoding="utf-8") == "kept"
    assert not (place / "books.sqlite").exists()


def test_of_a_chain_that_is_not_sound_there_are_no_books(ledger: MemoryLedger, place: Path) -> None:
    *sound, last = map(store, ledger.blocks)
    chain = [*sound[:-1], last]
    copy = write_copy(place / "copy", chain)
    result = run(place, "--copy", str(copy), "-o", str(place / "books.sqlite"))
    assert result.exit_code == 1
    assert "the chain is not sound" in result.stderr
    assert sorted(one.name for one in place.iterdir() if "books" in one.name) == []


@pytest.mark.parametrize("option", ["-o", "--csv", "--parquet"])
def test_a_place_that_cannot_be_written_is_named_before_anything_is(
    ledger: MemoryLedger, place: Path, option: str
) -> None:
    named = {"-o": str(place / "books.sqlite"), option: "/proc/x"}
    options = [word for pair in named.items() for word in pair]
    result = run(place, "--copy", copy_of(ledger, place), *options)
    typed = "--out" if option == "-o" else option
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {typed}: /proc/x cannot be written")
    assert not (place / "books.sqlite").exists()


def test_a_copy_and_a_node_are_not_read_at_once(ledger: MemoryLedger, place: Path) -> None:
    options = ("--copy", copy_of(ledger, place), "-o", str(place / "books.sqlite"))
    result = run(place, *options, "--node", "http://127.0.0.1:1")
    assert (result.exit_code, result.stderr.startswith("error: --node: ")) == (2, True)
    at_hand = {"KPLEDGER_NODE": "http://127.0.0.1:1"}
    genesis = ("--genesis", str(place / "genesis.json"), "--home", str(place / "home"))
    named = CliRunner().invoke(app, ["books", *genesis, *options], env=at_hand)
    assert named.exit_code == 0, named.output


def test_a_place_that_cannot_be_written_is_named(ledger: MemoryLedger, place: Path) -> None:
    out = place / "nowhere" / "books.sqlite"
    result = run(place, "--copy", copy_of(ledger, place), "-o", str(out))
    assert result.exit_code == 2
    assert f"{out} cannot be written" in result.stderr


@pytest.mark.parametrize("name", ["x#1.sqlite", "x?mode=rw.sqlite", "x%41.sqlite"])
def test_tables_are_written_whatever_the_books_are_called(
    ledger: MemoryLedger, place: Path, name: str
) -> None:
    copy = copy_of(ledger, place)
    result = run(place, "--copy", copy, "-o", str(place / name), "--csv", str(place / "csv"))
    assert result.exit_code == 0, result.output
    assert (place / "csv" / "events.csv").exists()


def test_of_a_ledger_that_contradicts_what_was_seen_there_are_no_books(
    ledger: MemoryLedger, place: Path
) -> None:
    copy = copy_of(ledger, place)
    assert run(place, "--copy", copy, "-o", str(place / "first.sqlite")).exit_code == 0
    (seen,) = (place / "home" / "seen").glob("*.json")
    furthest = msgspec.json.decode(seen.read_bytes(), type=Seen).furthest
    assert furthest is not None
    other = msgspec.structs.replace(furthest.position, head=bytes(32))
    seen.write_bytes(msgspec.json.encode(other))
    before = set(place.iterdir())
    result = run(place, "--copy", copy, "-o", str(place / "forked.sqlite"))
    assert result.exit_code == 1
    assert "error: fork: the ledger has more than one history" in result.stderr
    assert set(place.iterdir()) == before


def test_files_beside_the_books_are_left_alone(ledger: MemoryLedger, place: Path) -> None:
    kept = place / "books.sqlite.partial"
    kept.write_text("kept", encoding="utf-8")
    result = run(place, "--copy", copy_of(ledger, place), "-o", str(place / "books.sqlite"))
    assert result.exit_code == 0, result.output
    assert kept.read_text(encoding="utf-8") == "kept"
