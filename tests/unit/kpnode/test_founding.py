"""Founding a network: who runs a node, who votes, and whom those know that do not."""

from pathlib import Path

import pytest

from kpledger.log.genesis import NO_QUOTAS
from kpnode.config import BooksStart, load_config
from kpnode.errors import SetupError
from kpnode.founding import (
    CONFIG_NAME,
    KNOWN_TO_REPLICA,
    PEER_PORT_OFFSET,
    PlannedNode,
    found_network,
    plan_nodes,
    read_members,
)

MEMBERS = read_members(Path(__file__).parents[3] / "config" / "data" / "participants.csv")
PORT = 7600


def plan_world() -> tuple[PlannedNode, ...]:
    return plan_nodes(MEMBERS, 7, PORT, replicas=54)


def test_every_participant_runs_one_node_of_the_world() -> None:
    nodes = plan_world()
    assert sorted(node.participant for node in nodes) == sorted(one.code for one in MEMBERS)
    assert len({node.name for node in nodes}) == 61
    assert [node.name for node in nodes[:7]] == [node.name for node in plan_nodes(MEMBERS, 7, PORT)]
    ports = {address.port for node in nodes for address in (node.api, node.peers)}
    assert ports == {*range(PORT, PORT + 61), *range(PORT + PEER_PORT_OFFSET, PORT + 161)}


def test_replicas_follow_nodes_that_hear_the_voters_themselves() -> None:
    nodes = plan_world()
    hears: set[str] = set()
    for node in nodes:
        assert len(set(node.follows)) == (KNOWN_TO_REPLICA if node not in nodes[:7] else 0)
        assert hears.issuperset(node.follows)
        hears.add(node.name)
    followed = {name for node in nodes for name in node.follows}
    assert followed - {node.name for node in nodes[:7]}, "nobody follows a replica"
    assert plan_world() == nodes, "another network of this size is another one"


@pytest.mark.parametrize(("voters", "replicas"), [(1, 1), (1, 2), (2, 3)])
def test_few_nodes_know_all_that_there_are(voters: int, replicas: int) -> None:
    first, *_ = nodes = plan_nodes(MEMBERS, voters, PORT, replicas=replicas)
    assert {*nodes[voters].follows} == {node.name for node in nodes[:voters]}
    assert first.follows == ()


@pytest.mark.parametrize(
    ("voters", "replicas", "problem"),
    [
        (0, 0, "0 voters; from 1 to 9 are possible here"),
        (10, 0, "10 voters; from 1 to 9 are possible here"),
        (7, -1, "-1 replicas; from 0 to 54 are possible beside the voters"),
        (7, 55, "55 replicas; from 0 to 54 are possible beside the voters"),
    ],
)
def test_more_nodes_than_participants_are_refused(voters: int, replicas: int, problem: str) -> None:
    with pytest.raises(SetupError) as caught:
        plan_nodes(MEMBERS, voters, PORT, replicas=replicas)
    assert str(caught.value) == problem


def test_a_network_is_founded_with_nodes_that_do_not_vote(tmp_path: Path) -> None:
    nodes = plan_nodes(MEMBERS, 2, PORT, replicas=3)
    genesis = found_network(tmp_path, MEMBERS, nodes, api_tls=False, policy=NO_QUOTAS)
    assert genesis.file.voters == tuple(sorted(node.name for node in nodes[:2]))
    assert [node.name for node in genesis.file.nodes] == [node.name for node in nodes]
    for node in nodes:
        config = load_config(tmp_path / node.name / CONFIG_NAME)
        votes = node.name in genesis.file.voters
        assert {*config.peers.addresses} == {*(genesis.file.voters if votes else node.follows)}
        assert config.books.start is (BooksStart.ALWAYS if votes else BooksStart.ASKED)
        assert config.node.database.is_dir()
