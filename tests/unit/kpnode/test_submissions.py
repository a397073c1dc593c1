"""Who waits for an event hears of it, or that time is up."""

import asyncio
import time

import uvloop
from founding import opening_events

from kpledger.scheme.envelope import decode_envelope
from kpnode.submission import Pending, Retry, Submissions

EVENT = decode_envelope(opening_events("BW/gaborone")[0])
OTHER = decode_envelope(opening_events("IN/mumbai")[0])


async def test_deadlines_are_kept_in_any_order() -> None:
    submissions = Submissions(10)
    now_s = time.monotonic()
    late = submissions.wait_for(OTHER.event_id, now_s + 0.06)
    early = submissions.wait_for(EVENT.event_id, now_s + 0.01)
    last = submissions.wait_for(EVENT.event_id, now_s + 3600)
    async with asyncio.timeout(10):
        assert await early == Pending(EVENT.event_id)
        assert await late == Pending(OTHER.event_id)
    assert not last.done()
    assert not submissions.forget(EVENT.event_id, early)
    submissions.answer(EVENT.event_id, Retry())
    assert await last == Retry()


async def test_deadline_that_has_passed_is_up_soon() -> None:
    submissions = Submissions(10)
    future = submissions.wait_for(EVENT.event_id, time.monotonic() - 1)
    async with asyncio.timeout(10):
        assert await future == Pending(EVENT.event_id)
    assert submissions.forget(EVENT.event_id, future)


def test_two_deadlines_that_have_passed_are_up_soon_in_the_loop_of_a_node() -> None:
    """uvloop's timer for what is due already does not tell when it is due."""

    async def wait_twice() -> None:
        submissions = Submissions(10)
        futures = [submissions.wait_for(EVENT.event_id, time.monotonic() - 1) for _ in range(2)]
        async with asyncio.timeout(10):
            assert await asyncio.gather(*futures) == [Pending(EVENT.event_id)] * 2

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(wait_twice())


async def test_nobody_who_has_given_up_is_told() -> None:
    submissions = Submissions(10)
    future = submissions.wait_for(EVENT.event_id, time.monotonic() + 0.01)
    assert submissions.forget(EVENT.event_id, future)
    other = submissions.wait_for(OTHER.event_id, time.monotonic() + 0.05)
    async with asyncio.timeout(10):
        await other
    assert not future.done()
