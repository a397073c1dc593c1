"""Verifying a whole chain on all cores: rules in this process, signatures in others.

Rules need the state before each block, so one process executes the blocks in order. Signatures need
nothing but the bytes, and they are the larger half of the work: batches of blocks go to a pool of
processes. A block counts as sound when both have agreed; the report is the same for any number of
processes, because the first bad block is looked for in everything that was begun before it.

The audit re-derives every block; books take in each one as it goes, and so end up as those of an
honest node. A node that leaves out a block, or answers otherwise than its own chain says, is of no
consequence here; one that hides the end of the chain is (see :mod:`kpledger.log.audit`).

Where the blocks come from is told in `kpclient.replay.served_chain` and
`kpclient.replay.copied_chain`; what a verdict means, in `kpledger.log.audit`.
"""

import multiprocessing
import os
import signal
import sqlite3
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from kpclient.errors import ClientError
from kpclient.output.console import show_progress
from kpclient.replay.copied_chain import (
    ChainUnavailableError,
    CopiedChain,
    StoredBlock,
    UnreadableBlock,
)
from kpclient.replay.served_chain import ServedChain
from kpledger.base.errors import AnotherLedgerError
from kpledger.books.writer import BooksWriter, uncollected
from kpledger.command import EXIT_REFUSED
from kpledger.log import audit
from kpledger.log.chain import ExecutedBlock
from kpledger.log.genesis import Genesis
from kpledger.reading import say_trouble
from kpledger.scheme.rulebook import UnknownRulesError

Chain = Iterable[StoredBlock | UnreadableBlock]
"""Blocks from height 1 on."""
BATCH_BYTES: Final = 256 << 10
"""Blocks that travel to another process together; some 300 events."""
MAX_OPENINGS: Final = 100_000
"""Openings of a term without a signed block between them, which cost nothing to write without end.
A network that elects a leader each second and records nothing needs more than a day for so many."""
BATCHES_AHEAD: Final = 4
"""Batches under way for each process; bounds memory when rules run ahead of signatures."""


class NotSoundError(ClientError):
    """A chain that does not follow from the genesis file: a block violates the rules."""

    EXIT_CODE: ClassVar[int] = EXIT_REFUSED


@dataclass(frozen=True, slots=True)
class _Finding:
    """A violation, and how far the audit had come before the bad block."""

    before: audit.AuditProgress
    violation: audit.Violation


class _SignatureQueue:
    """The blocks whose signatures are not known to be good yet, in the order of the chain."""

    def __init__(self, jobs: int) -> None:
        """Verify in so many other processes; they start when there is enough to do."""
        self._jobs = jobs
        self._pool: ProcessPoolExecutor | None = None
        self._waiting: list[tuple[audit.AuditProgress, bytes]] = []
        self._waiting_bytes = 0
        self._begun = deque[tuple[list[audit.AuditProgress], Future[audit.Violation | None]]]()
        """The progress before each block of a batch, and what is found in it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes, without waiting for results that nobody wants any more."""
        if self._pool is not None:
            with suppress(RuntimeError):  # its thread was never started
                self._pool.shutdown(cancel_futures=True)

    def add(self, before: audit.AuditProgress, stored: bytes) -> bool:
        """Take the next block; tell whether a batch was begun with it."""
        self._waiting.append((before, stored))
        self._waiting_bytes += len(stored)
        if self._waiting_bytes < BATCH_BYTES:
            return False
        if self._pool is None and self._jobs:
            self._pool = _start_pool(self._jobs)
        self._begin_batch()
        return True

    def _begin_batch(self) -> None:
        before = [progress for progress, _ in self._waiting]
        blocks = [stored for _, stored in self._waiting]
        first = before[0].tip.height + 1
        result: Future[audit.Violation | None]
        if self._pool is None:
            result = Future()
            result.set_result(_verify_batch(first, blocks))
        else:
            try:
                result = self._pool.submit(_verify_batch, first, blocks)
            except RuntimeError as error:  # no thread can be started, or a process has ended
                raise BrokenExecutor(str(error)) from None
        self._begun.append((before, result))
        self._waiting.clear()
        self._waiting_bytes = 0

    @property
    def first_open(self) -> audit.AuditProgress | None:
        """How far all signatures are known to be good; None if that is how far all was read."""
        unproven = (*(before for before, _ in self._begun), [one for one, _ in self._waiting])
        return next((before[0] for before in unproven if before), None)

    def find_done(self) -> _Finding | None:
        """Give the first violation in what is verified already, after some process has failed."""
        for before, result in self._begun:
            is_verified = result.done() and not result.cancelled() and not result.exception()
            if is_verified and (violation := result.result()) is not None:
                return _place(before, violation)
        return None

    def settle(self, *, batches_left: int) -> _Finding | None:
        """Wait until so few batches are under way; give the first violation found in the others.

        Raises:
            BrokenExecutor: a process ended without an answer.
        """
        while len(self._begun) > batches_left:
            before, result = self._begun[0]
            violation = result.result()
            if violation is not None:
                return _place(before, violation)
            self._begun.popleft()
        return None

    def finish(self) -> _Finding | None:
        """Verify what is left, and give the first violation in it.

        Raises:
            BrokenExecutor: a process ended without an answer.
        """
        if self._waiting:
            self._begin_batch()
        return self.settle(batches_left=0)


