"""A core is taken apart and put together again without losing anything."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import pytest
from lab.explorer.acts import (
    Act,
    Beat,
    Deliver,
    Flush,
    Lapse,
    Manner,
    Report,
    Restart,
    Timeout,
)
from lab.explorer.bounds import Bounds
from lab.explorer.local import Disk, Local
from lab.explorer.snapshot import DISK, Plain, SnapshotError, freeze, rename, thaw

from kpnode.raft import (
    ConfigProposed,
    Configuration,
    Message,
    NodeId,
    Proposed,
    RaftCore,
    ReadRequested,
    TransferRequested,
)
from kpnode.raft.state import Leadership

BOUNDS = Bounds(nodes=3, terms=9, window=2)
NAMES = BOUNDS.names
ROTATED: dict[str, str] = dict(zip(NAMES, (*NAMES[1:], NAMES[0]), strict=True))


@dataclass
class Cell:
    value: object = None


@dataclass(frozen=True)
class Stone:
    value: int = 0


class Odd:
    """Has a slot, an attribute of its own, and one that nobody declared."""

    __slots__ = ("__dict__", "slot")

    def __init__(self) -> None:
        self.slot = [1]
        self.declared = deque([2])
        vars(self)["undeclared"] = {NodeId("n1"): (3, b"4", None, True)}


def first(name: NodeId) -> Local:
    return Local.first(BOUNDS.settings(name), BOUNDS.genesis, RaftCore, Disk)


def life(seed: int, steps: int) -> Iterator[tuple[NodeId, Act, Manner, dict[NodeId, Local]]]:
    """Let three nodes live by chance; yield what happens before it does."""
    prng = Random(seed)
    nodes = {name: first(name) for name in NAMES}
    flying: list[Message] = []
    for number in range(steps):
        name = prng.choice(NAMES)
        acts: list[Act] = [
            Timeout(),
            Beat(),
            Lapse(),
            Report(),
            Flush(),
            Restart(prng.random() < 0.5, BOUNDS.genesis),
            Proposed(number, b"%d" % number),
            ConfigProposed(number, Configuration(tuple(sorted(prng.sample(NAMES, 2))))),
            ReadRequested(number),
            TransferRequested(number, prng.choice(NAMES)),
        ]
        act = prng.choice(acts)
        if flying and prng.random() < 0.8:
            message = flying.pop(prng.randrange(len(flying)))
            name, act = message.recipient, Deliver(message)
        late = prng.random() < 0.2
        held = prng.random() < 0.2 and not isinstance(act, Flush)
        manner = Manner(held=held, late=late, silent=prng.random() < 0.5)
        yield name, act, manner, nodes
        if nodes[name].core.status().term < BOUNDS.terms or not isinstance(act, Timeout):
            # In which order a node sends is not part of its snapshot.
            flying += sorted(nodes[name].step(act, manner).outgoing, key=repr)


def reachable(value: object, seen: set[int], disk: object) -> Iterator[tuple[str, str]]:
    """Yield every (class, attribute) that can be reached, found in another way than the walk."""
    if id(value) in seen or value is disk:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        for key, held in value.items():
            yield from reachable(key, seen, disk)
            yield from reachable(held, seen, disk)
    elif isinstance(value, list | tuple | deque):
        for held in value:
            yield from reachable(held, seen, disk)
    elif type(value).__module__.startswith("kpnode.raft") and not hasattr(value, "_name_"):
        for name in dir(value):
            found = getattr(type(value), name, None)
            is_slot = type(found).__name__ == "member_descriptor"
            if is_slot or name in getattr(value, "__dict__", ()):
                yield f"{type(value).__module__}:{type(value).__qualname__}", name
                yield from reachable(getattr(value, name), seen, disk)


def attributes(plain: Plain) -> Iterator[tuple[str, str]]:
    if not isinstance(plain, tuple):
        return
    if isinstance(plain[0], str) and ":" in plain[0] and isinstance(plain[1], tuple):
        yield from ((plain[0], str(name)) for name in plain[1])
    for part in plain:
        yield from attributes(part)


def test_snapshot_holds_every_attribute_that_can_be_reached() -> None:
    seen: set[tuple[str, str]] = set()
    for name, _, _, nodes in life(1, 400):
        local = nodes[name]
        expected = set(reachable(local.core, set(), local.disk))
        assert expected <= set(attributes(local.freeze()))
        seen |= expected
    assert ("kpnode.raft.reads:ReadQueue", "_rounds") in seen
    assert ("kpnode.raft.progress:Progress", "_paused") in seen
    assert ("kpnode.raft.state:Transfer", "asked") in seen
    assert ("kpnode.raft.log:RaftLog", "_batches") in seen


def test_new_field_is_part_of_the_snapshot_from_the_day_it_is_added() -> None:
    local = first(NAMES[0])
    before = local.freeze()
    vars(local.core._state)["added_tomorrow"] = deque([NodeId("n2")])
    after = local.freeze()
    assert before != after
    restored = Local.thaw(after)
    assert vars(restored.core._state)["added_tomorrow"] == deque([NodeId("n2")])
    assert restored.freeze() == after


def test_any_object_of_ours_comes_back_equal_in_all_parts() -> None:
    odd = thaw(freeze(Odd()))
    assert isinstance(odd, Odd)
    assert (odd.slot, odd.declared) == ([1], deque([2]))
    assert vars(odd)["undeclared"] == {"n1": (3, b"4", None, True)}


def remembers() -> object:
    held = [1]
    return lambda: held


@pytest.mark.parametrize("value", [{1, 2}, remembers(), bytearray(b"x"), iter([1]), 1.5])
def test_what_cannot_be_restored_exactly_is_refused(value: object) -> None:
    with pytest.raises(SnapshotError):
        freeze(Cell([value]))


def test_object_that_two_others_share_is_refused() -> None:
    shared = [1]
    with pytest.raises(SnapshotError, match="shared"):
        freeze([Cell(shared), Cell(shared)])


def test_immutable_values_may_be_shared() -> None:
    stone = Stone(3)
    assert thaw(freeze([stone, stone])) == [stone, stone]


def test_core_refers_to_its_disk_and_the_restored_one_to_the_restored_disk() -> None:
    local = first(NAMES[0])
    plain = freeze(local.core, local.disk)
    assert (DISK,) in list(leaves(plain))
    restored = Local.thaw(local.freeze())
    assert restored.core._state.log._reader is restored.disk
    assert restored.disk is not local.disk


def leaves(plain: Plain) -> Iterator[Plain]:
    yield plain
    if isinstance(plain, tuple):
        for part in plain:
            yield from leaves(part)


@pytest.mark.parametrize("seed", range(8))
def test_restored_node_does_what_one_does_that_was_never_taken_apart(seed: int) -> None:
    leaders = 0
    for name, act, manner, nodes in life(seed, 300):
        restored = Local.thaw(nodes[name].freeze())
        twin = Local.thaw(nodes[name].freeze())
        assert restored.freeze() == nodes[name].freeze()
        pumped = restored.step(act, manner)
        assert twin.step(act, manner) == pumped
        assert restored.freeze() == twin.freeze()
        leaders += isinstance(restored.core._state.role_state, Leadership)
    assert leaders


@pytest.mark.parametrize("seed", range(8))
def test_life_of_restored_nodes_is_the_life_of_untouched_ones(seed: int) -> None:
    untouched = list(snapshots(life(seed, 300), restore=False))
    restored = list(snapshots(life(seed, 300), restore=True))
    assert untouched == restored
    assert sum(before != after for before, after in pairwise(untouched)) > 100


def snapshots(
    lived: Iterator[tuple[NodeId, Act, Manner, dict[NodeId, Local]]], *, restore: bool
) -> Iterator[Plain]:
    for name, _, _, nodes in lived:
        plain = nodes[name].freeze()
        if restore:
            nodes[name] = Local.thaw(plain)
        yield plain


@pytest.mark.parametrize("seed", range(8))
def test_step_of_the_renamed_node_is_the_renamed_step(seed: int) -> None:
    for name, act, manner, nodes in life(seed, 300):
        plain = nodes[name].freeze()
        local, renamed = Local.thaw(plain), Local.thaw(rename(plain, ROTATED))
        other = thaw(rename(freeze(act), ROTATED))
        led = isinstance(local.core._state.role_state, Leadership)
        sent = local.step(act, manner).outgoing
        sent_by_renamed = renamed.step(other, manner).outgoing  # type: ignore[arg-type]
        if led and not isinstance(local.core._state.role_state, Leadership):
            continue  # a removed leader chooses among equal successors by name; see `steps`
        assert rename(local.freeze(), ROTATED) == renamed.freeze()
        assert sorted(repr(rename(freeze(one), ROTATED)) for one in sent) == sorted(
            repr(freeze(one)) for one in sent_by_renamed
        )


def test_renaming_reaches_voters_in_payloads_and_keeps_them_ascending() -> None:
    proposed = ConfigProposed(0, Configuration((NodeId("n2"), NodeId("n3"))))
    renamed = thaw(rename(freeze(proposed), ROTATED))
    assert renamed == ConfigProposed(0, Configuration((NodeId("n1"), NodeId("n3"))))


@dataclass
class Growing:
    values: list[int] = field(default_factory=list)


def test_restored_value_shares_nothing_that_can_change() -> None:
    growing = Growing([1])
    plain = freeze(growing)
    copy = thaw(plain)
    growing.values.append(2)
    assert copy == Growing([1])
    assert thaw(plain) == Growing([1])
