"""What verifying commands remember, how a fork is told, and ``kpledger seen``."""

import json
from pathlib import Path

import pytest
from copied import write_copy, write_genesis
from founding import MemoryLedger
from parted import COMMON, begin, go_on, go_on_elsewhere
from typer.testing import CliRunner, Result

from kpclient.cli import app


@pytest.fixture
def copies(tmp_path: Path) -> dict[str, Path]:
    """Copies of one history, of its beginning, and of another one."""
    ledgers: dict[str, MemoryLedger] = {
        "short": begin(),
        "mine": go_on(2),
        "longer": go_on(5),
        "theirs": go_on_elsewhere(4),
    }
    for name, ledger in ledgers.items():
        (tmp_path / name).mkdir()
        write_copy(tmp_path / name, ledger.entries)
    write_genesis(tmp_path)
    return {name: tmp_path / name for name in ledgers}


def run(place: Path, *words: object) -> Result:
    home = ["--genesis", str(place / "genesis.json"), "--home", str(place / "home")]
    result = CliRunner().invoke(app, [*map(str, words), *home])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_an_audit_that_meets_another_history_ends_with_1_until_one_is_forgotten(
    tmp_path: Path, copies: dict[str, Path]
) -> None:
    assert run(tmp_path, "audit", "--copy", copies["mine"]).exit_code == 0
    met = run(tmp_path, "audit", "--copy", copies["theirs"])
    assert (met.exit_code, met.stdout.splitlines()[0].split(":")[0]) == (1, "SOUND")
    assert met.stderr.startswith("fork: the ledger has more than one history")
    for source in ("mine", "theirs"):
        assert str(copies[source]) in met.stderr
    again = run(tmp_path, "audit", "--copy", copies["longer"], "--json")
    assert (again.exit_code, json.loads(again.stdout)["verdict"]) == (1, "SOUND")
    assert json.loads(again.stdout)["fork"].startswith("fork: ")
    listed = run(tmp_path, "seen", "list")
    assert listed.stdout.startswith("FORK: two of these are not on one chain")
    heads = json.loads(run(tmp_path, "seen", "list", "--json").stdout)
    (other,) = heads["others"]
    assert (other["node"], heads["is_forked"]) == (str(copies["theirs"]), True)
    assert run(tmp_path, "seen", "forget", other["position"]["head"]).exit_code == 0
    settled = run(tmp_path, "audit", "--copy", copies["longer"])
    assert (settled.exit_code, settled.stderr) == (0, "")


@pytest.mark.parametrize("command", [("list", "--copy"), ("books", "-o", "{}", "--copy")])
def test_books_of_another_history_are_refused(
    tmp_path: Path, copies: dict[str, Path], command: tuple[str, ...]
) -> None:
    words = [word.format(tmp_path / "books.sqlite") for word in command]
    assert run(tmp_path, "audit", "--copy", copies["mine"]).exit_code == 0
    result = run(tmp_path, *words, copies["theirs"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: fork: the ledger has more than one history")
    assert not (tmp_path / "books.sqlite").exists()


def test_a_shorter_copy_is_connected_by_a_longer_one(
    tmp_path: Path, copies: dict[str, Path]
) -> None:
    for name in ("mine", "short"):
        assert run(tmp_path, "audit", "--copy", copies[name]).exit_code == 0
    listed = json.loads(run(tmp_path, "seen", "list", "--json").stdout)
    assert [one["position"]["height"] for one in listed["others"]] == [COMMON]
    assert run(tmp_path, "audit", "--copy", copies["longer"]).exit_code == 0
    listed = json.loads(run(tmp_path, "seen", "list", "--json").stdout)
    assert (listed["others"], listed["furthest"]["position"]["height"]) == ([], COMMON + 5)


def test_what_was_never_seen_cannot_be_forgotten(tmp_path: Path, copies: dict[str, Path]) -> None:
    assert run(tmp_path, "audit", "--copy", copies["mine"]).exit_code == 0
    for head in ("ab" * 32, "no head"):
        result = run(tmp_path, "seen", "forget", head)
        assert (result.exit_code, result.stderr.splitlines()[0]) == (
            2,
            f"error: HEAD: nothing was seen with head {head}",
        )


def test_a_damaged_memory_is_named_before_anything_is_verified(
    tmp_path: Path, copies: dict[str, Path]
) -> None:
    assert run(tmp_path, "audit", "--copy", copies["mine"]).exit_code == 0
    (file,) = (tmp_path / "home" / "seen").glob("*.json")
    file.write_text("{")
    result = run(tmp_path, "audit", "--copy", copies["mine"])
    assert (result.exit_code, f"{file} is damaged" in result.stderr) == (2, True)
    assert file.read_text() == "{"
