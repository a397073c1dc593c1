"""Majorities are counted in each configuration by itself."""

import pytest
from hypothesis import given, strategies as st

from kpnode.raft import Configuration, NodeId
from kpnode.raft.membership import is_quorum, quorum_value


def configs(*voters: str) -> tuple[Configuration, ...]:
    return tuple(Configuration(tuple(NodeId(name) for name in names)) for names in voters)


@pytest.mark.parametrize(
    ("voters", "nodes", "expected"),
    [
        (("a",), "a", True),
        (("a",), "b", False),
        (("ab",), "a", False),
        (("ab",), "ab", True),
        (("abc",), "ac", True),
        (("abcd",), "ab", False),
        (("abcd",), "abc", True),
        (("abcde",), "abc", True),
        (("abc", "cde"), "ab", False),
        (("abc", "cde"), "abd", False),
        (("abc", "cde"), "acd", True),
    ],
)
def test_majority_of_each_configuration_is_needed(
    voters: tuple[str, ...], nodes: str, *, expected: bool
) -> None:
    assert is_quorum(configs(*voters), [NodeId(name) for name in nodes]) is expected


def test_union_of_configurations_is_not_asked() -> None:
    """Four of the six are a majority of all, and still the old configuration has its say."""
    assert not is_quorum(configs("ab", "cdef"), [NodeId(name) for name in "acdef"])


@given(st.lists(st.sampled_from(["abc", "cde", "ade", "b"]), min_size=1), st.data())
def test_quorum_value_is_the_highest_a_quorum_has_reached(
    voters: list[str], data: st.DataObject
) -> None:
    values = {NodeId(name): data.draw(st.integers(0, 9)) for name in "abcde"}
    value = quorum_value(configs(*voters), values)

    def reached(least: int) -> list[NodeId]:
        return [node for node, has in values.items() if has >= least]

    assert is_quorum(configs(*voters), reached(value))
    assert not is_quorum(configs(*voters), reached(value + 1))


def test_unknown_voter_counts_as_having_nothing() -> None:
    assert quorum_value(configs("abc"), {NodeId("a"): 7}) == 0
