"""Whatever happens, and whatever liars send: evidence names no honest voter."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from random import Random
from typing import Final

from convicting import ELECTORATE
from founding import VOTERS
from histories import History
from hypothesis import given, strategies as st
from split_views import cosign, prove_extension, tree_of, write_note

from kpledger.log.certificates import CommitCertificate
from kpledger.log.conviction import Conviction, Guilt
from kpledger.log.evidence import Evidence
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
from kpledger.log.merkle import compute_root
from kpledger.log.note import parse_note
from kpledger.log.split_view import find_split_view
from kpledger.log.statements import Acknowledgement, Vote

STEPS: Final = 60
SEEDS: Final = st.integers(0, 2**32 - 1)


def believe(_key: bytes, _message: bytes, _signature: bytes) -> bool:
    """Verify nothing: all that stands in a history was signed by whom it names."""
    return True


def find_all(history: History) -> Iterator[Evidence]:
    """Compare everything with everything that anybody has signed."""
    found: list[Evidence | None] = [*find_double_votes(ELECTORATE, history.votes, check=believe)]
    blocks, branches = history.blocks, history.branches
    for (low, one), (high, other) in combinations(blocks.items(), 2):
        for head in (low, high):
            shown = branches[head].shown
            found.append(find_equivocation(ELECTORATE, one, other, shown=shown, check=believe))
    for head, block in blocks.items():
        elections = history.elected.values()
        found += (find_usurper(ELECTORATE, block, one, check=believe) for one in elections)
        parent = branches[head].shown[-2].header
        found.append(find_broken_block(ELECTORATE, block, parent=parent, check=believe))
    commits = {(one.term, one.index, one.head): one for one in history.commits}
    found += find_in_statements(history, commits)
    found += find_in_checkpoints(history)
    for first, second in combinations(commits.values(), 2):
        for head in (first.head, second.head):
            fork = find_fork(
                ELECTORATE,
                first,
                second,
                shown=branches[head].shown,
                openings=history.elected.values(),
                check=believe,
            )
            found.append(fork)
    yield from (one for one in found if one is not None)


def find_in_statements(
    history: History, commits: Mapping[tuple[int, int, bytes], CommitCertificate]
) -> Iterator[Evidence | None]:
    """Compare acknowledgements and votes."""
    for one, other in combinations(history.acknowledgements, 2):
        for head in {one.head, other.head}:
            shown = history.branches[head].shown
            yield find_double_acknowledgement(ELECTORATE, one, other, shown=shown, check=believe)
    for one in history.acknowledgements:
        for vote in history.votes:
            final = commits.get((one.term, one.index, one.head))
            yield find_amnesia(ELECTORATE, one, vote, final, check=believe)
    said: list[Acknowledgement | Vote] = [*history.acknowledgements, *history.votes]
    for first, second in combinations(said, 2):
        yield find_stale_generation(ELECTORATE, first, second, check=believe)


def find_in_checkpoints(history: History) -> Iterator[Evidence | None]:
    """Compare what was cosigned; whoever has the larger tree proves what the smaller one is."""
    cosigned = sorted({*history.cosigned}, key=lambda each: len(each[1]))
    notes = []
    for name, leaves in cosigned:
        tree = tree_of(leaves)
        notes.append((leaves, parse_note(write_note(tree, cosign(tree, name)).encode())))
    for (small, one), (large, other) in combinations(notes, 2):
        if small:
            root, path = compute_root(large[: len(small)]), prove_extension(large, len(small))
            yield find_split_view(ELECTORATE, one, other, root=root, path=path, check=believe)


def convictions_in(history: History) -> list[Conviction]:
    """Judge all that is found."""
    return [judge(one, ELECTORATE, check=believe) for one in find_all(history)]


def named(convictions: Iterable[Conviction], *guilts: Guilt) -> set[str]:
    """Name who is convicted."""
    return {name for one in convictions if one.guilt in guilts for name in one.culprits}


@given(seed=SEEDS)
def test_honest_voters_leave_nothing(seed: int) -> None:
    history = History(Random(seed))
    history.run(STEPS)
    assert convictions_in(history) == []


@given(seed=SEEDS, liars=st.sets(st.sampled_from(VOTERS), min_size=1, max_size=2))
def test_whatever_liars_send_evidence_names_them_alone(seed: int, liars: set[str]) -> None:
    history = History(Random(seed), liars=frozenset(liars))
    history.run(STEPS)
    assert named(convictions_in(history), Guilt.LIE, Guilt.FAULT) <= liars


@given(seed=SEEDS)
def test_old_disk_is_a_fault_and_of_nobody_else(seed: int) -> None:
    """But for a leader whose old disk lets it be elected once more: blocks name no start."""
    history = History(Random(seed))
    for _ in range(3):
        history.run(STEPS // 3)
        history.restore()
    found = convictions_in(history)
    assert named(found, Guilt.LIE, Guilt.FAULT) <= history.restored
    lies = {one.kind for one in found if one.guilt is Guilt.LIE}
    assert lies <= {"E1", "E5", "E8"}


def test_histories_with_liars_hold_every_kind_of_lie() -> None:
    """Else the tests above would show nothing."""
    kinds: Counter[tuple[str, Guilt]] = Counter()
    for seed in range(120):
        history = History(Random(seed), liars=frozenset(VOTERS[: 1 + seed % 2]))
        history.run(STEPS)
        kinds.update({(one.kind, one.guilt) for one in convictions_in(history)})
    for kind in ("E1", "E2", "E3", "E4", "E5", "E8"):
        assert kinds[kind, Guilt.LIE] > 0, kinds
    assert kinds["E10", Guilt.FAULT] > 0, kinds
