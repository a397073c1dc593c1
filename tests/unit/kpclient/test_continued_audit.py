"""An audit that goes on from the last one says what one of the whole chain says."""

import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from copied import write_copy, write_genesis
from electing import elect, finalise
from founding import MemoryLedger, make_genesis, make_genesis_file, vary
from parted import begin, go_on, go_on_elsewhere, grow
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpclient.replay.audit_notes import KEPT_NAME, OtherNotesError, open_notes
from kpledger.log.certificates import CommitCertificate
from kpledger.log.genesis import format_genesis, parse_genesis

YESTERDAY: Final = 4
"""Blocks above those of :func:`parted.begin`."""
SIGNALS: Final = ("fsync", "pwrite", "posix_fallocate", "replace", "unlink", "ftruncate")
"""What changes a file, or makes that durable, by its name in :mod:`os`."""


def run(place: Path, *words: object, home: str = "home") -> Result:
    options = ["--genesis", str(place / "genesis.json"), "--home", str(place / home)]
    result = CliRunner().invoke(app, [*map(str, words), *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def audit(place: Path, copy: str, *words: str, home: str = "home") -> tuple[int, dict[str, Any]]:
    """Audit a copy, and go on from the notes unless it is said otherwise."""
    arguments = ["audit", "--copy", place / copy, "--jobs", "0", "--json"]
    result = run(place, *arguments, *(words or ("--since", place / "notes")), home=home)
    return result.exit_code, json.loads(result.stdout)


def audit_whole(place: Path, copy: str, home: str = "other home") -> tuple[int, dict[str, Any]]:
    return audit(place, copy, "--anew", home=home)


def lay(
    place: Path, name: str, ledger: MemoryLedger, certificates: Iterable[CommitCertificate] = ()
) -> Path:
    shutil.rmtree(place / name, ignore_errors=True)
    (place / name).mkdir()
    return write_copy(place / name, ledger.entries, certificates)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give a place where the audit of yesterday's copy was kept, and today's copy is longer."""
    write_genesis(tmp_path)
    ledger = go_on(YESTERDAY)
    lay(tmp_path, "yesterday", ledger, [finalise(ledger.tip.end)])
    newest = go_on_further()
    lay(tmp_path, "today", newest, [finalise(ledger.tip.end), finalise(newest.tip.end)])
    code, report = audit(tmp_path, "yesterday")
    assert (code, report["continued_from"], report["not_continued"]) == (0, 0, None)
    return tmp_path


def go_on_further() -> MemoryLedger:
    """Give yesterday's ledger and more: a block, another term, and its blocks."""
    ledger = grow(go_on(YESTERDAY), range(300, 301))
    ledger.open_term(2, elect("eu-1", term=2, base=ledger.tip.end))
    return grow(ledger, range(301, 303), leader="eu-1")


def without_notes(report: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a continued audit says of itself, times, and what names a home."""
    named = ("continued_from", "not_continued", "unknown", "audited_at_ms", "fork", "found")
    return {name: value for name, value in report.items() if name not in named}


def test_it_says_what_the_whole_audit_says_and_from_where_it_went_on(place: Path) -> None:
    code, report = audit(place, "today")
    whole = audit_whole(place, "today")
    assert (code, without_notes(report)) == (whole[0], without_notes(whole[1]))
    height = go_on(YESTERDAY).tip.height
    assert (report["continued_from"], whole[1]["continued_from"]) == (height, 0)
    (told,) = set(report["unknown"]) - set(whole[1]["unknown"])
    assert f"the blocks up to {height} are still unharmed" in told
    assert audit(place, "today")[1]["continued_from"] == report["height"]
    told = run(place, "audit", "--copy", place / "today", "--since", place / "notes").stdout
    assert f"  continued     from height {report['height']}, verified before" in told


def test_a_copy_is_verified_whole_unless_somebody_says_otherwise(place: Path) -> None:
    for _ in range(2):
        told = run(place, "audit", "--copy", place / "yesterday", "--json").stdout
        assert json.loads(told)["continued_from"] == 0
    assert (
        audit(place, "today", "--since", str(place / "notes"), "--anew")[1]["continued_from"] == 0
    )


@pytest.mark.parametrize("what", ["shorter", "another"])
def test_what_does_not_hold_yesterdays_end_is_verified_whole(place: Path, what: str) -> None:
    ledger = {"shorter": begin, "another": lambda: go_on_elsewhere(9)}[what]()
    lay(place, "other", ledger, [finalise(ledger.tip.end, voters=["eu-1", "za-1"])])
    (place / "other home").mkdir(mode=0o700)
    shutil.copytree(place / "home" / "seen", place / "other home" / "seen")
    code, report = audit(place, "other")
    whole = audit_whole(place, "other")
    assert (code, without_notes(report)) == (whole[0], without_notes(whole[1]))
    assert "which it verified, is not on this chain" in report["not_continued"]
    assert bool(report["fork"]) == bool(whole[1]["fork"]) == (what == "another")
    # Nothing of what was kept is lost by it.
    assert audit(place, "yesterday")[1]["continued_from"] == go_on(YESTERDAY).tip.height


def test_a_new_block_that_is_bad_is_found_and_yesterday_kept(place: Path) -> None:
    entries = list(go_on_further().entries)
    entries[-1] = entries[-1][:-1] + bytes([entries[-1][-1] ^ 1])
    (place / "bad").mkdir()
    write_copy(place / "bad", entries)
    height = go_on(YESTERDAY).tip.height
    for _ in range(2):
        code, report = audit(place, "bad")
        assert (code, report["verdict"], report["continued_from"]) == (1, "VIOLATION", height)
        assert report["first_bad_height"] == len(entries)
    code, report = audit(place, "today")
    assert (code, report["continued_from"]) == (0, height)


def test_a_certificate_for_another_block_far_below_is_a_violation(place: Path) -> None:
    other = go_on_elsewhere(2)
    today = go_on_further()
    forks = [finalise(other.tip.end, voters=["eu-1", "za-1"])]
    lay(place, "today", today, forks)
    code, report = audit(place, "today")
    assert (code, report["field"]) == (1, "certificate")
    assert report["first_bad_height"] == other.tip.height < report["continued_from"]
    assert without_notes(report) == without_notes(audit_whole(place, "today")[1])


def test_what_was_seen_to_be_final_elsewhere_is_looked_for_again(place: Path) -> None:
    """Who signed two histories is found by the blocks above the one that was final."""
    theirs = go_on_elsewhere(2)
    lay(place, "theirs", theirs, [finalise(theirs.tip.end, voters=["eu-1", "za-1"])])
    assert (
        run(place, "compare", "--copy", place / "theirs", "--copy", place / "today").exit_code == 1
    )
    code, report = audit(place, "today")
    assert (code, report["continued_from"]) == (1, 0)
    assert report["fork"]


def test_the_notes_of_another_ledger_are_refused_by_name(place: Path) -> None:
    origin = vary(make_genesis_file(), origin="ledger.example/other")
    other = parse_genesis(format_genesis(origin))
    (place / "genesis.json").write_bytes(other.encoded)
    code, report = audit(place, "today")
    assert (code, report["verdict"]) == (2, "UNDECIDED")
    for chain in (make_genesis().chain, other.chain):
        assert chain.hex() in report["problem"]


def test_notes_are_for_one_audit_at_a_time(place: Path) -> None:
    with open_notes(place / "notes", make_genesis()):
        code, report = audit(place, "today")
    assert (code, report["verdict"]) == (2, "UNDECIDED")
    assert "another audit works with" in report["problem"]


@pytest.mark.parametrize("what", ["today", "genesis.json"])
def test_something_else_is_no_place_for_notes(place: Path, what: str) -> None:
    result = run(place, "audit", "--copy", place / "today", "--since", place / what)
    assert (result.exit_code, "holds nothing that an audit has kept" in result.stderr) == (2, True)


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def replace(file: Path, how: Callable[[], object]) -> None:
    file.rename(file.with_name("moved"))
    how()


def link(file: Path, target: str) -> None:
    file.symlink_to(target)


HARM: Final[dict[str, Callable[[Path], object]]] = {
    "flipped": flip,
    "cut": lambda file: os.truncate(file, file.stat().st_size // 2),
    "empty": lambda file: os.truncate(file, 0),
    "missing": Path.unlink,
    "a directory": lambda file: replace(file, file.mkdir),
    "a link": lambda file: replace(file, lambda: link(file, "moved")),
    "a link to itself": lambda file: replace(file, lambda: link(file, file.name)),
    "a pipe": lambda file: replace(file, lambda: os.mkfifo(file)),
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("name", ["records", "ends", "table", "kept"])
def test_notes_that_were_harmed_never_make_a_wrong_verdict(
    place: Path, name: str, harm: str
) -> None:
    (file,) = (place / "notes").glob(f"{name}*")
    HARM[harm](file)
    # In a home that has seen nothing, so that nothing else can tell.
    code, report = audit(place, "today", home="third home")
    assert code in {0, 2}
    if code == 0:
        assert without_notes(report) == without_notes(audit_whole(place, "today")[1])


def audit_until(place: Path, count: int) -> None:
    """Audit today's copy, and be killed at so manyth call that changes a file."""
    left = count

    def killing(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*words: Any, **named: Any) -> Any:  # noqa: ANN401 (as they are)
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*words, **named)

        return called

    for name in SIGNALS:
        setattr(os, name, killing(getattr(os, name)))
    os._exit(audit(place, "today")[0])


def test_a_kill_at_any_write_leaves_yesterdays_notes_or_todays(place: Path) -> None:
    kept = (place / "notes" / KEPT_NAME).read_bytes()
    context = multiprocessing.get_context("fork")
    whole = without_notes(audit_whole(place, "today")[1])
    shutil.copytree(place / "notes", place / "untouched")
    for count in range(1, 1000):
        shutil.rmtree(place / "notes")
        shutil.copytree(place / "untouched", place / "notes")
        child = context.Process(target=audit_until, args=(place, count))
        child.start()
        child.join()
        with open_notes(place / "notes", make_genesis()) as notes:
            assert notes.earlier is not None
            assert notes.problem == ""
            is_new = (place / "notes" / KEPT_NAME).read_bytes() != kept
            tip = notes.earlier.progress.tip
            assert tip.height == (go_on_further() if is_new else go_on(YESTERDAY)).tip.height
        code, report = audit(place, "today")
        assert (code, report["continued_from"]) == (0, tip.height)
        assert without_notes(report) == whole
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
    assert count > len(SIGNALS)


def test_another_process_cannot_take_the_notes(place: Path) -> None:
    with (
        open_notes(place / "notes", make_genesis()),
        pytest.raises(OtherNotesError, match="another audit works"),
        open_notes(place / "notes", make_genesis()),
    ):
        pass
