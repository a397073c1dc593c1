"""Verifying a whole chain on all cores: rules in this process, signatures in others.

Rules need the state before each block, so one process executes the blocks in order. Signatures need
nothing but the bytes, and they are the larger half of the work: batches of blocks go by turns to
other processes. A block counts as sound when both have agreed; the report is the same for any
number of processes, because the first bad block is looked for in everything that was begun before.
Books take in each block as it goes, and so end up as those of an honest node.
"""

import os
import sqlite3
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, closing, suppress
from functools import partial
from typing import IO, ClassVar, Final, cast

import msgpack
import msgspec

from kpclient.errors import ClientError
from kpclient.output.console import show_progress
from kpclient.replay.audit_notes import AuditFiles, AuditNotes, open_scratch
from kpclient.replay.children import Child, describe_trouble, fail, started
from kpclient.replay.copied_chain import (
    ChainUnavailableError,
    CopiedChain,
    StoredBlock,
    UnreadableBlock,
)
from kpclient.replay.lookout import Lookout
from kpclient.replay.served_chain import ServedChain
from kpclient.replay.signature_verifier import verify_batch
from kpledger.base.errors import AnotherLedgerError, LedgerError
from kpledger.books.writer import BooksWriter, uncollected
from kpledger.command import EXIT_REFUSED
from kpledger.log import audit
from kpledger.log.certificates import CommitCertificate
from kpledger.log.chain import CommittedBlocks, ExecutedBlock
from kpledger.log.genesis import Genesis
from kpledger.scheme.rulebook import UnknownRulesError

Chain = Iterable[StoredBlock | UnreadableBlock]
"""Blocks from height 1 on."""
BATCH_BYTES: Final = 256 << 10
"""Blocks that travel to another process together; some 300 events."""
MAX_OPENINGS: Final = 100_000
"""Openings of a term without a signed block between them, which cost nothing to write without end.
A network that elects a leader each second and records nothing needs more than a day for so many."""
_Finding = tuple[audit.AuditProgress, audit.Violation]
"""How far the audit had come before a bad block, and what is wrong with it."""
_Batch = tuple[list[audit.AuditProgress], Callable[[], audit.Violation | None]]
"""The progress before each of its blocks, and what gives the violation in it."""
_UNDECIDED: Final = (ClientError, AnotherLedgerError, UnknownRulesError)
_VERIFIER: Final = "kpclient.replay.signature_verifier"


class NotSoundError(ClientError):
    """A chain that does not follow from the genesis file: a block violates the rules."""

    EXIT_CODE: ClassVar[int] = EXIT_REFUSED


class _SignatureQueue:
    """The blocks whose signatures are not known to be good yet, in the order of the chain."""

    def __init__(self, jobs: int, stack: ExitStack) -> None:
        """Verify in so many other processes, of a stack; they start when there is enough to do."""
        self._jobs, self._stack = jobs, stack
        self._verifiers = deque[Child]()
        """That whose turn comes next stands first."""
        self._waiting, self._waiting_bytes = list[tuple[audit.AuditProgress, bytes]](), 0
        self._begun = deque[_Batch]()

    def add(self, before: audit.AuditProgress, stored: bytes) -> _Finding | None:
        """Take the next block; give the first violation in what is verified meanwhile.

        Raises:
            OSError: a process cannot be started, or has ended without an answer.
        """
        self._waiting.append((before, stored))
        self._waiting_bytes += len(stored)
        if self._waiting_bytes < BATCH_BYTES:
            return None
        if len(self._verifiers) < self._jobs:
            self._verifiers.appendleft(self._stack.enter_context(started(_VERIFIER)))
        self._begin_batch(self._verifiers[0] if self._verifiers else None)
        self._verifiers.rotate(-1)
        return self._settle(batches_left=self._jobs)

    def _begin_batch(self, verifier: Child | None) -> None:
        """Let a process verify what waits, or this one when the answer is asked for."""
        before = [progress for progress, _ in self._waiting]
        blocks = [stored for _, stored in self._waiting]
        first = before[0].tip.height + 1
        if verifier is None:
            self._begun.append((before, partial(verify_batch, first, blocks)))
        else:
            _ask(verifier, first, blocks)
            self._begun.append((before, partial(_take_answer, verifier)))
        self._waiting, self._waiting_bytes = [], 0

    @property
    def first_open(self) -> audit.AuditProgress | None:
        """How far all signatures are known to be good; None if that is how far all was read."""
        unproven = (*(before for before, _ in self._begun), [one for one, _ in self._waiting])
        return next((before[0] for before in unproven if before), None)

    def find_done(self) -> _Finding | None:
        """Give the first violation in what is verified already, after some process has failed."""
        for verifier in self._verifiers:
            verifier.kill()  # its answers can still be read, and nobody waits for more
        for before, take_answer in self._begun:
            with suppress(ChildProcessError):
                if (violation := take_answer()) is not None:
                    return _place(before, violation)
        return None

    def _settle(self, *, batches_left: int) -> _Finding | None:
        """Wait until so few batches are under way; give the first violation found in the others."""
        while len(self._begun) > batches_left:
            before, take_answer = self._begun[0]
            violation = take_answer()
            self._begun.popleft()
            if violation is not None:
                return _place(before, violation)
        return None

    def finish(self) -> _Finding | None:
        """Verify what is left, and give the first violation in it; raises as `add` does."""
        if self._waiting:
            self._begin_batch(None)
        return self._settle(batches_left=0)


