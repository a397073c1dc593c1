"""Values of the core refuse to exist if they make no sense."""

from collections.abc import Callable

import pytest

from kpnode.raft import Configuration, HardState, Index, NodeId, RaftConfig, Recovered, Term
from kpnode.raft.types import MAX_ATTACHMENT_BYTES, MAX_NODE_ID_BYTES, MAX_VOTERS


def voters(*names: str) -> tuple[NodeId, ...]:
    return tuple(NodeId(name) for name in names)


@pytest.mark.parametrize(
    ("names", "attachment", "complaint"),
    [
        ((), b"", "^a configuration needs at least one voter$"),
        (("b", "a"), b"", "ascending"),
        (("a", "a"), b"", "ascending"),
        (("",), b"", "node id"),
        (("x" * (MAX_NODE_ID_BYTES + 1),), b"", "node id"),
        (tuple(f"{n:03}" for n in range(MAX_VOTERS + 1)), b"", "limit"),
        (("a",), b"x" * (MAX_ATTACHMENT_BYTES + 1), "attachment"),
    ],
)
def test_impossible_configuration_is_refused(
    names: tuple[str, ...], attachment: bytes, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Configuration(voters(*names), attachment)


def test_largest_configuration_is_accepted() -> None:
    names = tuple(f"{n:03}".ljust(MAX_NODE_ID_BYTES, "x") for n in range(MAX_VOTERS))
    assert Configuration(voters(*names), b"x" * MAX_ATTACHMENT_BYTES).voters == names


@pytest.mark.parametrize(
    "build",
    [
        lambda: RaftConfig(NodeId("")),
        lambda: RaftConfig(NodeId("a"), election_ticks=2, heartbeat_ticks=2),
        lambda: RaftConfig(NodeId("a"), heartbeat_ticks=0),
        lambda: RaftConfig(NodeId("a"), max_append_entries=0),
        lambda: RaftConfig(NodeId("a"), max_append_bytes=0),
        lambda: RaftConfig(NodeId("a"), window=0),
        lambda: RaftConfig(NodeId("a"), max_uncommitted_bytes=0),
        lambda: RaftConfig(NodeId("a"), max_uncommitted_entries=0),
        lambda: RaftConfig(NodeId("a"), max_waiting_reads=0),
        lambda: RaftConfig(NodeId("a"), max_apply_bytes=0),
    ],
)
def test_settings_that_make_no_sense_are_refused(build: Callable[[], RaftConfig]) -> None:
    with pytest.raises(
        ValueError, match=r"^a node id|^0 < .* hold$|^max.* at least|^window must be at least"
    ):
        build()


def test_longest_name_and_least_settings_are_accepted() -> None:
    name = NodeId("x" * MAX_NODE_ID_BYTES)
    config = RaftConfig(name, 2, 1, 0, 1, 1, 1, 1, 1, 1, 1)
    assert (config.node, config.max_apply_bytes) == (name, 1)


@pytest.mark.parametrize(("applied", "at"), [(1, 2), (0, -1)])
def test_configuration_from_beyond_the_applied_entries_is_refused(applied: int, at: int) -> None:
    """It could still be rolled back, and then nobody would know what to roll back to."""
    with pytest.raises(ValueError, match=r"^0 <= configuration_index <= applied does not hold$"):
        Recovered(HardState(Term(1), None), Configuration(voters("a")), Index(applied), Index(at))
