"""Histories compared: one, or a fork with who signed each side, or what cannot be decided."""

import pytest
from electing import finalise
from founding import MemoryLedger, make_genesis
from parted import COMMON, begin, go_on, go_on_elsewhere, grow, read_heads

from kpclient.replay.forks import Agreement, HeadsReport, HeadsVerdict, compare_heads
from kpclient.replay.sources import HistorySource
from kpledger.log.certificates import CommitCertificate
from kpledger.log.conviction import Guilt
from kpledger.log.statements import Electorate

GENESIS = make_genesis()
MINE, THEIRS = ("bw-1", "eu-1"), ("eu-1", "za-1")


class World:
    """Nodes and copies; the blocks of a node can be read unless it keeps them."""

    def __init__(self) -> None:
        self.sources: list[HistorySource] = []
        self.read: list[str] = []
        self._chains: dict[str, MemoryLedger] = {}

    def add(
        self,
        name: str,
        ledger: MemoryLedger,
        *certificates: CommitCertificate,
        is_copy: bool = False,
        keeps_blocks: bool = False,
    ) -> HistorySource:
        source = HistorySource(
            name=name,
            is_node=not is_copy,
            node="" if is_copy else name,
            height=ledger.tip.height,
            head=ledger.tip.head,
            chain=read_heads(ledger.entries) if is_copy else None,
        )
        source.take(Electorate.of(GENESIS), certificates)
        self.sources.append(source)
        if not keeps_blocks:
            self._chains[name] = ledger
        return source

    def compare(self) -> HeadsReport:
        return compare_heads(GENESIS, self.sources, self._read)

    def _read(self, source: HistorySource) -> None:
        if source.chain is not None:
            return
        self.read.append(source.name)
        if source.name in self._chains:
            source.chain = read_heads(self._chains[source.name].entries)
        else:
            source.problem = "its operator shows no blocks"


@pytest.fixture
def world() -> World:
    return World()


def agreements(report: HeadsReport) -> list[Agreement]:
    return [one.agreement for one in report.sources]


def test_nodes_of_one_history_are_compared_with_the_blocks_of_one_of_them(world: World) -> None:
    ahead, behind = go_on(3), begin()
    world.add("slow", behind, finalise(behind.tip.end), keeps_blocks=True)
    world.add("fast", ahead, finalise(ahead.tip.end))
    world.add("level", ahead, keeps_blocks=True)
    report = world.compare()
    assert (report.verdict, report.problem, report.forks) == (HeadsVerdict.ONE_HISTORY, None, ())
    assert (report.height, report.final_up_to) == (COMMON + 3, COMMON + 3)
    assert [one.behind for one in report.sources] == [3, 0, 0]
    assert [one.final_up_to for one in report.sources] == [COMMON, COMMON + 3, 0]
    assert report.sources[1].final_by == MINE
    assert world.read == ["fast"]


def test_two_histories_are_a_fork_with_who_signed_each(world: World) -> None:
    mine, theirs = go_on(3), go_on_elsewhere(5)
    world.add("bw", mine, finalise(mine.tip.end, voters=MINE))
    world.add("eu", theirs, finalise(theirs.tip.end, voters=THEIRS))
    world.add("za", theirs)
    report = world.compare()
    assert report.verdict is HeadsVerdict.FORK
    assert agreements(report) == [Agreement.OTHER, Agreement.SAME, Agreement.SAME]
    (fork,) = report.forks
    ours, others = fork.branches
    assert fork.height == COMMON + 1
    assert (ours.sources, others.sources) == (("eu", "za"), ("bw",))
    assert (ours.leaders, ours.final_by, ours.final_up_to) == (("eu-1",), THEIRS, COMMON + 5)
    assert (others.leaders, others.final_by, others.final_up_to) == (("bw-1",), MINE, COMMON + 3)
    assert ours.head == theirs.tip.head.hex()
    assert others.head == mine.tip.head.hex()
    assert ours.parting_head != others.parting_head
    assert (ours.voters, others.voters) == (("eu-1", "za-1"), ())
    assert dict(fork.signed_both) == {"eu-1": Guilt.SUSPICION}


def test_whoever_signed_any_certificate_of_both_sides_is_named(world: World) -> None:
    mine, theirs = go_on(3), go_on_elsewhere(5)
    early, late = go_on(1).tip.end, mine.tip.end
    assert early.index < late.index
    world.add("bw", mine, finalise(late, voters=MINE))
    world.add("in", go_on(1), finalise(early))
    world.add("ae", mine, finalise(late, voters=("bw-1", "za-1")))
    world.add("eu", theirs, finalise(theirs.tip.end, voters=THEIRS))
    (fork,) = world.compare().forks
    assert [*fork.signed_both] == ["eu-1", "za-1"]


