"""``kpledger reconcile``: tables from outside beside a ledger that says something else."""

import csv
import io
import json
from pathlib import Path

import pytest
from booked import open_booked_trade
from copied import store, write_copy, write_genesis
from founding import event_id_of, issue, make_certificate, make_confirmation
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpclient.outside.countries import find_participant, is_total

COMTRADE = (
    "typeCode,freqCode,refYear,period,reporterCode,reporterISO,reporterDesc,flowCode,flowDesc,"
    "partnerCode,partnerISO,partnerDesc,partner2Code,cmdCode,customsCode,motCode,qtyUnitCode,"
    "qtyUnitAbbr,qty,altQtyUnitCode,altQtyUnitAbbr,altQty,netWgt,cifvalue,fobvalue,primaryValue"
)
LEGACY = (
    "Classification,Year,Period,Trade Flow Code,Trade Flow,Reporter Code,Reporter,Reporter ISO,"
    "Partner Code,Partner,Partner ISO,Commodity Code,Qty Unit Code,Qty Unit,Qty,Netweight (kg),"
    "Trade Value (US$)"
)


def customs(hs: str, carats: str, value: str, partner: str = "56,BEL,Belgium", **other: str) -> str:
    """Give a row of COMTRADE: Botswana's exports of 2026, unless said otherwise."""
    said = {
        "flow": "X,Export",
        "unit": "13,carat",
        "kg": "",
        "transport": "0",
        "of": "72,BWA,Botswana",
    }
    said |= other
    year = said.get("year", "2026")
    return (
        f"C,A,{year},{year},{said['of']},{said['flow']},{partner},0,{hs},C00,{said['transport']},"
        f"{said['unit']},{carats},,,,{said['kg']},,{value},{value}"
    )