def _ask(verifier: Child, first_height: int, blocks: Sequence[bytes]) -> None:
    """Give a process blocks, which it will answer for in its turn; returns when it has them."""
    pipe = cast("IO[bytes]", verifier.stdin)
    try:
        pipe.write(msgpack.packb((first_height, blocks)))
        pipe.flush()
    except BrokenPipeError:
        raise fail(verifier, "verifies signatures") from None


def _take_answer(verifier: Child) -> audit.Violation | None:
    """Wait for what a process finds in the first blocks that it has not answered for."""
    line = cast("IO[bytes]", verifier.stdout).readline()
    if not line.endswith(b"\n"):
        raise fail(verifier, "verifies signatures")
    return msgspec.json.decode(line, type=audit.Violation | None)


def audit_chain(
    genesis: Genesis,
    chain: Chain,
    *,
    jobs: int,
    observe: audit.Observe | None = None,
    certificates: Iterable[CommitCertificate] = (),
    files: AuditFiles | None = None,
) -> audit.AuditReport:
    """Audit a chain from its first block to its end, or from where an earlier audit has come to.

    Args:
        genesis: what is trusted.
        chain: its blocks from height 1 on, or above those that the earlier audit has verified.
        jobs: how many other processes verify signatures; with 0, this one does it too.
        observe: sees what each block changes; to be believed only if the report says SOUND.
        certificates: those that stand beside the blocks; read first, so that a chain that grows
            meanwhile is not found to be cut.
        files: what it works with, and how far that has come; without any it works in memory.
    """
    auditor = make_auditor(genesis, observe, files)
    report = audit_on(auditor, chain, jobs=jobs, certificates=certificates)
    if files is not None:
        files.progress = auditor.progress
    return report


def audit_on(
    auditor: audit.Auditor,
    chain: Chain,
    *,
    jobs: int,
    certificates: Iterable[CommitCertificate] = (),
) -> audit.AuditReport:
    """Audit the rest of a chain, from where an auditor stands that leaves signatures to others.

    Where the report is not SOUND because a source broke off, the auditor has taken in what was read
    and is sound; after a violation it is of no use.
    """
    genesis = auditor.genesis
    doubt = _take_certificates(auditor, certificates)
    with ExitStack() as stack, closing(_each(chain)) as blocks:
        signatures, why, findings = _SignatureQueue(jobs, stack), None, []
        try:
            try:
                findings.append(_execute(auditor, blocks, signatures))
            except (*_UNDECIDED, OSError, MemoryError) as error:
                why = describe_trouble(error)
            # In front, so that of two findings in one block it is the one reported.
            findings.insert(0, signatures.finish())
        except (OSError, MemoryError) as error:
            why = why or describe_trouble(error)
            findings.insert(0, signatures.find_done())
        progress = signatures.first_open or auditor.progress
    found = [finding for finding in findings if finding is not None]
    if found:
        before, violation = min(found, key=lambda finding: finding[1].height)
        finality = auditor.finality_of(before)
        return audit.report_violation(genesis, before, violation, finality)
    finality = auditor.finality_of(progress)
    if (trouble := why or doubt) is not None:
        return audit.report_undecided(genesis, progress, trouble, finality)
    return audit.report_sound(genesis, progress, finality)


def make_auditor(
    genesis: Genesis, observe: audit.Observe | None, files: AuditFiles | None
) -> audit.Auditor:
    """Make an auditor that leaves signatures to others, and works in files; in memory without."""
    deferred = partial(audit.Auditor, genesis, verify_event=audit.defer_signatures, observe=observe)
    if files is None:
        return deferred()
    return deferred(state=files.state, ends=files.ends, earlier=files.progress)


def _take_certificates(
    auditor: audit.Auditor, certificates: Iterable[CommitCertificate]
) -> str | None:
    """Hold certificates against the chain to come; say why not all can be, if so."""
    doubt = None
    try:
        for one in certificates:
            try:
                auditor.certify(one)
            except LedgerError as error:
                doubt = doubt or f"what stands beside the blocks is no certificate: {error}"
    except (ClientError, OSError, MemoryError) as error:
        doubt = doubt or describe_trouble(error)
    return doubt


def _place(before: Sequence[audit.AuditProgress], violation: audit.Violation) -> _Finding:
    """Say how far the audit had come before a violation in a batch."""
    return before[violation.height - 1 - before[0].tip.height], violation


def _each(chain: Chain) -> Generator[StoredBlock | UnreadableBlock]:
    """Iterate over a chain; closed, this lets go of where its blocks come from."""
    yield from chain


