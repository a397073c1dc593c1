"""A chain that is verified as it grows, and the books of it.

The beginning is audited on all cores. What comes later is verified block by block, signatures and
all, before anything is taken from it: a source that shows what is wrong spoils nothing, and another
one is read from the same place on.
"""

import os
import sqlite3
from collections.abc import Iterable

from kpclient.errors import ClientError
from kpclient.output.console import show_progress
from kpclient.replay.audit_notes import AuditFiles
from kpclient.replay.served_chain import ServedChain
from kpclient.replay.verification import audit_on, make_auditor
from kpledger.books.database import Books, open_books
from kpledger.books.writer import BooksWriter, uncollected
from kpledger.log import audit
from kpledger.log.certificates import CommitCertificate
from kpledger.log.chain import ExecutedBlock
from kpledger.log.genesis import Genesis
from kpledger.scheme.envelope import verify_envelope


class FollowedChain:
    """What was verified of a ledger, from its first block on.

    Attributes:
        heads: of all blocks, by their heights; the chain id first.
        books: what the blocks add up to, in a temporary file.
    """

    def __init__(self, genesis: Genesis, see: audit.Observe, files: AuditFiles | None) -> None:
        """Stand before the first block.

        Args:
            genesis: what is trusted.
            see: sees each block, in order; those that :meth:`begin` reads are to be believed only
                if it finds no violation.
            files: new ones, to work in; None: there is no room, and it works in memory.
        """
        self._genesis, self._see = genesis, see
        self._auditor = make_auditor(genesis, self._take, files)
        connection = open_books("")
        self._writer = BooksWriter(connection, genesis)
        self.books = Books(connection)
        self.heads = [bytes(genesis.chain)]

    @property
    def height(self) -> int:
        """Up to which it is verified."""
        return self._auditor.progress.tip.height

    @property
    def term(self) -> int:
        """The term of the last block."""
        return self._auditor.progress.tip.term

    def begin(self, chain: ServedChain) -> audit.AuditReport:
        """Audit all that a node has now; after a violation nothing here is to be used any more.

        Raises:
            ClientError: the books cannot be written on this machine.
        """
        cores, certificates = len(os.sched_getaffinity(0)), chain.certificates()
        with uncollected(), show_progress("blocks", chain.height):
            report = audit_on(self._auditor, chain, jobs=cores, certificates=certificates)
        self._auditor.verify_event = verify_envelope
        self._complete()
        return report

    def extend(self, chain: ServedChain) -> audit.Violation | None:
        """Take in what a node has beyond, up to the first block that is not sound.

        Raises:
            ClientError: not all of it can be had, or the books cannot be written.
            AnotherLedgerError, UnknownRulesError: as of an audit.
        """
        try:
            for block in chain:
                if (violation := self._auditor.feed(block.height, block.stored)) is not None:
                    return violation
        finally:
            self._complete()
        return None

    def certify(self, certificates: Iterable[CommitCertificate]) -> audit.AuditReport:
        """Hold certificates against the chain that are verified; gives what it is now.

        SOUND, or UNDECIDED where it is behind or empty; or a fork.
        """
        known = self._auditor.finality_of(self._auditor.progress).up_to
        for one in certificates:
            if one.index > known or one.head != self.heads[one.index]:
                self._auditor.certify(one)
        self._auditor.settle()
        progress = self._auditor.progress
        return audit.report_sound(self._genesis, progress, self._auditor.finality_of(progress))

    def _take(self, executed: ExecutedBlock) -> None:
        try:
            self._writer.append(executed.header, executed.events)
        except sqlite3.Error as error:
            raise _unwritable(error) from None
        self.heads.append(executed.tip.head)
        self._see(executed)

    def _complete(self) -> None:
        try:
            self._writer.complete()
        except sqlite3.Error as error:
            raise _unwritable(error) from None


def _unwritable(error: sqlite3.Error) -> ClientError:
    return ClientError(f"the books cannot be written on this machine (see TMPDIR): {error}")
