"""What verifying commands remember, how a fork is told, and ``kpledger seen``."""

import json
from pathlib import Path

import pytest
from copied import write_copy, write_genesis
from electing import finalise
from founding import MemoryLedger
from parted import COMMON, begin, go_on, go_on_elsewhere
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpledger.log.certificates import CommitCertificate

THEIRS = ("eu-1", "za-1")


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


def certified(place: Path, name: str, ledger: MemoryLedger, certificate: CommitCertificate) -> Path:
    (place / name).mkdir()
    write_genesis(place)
    return write_copy(place / name, ledger.entries, [certificate])


def test_two_final_histories_leave_evidence_beside_what_was_seen(tmp_path: Path) -> None:
    mine, theirs = go_on(2), go_on_elsewhere(4)
    one = certified(tmp_path, "one", mine, finalise(mine.tip.end))
    other = certified(tmp_path, "other", theirs, finalise(theirs.tip.end, voters=THEIRS))
    assert run(tmp_path, "audit", "--copy", one).exit_code == 0
    for _ in range(2):
        met = run(tmp_path, "audit", "--copy", other)
        assert (met.exit_code, "fork: the ledger has more than one history" in met.stderr) == (
            1,
            True,
        )
        (file,) = (tmp_path / "home" / "seen").glob("*.E8-*.json")
        assert "eu-1 acknowledged block 11" in met.stderr
        assert f"(kpledger evidence verify {file})" in met.stderr
    judged = run(tmp_path, "evidence", "verify", file)
    assert (judged.exit_code, "CONVICTED of a lie: eu-1" in judged.stdout) == (0, True)


def test_an_end_of_a_copy_that_was_never_final_is_no_fork(tmp_path: Path) -> None:
    """Ordinary: a voter that was stopped holds blocks that others replaced."""
    unfinished, chain = go_on(3), go_on_elsewhere(4)
    one = certified(tmp_path, "one", unfinished, finalise(begin().tip.end))
    other = certified(tmp_path, "other", chain, finalise(chain.tip.end, voters=THEIRS))
    for copy in (one, other, one):
        result = run(tmp_path, "audit", "--copy", copy)
        assert (result.exit_code, result.stderr) == (0, ""), result.output
    seen = json.loads(run(tmp_path, "seen", "list", "--json").stdout)
    assert seen["furthest"]["position"]["height"] == COMMON + 4
    assert seen["certificate"]["index"] == COMMON + 4


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
