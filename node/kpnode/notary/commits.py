"""Acknowledgements on their way to a commit certificate, and the newest certificate there is."""

from collections import defaultdict
from dataclasses import dataclass, field

from kpledger.base.codec import encode
from kpledger.log.certificates import (
    CommitCertificate,
    certify_commit,
    decode_commit_certificate,
)
from kpledger.log.statements import Acknowledgement, Electorate, SignatureCheck
from kpnode.notary.ports import OwnChain, ProofStore


@dataclass(slots=True)
class Commits:
    """What one node knows to be final, and what it gathers while it leads."""

    electorate: Electorate
    chain: OwnChain
    store: ProofStore
    check: SignatureCheck
    newest: CommitCertificate | None = None
    """Of a block of this node's log, the highest."""
    encoded: bytes | None = None
    """The same, as it travels."""
    goal: int = 0
    """Up to this height something is final that the log may not reach yet."""
    conflicting: CommitCertificate | None = None
    """A certificate of another block in the place of one that is final here: a fork."""
    _compared: bytes = b""
    _waiting: CommitCertificate | None = None
    """Of a block that was verified, and that the log may not hold yet."""
    _gathered: dict[int, dict[str, Acknowledgement]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """By height and voter: of blocks of the own term that are not certified yet."""

    def recall(self) -> None:
        """Take up the newest stored certificate of a block that the log holds."""
        for encoded in reversed(self.store.read_certificates()):
            certificate = decode_commit_certificate(encoded)
            if self.chain.holds(certificate.end):
                self.newest, self.encoded = certificate, encoded
                return

    @property
    def index(self) -> int:
        """Everything up to here is final; 0 if nothing is known to be."""
        return 0 if self.newest is None else self.newest.index

    def learn(self, encoded: bytes | None) -> int:
        """Take in a certificate that a peer has shown, if this node's log holds its block.

        That of a block which waits to be let in speaks for the append that brings the block, which
        the core may refuse, and for nothing else until the log holds it (:meth:`settle`).

        Returns:
            How far that append may speak of commits.

        Raises:
            LedgerError: it is none.
        """
        if encoded is None or encoded == self.encoded:
            return self.index
        certificate = decode_commit_certificate(encoded)
        newest = self.newest
        if newest is not None and certificate.end == newest.end:
            return self.index
        if certificate.index <= self.index:
            if encoded != self._compared:
                self._compare(certificate)
                self._compared = encoded
            return self.index
        if self.chain.holds(certificate.end):
            certificate.verify(self.electorate, self.check)
            self._waiting = certificate
            self.settle()
            return certificate.index
        if self.goal <= self.chain.end.index < certificate.index:
            certificate.verify(self.electorate, self.check)
            self.goal = certificate.index
        return self.index

    def settle(self) -> None:
        """Take in the certificate that waits, if the log holds its block by now."""
        waiting = self._waiting
        if waiting is not None and self.chain.head_at(waiting.index) == waiting.head:
            self._waiting = None
            if waiting.index > self.index:
                self._take(waiting)

    def _compare(self, certificate: CommitCertificate) -> None:
        """See whether a certificate for a place that is final here is of another block."""
        head = self.chain.head_at(certificate.index)
        if head is not None and head != certificate.head:
            certificate.verify(self.electorate, self.check)
            self.conflicting = certificate

    def _take(self, certificate: CommitCertificate) -> None:
        self.newest, self.encoded = certificate, encode(certificate)
        self.store.put_certificate(certificate.term, self.encoded)
        for index in [one for one in self._gathered if one <= certificate.index]:
            del self._gathered[index]

    def gather(self, acknowledgement: Acknowledgement) -> None:
        """Take in an acknowledgement of a block of the own log, which was verified."""
        if acknowledgement.index > self.index:
            self._gathered[acknowledgement.index][acknowledgement.voter] = acknowledgement

    def begin_term(self) -> None:
        """Forget what was gathered: nothing of it counts in another term."""
        self._gathered.clear()

    def find_certifiable(self, term: int, held: int) -> int | None:
        """Give the highest block that the own acknowledgement makes final, None if none is yet.

        Args:
            term: the own one; blocks of earlier terms are not committed by counting.
            held: the own disk holds the log up to here.
        """
        needed = self.electorate.majority - 1
        if not needed:
            return held if held > self.index else None
        ready = (
            index
            for index, by_voter in self._gathered.items()
            if index <= held and sum(one.term == term for one in by_voter.values()) >= needed
        )
        return max(ready, default=None)

    def certify(self, own: Acknowledgement) -> CommitCertificate:
        """Make the certificate of a block, with the own acknowledgement.

        Raises:
            CertificateError: the acknowledgements are not of one block.
        """
        others = [
            one
            for one in self._gathered.get(own.index, {}).values()
            if (one.term, one.head) == (own.term, own.head)
        ]
        certificate = certify_commit([own, *others[: self.electorate.majority - 1]])
        self._take(certificate)
        return certificate