EXPORTS = "participant,year,exports carats\n"
MONTHLY = customs("710231", "1", "1").replace("C,A,2026,2026,", "C,M,2026,202601,")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger on which BW issued 40 ct of 710221 and 60 ct of 710231 to EU, which confirmed."""
    ledger = open_booked_trade()
    certificate = make_certificate()
    issued = event_id_of(issue(ledger, certificate))
    ledger.wait_until("2026-03-20")
    ledger.say("EU/antwerp", make_confirmation(certificate), prev=issued)
    directory = tmp_path_factory.mktemp("copy")
    write_genesis(directory)
    return write_copy(directory, map(store, ledger.blocks))


def run(place: Path, table: str | bytes, kind: str, *words: str) -> Result:
    file = place.parent / "outside.csv"
    file.write_bytes(table.encode() if isinstance(table, str) else table)
    where = ("--copy", place, "--genesis", place / "genesis.json", "--home", place / "home")
    return CliRunner().invoke(app, ["reconcile", str(file), "--as", kind, *words, *map(str, where)])


def differences(place: Path, table: str | bytes, kind: str, *words: str) -> list[dict[str, object]]:
    result = run(place, table, kind, *words, "--json")
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout)["differences"])


def test_customs_that_tell_the_truth_find_what_was_declared_otherwise(place: Path) -> None:
    rows = [
        COMTRADE,
        customs("710231", "60.000", "40000"),
        customs("710221", "90.000", "30000"),  # 50 ct and US$ 20,000 more than the certificate says
        customs("710231", "5", "1000", "699,S4,India"),
        customs("710239", "7", "1"),
        customs("710231", "65", "41000", "0,W00,World"),
        customs("710231", "3", "9", flow="RX,Re-export"),
        customs("710231", "1", "9", transport="1000"),
    ]
    found = differences(place, "\n".join(rows), "comtrade")
    told = [
        (one["partner"], one["hs"], one["difference_carat_thousandths"], one["difference_percent"])
        for one in found
    ]
    assert told == [
        ("EU", "710221", 50_000, 125),
        ("IN", "710231", 5_000, None),
        ("EU", "710231", 0, 0),
    ]
    assert found[0]["difference_value_usd_cents"] == 2_000_000
    printed = run(place, "\n".join(rows), "comtrade").stdout
    assert "Sums over all partners: 1 row." in printed
    assert "Imports are valued with insurance and freight" in printed


def test_both_forms_of_customs_data_are_read_with_whatever_unit_they_have(place: Path) -> None:
    legacy = [
        LEGACY,
        "H5,2026,2026,2,Export,72,Botswana,BWA,56,Belgium,BEL,710231,8,kg,0.012,,40000",
    ]
    by_weight = [COMTRADE, customs("710231", "", "40000", unit="1,", kg="0.012")]
    for rows in (legacy, by_weight):
        (one, *_) = (
            row for row in differences(place, "\n".join(rows), "comtrade") if row["hs"] == "710231"
        )
        assert (one["outside_carat_thousandths"], one["difference_carat_thousandths"]) == (
            60_000,
            0,
        )


@pytest.mark.parametrize(
    "table",
    [
        "participant,year,exports_carats,exports_value_usd\nBW,2026,130,50000\n",
        "\ufeffCountry;Year;Exports, cts;Exports, US$\r\nBotswana;2026;130,0;50.000,00\r\n",
        'name\tyear\texport carats\texport value usd\nBWA\t2026\t130.000\t"50,000"\n\n',
    ],
)
def test_a_published_summary_is_compared_participant_by_participant(
    place: Path, table: str
) -> None:
    (one,) = differences(place, table, "summary")
    assert (one["participant"], one["figure"], one["ledger_carat_thousandths"]) == (
        "BW",
        "export",
        100_000,
    )
    assert (one["difference_carat_thousandths"], one["difference_value_usd_cents"]) == (30_000, 0)


def test_months_of_a_year_are_told_to_be_a_part_of_it(place: Path) -> None:
    printed = run(place, f"{COMTRADE}\n{MONTHLY}\n", "comtrade").stdout
    assert "Of 2026 the table has 1 of 12 months" in printed


def test_an_estimate_stands_beside_what_was_reported_and_exported(place: Path) -> None:
    table = "origin,year,carats\nBotswana,2026,250\nAngola,2026,9\nAtlantis,2026,1\n"
    found = differences(place, table, "estimate")
    amounts = ("ledger_carat_thousandths", "difference_carat_thousandths")
    assert [(one["figure"], *(one[name] for name in amounts)) for one in found] == [
        ("exports of its own origin", 100_000, 150_000),
        ("production", None, None),  # BW submitted none, which is not zero
    ]
    printed = run(place, table, "estimate").stdout
    assert "'Atlantis'" in printed
    assert "no participants on this ledger, and are not compared: AO" in printed


def test_what_is_told_of_a_table_is_told_of_whom_it_is_asked_about(place: Path) -> None:
    atlantis = "999,,Atlantis"
    rows = [COMTRADE, customs("710231", "1", "1"), customs("710231", "2", "2", partner=atlantis)]
    rows += [customs("710231", "3", "3", partner=atlantis, of="710,ZAF,South Africa")]
    table = "\n".join(rows)
    assert "Rows of a country that nobody knows: 2 rows." in run(place, table, "comtrade").stdout
    own = run(place, table, "comtrade", "--participant", "BW").stdout
    assert "Rows of a country that nobody knows: 1 row." in own
    none = run(place, "\n".join(rows[:2]), "comtrade", "--participant", "ZA")
    assert (none.exit_code, "says nothing of ZA to compare (no rows)" in none.stderr) == (2, True)


@pytest.mark.parametrize(
    ("kind", "table", "says"),
    [
        ("summary", "", "has no column for participant"),
        ("summary", "participant,year\nBW,2026\n", "an amount, in carats or US$"),
        ("summary", "participant,exports carats\nBW,1\n", "year (or --year)"),
        (
            "summary",
            "participant,year,exports carats\nBW,2026,many\n",
            "line 2, export carats: 'many'",
        ),
        ("summary", "participant,year,exports carats\nBW,2026,-1\n", "line 2, export carats: '-1'"),
        ("summary", "participant,year,exports carats\nBW,26,1\n", "line 2, year: '26'"),
        ("summary", "participant,year,exports carats\nBW,2026,1\nBW,2026,1\n", "line 3 says again"),
        ("summary", "participant;year;exports carats\nBW;2026;1,234\n", "may mean two numbers"),
        ("summary", "participant,year,exports carats,Exports-Carats\nBW,2026,1,1\n", "twice"),
        ("summary", "participant,year,exports carats\nTotal,2026,1\n", "says nothing to compare"),
        ("summary", "participant,year,exports carats\nBW,1999,1\n", ""),
        ("comtrade", "a,b\n1,2\n", "has no column for reporter"),
        ("summary", f"{EXPORTS}BW,2026,1,000\n", "line 2 has 4 cells"),
        ("summary", f"{EXPORTS}BW,2026\n", "line 2 has 2 cells"),
        (
            "comtrade",
            f"{COMTRADE}\n{customs('710231', '1', '1')}\n{MONTHLY}\n",
            "rows of the whole of 2026 and of months in it",
        ),
        ("comtrade", f"{COMTRADE}\n{customs('710239', '1', '1')}\n", "says nothing to compare"),
        (
            "estimate",
            "origin,year,carats\nAngola,2026,1\n",
            "no rows of participants on the ledger; it has AO 2026",
        ),
        ("estimate", 'origin,year,carats\n"' + "x" * 140_000 + '",2026,1\n', "is not a table"),
    ],
)
def test_what_is_no_such_table_is_refused_by_line_and_column(
    place: Path, kind: str, table: str, says: str
) -> None:
    result = run(place, table, kind)
    assert result.exit_code == (2 if says else 0), result.output
    assert says in result.stderr


SAYS_NOTHING = (None, None)
BY_COUNTRY = "participant,year,exports carats,exports value\n"
ESTIMATE = "origin,year,carats,value\n"
BY_VALUE = "origin,year,value\n"
FLAGGED = COMTRADE + ",isQtyEstimated,isNetWgtEstimated"


@pytest.mark.parametrize(
    ("kind", "table", "carats", "value"),
    [
        (
            "comtrade",
            [COMTRADE, customs("710231", "0", "64004", unit="-1,N/A", kg="0")],
            SAYS_NOTHING,
            (6_400_400, 2_400_400),
        ),
        (
            "comtrade",
            [COMTRADE, customs("710231", "", "64004", unit="-1,N/A")],
            SAYS_NOTHING,
            (6_400_400, 2_400_400),
        ),
        (
            "comtrade",
            [COMTRADE, customs("710231", "0", "40000")],
            SAYS_NOTHING,
            (4_000_000, 0),
        ),
        (
            "comtrade",
            [COMTRADE, customs("710231", "N/A", "40000", kg="0.012")],
            (60_000, 0),
            (4_000_000, 0),
        ),
        (
            "comtrade",
            [COMTRADE, customs("710231", "12", "40000", unit="5,u")],
            SAYS_NOTHING,
            (4_000_000, 0),
        ),
        ("comtrade", [COMTRADE, customs("710231", "60", "")], (60_000, 0), SAYS_NOTHING),
        (
            "comtrade",  # a part of the European Union that tells no weight leaves no sum of it
            [
                COMTRADE,
                customs("710231", "60", "40000"),
                customs("710231", "", "1", "276,DEU,Germany"),
            ],
            SAYS_NOTHING,
            (4_000_100, 100),
        ),
        ("summary", [BY_COUNTRY, "BW,2026,0,50000"], SAYS_NOTHING, (5_000_000, 0)),
        ("summary", [BY_COUNTRY, "BW,2026,N/A,50000"], SAYS_NOTHING, (5_000_000, 0)),
        ("summary", [BY_COUNTRY, "BW,2026,100,"], (100_000, 0), SAYS_NOTHING),
        ("summary", [EXPORTS, "BW,2026,100"], (100_000, 0), SAYS_NOTHING),
        ("summary", [EXPORTS, "BW,2026,0"], (0, -100_000), SAYS_NOTHING),
        ("estimate", [ESTIMATE, "BW,2026,,60000"], SAYS_NOTHING, (6_000_000, 1_000_000)),
        ("estimate", [ESTIMATE, "BW,2026,0,60000"], SAYS_NOTHING, (6_000_000, 1_000_000)),
        ("estimate", [BY_VALUE, "BW,2026,60000"], SAYS_NOTHING, (6_000_000, 1_000_000)),
    ],
)
def test_what_a_table_does_not_tell_has_no_difference_and_is_counted(
    place: Path,
    kind: str,
    table: list[str],
    carats: tuple[int | None, int | None],
    value: tuple[int | None, int | None],
) -> None:
    text = "\n".join(line.strip() for line in table)
    found = differences(place, text, kind)
    (one,) = (row for row in found if row["hs"] in ("710231", "") and row["figure"] != "production")
    names = "carat_thousandths", "value_usd_cents"
    told = [(one[f"outside_{name}"], one[f"difference_{name}"]) for name in names]
    assert told == [carats, value]
    assert (one["difference_percent"] is None) is (carats[1] is None)
    printed = run(place, text, kind).stdout
    figure = "Production" if kind == "estimate" else "Export"
    notes = {
        "weight": "which has no difference in carats",
        "value": "which has no difference in US$",
    }
    for (name, why), amounts in zip(notes.items(), (carats, value), strict=True):
        assert (f"{figure} without a {name}, {why}: 1 row." in printed) is (amounts[1] is None)
    assert "in kilograms" not in printed or "0.012" in text


def test_what_has_no_difference_stands_behind_what_has_one(place: Path) -> None:
    rows = [COMTRADE, customs("710221", "", "9000000"), customs("710231", "60.001", "40000")]
    assert [one["hs"] for one in differences(place, "\n".join(rows), "comtrade")] == [
        "710231",
        "710221",
    ]


@pytest.mark.parametrize(
    ("row", "is_told"),
    [
        (customs("710231", "60", "40000") + ",true,false", True),
        (customs("710231", "60", "40000") + ",True,", True),
        (
            customs("710231", "60", "40000") + ",false,true",
            False,
        ),  # that weight is not the one read
        (customs("710231", "0", "40000", kg="0.012") + ",false,true", True),
        (customs("710231", "60", "40000") + ",false,false", False),
        (customs("710231", "60", "40000") + ",0,0", False),
    ],
)
def test_weights_that_their_source_estimated_are_counted(
    place: Path, row: str, *, is_told: bool
) -> None:
    printed = run(place, f"{FLAGGED}\n{row}\n", "comtrade").stdout
    told = "Weights that their source estimated, and did not measure: 1 row."
    assert (told in printed) is is_told


@pytest.mark.parametrize(
    ("flow", "part", "whole", "sum_of_all"),
    [
        ("DX,Domestic Export", "domestic exports", "exports", "X,Export"),
        ("RX,Re-export", "re-exports", "exports", "X,Export"),
        ("FM,Foreign Import", "foreign imports", "imports", "M,Import"),
        ("RM,Re-import", "re-imports", "imports", "M,Import"),
    ],
)
def test_a_part_of_a_flow_without_the_whole_of_it_is_told(
    place: Path, flow: str, part: str, whole: str, sum_of_all: str
) -> None:
    only = f"{COMTRADE}\n{customs('710231', '5', '9', flow=flow)}"
    of_another = customs("710231", "1", "1", of="699,IND,India")
    lacking = f"of {part} without the {whole} they are part of, and so not compared: 1"
    refused = run(place, only, "comtrade")
    assert (refused.exit_code, f"rows {lacking}" in refused.stderr) == (2, True)
    assert f"Rows {lacking} row." in run(place, f"{only}\n{of_another}", "comtrade").stdout
    total = customs("710231", "6", "9", flow=sum_of_all)
    contained = f"Rows of {part}, which {whole} contain, and so not compared: 1 row."
    assert contained in run(place, f"{only}\n{total}", "comtrade").stdout


def test_a_table_in_another_encoding_is_to_be_saved_as_utf_8(place: Path) -> None:
    table = f"{EXPORTS}C\u00f4te d'Ivoire,2026,1\n".encode("latin-1")
    result = run(place, table, "summary")
    assert (result.exit_code, "save it as UTF-8" in result.stderr) == (2, True)


def test_it_is_written_as_csv_with_every_difference(place: Path) -> None:
    rows = [COMTRADE, customs("710231", "61", "40000"), customs("710221", "40", "10000")]
    printed = run(place, "\n".join(rows), "comtrade", "--format", "csv").stdout
    table = list(csv.DictReader(io.StringIO(printed)))
    assert [(row["hs"], row["ledger_carats"], row["difference_carats"]) for row in table] == [
        ("710231", "60.000", "1.000"),
        ("710221", "40.000", "0.000"),
    ]
    assert run(place, "\n".join(rows), "comtrade", "--participant", "eu").exit_code == 2


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("BW", "BW"),
        ("bwa", "BW"),
        ("72", "BW"),
        ("072", "BW"),
        ("842", "US"),
        ("699", "IN"),
        ("490", "TW"),
        ("56", "EU"),
        ("GRL", "EU"),
        ("Dem. Rep. of the Congo", "CD"),
        ("Congo", "CG"),
        ("Côte d'Ivoire", "CI"),
        ("Cote d\N{RIGHT SINGLE QUOTATION MARK}Ivoire", "CI"),
        ("Russian Federation", "RU"),
        ("United Rep. of Tanzania", "TZ"),
        ("Rep. of Korea", "KR"),
        ("China, Hong Kong SAR", "CN"),
        ("USA", "US"),
        ("United Kingdom", "GB"),
        ("Central African Republic", "CF"),
        ("Central African Rep.", "CF"),
        ("Sierra Leone", "SL"),
        ("European Union", "EU"),
        ("Atlantis", None),
        ("899", None),
    ],
)
def test_countries_are_known_by_whatever_name(name: str, code: str | None) -> None:
    assert find_participant(name) == code


def test_sums_are_no_countries() -> None:
    assert [is_total(one) for one in ("World", "0", "W00", "Total production", "Botswana")] == [
        True, True, True, True, False,
    ]  # fmt: skip
