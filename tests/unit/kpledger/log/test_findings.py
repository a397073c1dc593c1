"""Found is what convicts, whichever of two came first, and nothing else."""

from itertools import permutations
from typing import Final

import pytest
from branches import Branch
from convicting import ELECTORATE, LEFT, LONG, RIGHT, ROOT, all_cases, vote
from electing import elect, signer_of
from founding import vary

from kpledger.log.conviction import Guilt
from kpledger.log.evidence import (
    MAX_FORK_OPENINGS,
    MAX_PATH_HEADERS,
    Amnesia,
    BrokenBlock,
    DoubleAcknowledgement,
    Equivocation,
    Fork,
    StaleGeneration,
    Usurpation,
)
from kpledger.log.evidence_file import decode_evidence, encode_evidence
from kpledger.log.findings import (
    find_amnesia,
    find_broken_block,
    find_double_acknowledgement,
    find_double_votes,
    find_equivocation,
    find_fork,
    find_stale_generation,
    find_usurper,
)
from kpledger.log.judging import judge
from kpledger.log.path import ShownHeader
from kpledger.log.statements import LogEnd

CASES: Final = all_cases()


@pytest.mark.parametrize("name", [one for one in CASES if "-e1-" in one and "path" not in one])
def test_equivocation(name: str) -> None:
    case = CASES[name]
    assert isinstance(case, Equivocation)
    shown = LONG.shown if case.path else ()
    for one, other in permutations((case.first, case.second)):
        found = find_equivocation(ELECTORATE, one, other, shown=shown)
        assert found == (case if name.startswith("good-") else None)


@pytest.mark.parametrize("name", ["good-e2-one-height", "good-e2-two-heights"])
def test_double_acknowledgement(name: str) -> None:
    case = CASES[name]
    assert isinstance(case, DoubleAcknowledgement)
    for one, other in permutations((case.first, case.second)):
        found = find_double_acknowledgement(ELECTORATE, one, other, shown=LONG.shown)
        assert found == case
        assert find_double_acknowledgement(ELECTORATE, one, one, shown=LONG.shown) is None


def test_acknowledgements_of_one_branch_or_of_two_terms_or_voters_are_none() -> None:
    lower, higher = RIGHT.acknowledge("eu-1"), LONG.acknowledge("eu-1")
    assert find_double_acknowledgement(ELECTORATE, lower, higher, shown=LONG.shown) is None
    left = LEFT.acknowledge("eu-1")
    assert find_double_acknowledgement(ELECTORATE, left, higher) is None  # nothing shows it
    assert find_double_acknowledgement(ELECTORATE, left, RIGHT.acknowledge("za-1")) is None
    later = ROOT.open(2, "eu-1").acknowledge("eu-1")
    assert find_double_acknowledgement(ELECTORATE, left, later) is None


def test_path_that_is_too_long_is_not_looked_for() -> None:
    end = LogEnd(term=1, index=MAX_PATH_HEADERS + 10, head=b"\x01" * 32)
    far = signer_of("eu-1").acknowledge(end)
    assert find_double_acknowledgement(ELECTORATE, LEFT.acknowledge("eu-1"), far) is None


def test_double_votes_of_two_leader_certificates() -> None:
    one = elect("bw-1", term=2, base=ROOT.end, voters=("bw-1", "za-1"))
    other = elect("eu-1", term=2, base=ROOT.end, voters=("eu-1", "za-1"))
    expected = CASES["good-e3-two-candidates"]
    for first, second in permutations((one, other)):
        assert find_double_votes(ELECTORATE, (*first.votes, *second.votes)) == (expected,)
    assert find_double_votes(ELECTORATE, (*one.votes, *one.votes)) == ()


def test_of_many_votes_one_pair_is_found_for_each_voter() -> None:
    votes = [
        vote(one, voter=voter) for one in ("za-1", "bw-1", "eu-1") for voter in ("bw-1", "za-1")
    ]
    found = find_double_votes(ELECTORATE, [*votes, vote("eu-1", term=3), vote("bw-1", LEFT)])
    assert sorted(one.first.voter for one in found) == ["bw-1", "za-1"]


def test_forged_vote_does_not_hide_a_pair() -> None:
    forged = vary(vote("bw-1"), signature=b"\x00" * 64)
    votes = (forged, vote("eu-1"), vote("za-1"))
    (found,) = find_double_votes(ELECTORATE, votes)
    assert (found.first.candidate, found.second.candidate) == ("eu-1", "za-1")


def test_votes_for_oneself_with_two_logs() -> None:
    votes = (vote("za-1", LEFT), vote("za-1", RIGHT), vote("za-1", RIGHT, generation=2))
    (found,) = find_double_votes(ELECTORATE, votes)
    assert judge(found, ELECTORATE).culprits == ("za-1",)
    repeated = (vote("bw-1", LEFT), vote("bw-1", RIGHT))
    assert find_double_votes(ELECTORATE, repeated) == ()


@pytest.mark.parametrize("name", [one for one in CASES if "-e4-" in one])
def test_amnesia(name: str) -> None:
    case = CASES[name]
    assert isinstance(case, Amnesia)
    found = find_amnesia(ELECTORATE, case.acknowledgement, case.vote, case.certificate)
    assert found == (case if name.startswith("good-") else None)


