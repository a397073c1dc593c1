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

from kpclient.errors import EXIT_REFUSED, EXIT_UNDECIDED, ClientError, UsageError
from kpclient.net.node_client import split_urls
from kpclient.replay.copied_chain import NotACopyError, StoredBlock, UnreadableBlock, open_copy
from kpclient.replay.served_chain import ServedChain
from kpclient.replay.verification import Chain, audit_chain
from kpledger.books.writer import BooksWriter
from kpledger.log.audit import AuditReport, AuditVerdict
from kpledger.log.genesis import Genesis


class NotSoundError(ClientError):
    """A chain that does not follow from the genesis file: a block violates the rules.

    Attributes:
        report: what the audit says.
    """

    EXIT_CODE: ClassVar[int] = EXIT_REFUSED

    def __init__(self, report: AuditReport) -> None:
        """Say which block, and what is wrong with it."""
        at = f"block {report.first_bad_height} at {report.field}"
        super().__init__(f"the chain is not sound: {at}: {report.problem}")
        self.report = report


class NotDecidedError(ClientError):
    """A chain that could not be read to its end, or holds nothing.

    Attributes:
        report: what the audit says.
    """

    EXIT_CODE: ClassVar[int] = EXIT_UNDECIDED

    def __init__(self, report: AuditReport) -> None:
        """Say how far it is sound, and why no further."""
        super().__init__(f"{report.problem} (sound up to height {report.height})")
        self.report = report


def open_served(genesis: Genesis, nodes: str, *, timeout_s: float) -> ServedChain:
    """Give the chain of the first node that answers.

    Raises:
        UsageError: no node is named.
        ClientError: none answers; says why not.
    """
    urls = split_urls(nodes)
    if not urls:
        raise UsageError("--node", "no node is named", "--node URL, or --copy DIR")
    return ServedChain(genesis, urls, timeout_s=timeout_s)


def open_copied(directory: Path) -> Chain:
    """Give the chain in a copy of a stopped node's directory.

    Raises:
        UsageError: there is none.
    """
    try:
        return open_copy(directory.expanduser())
    except NotACopyError as error:
        accepted = "a copy of the directory of a stopped node"
        raise UsageError("--copy", str(error), accepted) from None


def replay(
    genesis: Genesis,
    chain: Chain,
    connection: sqlite3.Connection,
    *,
    jobs: int | None = None,
) -> AuditReport:
    """Verify a chain from its first block to its end, and write the books that it makes.

    Args:
        genesis: what is trusted.
        chain: its blocks from height 1 on.
        connection: to an empty database; worth nothing if the chain turns out not to be sound.
        jobs: how many other processes verify signatures; None: as many as there are cores.

    Raises:
        NotSoundError: a block violates the protocol or the rules.
        NotDecidedError: not all of it can be read, or there is nothing in it.
    """
    writer = BooksWriter(connection, genesis)
    report = audit_chain(
        genesis,
        chain,
        jobs=len(os.sched_getaffinity(0)) if jobs is None else jobs,
        observe=lambda executed: writer.append(executed.header, executed.events),
    )
    match report.verdict:
        case AuditVerdict.SOUND:
            writer.complete()
            return report
        case AuditVerdict.VIOLATION:
            raise NotSoundError(report)
        case AuditVerdict.UNDECIDED:
            raise NotDecidedError(report)


def counted(
    chain: Chain, advance: Callable[[int], None]
) -> Iterator[StoredBlock | UnreadableBlock]:
    """Give the blocks of a chain, and tell of each that was taken."""
    for block in chain:
        yield block
        advance(1)
