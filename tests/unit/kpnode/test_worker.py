"""One thread, one call after another, results in the event loop."""

import asyncio
import threading

import pytest

from kpnode.runtime.worker import Worker


async def test_calls_are_made_in_order_in_one_other_thread() -> None:
    calls: list[tuple[int, int]] = []

    def note(number: int) -> int:
        calls.append((number, threading.get_ident()))
        return 2 * number

    worker = Worker(note, name="note")
    assert await asyncio.gather(*(worker.call(number) for number in range(5))) == [0, 2, 4, 6, 8]
    await worker.close()
    assert [number for number, _ in calls] == list(range(5))
    threads = {thread for _, thread in calls}
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_error_is_raised_where_the_call_is_awaited_and_ends_nothing() -> None:
    worker = Worker(int, name="int")
    with pytest.raises(ValueError, match="invalid literal"):
        await worker.call("x")
    assert await worker.call("7") == 7
    await worker.close()


async def test_call_that_nobody_awaits_any_more_is_made_all_the_same() -> None:
    begun, done = threading.Event(), threading.Event()
    release = threading.Event()

    def wait(*, fail: bool) -> None:
        begun.set()
        release.wait(10)
        done.set()
        if fail:
            raise ValueError

    worker = Worker(wait, name="wait")
    futures = [worker.call(fail=False), worker.call(fail=True)]
    await asyncio.to_thread(begun.wait, 10)
    for future in futures:
        future.cancel()
    release.set()
    await worker.close()
    assert done.is_set()
