from pathlib import Path

import pytest
from lab.year.days import YEAR
from lab.year.published import list_active
from lab.year.tables import OTHERS, ROWS_MAX, Amount, Participant, Tables, load_tables

from kpledger.base.errors import MalformedError

GOOD = {
    "participants.csv": (
        "code,name,kind,listed_since,producer,note\n"
        "NA,Namibia,STATE,2003,yes,a note\n"
        "NO,Norway,STATE,,no,\n"
    ),
    "production_2022.csv": "origin,carats,value_usd\nNA,3,4\nOTHERS,1,2\n",
    "exports_2022.csv": "exporter,carats\nNO,5\n",
}


def write_tables(directory: Path, **changes: str) -> Path:
    for name, text in GOOD.items():
        changed = changes.get(name.partition(".")[0], text)
        (directory / name).write_text(changed, encoding="utf-8")
    return directory


def test_tables_are_read_in_thousandths_and_cents(tmp_path: Path) -> None:
    assert load_tables(write_tables(tmp_path)) == Tables(
        participants={
            "NA": Participant("Namibia", listed_since=2003, is_producer=True),
            "NO": Participant("Norway", listed_since=None, is_producer=False),
        },
        production={"NA": Amount(3_000, 400), OTHERS: Amount(1_000, 200)},
        exports_carat_thousandths={"NO": 5_000},
    )


def test_published_tables_have_the_published_sums() -> None:
    tables = load_tables()
    production = tables.production.values()
    assert len(tables.participants) == 61
    assert {"NA", "NO", "EU", "TW"} <= set(tables.participants)
    assert sum(amount.carat_thousandths for amount in production) == 121_470_000_000
    assert sum(amount.value_usd_cents for amount in production) == 1_628_500_000_000
    assert sum(tables.exports_carat_thousandths.values()) == 293_200_000_000


HEADER = "code,name,kind,listed_since,producer,note\n"
BAD = {
    "lower-case code": ("participants", HEADER + "na,Namibia,STATE,2003,yes,\n", "two capital"),
    "unknown yes": ("participants", HEADER + "NA,Namibia,STATE,2003,maybe,\n", "neither yes"),
    "year in words": ("participants", HEADER + "NA,Namibia,STATE,long ago,yes,\n", "long ago"),
    "missing column": ("participants", "code,name\nNA,Namibia\n", "listed_since"),
    "row twice": (
        "participants",
        GOOD["participants.csv"] + "NO,Norway,STATE,,no,\n",
        "participants.csv is malformed at row 3: NO is listed twice",
    ),
    "no rows": ("participants", HEADER, "no rows"),
    "negative carats": ("production_2022", "origin,carats,value_usd\nNA,-3,4\n", "'-3'"),
    "fraction": ("production_2022", "origin,carats,value_usd\nNA,3,4.5\n", "'4.5'"),
    "zero": ("exports_2022", "exporter,carats\nNO,0\n", "'0'"),
    "other digits": ("exports_2022", "exporter,carats\nNO,\u0663\n", "not a positive integer"),
    "origin outside": ("production_2022", "origin,carats,value_usd\nKE,3,4\n", "KE"),
    "exporter outside": ("exports_2022", "exporter,carats\nKE,3\n", "KE"),
    "exports of the rest": ("exports_2022", "exporter,carats\nOTHERS,3\n", "OTHERS"),
    "too long": (
        "exports_2022",
        "exporter,carats\n" + "".join(f"X{i},1\n" for i in range(ROWS_MAX + 1)),
        f"more than {ROWS_MAX} rows",
    ),
    "row too short": ("production_2022", "origin,carats,value_usd\nNA,3\n", "row 1"),
    "row too long": ("exports_2022", "exporter,carats\nNO,3,4\n", "row 1"),
}


@pytest.mark.parametrize(("table", "text", "problem"), BAD.values(), ids=BAD.keys())
def test_bad_table_is_refused(tmp_path: Path, table: str, text: str, problem: str) -> None:
    with pytest.raises(MalformedError, match=problem):
        load_tables(write_tables(tmp_path, **{table: text}))


def test_the_readme_says_how_many_found_the_ledger_and_have_offices() -> None:
    tables = load_tables()
    text = (Path(__file__).parents[4] / "README.md").read_text(encoding="utf-8")
    assert f"with the {len(tables.participants)} participants of the scheme" in text
    assert f"the {len(list_active(tables))} of them that the scheme had in {YEAR}" in text
