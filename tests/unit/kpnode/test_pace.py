"""Small steps are made in place until one takes long; then others are served meanwhile."""

import pytest
from founding import opening_events

from kpledger.scheme.envelope import decode_envelope
from kpnode.raft import (
    AppendRequest,
    Entry,
    EntryKind,
    HeartbeatReply,
    Index,
    Message,
    NodeId,
    Received,
    Term,
    Tick,
)
from kpnode.runtime.pace import Pace
from kpnode.step import EngineInput

EVENT = decode_envelope(opening_events("BW/gaborone")[0])


def may_save(item: EngineInput) -> bool:
    return isinstance(item, Received) and isinstance(item.message.body, AppendRequest)


@pytest.fixture
def pace() -> Pace:
    return Pace(may_save)


def received(body: AppendRequest | HeartbeatReply) -> Received:
    return Received(Message(NodeId("eu-2"), NodeId("bw-1"), body))


def append(payload: bytes) -> Received:
    entry = Entry(Index(1), Term(1), EntryKind.BLOCK, payload)
    return received(AppendRequest(Term(1), Index(0), Term(0), (entry,), Index(0)))


def test_few_events_and_small_blocks_stay(pace: Pace) -> None:
    assert pace.is_quick([], [EVENT])
    assert pace.is_quick([append(bytes(600))], [])


def test_many_events_and_large_blocks_go_elsewhere(pace: Pace) -> None:
    assert not pace.is_quick([], [EVENT] * 9)
    assert not pace.is_quick([append(bytes(8000)), append(bytes(600))], [])


def test_after_a_slow_step_what_may_save_goes_elsewhere_for_a_while(pace: Pace) -> None:
    pace.took(0.01)
    detours = 0
    while not pace.is_quick([append(bytes(600))], []):
        detours += 1
        # What saves nothing waits for no disk.
        assert pace.is_quick([Tick(), received(HeartbeatReply(Term(1), 0, Index(0)))], [])
    assert detours == 256
    pace.took(0.001)
    assert pace.is_quick([], [EVENT])