@pytest.mark.parametrize(("mine", "theirs"), [(1, 4), (4, 1), (2, 2)])
def test_a_fork_is_found_whichever_side_is_longer(world: World, mine: int, theirs: int) -> None:
    one, other = go_on(mine), go_on_elsewhere(theirs)
    world.add("bw", one, finalise(one.tip.end))
    world.add("eu", other, finalise(other.tip.end, voters=THEIRS))
    report = world.compare()
    assert (report.verdict, report.forks[0].height) == (HeadsVerdict.FORK, COMMON + 1)


def test_who_voted_on_one_side_and_made_the_other_final_is_named(world: World) -> None:
    mine, theirs = go_on(3), go_on_elsewhere(5, voters=("bw-1", "eu-1"))
    world.add("bw", mine, finalise(mine.tip.end, voters=("bw-1", "za-1")))
    world.add("eu", theirs, finalise(theirs.tip.end, voters=THEIRS))
    (fork,) = world.compare().forks
    assert [*fork.signed_both] == ["bw-1", "za-1"]


def test_three_histories_are_put_beside_each_other(world: World) -> None:
    for name, ledger in (("bw", go_on(5)), ("eu", go_on_elsewhere(2)), ("in", begin(COMMON - 2))):
        world.add(name, ledger)
    world.add("za", grow(begin(COMMON - 2), [77, 78, 79]))
    report = world.compare()
    told = [(fork.height, *(one.history for one in fork.branches)) for fork in report.forks]
    assert sorted(told) == [(COMMON - 1, 1, 3), (COMMON - 1, 2, 3), (COMMON + 1, 1, 2)]
    assert report.sources[2].agreement is Agreement.SAME


def test_two_that_part_from_the_longest_together_may_part_later_from_each_other(
    world: World,
) -> None:
    """A copy of a copy: its first block above the common ones is that of the second history."""
    second, third = go_on_elsewhere(3), grow(go_on_elsewhere(2), [300, 301], leader="eu-1")
    world.add("bw", go_on(6))
    world.add("eu", second)
    world.add("behind", go_on_elsewhere(1))
    world.add("za", third)
    forks = {
        tuple(one.sources for one in fork.branches): fork.height for fork in world.compare().forks
    }
    assert forks == {
        (("bw",), ("eu", "behind")): COMMON + 1,
        (("bw",), ("za",)): COMMON + 1,
        (("eu",), ("za",)): COMMON + 3,
    }


def test_what_is_remembered_and_shown_is_no_further_history(world: World) -> None:
    world.add("bw", go_on(6))
    world.add("eu", go_on_elsewhere(5))
    remember(world, "before", go_on_elsewhere(2))
    (fork,) = world.compare().forks
    assert fork.branches[1].sources == ("eu", "before")


def test_copies_of_directories_that_went_on_separately_are_a_fork(world: World) -> None:
    mine, theirs = go_on(3), go_on_elsewhere(3)
    world.add("one", mine, finalise(mine.tip.end), is_copy=True)
    world.add("two", theirs, finalise(theirs.tip.end, voters=THEIRS), is_copy=True)
    report = world.compare()
    assert (report.verdict, report.forks[0].height) == (HeadsVerdict.FORK, COMMON + 1)
    assert world.read == []


def test_an_end_of_a_copy_that_was_never_final_is_ordinary(world: World) -> None:
    unfinished, chain = go_on(6), go_on_elsewhere(3)
    world.add("copy", unfinished, finalise(begin().tip.end), is_copy=True)
    world.add("node", chain, finalise(chain.tip.end, voters=THEIRS))
    report = world.compare()
    assert (report.verdict, report.forks) == (HeadsVerdict.ONE_HISTORY, ())
    assert agreements(report) == [Agreement.UNFINISHED, Agreement.SAME]
    assert f"from block {COMMON + 1} on" in (report.sources[0].problem or "")


def test_ends_that_nobody_has_certified_are_not_called_a_fork(world: World) -> None:
    world.add("one", go_on(3), is_copy=True)
    world.add("two", go_on_elsewhere(3), is_copy=True)
    report = world.compare()
    assert (report.verdict, report.forks) == (HeadsVerdict.UNDECIDED, ())
    assert "nobody has certified" in (report.problem or "")


