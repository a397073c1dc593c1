"""Answering from the whole chain: verified from its first block on, trusting no node.

The audit re-derives every block; books take in each one as it goes, and so end up as those of an
honest node. A node that leaves out a block, or answers otherwise than its own
chain says, is of no consequence here; one that hides the end of the chain is (see
:mod:`kpledger.log.audit`).
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from kpclient.errors import EXIT_REFUSED, ClientError, UsageError
from kpclient.net.node_client import split_urls
from kpclient.output.console import show_progress
from kpclient.replay.copied_chain import CopiedChain, StoredBlock, UnreadableBlock
from kpclient.replay.served_chain import ServedChain
from kpclient.replay.verification import Chain, audit_chain
from kpledger.books.writer import BooksWriter, uncollected
from kpledger.log.audit import AuditReport, AuditVerdict, Observe
from kpledger.log.genesis import Genesis


class NotSoundError(ClientError):
    """A chain that does not follow from the genesis file: a block violates the rules."""

    EXIT_CODE: ClassVar[int] = EXIT_REFUSED


def open_chain(
    genesis: Genesis, *, nodes: str, copy: Path | None, timeout_s: float
) -> ServedChain | CopiedChain:
    """Give the chain in a copy of a stopped node's directory, or else of the first node to answer.

    Raises:
        UsageError: there is no such copy, or no node is named.
        ClientError: no node answers; says why not.
    """
    if copy is not None:
        return CopiedChain(copy.expanduser())
    urls = split_urls(nodes)
    if not urls:
        raise UsageError("--node", "no node is named", "--node URL, or --copy DIR")
    return ServedChain(genesis, urls, timeout_s=timeout_s)


def verify_chain(
    genesis: Genesis,
    chain: ServedChain | CopiedChain,
    *,
    jobs: int | None = None,
    observe: Observe | None = None,
) -> AuditReport:
    """Audit a chain, on all cores unless it is said on how many, and show how far it is."""
    cores = len(os.sched_getaffinity(0)) if jobs is None else jobs
    with show_progress("blocks", chain.height) as advance:
        return audit_chain(genesis, _counted(chain, advance), jobs=cores, observe=observe)


def replay(
    genesis: Genesis, chain: ServedChain | CopiedChain, connection: sqlite3.Connection
) -> AuditReport:
    """Verify a chain from its first block to its end, and write the books that it makes.

    Args:
        genesis: what is trusted.
        chain: its blocks from height 1 on.
        connection: to an empty database; worth nothing if the chain turns out not to be sound.

    Raises:
        NotSoundError: a block violates the protocol or the rules.
        ClientError: not all of it can be read, or there is nothing in it.
    """
    writer = BooksWriter(connection, genesis)
    with uncollected():
        report = verify_chain(
            genesis, chain, observe=lambda executed: writer.append(executed.header, executed.events)
        )
    match report.verdict:
        case AuditVerdict.SOUND:
            writer.complete()
            return report
        case AuditVerdict.VIOLATION:
            at = f"block {report.first_bad_height} at {report.field}"
            raise NotSoundError(f"the chain is not sound: {at}: {report.problem}")
        case AuditVerdict.UNDECIDED:
            raise ClientError(f"{report.problem} (sound up to height {report.height})")


def _counted(
    chain: Chain, advance: Callable[[int], None]
) -> Iterator[StoredBlock | UnreadableBlock]:
    """Give the blocks of a chain, and tell of each that was taken."""
    for block in chain:
        yield block
        advance(1)
