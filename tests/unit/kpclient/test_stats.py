"""``kpledger stats`` at the command line, answered from a copy of a node's directory."""

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from booked import BookedLedger, open_booked_trade
from copied import store, write_copy, write_genesis
from founding import event_id_of, issue, make_certificate, make_confirmation
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpclient.output.published import OTHERS, Production, Published
from kpclient.output.statistics import (
    GLOBAL,
    Comparison,
    compare_with_published,
    lay_out_summary,
)
from kpclient.output.tables import CellKind
from kpledger.books.statistics import Basis, SummaryAnswer, SummaryRow

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def ledger() -> BookedLedger:
    ledger = open_booked_trade()
    certificate = make_certificate()
    issued = event_id_of(issue(ledger, certificate))
    ledger.wait_until("2026-03-20")
    ledger.say("EU/antwerp", make_confirmation(certificate), prev=issued)
    return ledger


@pytest.fixture(scope="module")
def place(ledger: BookedLedger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("copy")
    write_genesis(directory)
    return write_copy(directory, map(store, ledger.blocks))


def run(place: Path, *words: str | Path) -> Result:
    """Run a command of statistics on the copy."""
    where = ("--copy", place, "--genesis", place / "genesis.json", "--home", place / "home")
    return RUNNER.invoke(app, ["stats", *map(str, (*words, *where))])


def annex3(place: Path, *words: str | Path) -> Result:
    return run(place, "annex3", "--participant", "BW", "--period", "2026Q1", *words)


def test_people_see_a_table_for_each_series(place: Path) -> None:
    result = annex3(place)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("BW 2026Q1, derived, as known at 2026-03-20\n")
    for text in ("trade", "counts", "submissions", "710231", "60.000", "40000.00", "due on"):
        assert text in result.stdout


def test_csv_and_parquet_have_one_layout(place: Path, tmp_path: Path) -> None:
    file = tmp_path / "annex3.parquet"
    printed = annex3(place, "--format", "csv").stdout
    assert annex3(place, "--format", "parquet", "--out", file).exit_code == 0
    rows = list(csv.DictReader(io.StringIO(printed)))
    stored = pq.read_table(file).to_pylist()
    assert [list(row) for row in stored] == [list(row) for row in rows]
    assert [(row["table"], row["hs"], row["carats"]) for row in rows[:2]] == [
        ("trade", "710221", "40.000"),
        ("trade", "710231", "60.000"),
    ]
    assert [str(row["carats"]) for row in stored[:2]] == ["40.000", "60.000"]
    assert [row["table"] for row in rows] == ["trade", "trade", "counts", *["submissions"] * 2]


def test_json_is_the_answer_itself(place: Path, tmp_path: Path) -> None:
    file = tmp_path / "annex3.json"
    printed = annex3(place, "--json").stdout
    assert annex3(place, "--format", "json", "--out", file).exit_code == 0
    assert file.read_text() == printed
    answer = json.loads(printed)
    assert (answer["participant"], answer["counts"][0]["issued"]) == ("BW", 1)


def test_all_participants_are_told_in_one_call(place: Path) -> None:
    asked = ("annex3", "--participant", "all", "--period", "2026Q1")
    printed = run(place, *asked)
    assert printed.exit_code == 0, printed.output
    heads = [line for line in printed.stdout.splitlines() if "as known at" in line]
    assert [head[:9] for head in heads] == [f"{code} 2026Q1" for code in ("BW", "EU")]
    assert printed.stdout.endswith("nothing in 2026Q1 of IN, ZA\n")
    rows = list(csv.DictReader(io.StringIO(run(place, *asked, "--format", "csv").stdout)))
    answer = json.loads(run(place, *asked, "--json").stdout)
    one = json.loads(annex3(place, "--json").stdout)
    assert answer["participant"] == "all"
    for table in ("trade", "counts", "production", "submissions"):
        told = [(row["participant"], table) for row in answer[table]]
        assert told == [(row["participant"], table) for row in rows if row["table"] == table]
        mine = [row for row in answer[table] if row["participant"] == "BW"]
        assert mine == [row | {"participant": "BW"} for row in one[table]]
    assert {row["participant"] for row in answer["trade"]} == {"BW", "EU"}


def test_it_is_printed_as_known_at_a_day(place: Path) -> None:
    words = ("summary", "--year", "2026", "--json", "--known-at")
    answers = [json.loads(run(place, *words, day).stdout) for day in ("2026-03-19", "2026-03-20")]
    assert [one["totals"]["certificates_received"] for one in answers] == [0, 1]
    assert [one["totals"]["certificates_issued"] for one in answers] == [1, 1]


def test_a_year_nobody_published_is_printed_alone(place: Path) -> None:
    result = run(place, "summary", "--year", "2026")
    assert result.exit_code == 0, result.output
    assert "published" not in result.stdout
    assert GLOBAL in result.stdout


def test_a_published_year_is_compared(place: Path) -> None:
    result = run(place, "summary", "--year", "2022")
    assert "compared with what was published: 0 of 32 figures are equal" in result.stdout
    answer = json.loads(run(place, "summary", "--year", "2022", "--json").stdout)
    assert answer["published"][0] == {
        "figure": "production_carats",
        "participant": "RU",
        "unit": "thousandths of a carat",
        "ledger": 0,
        "published": 41_924_000_000,
        "difference": -41_924_000_000,
    }


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("--format", "parquet"), "--out"),
        (("--out", "table.txt"), "--format"),
        (("--known-at", "soon"), "--known-at"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(
    place: Path, words: tuple[str, ...], field: str
) -> None:
    result = annex3(place, *words)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {field}: ")
    assert "  accepted: " in result.stderr


def test_an_altered_chain_has_no_answer(ledger: BookedLedger, tmp_path: Path) -> None:
    """Whoever kept the copy has changed one event; the answer would be the same."""
    last = ledger.blocks[-1]
    assert isinstance(last, bytes)
    chain = [*map(store, ledger.blocks[:-1]), store(last[:-1] + bytes([last[-1] ^ 1]))]
    write_genesis(tmp_path)
    result = annex3(write_copy(tmp_path, chain))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: the chain is not sound: block {len(chain)} at ")
    assert result.stdout == ""


def test_a_chain_without_an_event_has_no_trade_as_at_a_node(tmp_path: Path) -> None:
    write_genesis(tmp_path)
    result = annex3(write_copy(tmp_path, []))
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_directory_without_a_ledger_is_wrong_usage(tmp_path: Path) -> None:
    write_genesis(tmp_path)
    result = annex3(tmp_path)
    assert (result.exit_code, result.stderr.startswith("error: --copy: there is no")) == (2, True)


def test_a_replay_needs_a_node_or_a_copy(place: Path) -> None:
    words = ("annex3", "--participant", "BW", "--period", "2026Q1", "--replay")
    genesis = ("--genesis", str(place / "genesis.json"), "--home", str(place / "home"))
    result = RUNNER.invoke(app, ["stats", *words, *genesis])
    assert (result.exit_code, "accepted: --node URL, or --copy DIR" in result.stderr) == (2, True)


def test_a_chain_that_contradicts_what_was_seen_has_no_answer(
    ledger: BookedLedger, tmp_path: Path
) -> None:
    """Two ledgers of one genesis file: a fork, told by the memory of the position."""
    other = open_booked_trade()
    issue(other, make_certificate("BW000009"))
    issue(other, make_certificate("BW000010"))
    write_genesis(tmp_path)
    for name, blocks in (("one", ledger.blocks), ("other", other.blocks)):
        (tmp_path / name).mkdir()
        write_copy(tmp_path / name, map(store, blocks))
    where = ("--genesis", tmp_path / "genesis.json", "--home", tmp_path / "home")
    words = ("stats", "annex3", "--participant", "BW", "--period", "2026Q1")
    codes = [
        RUNNER.invoke(app, [*map(str, (*words, *where, "--copy", tmp_path / name))]).exit_code
        for name in ("one", "other")
    ]
    assert codes == [0, 1]


def row(code: str, carats: int, value: int, exported: int = 0) -> SummaryRow:
    return SummaryRow(
        participant=code,
        name=code,
        production_carat_thousandths=carats,
        production_value_usd_cents=value,
        production_usd_cents_per_carat=None,
        import_carat_thousandths=0,
        import_value_usd_cents=0,
        export_carat_thousandths=exported,
        export_value_usd_cents=0,
        certificates_issued=0,
        certificates_received=0,
        half_years_submitted=2,
    )


ANSWER = SummaryAnswer(
    year="2022",
    source=Basis.DERIVED,
    known_at="2023-06-30",
    participants=(row("BW", 10, 20, 30), row("NA", 1, 2), row("NO", 3, 4)),
    totals=row("", 14, 26, 30),
)
PUBLISHED = Published(
    {"BW": Production(10, 21), "ZW": Production(5, 5), OTHERS: Production(4, 6)}, {"BW": 25}
)


def compared(
    figure: str, participant: str, unit: CellKind, ledger: int, published: int
) -> Comparison:
    return Comparison(
        figure=figure,
        participant=participant,
        unit=unit,
        ledger=ledger,
        published=published,
        difference=ledger - published,
    )


def test_countries_without_a_row_of_their_own_add_up_to_others() -> None:
    assert compare_with_published(ANSWER, PUBLISHED) == [
        compared("production_carats", "BW", CellKind.CARATS, 10, 10),
        compared("production_value_usd", "BW", CellKind.USD, 20, 21),
        compared("production_carats", "ZW", CellKind.CARATS, 0, 5),
        compared("production_value_usd", "ZW", CellKind.USD, 0, 5),
        compared("production_carats", OTHERS, CellKind.CARATS, 4, 4),
        compared("production_value_usd", OTHERS, CellKind.USD, 6, 6),
        compared("export_carats", "BW", CellKind.CARATS, 30, 25),
    ]


def test_published_figures_stand_beside_the_ledgers() -> None:
    table = lay_out_summary(ANSWER, compare_with_published(ANSWER, PUBLISHED))
    rows = {str(one["participant"]): one for one in table.rows}
    assert list(rows) == ["BW", "NA", "NO", GLOBAL, OTHERS, "ZW"]
    assert rows["BW"]["published_production_value_usd"] == 21
    assert rows["BW"]["difference_production_value_usd"] == -1
    assert rows["BW"]["difference_export_carats"] == 5
    assert rows["NA"].get("published_production_carats") is None
    assert rows[OTHERS]["difference_production_carats"] == 0
