"""Signatures are verified in other threads; messages of a peer keep their order meanwhile."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest
from attacks.forgeries import forge
from founding import make_genesis, opening_events

from kpledger.base.errors import BadSignatureError
from kpledger.log.block import MAX_BLOCK_BYTES
from kpledger.log.statements import Electorate
from kpledger.scheme.envelope import decode_envelope
from kpnode.raft import (
    AppendRequest,
    Entry,
    EntryKind,
    HeartbeatRequest,
    Index,
    Message,
    MessageBody,
    NodeId,
    PreVoteRequest,
    Term,
)
from kpnode.runtime.incoming import Incoming
from kpnode.runtime.verifier import Verifier
from kpnode.signatures import Signatures

ENVELOPES = opening_events("BW/gaborone")
LARGE = bytes(10_000)
"""No block, and too much to look at in the step."""


@pytest.fixture
async def verifier() -> AsyncIterator[Verifier]:
    verifier = Verifier(Signatures(), name="test")
    verifier.start()
    yield verifier
    await verifier.close()


def say(peer: str, body: MessageBody) -> Message:
    return Message(NodeId(peer), NodeId("bw-1"), body)


def append(payload: bytes) -> AppendRequest:
    entry = Entry(Index(1), Term(1), EntryKind.BLOCK, payload)
    return AppendRequest(Term(1), Index(0), Term(0), (entry,), Index(0))


def make_incoming(verifier: Verifier, take: Callable[[Message], None]) -> Incoming:
    """Hand on what peers say; eu-1 leads."""
    return Incoming(
        verifier,
        Electorate.of(make_genesis()),
        take,
        find_leader=lambda: NodeId("eu-1"),
        long_verifier=verifier,
    )


BEAT = HeartbeatRequest(Term(1), Index(0), 0)


async def test_each_event_gets_its_own_answer(verifier: Verifier) -> None:
    events = [decode_envelope(one) for one in (ENVELOPES[0], forge(ENVELOPES[1]), ENVELOPES[2])]
    found = [await one for one in [verifier.begin_event(event) for event in events]]
    assert [type(error) for error in found] == [type(None), BadSignatureError, type(None)]
    assert [verifier.signatures.knows(event) for event in events] == [True, False, True]


async def test_no_job_is_done_in_the_thread_of_the_loop(verifier: Verifier) -> None:
    threads: set[int] = set()
    jobs = [verifier.begin(lambda: threads.add(threading.get_ident())) for _ in range(40)]
    assert await asyncio.gather(*jobs) == [None] * 40
    assert threads
    assert threading.get_ident() not in threads


async def test_who_has_given_up_disturbs_nobody(verifier: Verifier) -> None:
    first, second = verifier.begin(lambda: None), verifier.begin(lambda: None)
    first.cancel()
    assert await second is None


async def test_messages_of_a_peer_keep_their_order_and_let_those_of_others_pass(
    verifier: Verifier,
) -> None:
    release, done = threading.Event(), asyncio.Event()

    def wait() -> None:
        release.wait(10)

    # The thread is busy.
    _ = verifier.begin(wait)
    await asyncio.sleep(0)
    taken: list[Message] = []

    def take(message: Message) -> None:
        taken.append(message)
        if len(taken) == 4:
            done.set()

    incoming = make_incoming(verifier, take)
    blocks, after, other = say("eu-1", append(LARGE)), say("eu-1", BEAT), say("za-1", BEAT)
    for message in (blocks, after, after, other):
        incoming.take(message)
    assert taken == [other]
    release.set()
    async with asyncio.timeout(10):
        await done.wait()
    assert taken == [other, blocks, after, after]


async def test_what_waits_of_a_peer_is_bounded(verifier: Verifier) -> None:
    """However little the thread gets done: a liar would fill the memory else."""
    release = threading.Event()

    def wait() -> None:
        release.wait(10)

    _ = verifier.begin(wait)
    await asyncio.sleep(0)
    taken: list[Message] = []
    incoming = make_incoming(verifier, taken.append)
    blocks, other = say("eu-1", append(bytes(MAX_BLOCK_BYTES))), say("za-1", BEAT)
    for _ in range(100):
        incoming.take(blocks)
    incoming.take(other)
    assert taken == [other]
    release.set()
    async with asyncio.timeout(10):
        while taken[-1].sender != "eu-1" or taken[-1].body != BEAT:
            incoming.take(say("eu-1", BEAT))
            await asyncio.sleep(0)
    assert 1 < taken.count(blocks) <= (64 << 20) // MAX_BLOCK_BYTES


async def test_blocks_are_verified_of_the_leader_alone(verifier: Verifier) -> None:
    """Whoever else sends some is told so by the notary, which costs next to nothing."""
    taken: list[Message] = []
    incoming = make_incoming(verifier, taken.append)
    for sender in ("eu-1", "za-1"):
        incoming.take(say(sender, append(LARGE)))
    assert [one.sender for one in taken] == ["za-1"]


async def test_proofs_of_a_peer_are_verified_up_to_so_many_bytes(verifier: Verifier) -> None:
    taken: list[Message] = []
    incoming = make_incoming(verifier, taken.append)
    shown = PreVoteRequest(Term(1), Index(0), Term(0), attached=bytes(1 << 20))
    for _ in range(100):
        incoming.take(say("za-1", shown))
    incoming.take(say("za-1", BEAT))
    async with asyncio.timeout(10):
        while not taken or taken[-1].body != BEAT:  # noqa: ASYNC110 (no event)
            await asyncio.sleep(0)
    assert 1 < len(taken) < 12
    # What was in vain is held against it.
    for _ in range(100):
        incoming.take(say("za-1", shown))
    assert incoming.pause_s(NodeId("za-1")) > 0
    assert incoming.pause_s(NodeId("eu-1")) <= 0


async def test_a_peer_is_read_at_a_pace_whatever_it_says(verifier: Verifier) -> None:
    incoming = make_incoming(verifier, lambda _: None)
    talkative, quiet = NodeId("za-1"), NodeId("eu-1")
    pauses = [incoming.pause_s(talkative) for _ in range(20_000)]
    assert pauses[0] <= 0
    assert pauses[-1] > 0
    assert incoming.pause_s(quiet) <= 0


async def test_who_is_no_voter_is_not_heard(verifier: Verifier) -> None:
    taken: list[Message] = []
    incoming = make_incoming(verifier, taken.append)
    incoming.take(say("nobody", BEAT))
    assert taken == []
