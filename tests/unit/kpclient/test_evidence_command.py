"""``kpledger evidence``: a file is judged with the genesis file alone, in words for people."""

import json
from pathlib import Path
from typing import Final

import pytest
from convicting import VECTORS, all_cases
from founding import make_genesis, make_genesis_file, vary
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpclient.commands.evidence import ADVICE, KIND_NAMES
from kpledger.log.conviction import Guilt
from kpledger.log.evidence_file import format_evidence
from kpledger.log.genesis import format_genesis

CASES: Final = all_cases()
GENESIS: Final = VECTORS / "genesis.json"


def run(place: Path, name: str, *words: str, verb: str = "verify") -> Result:
    """Run a command on a case that is written to a file."""
    file = place / f"{name}.json"
    file.write_bytes(format_evidence(CASES[name]))
    pinned = ["--genesis", str(GENESIS)] if verb == "verify" else []
    typed = ["evidence", verb, str(file), *pinned, "--home", str(place), *words]
    return CliRunner().invoke(app, typed)


@pytest.mark.parametrize("name", ["good-e1-two-heights", "good-e2-one-height", "good-e8-one-term"])
def test_a_lie_ends_with_0_and_says_whose_and_what_to_do(tmp_path: Path, name: str) -> None:
    result = run(tmp_path, name)
    assert result.exit_code == 0, result.output
    culprit = "eu-1 (run by EU)" if "e2" in name else "bw-1 (run by BW)"
    assert f"CONVICTED of a lie: {culprit}" in result.stdout
    assert ADVICE[Guilt.LIE] in result.stdout
    assert ("FORK" in result.stdout) == ("e8" in name)


def test_a_fault_is_called_one(tmp_path: Path) -> None:
    result = run(tmp_path, "good-e9-vote")
    assert result.exit_code == 0
    assert "CONVICTED of a fault: za-1 (run by ZA)" in result.stdout
    assert ADVICE[Guilt.FAULT] in result.stdout


@pytest.mark.parametrize("name", ["good-e4-terms-between", "good-e6-own-vote"])
def test_a_suspicion_convicts_nobody_and_ends_with_1(tmp_path: Path, name: str) -> None:
    result = run(tmp_path, name)
    assert result.exit_code == 1
    assert "SUSPECTED, and not convicted: za-1 (run by ZA)" in result.stdout
    assert ADVICE[Guilt.SUSPICION] in result.stdout


def test_a_fork_of_whom_nobody_is_known_is_still_said_to_be_one(tmp_path: Path) -> None:
    result = run(tmp_path, "good-e8-nobody-shown")
    assert result.exit_code == 1
    assert "FORK. NOBODY is convicted" in result.stdout
    assert "kpledger audit --heads" in result.stdout


def test_what_does_not_hold_ends_with_1_and_says_why(tmp_path: Path) -> None:
    result = run(tmp_path, "e2-one-branch")
    assert result.exit_code == 1
    assert "NOBODY is convicted" in result.stdout
    assert "both are on one branch" in result.stdout


@pytest.mark.parametrize(
    ("name", "code", "convicts"),
    [("good-e2-one-height", 0, True), ("good-e6-own-vote", 1, False), ("e2-one-block", 1, False)],
)
def test_programs_are_told_the_same(tmp_path: Path, name: str, code: int, convicts: bool) -> None:  # noqa: FBT001
    result = run(tmp_path, name, "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == code
    assert (told["convicts"], told["kind"]) == (convicts, "E6" if "e6" in name else "E2")
    assert bool(told.get("culprits")) == name.startswith("good-")


def test_with_another_genesis_file_it_convicts_nobody(tmp_path: Path) -> None:
    other = tmp_path / "genesis.json"
    other.write_bytes(format_genesis(vary(make_genesis_file(), origin="ledger.example/other")))
    file = VECTORS.parent / "evidence" / "good-e2-one-height.json"
    evidence = json.loads(file.read_bytes())["evidence"]
    (tmp_path / "file.json").write_text(json.dumps(evidence))
    typed = ["evidence", "verify", str(tmp_path / "file.json"), "--genesis", str(other)]
    result = CliRunner().invoke(app, [*typed, "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "does not verify" in result.stdout


@pytest.mark.parametrize("text", ["", "x", "{}", '{"format": "kpledger-evidence/2"}'])
def test_what_cannot_be_read_ends_with_2(tmp_path: Path, text: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(text)
    for verb in ("show", "verify"):
        typed = ["evidence", verb, str(file), "--home", str(tmp_path)]
        result = CliRunner().invoke(app, typed)
        assert result.exit_code == 2, result.output
        assert "evidence file is malformed" in result.stderr
    missing = CliRunner().invoke(app, ["evidence", "show", str(tmp_path / "none.json")])
    assert missing.exit_code == 2


def test_showing_says_what_is_said_and_that_nothing_is_verified(tmp_path: Path) -> None:
    result = run(tmp_path, "e2-bad-signature", verb="show")
    assert result.exit_code == 0
    assert "eu-1 acknowledged two blocks" in result.stdout
    assert "Nothing of it is verified" in result.stdout
    told = json.loads(run(tmp_path, "e2-bad-signature", "--json", verb="show").stdout)
    assert told["evidence"]["first"]["voter"] == "eu-1"
    hollow = run(tmp_path, "e9-nothing-said", verb="show")
    assert (hollow.exit_code, "malformed" in hollow.stdout) == (0, True)


def test_every_kind_and_guilt_has_its_words() -> None:
    assert list(KIND_NAMES) == [f"E{one}" for one in range(1, 10)]
    assert set(ADVICE) == set(Guilt)
    assert GENESIS.read_bytes() == make_genesis().encoded
