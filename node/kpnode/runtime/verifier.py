"""Signature arithmetic for an event loop, in a thread of its own.

Neither the loop nor the thread of the core computes: libsodium does, without the interpreter's
lock, while they go on. What is asked for in one turn of the loop travels together, because the way
to another thread and back costs as much as a signature.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from kpledger.base.errors import LedgerError
from kpledger.scheme.event import SignedEvent
from kpnode.runtime.worker import Worker
from kpnode.signatures import Signatures

_CHUNK: Final = 16
"""Jobs in one call, so that who asks for one need not wait for all of a large request."""

Job = Callable[[], None]
"""Verifies something; raises LedgerError where it does not verify."""

_Worker = Worker[[Sequence[Job]], list[LedgerError | None]]


class Verifier:
    """Verifies for one event loop, in which it must be made.

    Attributes:
        signatures: what was verified, remembered.
    """

    def __init__(self, signatures: Signatures, *, name: str) -> None:
        """Prepare; what is asked for waits until :meth:`start`. ``name`` is that of the thread."""
        self.signatures = signatures
        self._name = name
        self._worker: _Worker | None = None
        self._waiting: list[tuple[Job, asyncio.Future[LedgerError | None]]] = []

    def start(self) -> None:
        """Start the thread."""
        self._worker = Worker(_do_all, name=self._name)
        self._send(self._worker)

    async def do(self, jobs: Sequence[Job]) -> list[LedgerError | None]:
        """Do jobs; says of each what is wrong, or None."""
        return [await future for future in [self.begin(job) for job in jobs]]

    def begin_event(self, event: SignedEvent) -> asyncio.Future[LedgerError | None]:
        """Begin to verify an event."""
        return self.begin(partial(self.signatures.check, event))

    def begin(self, job: Job) -> asyncio.Future[LedgerError | None]:
        """Begin a job; its error, or None, is there when it is done."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[LedgerError | None] = loop.create_future()
        if not self._waiting and self._worker is not None:
            loop.call_soon(self._send, self._worker)
        self._waiting.append((job, future))
        return future

    def _send(self, worker: _Worker) -> None:
        waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), _CHUNK):
            part = waiting[first : first + _CHUNK]
            call = worker.call([job for job, _ in part])
            call.add_done_callback(partial(_deliver, [future for _, future in part]))

    async def close(self) -> None:
        """Finish what was begun, and end the thread."""
        if self._worker is not None:
            self._send(self._worker)
            await self._worker.close()


def _do_all(jobs: Sequence[Job]) -> list[LedgerError | None]:
    return [_do(job) for job in jobs]


def _do(job: Job) -> LedgerError | None:
    try:
        job()
    except LedgerError as error:
        return error
    except Exception as error:  # noqa: BLE001 (whoever waits must hear of it, and verified it is not)
        return LedgerError(repr(error))
    return None


def _deliver(
    futures: Sequence[asyncio.Future[LedgerError | None]],
    call: asyncio.Future[list[LedgerError | None]],
) -> None:
    for future, error in zip(futures, call.result(), strict=True):
        # Whoever waited may have been cancelled meanwhile.
        if not future.done():
            future.set_result(error)
