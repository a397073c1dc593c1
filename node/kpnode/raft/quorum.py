"""Counting: what a majority of every active configuration agrees on.

Always in each configuration by itself, never in their union: a union lets the new voters alone
outvote the old ones (the "election quorum tally" bug of CCF).
"""

from collections.abc import Collection, Mapping

from kpnode.raft.types import Configuration, NodeId


def majority(configuration: Configuration) -> int:
    """Return how many voters are more than half."""
    return len(configuration.voters) // 2 + 1


def is_quorum(configurations: tuple[Configuration, ...], nodes: Collection[NodeId]) -> bool:
    """Tell whether the nodes include a majority of each configuration."""
    return all(
        sum(voter in nodes for voter in configuration.voters) >= majority(configuration)
        for configuration in configurations
    )


def quorum_value(configurations: tuple[Configuration, ...], values: Mapping[NodeId, int]) -> int:
    """Return the highest value that a majority of each configuration has reached."""
    return min(
        sorted((values.get(voter, 0) for voter in configuration.voters), reverse=True)[
            majority(configuration) - 1
        ]
        for configuration in configurations
    )