def test_usurper() -> None:
    case = CASES["good-e5-own-vote"]
    assert isinstance(case, Usurpation)
    elected = elect("eu-1", term=1, base=Branch().end, voters=("bw-1", "eu-1"))
    assert find_usurper(ELECTORATE, case.block, elected) == case
    assert find_usurper(ELECTORATE, case.block, ROOT.opening) is None
    later = elect("eu-1", term=2, base=ROOT.end)
    assert find_usurper(ELECTORATE, case.block, later) is None


@pytest.mark.parametrize("name", [one for one in CASES if "-e7-" in one])
def test_broken_block(name: str) -> None:
    case = CASES[name]
    assert isinstance(case, BrokenBlock)
    found = find_broken_block(
        ELECTORATE,
        case.block,
        parent=case.parent,
        events=case.events,
        problem=case.problem,
    )
    if name.startswith("good-"):
        assert found is not None
        assert judge(found, ELECTORATE) == judge(case, ELECTORATE)
    else:
        assert found is None


def test_of_a_broken_header_the_events_are_left_out() -> None:
    case = CASES["good-e7-term-not-opened"]
    assert isinstance(case, BrokenBlock)
    found = find_broken_block(ELECTORATE, case.block, parent=case.parent, events=(b"x",) * 9)
    assert found == case


@pytest.mark.parametrize("name", [one for one in CASES if one.startswith("good-e8-")])
def test_fork(name: str) -> None:
    case = CASES[name]
    assert isinstance(case, Fork)
    shown = tuple(ShownHeader(header=one, seal=b"") for one in case.path)
    openings = [ROOT.open(term, "za-1", ("eu-1", "za-1")).opening for term in (2, 3)]
    openings = [one for one in openings if one.encoded in case.openings]
    for one, other in permutations((case.first, case.second)):
        found = find_fork(
            ELECTORATE,
            one,
            other,
            shown=shown,
            openings=openings,
            equivocation=case.equivocation,
        )
        assert found == case


def test_one_history_is_no_fork() -> None:
    low, high = RIGHT.finalise("bw-1", "eu-1"), LONG.finalise("bw-1", "za-1")
    assert find_fork(ELECTORATE, low, high, shown=LONG.shown) is None
    assert find_fork(ELECTORATE, low, low) is None
    assert find_fork(ELECTORATE, low, LEFT.make().finalise("bw-1", "eu-1")) is None


def test_first_election_without_the_block_is_the_one_that_counts() -> None:
    """Whoever voted later may have been overwritten by its leader."""
    first = ROOT.open(2, "za-1", ("eu-1", "za-1"))
    second = first.open(3, "eu-1", ("bw-1", "eu-1")).make()
    openings = [second.opening, first.opening]
    found = find_fork(
        ELECTORATE,
        LEFT.finalise("bw-1", "eu-1"),
        second.finalise("bw-1", "eu-1"),
        shown=second.shown,
        openings=openings,
    )
    assert found is not None
    conviction = judge(found, ELECTORATE)
    assert (conviction.guilt, conviction.culprits) == (Guilt.LIE, ("eu-1",))
    assert conviction.others == (("bw-1", Guilt.SUSPICION),)
    assert conviction.words.endswith("Signed both as well: bw-1 (a suspicion)")


def test_leader_that_had_the_block_is_not_the_one_that_counts() -> None:
    """Term 2 was led by one that had the block, and leaves nothing; term 3 by one without it."""
    without = ROOT.open(3, "za-1", ("eu-1", "za-1")).make()
    found = find_fork(
        ELECTORATE,
        LEFT.finalise("bw-1", "eu-1"),
        without.finalise("eu-1", "za-1"),
        shown=without.shown,
        openings=[LEFT.open(2, "bw-1", ("bw-1", "eu-1")).opening, without.opening],
    )
    assert found is not None
    assert judge(found, ELECTORATE).guilt is Guilt.SUSPICION


def test_fork_keeps_no_more_openings_than_may_be_shown() -> None:
    branch = ROOT.open(2, "za-1", ("eu-1", "za-1"))
    openings = [elect("bw-1", term=term, base=ROOT.end) for term in range(3, 100)]
    last = branch.open(100, "za-1", ("eu-1", "za-1")).make()
    found = find_fork(
        ELECTORATE,
        LEFT.finalise("bw-1", "eu-1"),
        last.finalise("eu-1", "za-1"),
        shown=last.shown,
        openings=[last.opening, *openings, branch.opening],
    )
    assert found is not None
    assert len(found.openings) == MAX_FORK_OPENINGS
    assert decode_evidence(encode_evidence(found)) == found
    assert judge(found, ELECTORATE).culprits == ("eu-1",)


@pytest.mark.parametrize("name", ["good-e9-vote", "good-e9-nomination"])
def test_stale_generation(name: str) -> None:
    case = CASES[name]
    assert isinstance(case, StaleGeneration)
    for one, other in permutations((case.first.one, case.second.one)):
        assert find_stale_generation(ELECTORATE, one, other) == case


def test_rising_or_equal_generations_are_no_fault() -> None:
    for term, generation in ((1, 1), (2, 1), (2, 2)):
        later = vote("eu-1", LEFT, term=term, generation=generation)
        assert find_stale_generation(ELECTORATE, LEFT.acknowledge("za-1"), later) is None
    theirs = signer_of("eu-1").nominate("bw-1", term=2)
    assert find_stale_generation(ELECTORATE, LEFT.acknowledge("za-1", generation=2), theirs) is None
