"""Voters that lie: what the honest ones never do, whom evidence names, and what else is caught."""

import re

import pytest
from lab.liars.kinds import HONEST, KINDS
from lab.liars.life import catch, live
from lab.liars.planted import SIGNED_BUGS
from lab.simulator.__main__ import main

CASES = [(kind, *one) for kind, what in KINDS.items() for one in what.configurations]
NAMED_BY_VOTERS = {"equivocate", "double-vote", "break-rules", "collude"}
"""What the voters themselves find, in a good part of the lives."""
SEEDS = range(12)


@pytest.mark.parametrize(("kind", "voters", "liars"), CASES)
def test_no_rule_is_broken_and_nobody_honest_accused(kind: str, voters: int, liars: int) -> None:
    verdicts = [live(kind, voters, liars, seed) for seed in range(3 if voters == 4 else 1)]
    for verdict in verdicts:
        assert verdict.violation is None
        assert not verdict.forks or not verdict.prevents
    does = kind != HONEST and voters == 4
    assert not does or any(verdict.lies for verdict in verdicts)


@pytest.mark.parametrize("kind", [kind for kind, what in KINDS.items() if what.convicts])
def test_who_hears_everything_can_convict(kind: str) -> None:
    voters, liars = KINDS[kind].configurations[-1]
    assert any(live(kind, voters, liars, seed).shown for seed in SEEDS)


@pytest.mark.parametrize("kind", sorted(NAMED_BY_VOTERS))
def test_voters_find_evidence_themselves(kind: str) -> None:
    voters, liars = KINDS[kind].configurations[1]
    assert any(live(kind, voters, liars, seed).found for seed in SEEDS)


def test_one_liar_of_four_makes_no_fork_and_of_three_makes_one() -> None:
    assert not any(live("equivocate", 4, 1, seed).forks for seed in range(4))
    forked = next(one for one in (live("equivocate", 3, 1, seed) for seed in SEEDS) if one.forks)
    assert forked.violation is None
    assert forked.is_noticed
    assert len({name for _, name in forked.shown}) == 1


def test_two_liars_of_four_stand_convicted_both_by_the_fork_that_they_made() -> None:
    lives = (live("collude", 4, 2, seed) for seed in SEEDS)
    forked = next(one for one in lives if one.forks)
    assert len({name for kind, name in forked.shown if kind == "E8"}) == 2


@pytest.mark.parametrize("seed", [1, 12, 13])
def test_others_go_on_without_a_voter_that_is_convicted(seed: int) -> None:
    """Neither a pre-vote nor a vote of its counts, at the notary or at the core."""
    assert live("double-vote", 4, 1, seed).lived_at is not None


@pytest.mark.parametrize("seed", [16, 29, 32, 58])
def test_others_elect_a_leader_after_one_that_parted_them_and_left(seed: int) -> None:
    """What they hold, or have lost, excludes each other, and can never be final."""
    assert live("part-and-leave", 4, 1, seed).lived_at is not None


def test_restored_disks_are_faults_and_no_lies() -> None:
    assert all(live(HONEST, 3, 0, seed).violation is None for seed in range(20))


@pytest.mark.parametrize("name", sorted(SIGNED_BUGS))
def test_planted_bug_of_signed_consensus_is_caught(name: str) -> None:
    assert catch(name, range(20)) is not None


def test_sound_voters_are_silent_where_planted_bugs_show() -> None:
    for bug in SIGNED_BUGS.values():
        assert live(bug.kind, bug.voters, bug.liars, 0, changes=bug.climate).violation is None


def test_program_prints_a_line_for_each_number_of_voters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--liars", "equivocate", "--seeds", "0-1", "--jobs", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[1] for line in lines[2:-1]] == ["3", "4", "5", "7"]
    assert lines[-1] == "0 seeds with a violation"


def test_one_seed_is_one_life(capsys: pytest.CaptureFixture[str]) -> None:
    traces = []
    for _ in range(2):
        assert main(["--liars", "collude", "--seeds", "1", "--trace"]) == 0
        traces.append(capsys.readouterr().out)
    assert traces[0] == traces[1]
    assert re.search(r"^\d+ n\d applies \(\d+, \d+\) [0-9a-f]{8}$", traces[0], re.MULTILINE)