def audit_chain(
    genesis: Genesis,
    chain: Chain,
    *,
    jobs: int,
    observe: audit.Observe | None = None,
) -> audit.AuditReport:
    """Audit a chain from its first block to its end.

    Args:
        genesis: what is trusted.
        chain: its blocks from height 1 on.
        jobs: how many other processes verify signatures; with 0, this one does it too.
        observe: sees what each block changes; to be believed only if the report says SOUND.
    """
    auditor = audit.Auditor(genesis, verify_event=audit.defer_signatures, observe=observe)
    with _SignatureQueue(jobs) as signatures, closing(_each(chain)) as blocks:
        why = None
        findings = []
        try:
            try:
                findings.append(_execute(auditor, blocks, signatures, jobs))
            except (ClientError, AnotherLedgerError, UnknownRulesError) as error:
                why = str(error)
            except (OSError, MemoryError) as error:
                why = _describe_trouble(error)
            # In front, so that of two findings in one block it is the one reported.
            findings.insert(0, signatures.finish())
        except (BrokenExecutor, OSError, MemoryError) as error:
            why = _describe_trouble(error)
            findings.insert(0, signatures.find_done())
        progress = signatures.first_open or auditor.progress
    found = [finding for finding in findings if finding is not None]
    if found:
        first = min(found, key=lambda finding: finding.violation.height)
        return audit.report_violation(genesis, first.before, first.violation)
    if why is not None:
        return audit.report_undecided(genesis, progress, why)
    return audit.report_sound(genesis, auditor.progress)


def _place(before: Sequence[audit.AuditProgress], violation: audit.Violation) -> _Finding:
    """Say how far the audit had come before a violation in a batch."""
    return _Finding(before[violation.height - 1 - before[0].tip.height], violation)


def _describe_trouble(error: BrokenExecutor | OSError | MemoryError) -> str:
    """Tell of trouble of this machine, which says nothing about the chain."""
    told = say_trouble(error) if isinstance(error, OSError) else str(error)
    advice = "TMPDIR says where temporary files go; --jobs 0 starts no other process"
    return f"this machine hinders the audit: {told or 'there is not enough memory'} ({advice})"


def _each(chain: Chain) -> Generator[StoredBlock | UnreadableBlock]:
    """Iterate over a chain; closed, this lets go of where its blocks come from."""
    yield from chain


def _execute(
    auditor: audit.Auditor,
    chain: Iterator[StoredBlock | UnreadableBlock],
    signatures: _SignatureQueue,
    jobs: int,
) -> _Finding | None:
    """Execute block after block, up to the end or the first violation."""
    for block in chain:
        before = auditor.progress
        if before.openings > MAX_OPENINGS:
            problem = (
                f"more than {MAX_OPENINGS} blocks follow that only open terms: nobody signs them"
            )
            raise ChainUnavailableError(problem)
        if isinstance(block, UnreadableBlock):
            return _Finding(before, audit.Violation(block.height, "entry", block.why))
        if signatures.add(before, block.stored):
            finding = signatures.settle(batches_left=jobs * BATCHES_AHEAD)
            if finding is not None:
                return finding
        violation = auditor.feed(block.height, block.stored)
        if violation is not None:
            return _Finding(before, violation)
    return None


def _start_pool(jobs: int) -> ProcessPoolExecutor:
    # Not by fork: a progress bar draws from a thread, and a lock may be held while forking.
    context = multiprocessing.get_context("forkserver")
    # The program is imported once, not by each process.
    context.set_forkserver_preload(["__main__", "kpledger.log.audit"])
    # Ctrl-C is left to this process.
    ignore = (signal.SIGINT, signal.SIG_IGN)
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=signal.signal, initargs=ignore)


def _verify_batch(first_height: int, blocks: Sequence[bytes]) -> audit.Violation | None:
    for height, stored in enumerate(blocks, start=first_height):
        violation = audit.find_bad_signature(height, stored)
        if violation is not None:
            return violation
    return None


def verify_chain(
    genesis: Genesis,
    chain: ServedChain | CopiedChain,
    *,
    jobs: int | None = None,
    observe: audit.Observe | None = None,
) -> audit.AuditReport:
    """Audit a chain, on all cores unless it is said on how many, and show how far it is."""
    cores = len(os.sched_getaffinity(0)) if jobs is None else jobs
    with show_progress("blocks", chain.height) as advance:
        return audit_chain(genesis, _counted(chain, advance), jobs=cores, observe=observe)


def replay(
    genesis: Genesis, chain: ServedChain | CopiedChain, connection: sqlite3.Connection
) -> audit.AuditReport:
    """Verify a chain from its first block to its end, and write the books that it makes.

    Args:
        genesis: what is trusted.
        chain: its blocks from height 1 on.
        connection: to an empty database; worth nothing if the chain turns out not to be sound.

    Raises:
        NotSoundError: a block violates the protocol or the rules.
        ClientError: not all of it can be read.
    """
    writer = BooksWriter(connection, genesis)

    def write(executed: ExecutedBlock) -> None:
        try:
            writer.append(executed.header, executed.events)
        except sqlite3.Error as error:
            problem = f"the books cannot be written on this machine (see TMPDIR): {error}"
            raise ClientError(problem) from None

    with uncollected():
        report = verify_chain(genesis, chain, observe=write)
    if report.problem == audit.EMPTY_CHAIN:
        # Nobody vouches for it; but nothing is answered that the genesis file does not say.
        writer.complete()
        return report
    match report.verdict:
        case audit.AuditVerdict.SOUND:
            writer.complete()
            return report
        case audit.AuditVerdict.VIOLATION:
            at = f"block {report.first_bad_height} at {report.field}"
            raise NotSoundError(f"the chain is not sound: {at}: {report.problem}")
        case audit.AuditVerdict.UNDECIDED:
            raise ClientError(f"{report.problem} (sound up to height {report.height})")


def _counted(
    chain: Chain, advance: Callable[[int], None]
) -> Iterator[StoredBlock | UnreadableBlock]:
    """Give the blocks of a chain, and tell of each that was taken."""
    for block in chain:
        yield block
        advance(1)
