"""The core as a whole: what a Ready holds, how it starts, what it shows."""

import pytest
from hypothesis import given, strategies as st
from lab.simulator.cluster import Cluster
from memory_storage import MemoryStorage

from kpnode.raft import (
    AppendRequest,
    Configuration,
    Entry,
    EntryKind,
    HardState,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Input,
    InvariantError,
    Message,
    MessageBody,
    NodeId,
    PeerStatus,
    PreVoteRequest,
    Proposed,
    RaftConfig,
    RaftCore,
    ReadRequested,
    Ready,
    Received,
    Recovered,
    Role,
    RoleChange,
    Status,
    Term,
    Tick,
    TimeoutNow,
    VoteRequest,
    encode_configuration,
)

ALONE = Configuration((NodeId("a"),))


def core(
    storage: MemoryStorage, *, applied: int = 0, configuration: Configuration = ALONE, at: int = 0
) -> RaftCore:
    recovered = Recovered(storage.hard_state, configuration, Index(applied), Index(at))
    return RaftCore(RaftConfig(NodeId("a")), recovered, storage)


def test_core_without_work_is_not_ready() -> None:
    idle = core(MemoryStorage())
    assert not idle.take_ready()
    idle.handle(Tick())
    assert idle.take_ready() == Ready()


def test_ready_holds_what_must_be_saved_beside_what_may_leave() -> None:
    alone = core(MemoryStorage())
    while alone.status().role is not Role.LEADER:
        alone.handle(Tick())
    noop = Entry(Index(1), Term(1), EntryKind.NOOP, b"")
    assert alone.take_ready() == Ready(
        hard_state=HardState(Term(1), NodeId("a")),
        entries=(noop,),
        role=RoleChange(Role.LEADER, Term(1), NodeId("a")),
    )
    assert not alone.take_ready()


@pytest.mark.parametrize("applied", [0, 1, 3])
def test_restart_applies_what_comes_after_the_position_of_the_machine(applied: int) -> None:
    cluster = Cluster("a")
    cluster.elect("a")
    cluster.give("a", Proposed(1, b"1"), Proposed(2, b"2"))
    cluster.restart("a", applied=applied)
    assert cluster.status("a").commit == applied
    cluster.elect("a")
    assert [entry.index for entry in cluster.members["a"].applied] == [1, 2, 3, 4]


def test_log_younger_than_the_hard_state_is_refused() -> None:
    """No crash can cause it: they are saved together. It is another node's disk, or a bad one."""
    storage = MemoryStorage()
    storage.save(None, (Entry(Index(1), Term(2), EntryKind.NOOP, b""),))
    with pytest.raises(InvariantError, match="ends in term 2"):
        core(storage)


def test_configurations_are_found_in_the_log() -> None:
    storage = MemoryStorage()
    second = Configuration((NodeId("a"), NodeId("b")))
    payloads = [encode_configuration(second), encode_configuration(ALONE)]
    entries = [
        Entry(Index(index), Term(1), EntryKind.CONFIG, payload)
        for index, payload in enumerate(payloads, 1)
    ]
    storage.save(HardState(Term(1), None), tuple(entries))
    assert core(storage).status().configurations == (ALONE, second, ALONE)
    assert core(storage, applied=1).status().configurations == (second, ALONE)


def test_configurations_are_found_wherever_they_are_in_a_long_log() -> None:
    storage = MemoryStorage()
    large = [Configuration((NodeId("a"),), b"%d" % index * 600_000) for index in range(4)]
    entries = [
        Entry(Index(index), Term(1), EntryKind.CONFIG, encode_configuration(configuration))
        for index, configuration in enumerate(large, 1)
    ]
    storage.save(HardState(Term(1), None), tuple(entries))
    assert core(storage).status().configurations == (ALONE, *large)


def test_log_is_not_searched_before_the_configuration_that_is_known() -> None:
    storage = MemoryStorage()
    alone = Entry(Index(1), Term(1), EntryKind.CONFIG, encode_configuration(ALONE))
    storage.save(HardState(Term(1), None), (alone,))
    other = Configuration((NodeId("b"),))
    known = core(storage, applied=1, configuration=other, at=1)
    assert known.status().configurations == (other,)


@pytest.mark.parametrize(
    "body",
    [
        AppendRequest(Term(1), Index(1), Term(1), (), Index(1)),
        HeartbeatRequest(Term(1), Index(1), 0),
        TimeoutNow(Term(1)),
        VoteRequest(Term(2), Index(9), Term(1), transfer=True),
        PreVoteRequest(Term(2), Index(9), Term(1)),
        HeartbeatReply(Term(9), 0, Index(0)),
    ],
)
def test_node_does_not_listen_to_itself(body: MessageBody) -> None:
    cluster = Cluster("abc")
    cluster.elect("a")
    cluster.settle()
    before = cluster.status("a")
    assert cluster.tell("a", "a", body) == ()
    assert cluster.status("a") == before


def test_status_shows_the_peers_of_a_leader() -> None:
    cluster = Cluster("ab")
    cluster.elect("a")
    assert cluster.status("a") == Status(
        node=NodeId("a"),
        role=Role.LEADER,
        term=Term(1),
        leader=NodeId("a"),
        voted_for=NodeId("a"),
        commit=Index(1),
        applied=Index(1),
        persisted=Index(1),
        last_index=Index(1),
        last_term=Term(1),
        configurations=(cluster.genesis,),
        peers=(
            PeerStatus(
                node=NodeId("b"),
                match=Index(1),
                next=Index(2),
                in_flight=0,
                probing=False,
                recently_active=True,
            ),
        ),
        transfer_target=None,
    )
    assert cluster.status("b").peers == ()


def inputs(cluster: Cluster, step: str) -> list[Input]:
    """What a step of a script means for node a; for node b it happens at once."""
    match step:
        case "tick a":
            return [Tick()]
        case "propose":
            return [Proposed(1, b"x")]
        case "read":
            return [ReadRequested(1)]
        case "tick b":
            cluster.tick("b")
        case "drop":
            cluster.drop()
        case _:
            arrived = cluster.drop()
            for message in arrived:
                if message.recipient == "b":
                    cluster.give("b", Received(message))
            return [Received(message) for message in arrived if message.recipient == "a"]
    return []


@given(st.lists(st.sampled_from(["tick a", "tick b", "deliver", "drop", "propose", "read"])))
def test_same_inputs_give_the_same_outputs(script: list[str]) -> None:
    """Recorded from a cluster, replayed into a fresh core."""
    cluster = Cluster("ab")
    given_to_a: list[Input] = []
    said: list[Message] = []
    for step in [*["tick a"] * 20, *["deliver"] * 4, *script]:
        for item in inputs(cluster, step):
            given_to_a.append(item)
            said += cluster.give("a", item).outgoing
    replica = Cluster("ab")
    again = [message for item in given_to_a for message in replica.give("a", item).outgoing]
    assert again == said
    assert replica.status("a") == cluster.status("a")
    assert replica.members["a"].applied == cluster.members["a"].applied
