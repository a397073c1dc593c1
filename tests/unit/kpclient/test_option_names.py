"""An error names what was typed, not the field that it became."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from kpclient.cli import app
from kpclient.input.option_names import spell

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
CONFIRM = {
    "number": "NUMBER",
    "key": "--key",
    "cosign": "--cosign",
    "on": "--on",
    "exported_on": "--exported-on",
    "found_carats": "--found-carats",
}
RESTRICT = {"code": "CODE", "name": "NAME", "zone": "--zone", "approver": "--approver"}


@pytest.mark.parametrize(
    ("typed", "field", "option"),
    [
        (CONFIRM, "subject", "NUMBER"),
        (CONFIRM, "author", "--key"),
        (CONFIRM, "signatures", "--cosign"),
        (CONFIRM, "prev", ""),
        (CONFIRM, "body.received_on", "--on"),
        (CONFIRM, "body.exported_on", "--exported-on"),
        (CONFIRM, "body.carat_thousandths", "--found-carats"),
        (CONFIRM, "body.key", ""),
        (RESTRICT, "body.participant", "CODE"),
        (RESTRICT, "body.restriction", "NAME"),
        (RESTRICT, "body.zones[3]", "--zone"),
        (RESTRICT, "body.approver.participant", "--approver"),
        ({"key": "--key", "public_key": "HEX"}, "body.key", "HEX"),
        ({"old": "NUMBER", "number": "--number"}, "subject", "NUMBER"),
        ({"old": "NUMBER", "number": "--number"}, "body.certificate.number", "--number"),
        ({"settle": "--set"}, "--set officers", "--set officers"),
    ],
)
def test_a_field_is_called_as_it_was_typed(typed: dict[str, str], field: str, option: str) -> None:
    assert spell(field, typed, {}) == option


def test_what_stands_in_a_file_keeps_the_name_it_has_there() -> None:
    typed = {"carats": "--carats", "draft": "--draft", "number": "NUMBER"}
    given = {"draft": Path("parcel.toml")}
    assert spell("body.certificate.lines[0].carats", typed, {"draft": None}) == "--carats"
    assert spell("body.certificate.lines[0].carats", typed, given) == ""
    assert spell("subject", typed, given) == "NUMBER"
    assert spell("body.kind", {"kind": "TYPE", "body": "--body"}, {"body": None}) == ""


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
    assert result.stderr.startswith("error: --hs: nothing stands there; wanted: 710210 | 710221")


def test_an_error_in_a_draft_names_the_field_of_the_draft(tmp_path: Path) -> None:
    draft = tmp_path / "parcel.toml"
    draft.write_text('number = "BW00000042"\ndestination = "India"\n')
    result = CliRunner().invoke(app, ["issue", "--draft", str(draft)])
    assert result.exit_code == 2
    assert "  field: destination" in result.stderr.splitlines()


def test_a_day_that_is_none_names_its_option() -> None:
    words = ["propose", "key", "gaborone", "ab" * 32, "--from", "1.1.2026"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "error: --from: '1.1.2026' is not a calendar day",
        "  field: --from",
        "  accepted: a day, as 2026-03-02",
    ]