def _execute(auditor: audit.Auditor, chain: Chain, signatures: _SignatureQueue) -> _Finding | None:
    """Execute block after block, up to the end or the first violation."""
    for block in chain:
        before = auditor.progress
        if before.openings > MAX_OPENINGS:
            problem = f"more than {MAX_OPENINGS} blocks follow that only open terms"
            raise ChainUnavailableError(f"{problem}: nobody signs them")
        if isinstance(block, UnreadableBlock):
            return before, audit.Violation(block.height, "entry", block.why)
        if (finding := signatures.add(before, block.stored)) is not None:
            return finding
        violation = auditor.feed(block.height, block.stored)
        if violation is not None:
            return before, violation
    return None


def verify_chain(
    genesis: Genesis,
    chain: ServedChain | CopiedChain,
    lookout: Lookout,
    notes: AuditNotes | None,
    *,
    jobs: int | None = None,
    observe: audit.Observe | None = None,
) -> audit.AuditReport:
    """Audit a chain, on all cores unless it is said on how many, and show how far it is.

    It is gone on from the notes where the chain holds what the earlier audit has verified, and that
    is all that was ever seen of it.

    Args:
        genesis: what is trusted.
        chain: its blocks, and the commit certificates beside them.
        lookout: sees each block and each certificate.
        notes: of the audits before; nothing is kept in them. Without any it works in memory.
        jobs: how many other processes verify signatures.
        observe: sees what each block changes; to be believed only if the report says SOUND.
    """
    cores = len(os.sched_getaffinity(0)) if jobs is None else jobs
    certificates = lookout.follow(chain.certificates())
    files, blocks = (None, chain) if notes is None else _open(genesis, chain, lookout, notes)
    with uncollected(), show_progress("blocks", chain.height) as advance:
        if files is not None and files.progress is not None:
            advance(files.progress.tip.height)

        def see(executed: ExecutedBlock) -> None:
            advance(1)
            lookout.see(executed)
            if observe is not None:
                observe(executed)

        return audit_chain(
            genesis,
            blocks,
            jobs=cores,
            observe=see,
            certificates=certificates,
            files=files,
        )


def _open(
    genesis: Genesis, chain: ServedChain | CopiedChain, lookout: Lookout, notes: AuditNotes
) -> tuple[AuditFiles | None, Chain]:
    """Give the files to work with, None if there is no room, and the blocks still to verify."""
    earlier = notes.earlier
    if earlier is not None:
        try:
            files = notes.go_on()
            blocks = _find_new(genesis, earlier.progress, chain)
            if lookout.go_on(earlier, files.ends):
                return files, blocks
            notes.problem = "what was seen since the last audit is not on the chain that it read"
        except (ClientError, LedgerError, OSError, MemoryError) as error:
            notes.problem = f"the last audit is not continued: {describe_trouble(error)}"
    try:
        return notes.begin(), chain
    except OSError:
        return None, chain


def _find_new(
    genesis: Genesis, earlier: audit.AuditProgress, chain: ServedChain | CopiedChain
) -> Chain:
    """Give the blocks above those that an earlier audit has verified, which the chain has to hold.

    Raises:
        ClientError: it does not hold them, or cannot be read there.
        LedgerError: what stands there is no chain.
    """
    tip, linked = earlier.tip, CommittedBlocks(genesis)
    # From a block on whose header is stored, and not derived from the one before.
    blocks = _each(chain.blocks(max(earlier.signed_up_to.values())))
    for block in blocks:
        if isinstance(block, UnreadableBlock):
            break
        linked.read(block.height, block.stored)
        if block.height == tip.height:
            if linked.head == tip.head:
                return blocks
            break
    blocks.close()
    problem = f"block {tip.height}, {tip.head.hex()}, which it verified, is not on this chain"
    raise ChainUnavailableError(problem)


def replay(
    genesis: Genesis,
    chain: ServedChain | CopiedChain,
    connection: sqlite3.Connection,
    lookout: Lookout,
    *,
    keep: audit.Observe | None = None,
) -> audit.AuditReport:
    """Verify a chain from its first block to its end, and write the books that it makes.

    Args:
        genesis: what is trusted.
        chain: its blocks from height 1 on.
        connection: to an empty database; worth nothing if the chain turns out not to be sound.
        lookout: sees each block and each certificate.
        keep: keeps more of each block, likewise.

    Raises:
        NotSoundError: a block violates the protocol or the rules.
        ClientError: not all of it can be read.
    """
    writer = BooksWriter(connection, genesis)

    def write(executed: ExecutedBlock) -> None:
        try:
            writer.append(executed.header, executed.events)
            if keep is not None:
                keep(executed)
        except sqlite3.Error as error:
            problem = f"the books cannot be written on this machine (see TMPDIR): {error}"
            raise ClientError(problem) from None

    with open_scratch(genesis) as scratch:
        report = verify_chain(genesis, chain, lookout, scratch, observe=write)
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
