"""``kpledger watch`` of a real network: what happens is told while it happens."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from network import PATIENCE_S
from office import Ledger, open_home, read_seen, start_devnet, stop

pytestmark = pytest.mark.slow

EXPORTER, IMPORTER = ("--key", "gaborone"), ("--key", "mumbai")
Told = dict[str, str | int | None]


class Watching:
    """A command that watches, and what it has told."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.told: list[Told] = []
        self._lines: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._lines.put(line)

    def wait_for(self, is_it: Callable[[Told], bool]) -> Told:
        """Wait until something is told."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(self.told) from None
            self.told.append(json.loads(line))
            if is_it(self.told[-1]):
                return self.told[-1]

    def wait_for_kind(self, what: str, words: str = "") -> Told:
        return self.wait_for(lambda one: one["what"] == what and words in str(one["text"]))


@contextmanager
def watching(ledger: Ledger) -> Iterator[Watching]:
    urls = [node.api for node in ledger.seen.nodes]
    words = (sys.executable, "-m", "kpclient", "watch", *urls, "--json")
    environment = os.environ | ledger.environment() | {"KPLEDGER_NODE": ""}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, env=environment)
    try:
        yield Watching(process)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def test_issues_confirmations_and_flags_are_told_as_they_come(ledger: Ledger) -> None:
    with watching(ledger) as watch:
        watch.wait_for_kind("sound")
        number = ledger.issue()
        issued = watch.wait_for_kind("issued", number)
        assert issued["text"] == f"BW/gaborone issued {number}, 12.345 ct to IN"
        assert issued["height"] == ledger.ask("show", str(issued["event"]))["height"]
        ledger.ask("arrive", number, "--broken-seals", *IMPORTER)
        watch.wait_for_kind("recorded", f"IN/mumbai on {number}: arrival recorded")
        assert watch.wait_for_kind("flag", f"F2 on {number}")["subject"] == number
        ledger.ask("confirm", number, *IMPORTER)
        watch.wait_for_kind("confirmed", f"IN/mumbai confirmed {number}, 12.345 ct")
    assert watch.process.returncode == 130


def test_once_tells_what_happened_since_and_ends(ledger: Ledger) -> None:
    urls = [node.api for node in ledger.seen.nodes]

    def look(*words: str) -> Sequence[str]:
        result = ledger.run("watch", *urls, "--once", *words, KPLEDGER_NODE="")
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()

    assert "SOUND: " in look()[0]
    number = ledger.issue()
    (line,) = (one for one in look() if number in one)
    assert line.endswith(f": BW/gaborone issued {number}, 12.345 ct to IN")
    assert not [one for one in look() if number in one]


def test_who_hears_no_leader_and_who_does_not_answer_is_told(tmp_path: Path) -> None:
    process = start_devnet(tmp_path / "net", "--voters", "3")
    try:
        ledger = open_home(read_seen(process), tmp_path / "home")
        silent, *stopped = ledger.seen.nodes
        with watching(ledger) as watch:
            watch.wait_for_kind("sound")
            for node in stopped:
                os.kill(node.pid, signal.SIGSTOP)
            watch.wait_for(lambda one: (one["what"], one["node"]) == ("silent", silent.api))
            assert {one["node"] for one in watch.told if one["what"] == "unreachable"} == {
                node.api for node in stopped
            }
            watch.wait_for_kind("not-sealed", "no checkpoint is sealed since")
            for node in stopped:
                os.kill(node.pid, signal.SIGCONT)
            watch.wait_for(lambda one: (one["what"], one["node"]) == ("well", silent.api))
            number = ledger.issue()
            watch.wait_for_kind("issued", number)
    finally:
        stop(process)
