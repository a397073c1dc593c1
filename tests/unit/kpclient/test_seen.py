"""What was seen is not forgotten, and what contradicts it is not believed."""

from pathlib import Path

import pytest

from kpclient.seen import ContradictionError, DamagedMemoryError, Memory, Position

CHAIN = bytes(32)


def at(height: int, size: int, *, head: int = 0, root: int = 0) -> Position:
    """Give a position whose head and root follow from height and size, unless they are forged."""
    return Position(
        height=height,
        head=bytes([head, height]) + bytes(30),
        tree_size=size,
        tree_root=bytes([root, size]) + bytes(30),
    )


SEEN = at(10, 20)


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    memory = Memory(tmp_path / "seen", CHAIN)
    memory.accept(SEEN, node="first")
    return memory


def test_nothing_is_known_at_first(tmp_path: Path) -> None:
    assert Memory(tmp_path, CHAIN).load() is None


def test_the_furthest_position_is_kept(memory: Memory, tmp_path: Path) -> None:
    memory.accept(at(12, 20), node="ahead")
    assert Memory(tmp_path / "seen", CHAIN).load() == at(12, 20)


@pytest.mark.parametrize("shown", [SEEN, at(9, 20), at(9, 19), at(1, 0)])
def test_a_node_that_lags_is_believed_and_changes_nothing(memory: Memory, shown: Position) -> None:
    memory.accept(shown, node="slow")
    assert memory.load() == SEEN


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(at(10, 20, head=1), id="one height, two heads"),
        pytest.param(at(11, 20, root=1), id="one size, two roots, ahead"),
        pytest.param(at(9, 20, root=1), id="one size, two roots, behind"),
        pytest.param(at(11, 19), id="more blocks, fewer events"),
        pytest.param(at(9, 21), id="fewer blocks, more events"),
    ],
)
def test_a_contradiction_is_refused_and_both_sides_are_kept(
    memory: Memory, shown: Position
) -> None:
    with pytest.raises(ContradictionError, match="liar shows height") as caught:
        memory.accept(shown, node="liar")
    for digest in (SEEN.head, SEEN.tree_root, shown.head, shown.tree_root):
        assert digest.hex() in str(caught.value)
    assert memory.load() == SEEN


def test_each_ledger_has_a_memory_of_its_own(memory: Memory, tmp_path: Path) -> None:
    other = Memory(tmp_path / "seen", bytes([1]) * 32)
    other.accept(at(10, 20, head=1, root=1), node="other")
    assert memory.load() == SEEN


def test_a_damaged_memory_is_named_and_not_overwritten(memory: Memory, tmp_path: Path) -> None:
    path = tmp_path / "seen" / f"{CHAIN.hex()}.json"
    path.write_text("{")
    with pytest.raises(DamagedMemoryError) as caught:
        memory.accept(at(99, 99), node="any")
    assert (caught.value.path, path.read_text()) == (path, "{")


def test_a_claim_is_no_proof_and_locks_nobody_out(memory: Memory) -> None:
    """A node that lies once, three heights ahead, must not make honest nodes contradict it."""
    assert memory.hear(at(13, 23, head=1, root=1), node="liar") == []
    (doubt,) = memory.hear(at(13, 21), node="honest")
    assert "honest claims height 13" in doubt
    assert "liar has claimed height 13" in doubt
    assert memory.load() == SEEN


def test_a_claim_that_contradicts_what_was_proven_is_refused(memory: Memory) -> None:
    with pytest.raises(ContradictionError, match="liar shows height 9"):
        memory.hear(at(9, 21), node="liar")
    assert memory.load_claims() == {}


def test_the_last_claim_of_each_node_is_kept(memory: Memory) -> None:
    for number in range(70):
        memory.hear(at(11, 20), node=f"node {number}")
    memory.hear(at(12, 20), node="node 69")
    claims = memory.load_claims()
    assert (len(claims), claims["node 69"], "node 5" in claims) == (64, at(12, 20), False)


def test_what_is_proven_ends_doubts(memory: Memory) -> None:
    memory.hear(at(13, 23, head=1, root=1), node="liar")
    memory.hear(at(15, 25), node="ahead")
    memory.accept(at(13, 21), node="audited")
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
