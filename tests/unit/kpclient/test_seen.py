"""What was seen is not forgotten, and what contradicts it is not believed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from convicting import vote
from electing import finalise

from kpclient.seen import (
    MAX_EVIDENCE_FILES,
    MAX_OTHERS,
    ContradictionError,
    DamagedMemoryError,
    ForkError,
    Memory,
)
from kpclient.sightings import Position, Sighting
from kpledger.log.certificates import CommitCertificate
from kpledger.log.evidence import DoubleVote
from kpledger.log.statements import LogEnd

CHAIN = bytes(32)
PARTING = 8
"""Up to here all histories are one."""


def head_of(height: int, branch: int = 0) -> bytes:
    """Give the head of a block in one of several histories."""
    return bytes([branch if height > PARTING else 0, height]) + bytes(30)


def at(height: int, size: int, *, head: int = 0, root: int = 0) -> Position:
    """Give a position whose head and root follow from height and size, unless they are forged."""
    return Position(
        height=height,
        head=head_of(height, head),
        tree_size=size,
        tree_root=bytes([root, size]) + bytes(30),
    )


def on(branch: int, height: int) -> Position:
    """Give a position in one of several histories."""
    return at(height, height, head=branch, root=branch if height > PARTING else 0)


def verify(memory: Memory, shown: Position, *, node: str = "node", branch: int = 0) -> None:
    """Let a chain be verified that ends as shown; what was seen is looked for on it."""
    heights = [height for height in memory.load().heights if height <= shown.height]
    heads = {height: head_of(height, branch) for height in heights}
    memory.accept(shown, node=node, heads=heads, now_ms=1_700_000_000_000)


def furthest(memory: Memory) -> Position | None:
    seen = memory.load().furthest
    return None if seen is None else seen.position


def others(memory: Memory) -> list[Position]:
    return [one.position for one in memory.load().others]


SEEN = at(10, 20)


@pytest.fixture
def open_memory(tmp_path: Path) -> Callable[[], Memory]:
    """Open the memory of one ledger, as every command does anew."""
    return lambda: Memory(tmp_path / "seen", CHAIN)


@pytest.fixture
def memory(open_memory: Callable[[], Memory]) -> Memory:
    memory = open_memory()
    verify(memory, SEEN, node="first")
    return memory


def test_nothing_is_known_at_first(tmp_path: Path) -> None:
    assert Memory(tmp_path, CHAIN).load().sightings == ()


def test_the_furthest_position_is_kept_with_node_and_time(
    memory: Memory, open_memory: Callable[[], Memory]
) -> None:
    verify(memory, at(12, 20), node="ahead")
    kept = Sighting(position=at(12, 20), node="ahead", seen_at=1_700_000_000_000)
    assert open_memory().load().sightings == (kept,)


def test_what_an_earlier_version_kept_is_read(tmp_path: Path) -> None:
    text = (
        b'{"height":10,"head":"AAoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","tree_size":20,'
        b'"tree_root":"ABQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}'
    )
    (tmp_path / f"{CHAIN.hex()}.json").write_bytes(text)
    memory = Memory(tmp_path, CHAIN)
    assert (furthest(memory), others(memory)) == (SEEN, [])
    verify(memory, at(11, 21))
    assert furthest(memory) == at(11, 21)


@pytest.mark.parametrize("shown", [at(9, 20), at(9, 19), at(1, 0)])
def test_a_shorter_chain_is_kept_until_it_is_known_to_be_a_part(
    memory: Memory, open_memory: Callable[[], Memory], shown: Position
) -> None:
    verify(memory, shown, node="slow")
    assert (furthest(memory), others(memory)) == (SEEN, [shown])
    verify(open_memory(), at(11, 21))
    assert (furthest(memory), others(memory)) == (at(11, 21), [])


def test_the_same_chain_again_changes_nothing_but_when_it_was_seen(memory: Memory) -> None:
    verify(memory, SEEN, node="second")
    assert [one.node for one in memory.load().sightings] == ["second"]


@pytest.mark.parametrize("height", [10, 11, 15], ids=["equal height", "longer", "much longer"])
def test_another_branch_as_high_or_higher_is_a_fork_and_replaces_nothing(
    open_memory: Callable[[], Memory], height: int
) -> None:
    verify(open_memory(), on(0, 10), node="https://one")
    with pytest.raises(ForkError, match=r"^fork: the ledger has more than one history") as caught:
        verify(open_memory(), on(1, height), node="https://other", branch=1)
    for words in (
        "https://one",
        "https://other",
        "kpledger compare URL URL",
        "kpledger seen forget HEAD",
    ):
        assert words in str(caught.value)
    for position in (on(0, 10), on(1, height)):
        assert position.head.hex() in str(caught.value)
    assert caught.value.EXIT_CODE == 1
    memory = open_memory()
    assert (furthest(memory), others(memory)) == (on(0, 10), [on(1, height)])
    assert memory.load().is_forked


def test_a_shorter_other_branch_is_found_once_a_chain_reaches_above_it(
    open_memory: Callable[[], Memory],
) -> None:
    verify(open_memory(), on(0, 12))
    # Nobody can tell yet: its sizes fit, and the chain that was seen first is not at hand.
    verify(open_memory(), on(1, 10), node="https://other", branch=1)
    assert others(open_memory()) == [on(1, 10)]
    for shown, branch in ((on(0, 13), 0), (on(1, 14), 1)):
        with pytest.raises(ForkError):
            verify(open_memory(), shown, branch=branch)
    kept = {furthest(open_memory()), *others(open_memory())}
    assert kept == {on(0, 13), on(1, 14)}


def test_a_fork_is_said_again_until_a_person_has_it_forgotten(
    open_memory: Callable[[], Memory],
) -> None:
    verify(open_memory(), on(0, 10))
    with pytest.raises(ForkError):
        verify(open_memory(), on(1, 12), branch=1)
    # Below the parting as well, where nothing on the chain itself says so.
    for height in (4, 10, 11, 12, 20):
        with pytest.raises(ForkError):
            verify(open_memory(), on(0, height))
    assert open_memory().forget(on(1, 12).head)
    verify(open_memory(), on(0, 21))
    assert (furthest(open_memory()), others(open_memory())) == (on(0, 21), [])


def test_whoever_forgets_the_wrong_side_hears_of_the_fork_again(
    open_memory: Callable[[], Memory],
) -> None:
    verify(open_memory(), on(0, 10))
    with pytest.raises(ForkError):
        verify(open_memory(), on(1, 12), branch=1)
    assert open_memory().forget(on(0, 10).head)
    assert furthest(open_memory()) == on(1, 12)
    with pytest.raises(ForkError):
        verify(open_memory(), on(0, 13))
    assert not open_memory().forget(on(2, 99).head)


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(at(11, 20, root=1), id="one size, two roots, ahead"),
        pytest.param(at(9, 20, root=1), id="one size, two roots, behind"),
        pytest.param(at(11, 19), id="more blocks, fewer events"),
        pytest.param(at(9, 21), id="fewer blocks, more events"),
    ],
)
def test_what_contradicts_by_its_sizes_is_a_fork(memory: Memory, shown: Position) -> None:
    with pytest.raises(ForkError, match="is not on what liar shows") as caught:
        verify(memory, shown, node="liar")
    for digest in (SEEN.head, SEEN.tree_root, shown.head, shown.tree_root):
        assert digest.hex() in str(caught.value)
    assert (furthest(memory), others(memory)) == (SEEN, [shown])


def test_a_chain_that_was_not_looked_on_connects_nothing(memory: Memory) -> None:
    memory.accept(at(12, 22), node="blind", heads={}, now_ms=0)
    assert (furthest(memory), others(memory)) == (SEEN, [at(12, 22)])


def test_a_full_memory_says_so_and_drops_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    memory = Memory(tmp_path, CHAIN, warn=said.append)
    verify(memory, on(0, 200))
    for height in range(100, 100 - MAX_OTHERS, -1):
        verify(memory, on(0, height))
    before = memory.load()
    assert (len(before.others), said) == (MAX_OTHERS, [])
    verify(memory, on(0, 5))
    assert memory.load() == before
    assert [on(0, 5).head.hex() in one and "is not remembered" in one for one in said] == [True]
    verify(memory, on(0, 201))
    assert others(memory) == []


def certificate(height: int, branch: int = 0) -> CommitCertificate:
    return finalise(LogEnd(term=1, index=height, head=head_of(height, branch)))


def test_the_newest_certificate_is_kept_and_looked_for(
    open_memory: Callable[[], Memory],
) -> None:
    verify(open_memory(), on(0, 10))
    assert open_memory().certify(certificate(12)) is None
    assert open_memory().certify(certificate(9)) is None
    assert open_memory().load().certificate == certificate(12)
    assert open_memory().load().heights == {10, 12}
    verify(open_memory(), on(0, 11))
    verify(open_memory(), on(0, 12))
    heads = {12: head_of(12), 13: head_of(13, 1)}
    assert open_memory().certify(certificate(13)) is None
    with pytest.raises(ForkError, match=r"block 13 with head .*, final by bw-1, eu-1, is not on"):
        open_memory().accept(on(0, 14), node="liar", heads=heads, now_ms=0)


def test_two_certificates_of_one_height_exclude_each_other(memory: Memory) -> None:
    assert memory.certify(certificate(11)) is None
    assert memory.certify(certificate(11)) is None
    assert memory.certify(certificate(11, branch=1)) == certificate(11)
    assert memory.load().certificate == certificate(11)
    assert memory.load().is_forked
    with pytest.raises(ForkError, match="nobody has settled it"):
        verify(memory, at(12, 22))


def test_each_ledger_has_a_memory_of_its_own(memory: Memory, tmp_path: Path) -> None:
    other = Memory(tmp_path / "seen", bytes([1]) * 32)
    verify(other, at(10, 20, head=1, root=1), node="other", branch=1)
    assert furthest(memory) == SEEN


def test_a_damaged_memory_is_named_and_not_overwritten(memory: Memory, tmp_path: Path) -> None:
    path = tmp_path / "seen" / f"{CHAIN.hex()}.json"
    path.write_text("{")
    with pytest.raises(DamagedMemoryError) as caught:
        memory.accept(at(99, 99), node="any", heads={}, now_ms=0)
    assert (caught.value.path, path.read_text()) == (path, "{")


def test_a_claim_is_no_proof_and_locks_nobody_out(memory: Memory) -> None:
    """A node that lies once, three heights ahead, must not make honest nodes contradict it."""
    assert memory.hear(at(13, 23, head=1, root=1), node="liar") == []
    (doubt,) = memory.hear(at(13, 21), node="honest")
    assert "honest claims height 13" in doubt
    assert "liar has claimed height 13" in doubt
    assert furthest(memory) == SEEN


def test_a_claim_that_contradicts_what_was_proven_is_refused(memory: Memory) -> None:
    with pytest.raises(ContradictionError, match="liar shows height 9"):
        memory.hear(at(9, 21), node="liar")
    assert [*memory.contradicting_claims()] == ["liar"]


def test_a_claim_that_contradicts_what_is_not_connected_is_doubted(memory: Memory) -> None:
    verify(memory, at(9, 19), node="slow")
    (doubt,) = memory.hear(at(9, 18), node="odd")
    assert "slow showed height 9" in doubt


def test_the_last_claim_of_each_node_is_kept(memory: Memory) -> None:
    for number in range(70):
        memory.hear(at(11, 20), node=f"node {number}")
    memory.hear(at(12, 20), node="node 69")
    claims = memory.load_claims()
    assert (len(claims), claims["node 69"], "node 5" in claims) == (64, at(12, 20), False)


def test_what_is_proven_ends_doubts(memory: Memory) -> None:
    memory.hear(at(13, 23, head=1, root=1), node="liar")
    memory.hear(at(15, 25), node="ahead")
    verify(memory, at(13, 21), node="audited")
    assert memory.load_claims() == {"ahead": at(15, 25)}
    assert memory.hear(at(14, 22), node="honest") == []


def test_claims_that_cannot_be_read_are_none(memory: Memory, tmp_path: Path) -> None:
    (tmp_path / "seen" / f"{CHAIN.hex()}.claims.json").write_text("{")
    assert memory.load_claims() == {}
    assert memory.hear(at(11, 20), node="first") == []


def test_who_hung_is_remembered_for_a_while_and_until_it_answers(memory: Memory) -> None:
    memory.note_hung({"one", "two"}, answered=(), now_ms=5)
    assert memory.load_hung(now_ms=6) == {"one": 5, "two": 5}
    memory.note_hung((), answered={"one"}, now_ms=7)
    assert memory.load_hung(now_ms=8) == {"two": 5}
    assert memory.load_hung(now_ms=4) == {}
    assert memory.load_hung(now_ms=5 + 3_600_000) == {}


def test_who_hung_is_forgotten_rather_than_a_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    blocked = Memory(tmp_path / "file", CHAIN)
    blocked.note_hung({"one"}, answered=(), now_ms=5)
    assert blocked.load_hung(now_ms=5) == {}
    memory = Memory(tmp_path, CHAIN)
    memory.note_hung({"one"}, answered=(), now_ms=5)
    (file,) = tmp_path.glob("*.hung.json")
    file.write_bytes(b"{")
    assert memory.load_hung(now_ms=5) == {}


def test_a_voter_that_convicts_itself_again_and_again_fills_no_disk(memory: Memory) -> None:
    made = [
        DoubleVote(first=vote("bw-1", term=term), second=vote("eu-1", term=term))
        for term in range(1, MAX_EVIDENCE_FILES + 3)
    ]
    files = [memory.keep_evidence(one) for one in made]
    assert files[MAX_EVIDENCE_FILES:] == [None, None]
    assert memory.keep_evidence(made[0]) == files[0]
    kept = [one for one in files if one is not None]
    assert len({one for one in kept if one.is_file()}) == MAX_EVIDENCE_FILES
