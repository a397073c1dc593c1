"""A thread that makes one call after another for an event loop.

What ``run_in_executor`` does, for a single thread and without its two futures a call: the way to
the other thread and back is walked for every block.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Worker(Generic[P, T]):
    """Makes calls of one function; belongs to the event loop in which it was made."""

    def __init__(self, function: Callable[P, T], *, name: str) -> None:
        """Start the thread."""
        self._function = function
        self._loop = asyncio.get_running_loop()
        self._calls: SimpleQueue[tuple[asyncio.Future[T], Callable[[], T]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Begin a call when those before it are done."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._calls.put((future, lambda: self._function(*args, **kwargs)))
        return future

    async def close(self) -> None:
        """Wait until every call is done, and end the thread."""
        self._calls.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while (waiting := self._calls.get()) is not None:
            future, call = waiting
            try:
                result = call()
            except Exception as error:  # noqa: BLE001 (it is for the caller to judge)
                self._loop.call_soon_threadsafe(_fail, future, error)
            else:
                self._loop.call_soon_threadsafe(_succeed, future, result)


def _succeed(future: asyncio.Future[T], result: T) -> None:
    # Whoever waited may have been cancelled meanwhile.
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
