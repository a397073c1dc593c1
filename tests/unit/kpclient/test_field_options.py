"""An error names what was typed, not the field that it became."""

from pathlib import Path

import pytest
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
        ("--number", "bw42"),
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
    result = CliRunner().invoke(app, [*ISSUE, option, value])
    assert result.exit_code == 2
    first, second, *_ = result.stderr.splitlines()
    assert first.startswith(f"error: {option}: ")
    assert second == f"  field: {option}"
    assert "`" not in first
    assert "regex" not in first


def test_no_code_of_the_goods_is_declared_that_nobody_gave() -> None:
    words = [one for one in ISSUE if one not in ("--hs", "710231")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --hs: expected 710210 | 710221 | 710231, got nothing")


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
