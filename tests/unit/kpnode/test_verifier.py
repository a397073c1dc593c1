"""Signatures are verified in other threads; messages of a peer keep their order meanwhile."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
from attacks.forgeries import forge
from founding import make_genesis, opening_events

from kpledger.base.errors import BadSignatureError
from kpledger.log.statements import Electorate
from kpledger.scheme.envelope import decode_envelope
from kpnode.raft import (
    AppendRequest,
    Entry,
    EntryKind,
    HeartbeatRequest,
    Index,
    Message,
    NodeId,
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


def say(peer: str, body: AppendRequest | HeartbeatRequest) -> Message:
    return Message(NodeId(peer), NodeId("bw-1"), body)


def append(payload: bytes) -> AppendRequest:
    entry = Entry(Index(1), Term(1), EntryKind.BLOCK, payload)
    return AppendRequest(Term(1), Index(0), Term(0), (entry,), Index(0))


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

    incoming = Incoming(verifier, Electorate.of(make_genesis()), take, limit=3)
    blocks, after, other = say("eu-1", append(LARGE)), say("eu-1", BEAT), say("za-1", BEAT)
    for message in (blocks, after, after, after, other):
        incoming.take(message)
    assert taken == [other]
    release.set()
    async with asyncio.timeout(10):
        await done.wait()
    assert taken == [other, blocks, after, after], "one more than may wait is lost"
