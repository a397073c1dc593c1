"""Nodes that hang, as real stopped processes: others are asked, and what was sent is kept."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from network import GLANCE_S, PATIENCE_S, NodeSeen
from office import Ledger, open_home, read_seen, start_devnet, stop

pytestmark = pytest.mark.slow

NOTE = ("note", "BW", "--text", "A statement for tests.", "--key", "bw-root")


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A network of its own, whose nodes may be stopped."""
    place = tmp_path_factory.mktemp("fragile")
    process = start_devnet(place / "net", "--voters", "3")
    try:
        yield open_home(read_seen(process), place / "home")
    finally:
        stop(process)


@contextmanager
def stopped(*nodes: NodeSeen) -> Iterator[None]:
    """Stop the processes of nodes as a debugger does; their sockets stay open."""
    for node in nodes:
        os.kill(node.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for node in nodes:
            os.kill(node.pid, signal.SIGCONT)


def leader_first(ledger: Ledger) -> list[NodeSeen]:
    """Wait until all nodes name one leader; gives them, it first."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        results = [ledger.run("status", "--json", KPLEDGER_NODE=n.api) for n in ledger.seen.nodes]
        leaders = {json.loads(one.stdout).get("leader") for one in results}
        if len(leaders) == 1 and None not in leaders:
            (leader,) = leaders
            return sorted(ledger.seen.nodes, key=lambda node: node.name != leader)
        assert time.monotonic() < deadline
        time.sleep(GLANCE_S)


@contextmanager
def without_majority(ledger: Ledger) -> Iterator[dict[str, str]]:
    """Leave the leader alone; gives the environment in which it is asked."""
    leader, *followers = leader_first(ledger)
    with stopped(*followers):
        yield {"KPLEDGER_NODE": leader.api}


def hung(home: Path) -> dict[str, int]:
    (file,) = (home / "seen").glob("*.hung.json")
    return msgspec.json.decode(file.read_bytes(), type=dict[str, int])


def test_a_leader_that_hangs_costs_a_part_of_the_patience_once(fragile: Ledger) -> None:
    leader, *others = leader_first(fragile)
    urls = ",".join(node.api for node in (leader, *others))
    with stopped(leader):
        sent = fragile.run(*NOTE, KPLEDGER_NODE=urls)
        assert (sent.exit_code, "committed" in sent.stdout) == (0, True), sent.output
        assert list(hung(fragile.home)) == [leader.api]
        assert fragile.run("participants", "BW", KPLEDGER_NODE=urls).exit_code == 0
    assert fragile.run("participants", KPLEDGER_NODE=leader.api).exit_code == 0
    assert hung(fragile.home) == {}


def words_of(text: str, *options: str) -> tuple[str, ...]:
    return ("note", "BW", "--text", text, "--key", "bw-root", *options)


def the_one_waiting(ledger: Ledger) -> dict[str, str]:
    (found,) = json.loads(ledger.run("outbox", "list", "--json").stdout)["waiting"]
    return {name: str(value) for name, value in found.items()}


def test_what_was_sent_is_kept_until_its_fate_is_known(fragile: Ledger) -> None:
    before = fragile.size()
    words = words_of("Sent while nobody could acknowledge it.", "--timeout", "4")
    with without_majority(fragile) as alone:
        first = fragile.run(*words, "--json", **alone)
        assert (first.exit_code, "it waits in the outbox" in first.stderr) == (2, True)
        waiting = the_one_waiting(fragile)
        assert waiting["sent"]
        again = fragile.run(*words, **alone)
        assert (again.exit_code, "its fate is not known" in again.stderr) == (2, True)
    sent = fragile.run(*words[:-2])
    assert (sent.exit_code, waiting["id"] in sent.stdout) == (0, True), sent.output
    assert fragile.ask("outbox", "list") == {"waiting": [], "refused": []}
    assert fragile.size() == before + 1
    assert fragile.run(*words[:-2], "--again").exit_code == 0
    assert fragile.size() == before + 2


def test_figures_that_were_sent_make_one_edition(fragile: Ledger, tmp_path: Path) -> None:
    table = tmp_path / "production.csv"
    table.write_text("carats,value_usd\n1.5,2\n")
    period = ("--period", "2025H2", "--file", str(table), "--key", "bw-root")
    words = ("submit-stats", "production", *period)
    with without_majority(fragile) as alone:
        assert fragile.run(*words, "--timeout", "4", **alone).exit_code == 2
    sent = fragile.ask(*words)
    assert "waiting_since" in sent
    body = fragile.ask("show", str(sent["id"]))["body"]
    assert isinstance(body, dict)
    assert body["edition"] == 1
    assert fragile.ask("outbox", "list") == {"waiting": [], "refused": []}


def test_the_next_command_of_an_author_asks_first_what_became_of_the_last(fragile: Ledger) -> None:
    with without_majority(fragile) as alone:
        assert fragile.run(*words_of("First.", "--timeout", "4"), **alone).exit_code == 2
    second = fragile.run(*words_of("Second."))
    assert (second.exit_code, "it is on the ledger, in block" in second.stderr) == (0, True)
    assert fragile.ask("outbox", "list") == {"waiting": [], "refused": []}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_ended_while_it_waits_leaves_what_it_sent(
    fragile: Ledger, how: signal.Signals
) -> None:
    before = fragile.size()
    words = words_of(f"Ended by {how.name}.", "--timeout", "60")
    with without_majority(fragile) as alone:
        process = subprocess.Popen(
            [sys.executable, "-m", "kpclient", *words],
            env=os.environ | fragile.environment() | alone,
            stderr=subprocess.PIPE,
        )
        deadline = time.monotonic() + PATIENCE_S
        while not list(fragile.home.glob("outbox/*/*.envelope")):
            assert time.monotonic() < deadline
            time.sleep(GLANCE_S)
        process.send_signal(how)
        _, stderr = process.communicate(timeout=PATIENCE_S)
    if how is not signal.SIGKILL:
        # A shell calls either 130: said by the program, or by the signal that it ends itself with.
        assert process.returncode in (128 + how, -how)
        assert b"it waits in the outbox" in stderr
    waiting = the_one_waiting(fragile)
    sent = fragile.run(*words)
    assert (sent.exit_code, waiting["id"] in sent.stdout) == (0, True), sent.output
    assert fragile.size() == before + 1
