"""Two histories of one ledger convict exactly those who signed both."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from electing import elect, finalise
from founding import make_genesis
from parted import COMMON, begin, go_on, go_on_elsewhere, grow, stretch

from kpledger.log.conviction import Conviction, Guilt
from kpledger.log.evidence import Evidence
from kpledger.log.judging import judge
from kpledger.log.statements import Electorate
from kpledger.log.two_histories import Stretch, find_double_signers, find_double_signing

ELECTORATE = Electorate.of(make_genesis())


def convict(one: Stretch, other: Stretch) -> list[Conviction]:
    found: Sequence[Evidence] = find_double_signing(ELECTORATE, one, other)
    mirrored = find_double_signing(ELECTORATE, other, one)
    assert {*map(repr, found)} == {*map(repr, mirrored)}
    return [judge(evidence, ELECTORATE) for evidence in found]


def test_who_made_a_block_final_and_elected_a_leader_without_it_is_convicted() -> None:
    mine, theirs = go_on(3), go_on_elsewhere(4)
    convictions = convict(
        stretch(mine, finalise(mine.tip.end, voters=("bw-1", "eu-1"))),
        stretch(theirs, finalise(theirs.tip.end, voters=("eu-1", "za-1"))),
    )
    assert [(one.kind, one.culprits, one.guilt) for one in convictions] == [
        ("E8", ("eu-1",), Guilt.LIE)
    ]


def test_of_several_certificates_those_are_shown_that_convict() -> None:
    mine, theirs = go_on(3), go_on_elsewhere(4)
    early = finalise(mine.tip.end, voters=("bw-1", "eu-1"))
    mine.open_term(5, elect("bw-1", term=5, base=mine.tip.end, voters=("bw-1", "eu-1")))
    grow(mine, [500])
    late = finalise(mine.tip.end, voters=("bw-1", "eu-1"))
    convictions = convict(
        stretch(mine, early, late),
        stretch(theirs, finalise(theirs.tip.end, voters=("eu-1", "za-1"))),
    )
    assert ("E8", ("eu-1",)) in [(one.kind, one.culprits) for one in convictions]
    assert {name for one in convictions if one.guilt.convicts for name in one.culprits} == {"eu-1"}


def test_a_leader_that_goes_on_twice_in_one_term_is_convicted_with_who_acknowledged_both() -> None:
    one, other = go_on(2), grow(begin(), [300, 301, 302])
    convictions = convict(
        stretch(one, finalise(one.tip.end, voters=("bw-1", "eu-1"))),
        stretch(other, finalise(other.tip.end, voters=("bw-1", "za-1"))),
    )
    kinds = [(one.kind, one.culprits, one.guilt) for one in convictions]
    assert kinds == [("E8", ("bw-1",), Guilt.LIE)]
    assert "bw-1 signed two blocks in term 1" in convictions[0].words


def test_votes_for_two_leaders_of_one_term_convict_who_gave_both() -> None:
    one, other = go_on_elsewhere(2, voters=("eu-1", "za-1")), begin()
    other.open_term(2, elect("bw-1", term=2, base=other.tip.end, voters=("bw-1", "za-1")))
    grow(other, [400])
    convictions = convict(stretch(one), stretch(other))
    assert [(one.kind, one.culprits) for one in convictions] == [("E3", ("za-1",))]


def restart(
    term: int, leader: str, voters: Sequence[str], *, generation: int, serial: int
) -> Stretch:
    """Start copied directories from a later start; gives what they have above the common blocks.

    The block that opens the term is the same in all copies of the directories, by whose votes ever.
    """
    ledger = begin()
    opening = elect(leader, term=term, base=ledger.tip.end, voters=voters, generation=generation)
    ledger.open_term(term, opening)
    grow(ledger, [serial], leader=leader)
    final = finalise(ledger.tip.end, voters=voters, generation=generation)
    return replace(stretch(ledger, final, above=COMMON + 1), begun=opening)


@pytest.mark.parametrize("leader", ["bw-1", "eu-1"])
def test_copies_that_go_on_in_one_term_are_a_fault_of_all_who_signed_both(leader: str) -> None:
    """Also of a leader that both elected: its votes tell that its two blocks are of two starts."""
    here = restart(2, "bw-1", ("bw-1", "eu-1"), generation=10, serial=300)
    there = restart(2, leader, ("bw-1", "eu-1"), generation=20, serial=301)
    convictions = convict(here, there)
    assert {one.guilt for one in convictions} == {Guilt.FAULT}
    assert {name for one in convictions for name in one.culprits} == {"bw-1", "eu-1"}
    assert find_double_signers(here, there) == {"bw-1", "eu-1"}
    kinds = {one.kind for one in convictions}
    assert kinds == ({"E8"} if leader == "bw-1" else {"E8", "E3"})


def test_two_blocks_alone_call_no_leader_a_liar_whose_votes_come_from_two_starts() -> None:
    sides = [
        restart(2, "bw-1", ("bw-1", "eu-1"), generation=start, serial=300 + start)
        for start in (10, 20)
    ]
    one, other = (replace(side, certificates=()) for side in sides)
    assert convict(one, other) == []
    unvoted = replace(one, begun=None), replace(other, begun=None)
    assert [(each.kind, each.guilt) for each in convict(*unvoted)] == [("E1", Guilt.LIE)]
    assert find_double_signers(one, other) == {"bw-1", "eu-1"}


def test_copies_that_go_on_in_two_terms_are_told_by_the_order_of_their_starts() -> None:
    """The later term from the earlier start is a fault; else each name is a reason to ask."""
    first, second = ("bw-1", "eu-1"), ("bw-1", "eu-1", "za-1")
    here = restart(2, "bw-1", first, generation=20, serial=300)
    told = convict(here, restart(3, "za-1", second, generation=10, serial=301))
    guilts = {name: one.guilt for one in told for name in one.culprits if one.guilt.convicts}
    assert guilts == dict.fromkeys(first, Guilt.FAULT)
    there = restart(3, "za-1", second, generation=30, serial=301)
    (suspicion,) = convict(here, there)
    assert (suspicion.kind, suspicion.named) == ("E8", dict.fromkeys(first, Guilt.SUSPICION))
    assert "bw-1 acknowledged block 11" in suspicion.words
    assert find_double_signers(here, there) == {*first}


def test_one_that_votes_on_one_side_and_acknowledges_on_the_other_signs_both() -> None:
    here = restart(2, "bw-1", ("bw-1", "eu-1"), generation=10, serial=300)
    there = restart(3, "za-1", ("eu-1", "za-1"), generation=20, serial=301)
    votes_alone = replace(here, certificates=())
    assert find_double_signers(votes_alone, there) == {"eu-1"}
    assert find_double_signers(votes_alone, votes_alone) == frozenset()
    assert find_double_signers(Stretch((), here.certificates), there) == {"eu-1"}


@pytest.mark.parametrize("blocks", [1, 3])
def test_an_end_that_was_replaced_convicts_nobody(blocks: int) -> None:
    """Ordinary: the leader of term 1 could not finish, and those of term 2 never saw its end."""
    final = go_on_elsewhere(3)
    end = finalise(final.tip.end, voters=("eu-1", "za-1"))
    assert convict(stretch(go_on(blocks)), stretch(final, end)) == []


def test_only_the_nearest_certificates_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kpledger.log.two_histories._NEAREST", 0)
    mine, theirs = go_on(1), go_on_elsewhere(1)
    shown = (stretch(mine, finalise(mine.tip.end)), stretch(theirs, finalise(theirs.tip.end)))
    assert convict(*shown) == []
