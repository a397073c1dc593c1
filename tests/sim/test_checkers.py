"""The panel asks the right checkers, and all of them are tested."""

from pathlib import Path

from lab import invariants as checkers
from lab.invariants import (
    AckOnDisk,
    Checker,
    HardStateForward,
    Invariant,
    Panel,
    TermByCampaign,
    VoteOnce,
)
from sim.sightings import GENESIS, A, B, C, ack, disk, said, vote


def test_panel_asks_only_those_that_have_something_to_say() -> None:
    panel = Panel([VoteOnce(), TermByCampaign(), Checker()])
    assert [len(hooks) for hooks in (panel.on_message, panel.on_save, panel.on_read)] == [1, 1, 0]


def test_every_checker_of_the_package_has_a_test() -> None:
    names = set(checkers.__all__) - {"Checker", "Invariant", "Panel", "ViolationError"}
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_checkers_*.py"))
    assert sorted(name for name in names if f"{name}(" not in tests) == []


def test_loss_of_a_disk_takes_back_what_it_promised() -> None:
    watching = (VoteOnce(), HardStateForward(), AckOnDisk(lambda _node, _term: None))
    full, empty = disk(1, B, 1), disk()
    for checker in watching:
        checker.on_save(A, full)
        checker.on_message(said(A, B, vote(1)), full)
        checker.on_message(said(A, B, ack(1, 1)), full)
        checker.on_loss(A)
        checker.on_start(A, empty, GENESIS)
        checker.on_message(said(A, C, vote(1)), disk(1, C))


def test_every_checker_is_called_as_in_the_catalogue_and_every_name_is_documented() -> None:
    names = {one.name for one in Invariant}
    kinds = [getattr(checkers, name) for name in checkers.__all__]
    found = {one.__name__ for one in kinds if issubclass(one, Checker)} - {"Checker"}
    assert found <= names
    docs = Path(__file__).parents[2] / "docs"
    written = "".join((docs / name).read_text() for name in ("simulator.md", "explorer.md"))
    assert sorted(name for name in names if f"`{name}`" not in written) == []
