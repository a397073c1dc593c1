"""Statements that are made without a line, on what is remembered or on nothing, and sent later."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from office import Ledger, issuing, new_number

pytestmark = pytest.mark.slow

OFF = ("--timeout", "0.2", "--node", "http://127.0.0.1:9", "--offline-ok")
MUMBAI, GABORONE = ("--key", "mumbai"), ("--key", "gaborone")
LEAVES = ("--carrier", "Air", "--waybill", "1", *GABORONE)


def elsewhere(ledger: Ledger, home: Path) -> Ledger:
    """Give somebody with the same keys who has never heard of anything."""
    shutil.copytree(ledger.home / "keys", home / "keys")
    home.chmod(0o700)
    return Ledger(ledger.seen, home)


def keep(ledger: Ledger, *words: str) -> dict[str, object]:
    """Make a statement without a line, that has to be kept; gives what is said of it."""
    result = ledger.run(*words, *OFF, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    (entry,) = [one for one in waiting(ledger) if one["id"] == found["id"]]
    assert entry["subject"] in words
    return dict(found)


def waiting(ledger: Ledger) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(ledger.run("outbox", "list", "--json").stdout)[
        "waiting"
    ]
    return found


def test_what_follows_is_made_on_what_this_machine_has_seen(ledger: Ledger) -> None:
    number = ledger.issue()
    ledger.ask("show", number)
    first = keep(ledger, "arrive", number, *MUMBAI)
    assert (first["status"], str(first["made_on"])[:19]) == ("waiting", "what was known at 2")
    assert keep(ledger, "confirm", number, *MUMBAI)["status"] == "waiting"
    assert ledger.ask("outbox", "send")["sent"] == 2
    assert ledger.state(number) == "CONFIRMED"


def test_that_there_was_nothing_is_not_what_a_statement_follows(
    ledger: Ledger, tmp_path: Path
) -> None:
    number, post = new_number(), elsewhere(ledger, tmp_path / "post")
    assert post.run("arrive", number, *MUMBAI).exit_code == 1
    ledger.ask(*issuing(number))
    assert keep(post, "arrive", number, *MUMBAI)["status"] == "unsigned"
    assert post.ask("outbox", "send")["sent"] == 1
    assert ledger.state(number) == "ARRIVED"


def test_what_follows_something_that_waits_itself_is_sent_after_it(ledger: Ledger) -> None:
    number = new_number()
    assert keep(ledger, *issuing(number))["status"] == "waiting"
    assert keep(ledger, "notify", number, *LEAVES)["status"] == "waiting"
    assert keep(ledger, "arrive", number, *MUMBAI)["status"] == "waiting"
    assert keep(ledger, "confirm", number, *MUMBAI)["status"] == "unsigned"
    assert ledger.ask("outbox", "send")["sent"] == 4
    assert ledger.state(number) == "CONFIRMED"


def test_an_event_goes_out_behind_what_waits_on_its_subject(ledger: Ledger) -> None:
    number = ledger.issue()
    keep(ledger, "arrive", number, *MUMBAI)
    done = ledger.run("confirm", number, *MUMBAI)
    assert (done.exit_code, "kept in the outbox: it is on the ledger" in done.stderr) == (0, True)
    assert (waiting(ledger), ledger.state(number)) == ([], "CONFIRMED")


@pytest.mark.parametrize(
    ("words", "state"),
    [
        pytest.param(("arrive", *MUMBAI), "ARRIVED", id="arrive"),
        pytest.param(("confirm", *MUMBAI), "CONFIRMED", id="confirm"),
        pytest.param(("notify", *LEAVES), "IN_TRANSIT", id="notify"),
        pytest.param(("void", "--reason", "ERROR", *GABORONE), "VOIDED", id="void"),
        pytest.param(("lost", "--circumstances", "C", *GABORONE), "LOST", id="lost"),
    ],
)
def test_where_nothing_is_known_what_was_typed_is_kept(
    ledger: Ledger, tmp_path: Path, words: tuple[str, ...], state: str
) -> None:
    number, post = ledger.issue(), elsewhere(ledger, tmp_path / "post")
    command, *options = words
    kept = keep(post, command, number, *options)
    assert kept["status"] == "unsigned"
    assert keep(post, command, number, *options)["id"] == kept["id"]
    assert str(kept["id"]) in post.run("outbox", "list").stdout
    assert post.run("outbox", "send", *OFF[:-1]).exit_code == 2
    sent = post.ask("outbox", "send")
    assert sent["sent"] == 1
    assert isinstance(sent["events"], list)
    (told,) = sent["events"]
    assert (told["was_unsigned_as"], told["subject"], told["type"]) == (
        kept["id"],
        number,
        kept["type"],
    )
    assert (waiting(post), ledger.state(number)) == ([], state)


@pytest.mark.parametrize("kind", ["arrive", "confirm"])
def test_what_was_typed_is_found_by_its_first_id_and_rests_on_nothing(
    ledger: Ledger, tmp_path: Path, kind: str
) -> None:
    """Somebody else confirms meanwhile what was typed where nothing was known."""
    number, post = ledger.issue(), elsewhere(ledger, tmp_path / "post")
    kept = keep(post, "lost", number, "--circumstances", "C", *GABORONE)
    ledger.ask("arrive", number, *MUMBAI)
    if kind == "confirm":
        ledger.ask("confirm", number, *MUMBAI)
    result = post.run("outbox", "send")
    assert (result.exit_code, f"({kept['type']} on {number}): E" in result.stderr) == (1, True)
    assert "was unsigned as" in result.stdout
    assert "without a line, when nothing was known" in result.stderr
    assert "it was made on" not in result.stderr
    assert post.ask("outbox", "show", str(kept["id"]))["status"] == "refused"


def test_what_was_typed_is_signed_when_it_is_typed_again(ledger: Ledger, tmp_path: Path) -> None:
    number, post = ledger.issue(), elsewhere(ledger, tmp_path / "post")
    typed = keep(post, "arrive", number, *MUMBAI)
    other = post.run("lost", number, "--circumstances", "C", *GABORONE)
    assert (other.exit_code, "waits to be signed" in other.stderr) == (2, True)
    assert post.ask("arrive", number, *MUMBAI)["was_unsigned_as"] == typed["id"]
    assert (waiting(post), ledger.state(number)) == ([], "ARRIVED")


def test_what_waits_is_no_second_one_when_something_unsigned_came_after_it(
    ledger: Ledger, tmp_path: Path
) -> None:
    number, post = ledger.issue(), elsewhere(ledger, tmp_path / "post")
    note = ("note", number, "--text", "seen", *MUMBAI)
    first = keep(post, *note)
    arrived = keep(post, "arrive", number, *MUMBAI)
    confirmed = keep(post, "confirm", number, *MUMBAI)
    assert [one["status"] for one in (first, arrived, confirmed)] == ["waiting", *["unsigned"] * 2]
    for words, kept in (
        (note, first),
        (("arrive", number, *MUMBAI), arrived),
        (("confirm", number, *MUMBAI), confirmed),
    ):
        assert keep(post, *words)["id"] == kept["id"]
    assert post.ask("outbox", "send")["sent"] == 3
    history = ledger.ask("show", number)["history"]
    assert isinstance(history, list)
    kinds = [one["type"] for one in history]
    assert kinds[1:] == ["note_filed", "arrival_recorded", "import_confirmed"]


def test_two_that_send_at_once_send_everything_once(ledger: Ledger, tmp_path: Path) -> None:
    number, post = ledger.issue(), elsewhere(ledger, tmp_path / "post")
    keep(post, "arrive", number, *MUMBAI)
    texts = [f"note {count}" for count in range(4)]
    for text in texts:
        assert keep(post, "note", number, "--text", text, *MUMBAI)["status"] == "unsigned"
    command = [sys.executable, "-m", "kpclient", "outbox", "send"]
    environment = os.environ | post.environment()
    sending = [subprocess.Popen(command, env=environment) for _ in range(2)]
    codes = [one.wait(60) for one in sending]
    assert 0 in codes
    assert set(codes) <= {0, 2}
    history = ledger.ask("show", number)["history"]
    assert isinstance(history, list)
    assert [one["body"]["text"] for one in history if one["type"] == "note_filed"] == texts
    assert waiting(post) == []


def test_what_the_ledger_refuses_is_explained_and_stays_until_somebody_decides(
    ledger: Ledger, tmp_path: Path
) -> None:
    number, post = ledger.issue(), elsewhere(ledger, tmp_path / "post")
    post.ask("show", number)
    late = str(keep(post, "arrive", number, *MUMBAI)["id"])
    ledger.ask("arrive", number, *MUMBAI)
    result = post.run("outbox", "send")
    assert result.exit_code == 1
    assert f"E6: {number} is ARRIVED" in result.stderr
    assert "it was made on what was known at 2" in result.stderr
    assert f"the newest event on {number} is arrival_recorded by IN/mumbai" in result.stderr
    told = post.run("outbox", "show", late).stdout
    assert "arrival_recorded" in told
    assert f"E6: {number} is ARRIVED" in told
    shown = post.ask("outbox", "show", late)
    assert shown["status"] == "refused"
    assert isinstance(shown["problem"], dict)
    assert isinstance(shown["body"], dict)
    assert (shown["problem"]["rule"], shown["body"]["arrived_on"][:2]) == ("E6", "20")
    assert post.ask("outbox", "retry", late)["status"] == "waiting"
    assert post.run("outbox", "send").exit_code == 1
    assert post.ask("outbox", "drop", late)["status"] == "dropped"
    assert post.ask("confirm", number, *MUMBAI)["status"] == "committed"


def test_what_is_recorded_and_cannot_be_printed_is_not_recorded_twice(ledger: Ledger) -> None:
    """Whoever was not told types it again."""
    number = ledger.issue()
    command = [sys.executable, "-m", "kpclient", "note", number, "--text", "full", *MUMBAI]
    with Path("/dev/full").open("wb") as full:
        environment = os.environ | ledger.environment()
        ended = subprocess.run(command, stdout=full, env=environment, check=False)
    assert ended.returncode == 2
    again = ledger.ask(*command[3:])
    assert (again["status"], again["duplicate"], waiting(ledger)) == ("committed", True, [])


def test_statement_whose_key_cannot_be_opened_waits_and_nobody_is_told_to_forget_it(
    ledger: Ledger, tmp_path: Path
) -> None:
    number, post = ledger.issue(), elsewhere(ledger, tmp_path / "post")
    keep(post, "arrive", number, *MUMBAI)
    (tmp_path / "wrong").write_text("not this passphrase\n")
    (tmp_path / "wrong").chmod(0o600)
    hidden = (post.home / "keys" / "mumbai.key").rename(tmp_path / "mumbai.key")
    without = post.run("outbox", "send")
    hidden.rename(post.home / "keys" / "mumbai.key")
    wrong = post.run("outbox", "send", "--passphrase-file", str(tmp_path / "wrong"))
    for result in (without, wrong):
        assert result.exit_code == 2, result.output
        assert "it waits: kpledger outbox send" in result.stderr
        assert "outbox drop" not in result.stderr
    assert post.ask("outbox", "send")["sent"] == 1
