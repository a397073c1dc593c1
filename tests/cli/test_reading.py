"""What a reader of the ledger sees: all that matters, and what is about to be signed."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from copied import write_copy
from office import Ledger, new_number

from kpclient.replay.served_chain import ServedChain
from kpledger.log.genesis import parse_genesis

pytestmark = pytest.mark.slow

EXPORTER, IMPORTER = ("--key", "gaborone"), ("--key", "mumbai")


@pytest.fixture(scope="module")
def told(ledger: Ledger) -> str:
    """A certificate that is of another one's goods, was found short, agreed on, and doubted."""
    source = ledger.issue()
    number = ledger.issue(
        "--source", f"{source}=12.345", "--seal", "S-77", "--exporter-licence", "L9"
    )
    ledger.ask("keys", "new", "--author", "IN/mumbai", "--name", f"rao-{number.lower()}")
    key = ledger.run("keys", "export", f"rao-{number.lower()}").stdout.strip()
    ledger.ask("propose", "key", "mumbai", key, "--officer", "rao", "--key", "in-root")
    officer = ("--key", f"rao-{number.lower()}")
    ledger.ask("arrive", number, "--broken-seals", "--remarks", "wet box", *officer)
    short = ("--discrepant", "--found-carats", "11.5", "--cause", "WEIGHING")
    ledger.ask("confirm", number, *short, "--remarks", "scales agree", *officer)
    suspect = f"IN/suspect/{number.lower()}"
    paper = ("--issuer", "BW", "--number", number, "--remarks", "a second paper", "--yes")
    ledger.ask("suspect", suspect, *paper, *officer)
    ledger.ask("judge", suspect, "FAKE", "--remarks", "not our press", "--key", "bw-root")
    return number


SAYS = (
    *("sources", "12.345 ct", "S-77", "licence L9", "wet box", "11.500 ct", "WEIGHING"),
    *("scales agree", "IN/mumbai (rao)", "a second paper", "FAKE: not our press"),
)


def test_a_certificate_is_shown_with_all_that_was_said_of_it(ledger: Ledger, told: str) -> None:
    shown = ledger.run("show", told.lower())
    assert shown.exit_code == 0, shown.output
    assert [one for one in SAYS if one not in shown.stdout] == []
    last = ledger.ask("show", told)
    history = last["history"]
    assert isinstance(history, list)
    assert history[1]["officers"] == ["rao"]
    assert last["reports"] == [f"IN/suspect/{told.lower()}"]


@pytest.mark.parametrize("columns", [60, 80, 100, 132])
def test_no_id_number_or_day_is_broken_on_a_terminal(
    ledger: Ledger, told: str, columns: int
) -> None:
    history = ledger.ask("show", told)["history"]
    assert isinstance(history, list)
    for words in (("show", told), ("list",)):
        seen = on_terminal(ledger, words, columns).split()
        wanted = [told] if words == ("list",) else [one["id"] for one in history]
        assert [one for one in wanted if one not in seen] == []


def on_terminal(ledger: Ledger, words: tuple[str, ...], columns: int) -> str:
    """Run a command on a terminal of so many columns; gives what is printed there."""
    ours, theirs = pty.openpty()
    command = subprocess.Popen(
        [sys.executable, "-m", "kpclient", *words],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | ledger.environment() | {"COLUMNS": str(columns), "NO_COLOR": "1"},
    )
    os.close(theirs)
    printed = b""
    try:
        while piece := os.read(ours, 4096):
            printed += piece
    except OSError:  # the last one has closed it
        pass
    os.close(ours)
    assert command.wait() == 0, printed
    return printed.decode()


