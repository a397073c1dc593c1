"""An error names what was typed, not the field that it became."""

from pathlib import Path

import msgspec
import pytest
from office import without
from typer.testing import CliRunner

from kpclient.cli import app
from kpclient.input.field_options import FieldOption, FieldOptions, find_option
from kpledger.scheme.v1.events.decisions import RestrictionSet
from kpledger.scheme.v1.events.governance import KeyAdded
from kpledger.scheme.v1.events.importing import ImportConfirmedDiscrepant

ISSUE = (
    *("issue", "--number", "BW00000042", "--destination", "IN", "--carats", "12.345"),
    *(
        "--value",
        "4500.50",
        "--hs",
        "710231",
        "--origin",
        "BW",
        "--exporter-name",
        "A",
        "--exporter-address",
        "B",
    ),
    *("--importer-name", "C", "--importer-address", "D"),
)
CONFIRMATION = FieldOptions(
    ImportConfirmedDiscrepant,
    {
        "received_on": FieldOption(name="--on"),
        "carat_thousandths": FieldOption(name="--found-carats", optional=True),
    },
    hidden=("number",),
)
RESTRICTION = FieldOptions(
    RestrictionSet,
    {"participant": FieldOption(name="CODE"), "restriction": FieldOption(name="NAME")},
    arguments=("participant", "restriction"),
)
ADDING = FieldOptions(KeyAdded, {"key": FieldOption(name="HEX")})


@pytest.mark.parametrize(
    ("options", "field", "option"),
    [
        (CONFIRMATION, "received_on", "--on"),
        (CONFIRMATION, "carat_thousandths", "--found-carats"),
        (CONFIRMATION, "carats", "--found-carats"),
        (CONFIRMATION, "value_usd_cents", "--value"),
        (CONFIRMATION, "number", ""),
        (CONFIRMATION, "prev", ""),
        (RESTRICTION, "participant", "CODE"),
        (RESTRICTION, "restriction", "NAME"),
        (RESTRICTION, "zones[3]", "--zone"),
        (RESTRICTION, "approver.participant", "--approver"),
        (ADDING, "key", "HEX"),
    ],
)
def test_a_field_is_called_as_it_was_typed(options: FieldOptions, field: str, option: str) -> None:
    assert find_option(options.names(), field) == option


def test_arguments_come_in_the_order_in_which_they_are_typed() -> None:
    first, second, *_ = RESTRICTION.parameters
    assert (first.name, second.name) == ("field_participant", "field_restriction")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--carats", "12,345"),
        ("--value", ""),
        ("--number", "42"),
        ("--destination", "India"),
        ("--origin", "Botswana"),
        ("--issued-on", "25/11/2026"),
        ("--expires-on", "2026-12"),
        ("--exporter-name", ""),
        ("--hs", "7102"),
        ("--hs", ""),
        ("--parcels", "0"),
        ("--source", "BW1"),
        ("--source", "BW00000001=x"),
        ("--seal", ""),
    ],
)
def test_an_error_in_a_certificate_of_options_names_the_option(option: str, value: str) -> None:
    result = CliRunner().invoke(app, ["issue", *without(ISSUE[1:], [option]), option, value])
    assert result.exit_code == 2
    first, second, *_ = result.stderr.splitlines()
    assert first.startswith(f"error: {option}: ")
    assert second == f"  field: {option}"
    assert "`" not in first
    assert "regex" not in first


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        pytest.param("void BW1", "--reason", id="one"),
        pytest.param("lost BW1 --with-goods", "--circumstances", id="a flag is never missing"),
        pytest.param("propose range gaborone --first 0", "--prefix, --last", id="nested"),
        pytest.param("propose authority a --title A", "--place, --role", id="a list"),
        pytest.param("submit-stats trade", "--period, --file", id="of the command itself"),
        pytest.param(
            "replace BW1 --number BW2 --hs 710231 --exporter-name A --importer-name B --carats 1",
            "--reason, --destination, --value, --exporter-address, --importer-address",
            id="nested, in a list, unless there is a draft",
        ),
        pytest.param("replace BW1 --draft none.toml", "--reason", id="with a draft"),
        pytest.param("stats annex3 --period 2026", "--participant", id="declared by hand"),
    ],
)
def test_all_options_that_are_missing_are_named_at_once(words: str, missing: str) -> None:
    result = CliRunner().invoke(app, words.split())
    first, *_ = result.stderr.splitlines()
    problem = "these options are missing" if "," in missing else "this option is missing"
    assert (result.exit_code, first) == (2, f"error: {missing}: {problem}")


def test_what_is_missing_is_told_to_programs_with_its_form() -> None:
    words = ["propose", "range", "gaborone", "--prefix", "BW", "--json"]
    result = CliRunner().invoke(app, words)
    assert msgspec.json.decode(result.stdout)["problem"] == {
        "detail": "these options are missing",
        "field": "--first, --last",
        "accepted": "--first N, --last N",
    }


def test_no_code_of_the_goods_is_declared_that_nobody_gave() -> None:
    words = [one for one in ISSUE if one not in ("--hs", "710231")]
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        2,
        "error: --hs: this option is missing",
    )


def test_an_error_in_a_draft_names_the_field_of_the_draft(tmp_path: Path) -> None:
    draft = tmp_path / "parcel.toml"
    draft.write_text('number = "BW00000042"\ndestination = "India"\n')
    result = CliRunner().invoke(app, ["issue", "--draft", str(draft)])
    assert result.exit_code == 2
    assert "  field: destination" in result.stderr.splitlines()


def test_a_day_that_is_none_names_its_option() -> None:
    words = ["propose", "key", "gaborone", "ab" * 32, "--from", "1.1.2026"]
    expected = "expected a day or an instant, such as 2026-03-02 or 2004-07-09T12:00:00Z"
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"error: --from: {expected}, got '1.1.2026'",
        "  field: --from",
    ]


def test_what_is_typed_must_be_text_and_its_option_is_named() -> None:
    result = CliRunner().invoke(app, ["show", "a\udcff"])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: SUBJECT|EVENT-ID|FILE: it is not text")
