"""What the notary needs of the node around it."""

from typing import Protocol

from kpledger.log.path import ShownHeader
from kpledger.log.statements import LogEnd


class OwnChain(Protocol):
    """The blocks of this node's log, and those that wait to be let in."""

    @property
    def end(self) -> LogEnd:
        """Where the log ends, as far as it is saved."""

    def head_at(self, index: int) -> bytes | None:
        """Give the head of a block of the log, at 0 the chain id; None beyond the end."""

    def holds(self, end: LogEnd) -> bool:
        """Tell whether the log has this block, or it was verified and waits to be let in."""

    def shown(self, first: int, last: int) -> tuple[ShownHeader, ...]:
        """Give the headers from one height to another of the log, both included; none is at 0."""


class ProofStore(Protocol):
    """The part of a node's disk where proofs are kept."""

    @property
    def term_proof(self) -> bytes:
        """What was kept last for the term on the disk; no bytes if nothing was."""

    def keep_term_proof(self, encoded: bytes) -> None:
        """Write this in the batch with which the term is saved, or the next one."""

    @property
    def promises(self) -> bytes:
        """What was kept last of a promise that the log may not show; no bytes for none."""

    def keep_promises(self, encoded: bytes) -> None:
        """Write this in the next batch."""

    def put_certificate(self, term: int, encoded: bytes) -> None:
        """Keep the newest commit certificate of a term; it may wait for the next batch."""

    def read_certificates(self) -> tuple[bytes, ...]:
        """Give the newest commit certificate of each term, ascending by term."""