def test_what_is_cosigned_is_shown_before_it_is_signed(ledger: Ledger, tmp_path: Path) -> None:
    number = ledger.issue()
    ledger.ask("arrive", number, *IMPORTER)
    file = tmp_path / "amendment.json"
    change = ("--field", "importer.name", "--new", "Another", "--reason", "typing error")
    ledger.ask("amend", number, *change, *EXPORTER, "--offline", file)
    empty = tmp_path / "passphrase"
    empty.write_text("not this one")
    empty.chmod(0o600)
    shown = ledger.run("show", file)
    told = ("amendment_endorsed", number, "BW/gaborone", "Another", "typing error")
    assert (shown.exit_code, [one for one in told if one not in shown.stdout]) == (0, [])
    wrong = ledger.run("cosign", file, *IMPORTER, "--passphrase-file", empty)
    assert (wrong.exit_code, [one for one in told if one not in wrong.stderr]) == (2, [])
    signed = ledger.run("cosign", file, *IMPORTER)
    assert (signed.exit_code, [one for one in told if one not in signed.stderr]) == (0, [])
    assert ledger.run("show", tmp_path / "nothing.json").exit_code == 2


def test_small_letters_mean_the_same(ledger: Ledger, told: str) -> None:
    listed = ledger.ask("list", "--issuer", "bw", "--after", told.lower())
    assert listed == ledger.ask("list", "--issuer", "BW", "--after", told)
    assert ledger.run("trace", told.lower()).exit_code == 0
    assert ledger.run("participants", "bw").exit_code == 0
    fresh = new_number()
    assert ledger.ask(*("note", "bw", "--text", fresh, *EXPORTER))["status"] == "committed"


@pytest.fixture(scope="module")
def blocks(ledger: Ledger, told: str) -> list[bytes]:
    """All blocks up to those in which that was told."""
    assert told
    genesis = parse_genesis(ledger.seen.genesis.read_bytes())
    chain = ServedChain(genesis, [ledger.seen.nodes[0].api], timeout_s=10)
    return [block.stored for block in chain]


@pytest.fixture(scope="module")
def copy(blocks: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a stopped node has of them on its disk."""
    return write_copy(tmp_path_factory.mktemp("copy"), blocks)


def asked_for(told: str, event_id: str, key: str) -> tuple[tuple[str, ...], ...]:
    return (
        ("show", told),
        ("show", event_id),
        ("show", key),
        ("show", f"IN/suspect/{told.lower()}"),
        ("show", "KPCS/policy"),
        ("list", "--limit", "1", "--after", f"BW{int(told[2:]) - 1:08d}"),
        ("participants",),
        ("participants", "BW"),
        ("participants", "KPCS"),
    )


@pytest.mark.parametrize("number", range(9))
def test_a_verified_chain_answers_as_a_node_does(
    ledger: Ledger, told: str, copy: Path, number: int
) -> None:
    history = ledger.ask("show", told)["history"]
    assert isinstance(history, list)
    countersigned = history[-1]
    words = asked_for(told, countersigned["id"], countersigned["signers"][0])[number]
    served = ledger.ask(*words)
    assert ledger.ask(*words, "--replay") == served
    offline = ledger.run(*words, "--copy", copy, "--json", KPLEDGER_NODE="")
    assert (offline.exit_code, json.loads(offline.stdout)) == (0, served)
    people = ledger.run(*words)
    assert ledger.run(*words, "--copy", copy).stdout == people.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [(("show", "BW99999999"), 1), (("show", "ab" * 32), 1), (("participants", "ZZ"), 1)],
)
def test_what_is_not_on_the_ledger_is_not_in_a_copy(
    ledger: Ledger, copy: Path, words: tuple[str, ...], code: int
) -> None:
    online, offline = ledger.run(*words), ledger.run(*words, "--copy", copy)
    assert (online.exit_code, offline.exit_code) == (code, code)
    assert offline.stderr == online.stderr


def test_nothing_is_answered_from_a_chain_that_is_not_sound(
    ledger: Ledger, told: str, blocks: list[bytes], tmp_path: Path
) -> None:
    last = blocks[-1]
    bad = write_copy(tmp_path, [*blocks[:-1], last[:-1] + bytes([last[-1] ^ 1])])
    result = ledger.run("show", told, "--copy", bad)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the chain is not sound" in result.stderr
