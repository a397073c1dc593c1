"""What is final becomes the ledger: certificates are compared, blocks stored, proven and executed.

All of it is the work of one thread. A certificate of another block than the one that this ledger
holds in its place shows two histories; a block that a majority has signed and that breaks a rule
here shows that this program, or that majority, is wrong. After either nothing more is taken in.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError
from kpledger.log.block import decode_block
from kpledger.log.certificates import CommitCertificate
from kpledger.log.chain import ExecutedBlock, execute_entry
from kpledger.log.evidence import MAX_PATH_HEADERS, Evidence
from kpledger.log.findings import find_broken_block, find_fork
from kpledger.log.genesis import Genesis
from kpledger.log.layout import BLOCK_ENTRY, StoredEntry
from kpledger.log.path import ShownHeader
from kpledger.log.statements import Electorate
from kpledger.log.two_histories import Stretch
from kpledger.scheme.rulebook import UnknownRulesError
from kpnode.docket import Docket, ForkedError, judge_encoded
from kpnode.headers import LoggedHeaders
from kpnode.ledger import Ledger
from kpnode.raft import Entry, Index
from kpnode.replica.backlog import Backlog
from kpnode.signatures import Signatures
from kpnode.storage.leveldb import LevelStorage

_MAX_PROBLEM: Final = 1000
_WINDOW_BYTES: Final = 1 << 20
"""Blocks that are executed in one go, while the signatures of the next are verified."""


class CertifiedError(Exception):
    """A block that a majority has signed to be final cannot be executed here."""


class Applier:
    """Stores, proves and executes; at most one call at a time.

    Attributes:
        genesis: whose ledger it is.
        backlog: what is not executed yet.
        exhibits: the evidence of this node.
        newest: the highest certificate that was verified, whether its block is here or not.
    """

    def __init__(self, genesis: Genesis, storage: LevelStorage, ledger: Ledger) -> None:
        """Stand at the tip of the ledger.

        Raises:
            LedgerError: what is stored of certificates or evidence is damaged.
        """
        self.signatures = Signatures()
        check = self.signatures.check_statement
        self.genesis = genesis
        self._electorate = Electorate.of(genesis)
        self._storage = storage
        self._ledger = ledger
        self._headers = LoggedHeaders(genesis, storage)
        self._docket = Docket(self._electorate, storage, check)
        self.exhibits = self._docket.exhibits
        if ledger.tip.height > storage.last_index():
            # The disk has lost blocks; what was derived of them is fetched again with them.
            ledger.reset()
        self.backlog = Backlog(genesis, storage, ledger.tip, check)
        self.newest = ledger.newest_commit

    def learn(self, certificates: Iterable[CommitCertificate]) -> None:
        """Take in certificates that somebody has shown.

        Raises:
            ForkedError: one makes another block final than the one that stands here.
            LedgerError: one does not verify; those before it are taken in.
        """
        self._check_fork()
        for certificate in certificates:
            if self.newest is not None and certificate.end == self.newest.end:
                continue
            is_here = certificate.index <= self._ledger.tip.height
            if is_here and self._is_kept(certificate):
                continue
            certificate.verify(self._electorate, self.signatures.check_statement)
            if is_here:
                self._compare(certificate)
                continue
            self.backlog.expect(certificate)
            if self.newest is None or certificate.index > self.newest.index:
                self.newest = certificate

    def judge(self, encoded: bytes) -> None:
        """Keep evidence that somebody has shown, if it convicts anybody.

        Raises:
            ForkedError: it shows two histories.
        """
        with suppress(LedgerError):
            check = self.signatures.check_statement
            self._docket.take(judge_encoded(encoded, self._electorate, check))
        self.exhibits = self._docket.exhibits
        self._check_fork()

    def _check_fork(self) -> None:
        if self._docket.fork is not None:
            raise ForkedError(self._docket.fork.words)

    def _is_kept(self, certificate: CommitCertificate) -> bool:
        """Tell whether the newest of its term that is kept is of this block, or of a later one."""
        kept = self._ledger.commits(certificate.term, 1)
        return bool(kept) and kept[0].end == certificate.end

    def _compare(self, certificate: CommitCertificate) -> None:
        """Hold a certificate against the block that is final here."""
        if self._headers.head_at(certificate.index) == certificate.head:
            kept = self._ledger.commits(certificate.term, 1)
            if not kept or kept[0].term != certificate.term or kept[0].index < certificate.index:
                self._storage.put_certificate(certificate.term, encode(certificate))
            return
        newest = self._ledger.newest_commit
        if newest is not None:
            last = min(newest.index, certificate.index + MAX_PATH_HEADERS)
            shown = self._headers.shown(certificate.index, last)
            openings = Stretch(shown, ()).openings()
            fork = find_fork(self._electorate, newest, certificate, shown=shown, openings=openings)
            self._keep(fork)
        raise ForkedError(
            f"block {certificate.index} is {certificate.head.hex()} by the signatures of a"
            " majority, and another one here"
        )

    def take(self, blocks: Sequence[tuple[int, bytes]]) -> None:
        """Store blocks that follow (:meth:`Backlog.take`)."""
        self.backlog.take(blocks)

    def read_window(self, first: int, max_bytes: int = _WINDOW_BYTES) -> tuple[Entry, ...]:
        """Give blocks from a height on that are proven, as many as go together; in any thread.

        Raises:
            StorageError: they cannot be read.
        """
        last = self.backlog.proven
        if first > last:
            return ()
        return self._storage.entries(Index(first), Index(last), max_bytes)

    def execute(self, entries: Sequence[Entry]) -> list[ExecutedBlock]:
        """Execute the next blocks, and let them be the ledger.

        Raises:
            CertifiedError: one breaks a rule, or is under rules that this program does not have.
            StorageFailedError: they cannot be written; the node must stop.
        """
        return [self._execute(entry) for entry in entries]

    def execute_next(self, max_bytes: int) -> list[ExecutedBlock]:
        """Execute the next blocks that are proven, as many as fit, and at least one."""
        return self.execute(self.read_window(self._ledger.tip.height + 1, max_bytes))

    def _execute(self, entry: Entry) -> ExecutedBlock:
        ledger, signatures = self._ledger, self.signatures
        stored = StoredEntry(entry.kind.value, entry.term, entry.payload)
        try:
            executed = execute_entry(
                self.genesis,
                ledger.tip,
                ledger.recent,
                stored,
                verify_event=signatures.check,
                verify_block=signatures.check_leader,
                check=signatures.check_statement,
            )
        except UnknownRulesError as error:
            raise CertifiedError(f"{error}; a newer version of this program knows them") from error
        except LedgerError as error:
            self._accuse(stored, str(error))
            signed = f"a majority of the voters has signed block {entry.index}"
            raise CertifiedError(f"{signed}, which breaks a rule: {error}") from error
        ledger.commit(executed)
        self._keep_proofs()
        return executed

    def _keep_proofs(self) -> None:
        """Keep the certificates of what is executed by now, for those who ask."""
        proofs = self.backlog.proofs
        while proofs and proofs[0].index <= self._ledger.tip.height:
            certificate = proofs.pop(0)
            self._storage.put_certificate(certificate.term, encode(certificate))

    def _accuse(self, entry: StoredEntry, problem: str) -> None:
        if entry.kind != BLOCK_ENTRY:
            return
        with suppress(LedgerError):
            block = decode_block(entry.payload)
            shown = ShownHeader(header=block.header, seal=block.signature)
            told = problem[:_MAX_PROBLEM]
            broken = find_broken_block(self._electorate, shown, events=block.events, problem=told)
            self._keep(broken)

    def _keep(self, evidence: Evidence | None) -> None:
        if evidence is not None:
            self._docket.add(evidence)
            self.exhibits = self._docket.exhibits
