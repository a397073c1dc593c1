"""Signatures of blocks that are verified beside a node that is far behind."""

import asyncio
import multiprocessing
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attacks.forgeries import forge
from founding import found_ledger, make_genesis, opening_events
from neighbours import wait_until
from network import read_line, wait_until_ended

from kpledger.scheme.envelope import decode_envelope
from kpnode.replica.checking import BULK_BYTES, BlockChecker
from kpnode.runtime.verifier import Verifier
from kpnode.signatures import Signatures

KEYS = make_genesis().consensus_keys
ENVELOPES = opening_events("BW/gaborone")
BLOCK = found_ledger().record(*ENVELOPES)
MANY = [BLOCK] * (BULK_BYTES // len(BLOCK) + 1)
NOTHING = b"no block" * 1000
FORGED = forge(ENVELOPES[0])

WAITING = """
import asyncio, multiprocessing, sys
from unit.kpnode.replica.test_checking import MANY, checking

async def main():
    async with checking() as (checker, _):
        await checker.check(MANY)
        print(multiprocessing.active_children()[0].pid, flush=True)
        await asyncio.Event().wait()

if __name__ == "__main__":
    asyncio.run(main())
"""


@asynccontextmanager
async def checking() -> AsyncIterator[tuple[BlockChecker, Signatures]]:
    signatures = Signatures()
    verifier = Verifier(signatures, name="blocks")
    verifier.start()
    checker = BlockChecker(verifier, KEYS)
    try:
        yield checker, signatures
    finally:
        checker.close()
        await verifier.close()


def pids() -> list[int]:
    return [one.pid for one in multiprocessing.active_children() if one.pid]


async def test_much_is_verified_by_a_process_that_ends_when_there_is_little() -> None:
    async with checking() as (checker, signatures):
        await checker.check([BLOCK])
        assert pids() == []
        await checker.check(MANY)
        (pid,) = pids()
        assert all(signatures.knows(decode_envelope(one)) for one in ENVELOPES)
        await checker.check(MANY)
        assert pids() == [pid]
        await checker.check([BLOCK])
        await wait_until(lambda: pids() == [])


async def test_what_does_not_verify_is_not_known_wherever_it_was_looked_at() -> None:
    bad = BLOCK.replace(ENVELOPES[0], FORGED)
    async with checking() as (checker, signatures):
        await checker.check([bad] * len(MANY))
        assert not signatures.knows(decode_envelope(FORGED))
        await checker.check([bad, *MANY])
        assert not signatures.knows(decode_envelope(FORGED))
        assert all(signatures.knows(decode_envelope(one)) for one in ENVELOPES)


async def test_a_node_goes_on_whose_process_is_killed() -> None:
    async with checking() as (checker, signatures):
        await checker.check([NOTHING] * (BULK_BYTES // len(NOTHING)))
        (killed,) = pids()
        os.kill(killed, signal.SIGKILL)
        await checker.check(MANY)
        assert all(signatures.knows(decode_envelope(one)) for one in ENVELOPES)
        await checker.check(MANY)
        assert killed not in pids()


async def test_process_ends_with_a_node_that_is_killed() -> None:
    node = await asyncio.create_subprocess_exec(sys.executable, "-c", WAITING, stdout=PIPE)
    pid = int(await read_line(node))
    node.kill()
    await node.communicate()
    await wait_until_ended(pid)
