"""``kpledger list``, answered from a copy of a node's directory."""

import json
from pathlib import Path

import pytest
from copied import store, write_copy, write_genesis
from founding import issue, make_certificate, number_of, open_trade
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpledger.books.certificates import MAX_LISTED

pytestmark = pytest.mark.slow

NUMBERS = [number_of("BW", serial) for serial in range(1, MAX_LISTED + 3)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ledger = open_trade()
    for number in NUMBERS:
        issue(ledger, make_certificate(number))
    directory = tmp_path_factory.mktemp("copy")
    write_genesis(directory)
    return write_copy(directory, map(store, ledger.blocks))


def run(place: Path, *words: str) -> Result:
    where = ("--copy", place, "--genesis", place / "genesis.json", "--home", place / "home")
    return CliRunner().invoke(app, ["list", *words, *map(str, where)])


def test_more_than_a_page_is_listed_page_by_page(place: Path) -> None:
    result = run(place, "--limit", str(MAX_LISTED + 1), "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert [one["number"] for one in answer["certificates"]] == NUMBERS[: MAX_LISTED + 1]
    assert answer["next"] == NUMBERS[MAX_LISTED]


def test_what_follows_is_listed_after_the_last_number(place: Path) -> None:
    result = run(place, "--limit", "1", "--after", NUMBERS[MAX_LISTED], "--json")
    answer = json.loads(result.stdout)
    assert [one["number"] for one in answer["certificates"]] == NUMBERS[MAX_LISTED + 1 :]
    assert answer["next"] is None


def test_people_see_a_row_for_each(place: Path) -> None:
    lines = run(place, "--issuer", "BW", "--limit", "2").stdout.splitlines()
    columns = ["VALIDATED", "BW/gaborone", "EU", "2026-03-02", "2026-04-30", "100.000", "50000.00"]
    rows = [words for line in lines if (words := line.split()) and words[0] in NUMBERS]
    assert rows == [[number, *columns] for number in NUMBERS[:2]]
    assert lines[-1] == f"2 shown; more follow with --after {NUMBERS[1]}"


def test_several_states_are_listed_together(place: Path) -> None:
    words = ("--state", "CONFIRMED", "--state", "VALIDATED", "--limit", "1", "--json")
    assert [one["number"] for one in json.loads(run(place, *words).stdout)["certificates"]] == [
        NUMBERS[0]
    ]
    none = run(place, "--state", "CONFIRMED", "--state", "VOIDED", "--json")
    assert json.loads(none.stdout)["certificates"] == []


@pytest.mark.parametrize("option", ["--issuer", "--destination", "--after"])
def test_an_empty_filter_is_not_taken_for_none(place: Path, option: str) -> None:
    result = run(place, option, "")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {option}: it is empty\n")


def test_a_limit_that_is_just_enough_leaves_nothing_to_follow(place: Path) -> None:
    lines = run(place, "--limit", str(len(NUMBERS))).stdout.splitlines()
    assert lines[-1] == f"{len(NUMBERS)} in all"


def test_a_filter_that_is_none_is_named(place: Path) -> None:
    result = run(place, "--issuer", "Botswana")
    assert (result.exit_code, result.stderr.startswith("error: --issuer: ")) == (2, True)
