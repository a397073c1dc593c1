"""Tables for other programs: codes stay text, weights and values stay exact."""

import csv
import io
import sys
import tomllib
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kpclient.errors import ClientError
from kpclient.output.tables import (
    CellKind,
    Table,
    TableCell,
    format_csv,
    format_decimal,
    format_value,
    write_parquet,
)
from kpledger.books.query import encode_answer

TABLE = Table(
    ("participant", "carats", "value_usd", "issued", "late"),
    (
        {"participant": "NA", "carats": 2**53 - 1, "value_usd": -5, "issued": 3, "late": True},
        {"participant": "NO", "carats": 1, "value_usd": 100, "late": False},
        {"participant": "", "carats": None, "issued": 0},
        {"participant": 'a "b", c', "carats": 0, "value_usd": 0, "issued": 0, "late": False},
    ),
)


def test_csv_holds_every_value_in_one_spelling() -> None:
    assert format_csv(TABLE) == (
        "participant,carats,value_usd,issued,late\n"
        "NA,9007199254740.991,-0.05,3,true\n"
        "NO,0.001,1.00,,false\n"
        ",,,0,\n"
        '"a ""b"", c",0.000,0.00,0,false\n'
    )


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1", "' =1"),
        ("\uff1d1", "'\uff1d1"),
        ("\t=1", "\N{REPLACEMENT CHARACTER}=1"),
        ("x;=1", "x;'=1"),
        ("A-B + C", "A-B + C"),
        ("", ""),
    ],
)
def test_a_formula_is_text_in_a_spreadsheet(text: str, cell: str) -> None:
    table = Table(("name", "carats"), ({"name": text, "carats": -5},))
    assert [*csv.reader(io.StringIO(format_csv(table)))][1] == [cell, "-0.005"]


def test_namibia_and_norway_are_text_in_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(format_csv(TABLE))))
    assert [row["participant"] for row in rows[:2]] == ["NA", "NO"]


def test_parquet_holds_text_and_exact_decimals(tmp_path: Path) -> None:
    file = tmp_path / "table.parquet"
    write_parquet(TABLE, file)
    table = pq.read_table(file)
    assert table.column_names == [*TABLE.columns]
    assert table.schema.field("participant").type == pa.string()
    assert table.to_pylist()[:3] == [
        {
            "participant": "NA",
            "carats": Decimal("9007199254740.991"),
            "value_usd": Decimal("-0.05"),
            "issued": 3,
            "late": True,
        },
        {
            "participant": "NO",
            "carats": Decimal("0.001"),
            "value_usd": Decimal("1.00"),
            "issued": None,
            "late": False,
        },
        {"participant": "", "carats": None, "value_usd": None, "issued": 0, "late": None},
    ]


def test_without_its_library_parquet_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ClientError, match="pip install"):
        write_parquet(TABLE, tmp_path / "table.parquet")


def test_namibia_and_norway_are_quoted_in_json_which_is_yaml_too() -> None:
    """YAML takes an unquoted NO for a false; JSON is YAML with every text quoted."""
    assert encode_answer({"to": ["NA", "NO"]}) == b'{"to":["NA","NO"]}'


def test_namibia_and_norway_are_text_in_toml() -> None:
    """Drafts and configurations are TOML, in which text without quotes does not exist."""
    assert tomllib.loads('from = "NA"\nto = "NO"') == {"from": "NA", "to": "NO"}
    with pytest.raises(tomllib.TOMLDecodeError):
        tomllib.loads("to = NO")


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    empty = Table(TABLE.columns, ())
    assert format_csv(empty) == "participant,carats,value_usd,issued,late\n"
    write_parquet(empty, tmp_path / "empty.parquet")
    assert pq.read_schema(tmp_path / "empty.parquet").names[0] == "participant"


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [(-1, 3, "-0.001"), (-12_345, 2, "-123.45"), (0, 2, "0.00"), (7, 0, "7"), (-7, 0, "-7")],
)
def test_a_decimal_keeps_its_sign(amount: int, decimals: int, text: str) -> None:
    assert format_decimal(amount, decimals) == text


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [(None, CellKind.USD, ""), (True, CellKind.TRUTH, "true"), ("NO", CellKind.TEXT, "NO")],
)
def test_a_value_has_one_spelling(value: TableCell, kind: CellKind, text: str) -> None:
    assert format_value(value, kind) == text
