"""Signatures of blocks that a node takes in which does not vote: in threads, or beside it.

One that is far behind has more to verify than to do anything else. So there is a process for that,
for as long as whole windows of blocks come; it has nothing but what is sent to it, and ends with
the node. What it has not verified is verified where it is executed.
"""

import asyncio
import multiprocessing
import signal
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from typing import Final

from kpledger.base.errors import LedgerError
from kpnode.process import end_with_parent
from kpnode.runtime.verifier import Verifier
from kpnode.signatures import Signatures

BULK_BYTES: Final = 256 << 10
"""Of blocks that are proven at once: a node that is current has a few at a time."""


class BlockChecker:
    """Verifies what is signed in blocks, before they are executed; belongs to one event loop."""

    def __init__(self, verifier: Verifier, leader_keys: Mapping[str, bytes]) -> None:
        """Verify by a verifier's thread, and remember it where that does."""
        self._verifier = verifier
        self._leader_keys = dict(leader_keys)
        self._process: ProcessPoolExecutor | None = None

    async def check(self, payloads: Sequence[bytes]) -> None:
        """Verify blocks as far as they verify; what does not is found when it is executed."""
        if sum(map(len, payloads)) < BULK_BYTES:
            self.close()
        else:
            try:
                await self._check_beside(payloads)
            except (BrokenProcessPool, OSError):
                # Killed, or this machine has no room for it.
                self.close()
            else:
                return
        check = partial(self._verifier.signatures.check_block, leader_keys=self._leader_keys)
        await self._verifier.do([partial(check, one) for one in payloads])

    async def _check_beside(self, payloads: Sequence[bytes]) -> None:
        if self._process is None:
            spawn = multiprocessing.get_context("spawn")
            self._process = ProcessPoolExecutor(1, spawn, initializer=_begin)
        loop = asyncio.get_running_loop()
        verified = await loop.run_in_executor(
            self._process, verify_blocks, payloads, self._leader_keys
        )
        self._verifier.signatures.note(verified)

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.shutdown(wait=False, cancel_futures=True)
            self._process = None


def verify_blocks(payloads: Sequence[bytes], leader_keys: Mapping[str, bytes]) -> set[bytes]:
    """Verify what is signed in blocks; gives what :class:`Signatures` remembers of it."""
    signatures = Signatures()
    for payload in payloads:
        with suppress(LedgerError):
            signatures.check_block(payload, leader_keys)
    return signatures.verified


def _begin() -> None:
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
