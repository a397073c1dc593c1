"""The search of worlds with a liar: clean as they are, and each planted bug on a shortest way."""

import pytest
from lab.branches.search import Search
from lab.branches.voting import BUGS
from lab.branches.world import PLANTED, QUICK, World
from lab.explorer.__main__ import main

CAUGHT = {
    "plain-raft": ("PinDemanded", 6),
    "own-end-not-demanded": ("LeaderCompleteness", 6),
    "pin-not-demanded": ("PinDemanded", 6),
    "promise-forgotten": ("ClaimTells", 7),
    "promise-voted-down": ("ClaimTells", 8),
    "promise-replaced": ("ClaimTells", 8),
    "released-by-too-few": ("HonestAccused", 4),
    "released-from-its-end": ("ClaimTells", 6),
    "next-term-voted-short": ("HonestAccused", 2),
    "older-term-acknowledged": ("OneHistory", 6),
    "signer-counted-twice": ("HonestAccused", 3),
}


def test_every_planted_bug_is_looked_for() -> None:
    assert sorted(CAUGHT) == sorted(BUGS) == sorted(PLANTED)


@pytest.mark.parametrize("name", CAUGHT)
def test_planted_bug_is_found(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--planted", name]) == 1
    rule, moves = CAUGHT[name]
    printed = capsys.readouterr().out
    assert f"VIOLATION of {rule}: " in printed
    assert printed.rstrip().splitlines()[-1].startswith(f"{moves:>4}  ")


@pytest.mark.parametrize("name", ["liar", "no-liar"])
def test_no_rule_is_broken_where_two_majorities_share_more_than_lie(name: str) -> None:
    result = Search(QUICK[name]).run(None)
    assert (result.broken, result.exhausted, result.forks) == (None, True, 0)


def test_one_liar_of_three_makes_two_histories_and_contradicts_itself() -> None:
    result = Search(World(voters=3, terms=2)).run(None)
    assert result.broken is None
    assert result.forks > 0