def test_a_certificate_of_a_block_that_nobody_shows_is_a_fork(world: World) -> None:
    mine, theirs = go_on(5), go_on_elsewhere(3)
    world.add("bw", mine, finalise(mine.tip.end))
    world.add("eu", begin(), finalise(theirs.tip.end, voters=THEIRS))
    report = world.compare()
    assert report.verdict is HeadsVerdict.FORK
    (fork,) = report.forks
    assert (fork.height, fork.branches[1].final_by) == (COMMON + 3, THEIRS)
    assert (fork.branches[1].sources, fork.branches[1].parting_head) == (("eu",), "")
    assert [*fork.signed_both] == ["eu-1"]


def test_a_certificate_beyond_all_that_is_shown_leaves_it_undecided(world: World) -> None:
    world.add("bw", begin(), finalise(go_on(1).tip.end))
    report = world.compare()
    assert report.verdict is HeadsVerdict.UNDECIDED
    assert "nobody shows that block" in (report.problem or "")


def test_another_head_without_its_blocks_decides_nothing(world: World) -> None:
    world.add("bw", go_on(3))
    world.add("eu", go_on_elsewhere(2), keeps_blocks=True)
    report = world.compare()
    assert report.verdict is HeadsVerdict.UNDECIDED
    assert agreements(report) == [Agreement.SAME, Agreement.UNKNOWN]
    assert report.sources[1].problem == "its operator shows no blocks"


def test_a_node_that_is_silent_or_of_another_ledger_leaves_it_undecided(world: World) -> None:
    world.add("bw", go_on(3))
    world.sources.append(HistorySource(name="silent", is_node=True, problem="no answer"))
    report = world.compare()
    assert (report.verdict, report.sources[1].problem) == (HeadsVerdict.UNDECIDED, "no answer")


def remember(
    world: World, name: str, ledger: MemoryLedger, *final: CommitCertificate
) -> HistorySource:
    source = world.add(name, ledger, *final, keeps_blocks=True)
    source.is_remembered = True
    return source


def test_what_is_remembered_has_to_be_there(world: World) -> None:
    world.add("bw", go_on(3))
    remember(world, "before", go_on(1), finalise(go_on(1).tip.end))
    assert world.compare().verdict is HeadsVerdict.ONE_HISTORY
    remember(world, "elsewhere", go_on_elsewhere(2), finalise(go_on_elsewhere(2).tip.end))
    report = world.compare()
    assert report.verdict is HeadsVerdict.FORK
    (fork,) = report.forks
    assert [branch.sources for branch in fork.branches] == [("bw",), ("elsewhere",)]
    assert (fork.height, fork.branches[1].final_by) == (COMMON + 2, MINE)


def test_what_is_remembered_and_higher_than_all_that_is_shown_is_undecided(world: World) -> None:
    world.add("bw", begin())
    remember(world, "before", go_on(1))
    report = world.compare()
    assert (report.verdict, report.sources[1].problem) == (
        HeadsVerdict.UNDECIDED,
        "nobody shows a block so high",
    )


def test_a_copy_that_ends_unfinished_contradicts_nothing_that_is_remembered(world: World) -> None:
    world.add("copy", go_on(3), finalise(begin().tip.end), is_copy=True)
    remember(world, "before", go_on_elsewhere(2))
    assert world.compare().verdict is HeadsVerdict.UNDECIDED


def test_without_any_blocks_nothing_is_decided(world: World) -> None:
    world.add("bw", go_on(3), keeps_blocks=True)
    report = world.compare()
    assert (report.verdict, report.height) == (HeadsVerdict.UNDECIDED, 0)


def test_a_status_that_its_own_blocks_contradict_is_named(world: World) -> None:
    world.add("bw", go_on(3))
    world.add("eu", begin()).head = bytes(32)
    report = world.compare()
    assert report.verdict is HeadsVerdict.FORK
    assert f"its status says that block {COMMON}" in (report.sources[1].violation or "")


def test_statements_that_are_no_certificate_are_named_and_not_counted(world: World) -> None:
    ledger = go_on(3)
    good = finalise(ledger.tip.end)
    few = good.__class__(term=good.term, index=good.index, head=good.head, by=good.by[:1])
    world.add("bw", ledger, few)
    report = world.compare()
    assert (report.verdict, report.final_up_to) == (HeadsVerdict.FORK, 0)
    assert "2 are needed" in (report.sources[0].violation or "")


def test_a_source_that_breaks_the_chain_is_no_reference(world: World) -> None:
    broken = world.add("bw", go_on(3), is_copy=True)
    broken.violation = "block 4 by bw-1 does not verify"
    world.add("eu", begin(), is_copy=True)
    report = world.compare()
    assert (report.verdict, report.height) == (HeadsVerdict.FORK, COMMON)
