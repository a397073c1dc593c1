"""Nodes that hang and answer nothing, as real stopped processes: others are asked in time."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from network import NodeSeen
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
    leader = ledger.ask("status")["leader"]
    return sorted(ledger.seen.nodes, key=lambda node: node.name != leader)


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
