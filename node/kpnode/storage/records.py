"""The database of a ledger: how far its log reaches, and what the voters signed of it.

What stands under which key is told in `kpledger.log.layout`. Not here: the entries themselves.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice, takewhile

from kpledger.base.errors import LedgerError
from kpledger.log import layout
from kpnode.storage.database import Database
from kpnode.storage.errors import StorageCorruptError, StorageError

_AFTER_BLOCKS = b"c"
"""Above every key of an entry, and at the latest that of the first certificate."""


class LedgerDatabase(Database):
    """Implements `kpnode.notary.ports.ProofStore` beside what is read of a ledger in any format."""

    @property
    def unsigned_until(self) -> int:
        """Height up to which blocks that open a term may show no votes; 0 in a ledger that is new.

        Raises:
            StorageCorruptError: the record is damaged.
        """
        stored = self.get(layout.SIGNED_KEY)
        if stored is None:
            return 0
        try:
            return layout.decode_height(stored)
        except LedgerError as error:
            raise self._corrupt(None, str(error)) from error

    @property
    def term_proof(self) -> bytes:
        """What was kept last: why the term of the hard state could begin, or one before it."""
        return self.get(layout.TERM_PROOF_KEY) or b""

    def keep_term_proof(self, encoded: bytes) -> None:
        """Write this in the next batch: the one that saves the term, if the core enters it now.

        Raises:
            StorageFailedError: a write failed; the node must stop.
        """
        self._defer(((layout.TERM_PROOF_KEY, encoded),))

    @property
    def promises(self) -> bytes:
        """What was kept last of a promise that the log may not show; no bytes for none."""
        return self.get(layout.PROMISES_KEY) or b""

    def keep_promises(self, encoded: bytes) -> None:
        """Write this in the next batch: the one that saves a term after the promise's.

        Raises:
            StorageFailedError: a write failed; the node must stop.
        """
        self._defer(((layout.PROMISES_KEY, encoded),))

    def put_certificate(self, term: int, encoded: bytes) -> None:
        """Keep the newest commit certificate of a term; it waits for the next batch.

        Raises:
            StorageFailedError: a write failed; the node must stop.
        """
        self._defer(((layout.certificate_key(term), encoded),))

    def read_certificates(self) -> tuple[bytes, ...]:
        """Give the newest commit certificate of each term, ascending by term.

        Raises:
            StorageError: they cannot be read.
        """
        return tuple(value for _, value in self.scan(layout.CERTIFICATE_PREFIX))

    def put_evidence(self, digest: bytes, encoded: bytes) -> None:
        """Keep evidence against a node, at once and for ever; the digest is of 32 bytes.

        Raises:
            StorageFailedError: this or an earlier write failed; the node must stop.
        """
        self._write(((layout.evidence_key(digest), encoded),))

    def read_evidence(self) -> tuple[bytes, ...]:
        """Give all evidence, ascending by digest.

        Raises:
            StorageError: it cannot be read.
        """
        return tuple(value for _, value in self.scan(layout.EVIDENCE_PREFIX))

    def scan(self, prefix: bytes, *, limit: int | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Yield keys with the prefix and their values, in byte order, as of one moment in time.

        For the thread that writes: what was derived lately is stored first.

        Raises:
            StorageCorruptError: a record is damaged.
            StorageFailedError: a write failed; the node must stop.
        """
        if self._deferred:
            self._write()
        with closing(self._scan(prefix)) as found:
            yield from islice(takewhile(lambda record: record[0].startswith(prefix), found), limit)

    def browse(self, prefix: bytes, first: bytes) -> Generator[bytes]:
        """Yield the values under keys with the prefix from a key on, as of one moment in time.

        For any thread; what waits for the next batch is there as well.

        Raises:
            StorageError: a record is damaged, or cannot be read.
        """
        waiting = {
            key: value
            for key, value in self._deferred.items()
            if key >= first and key.startswith(prefix)
        }
        with closing(self._scan(first)) as found:
            for key, value in found:
                if not key.startswith(prefix):
                    break
                yield waiting.pop(key, value)
        # What is not stored at all yet is newer than what is: terms rise.
        yield from (value for _, value in sorted(waiting.items()))

    def newest(self, prefix: bytes) -> bytes | None:
        """Return the value under the last key with the prefix; None if there is none.

        Raises:
            StorageError: it is damaged, or cannot be read.
        """
        stored = self._find_below(prefix[:-1] + bytes([prefix[-1] + 1]))
        keys = [key for key in (stored, *self._deferred) if key is not None]
        key = max((one for one in keys if one.startswith(prefix)), default=None)
        return None if key is None else self.get(key)

    def _verify_chain(self, chain: bytes) -> None:
        found = self.get(layout.CHAIN_KEY) or b""
        if found != chain:
            why = f"holds chain {found.hex()}, not chain {chain.hex()}"
            raise StorageError(self.directory, why)

    def _find_last(self) -> int:
        """Return the height of the last entry, 0 if there is none."""
        key = self._find_below(_AFTER_BLOCKS)
        if key is None or not key.startswith(layout.BLOCK_PREFIX):
            return 0
        try:
            return layout.parse_block_key(key)
        except LedgerError as error:
            raise self._corrupt(None, str(error)) from error

    def _read_hard_state(self, last: int) -> bytes:
        """Return the stored hard state.

        Raises:
            StorageError: there is none, so that this node might vote twice.
        """
        stored = self.get(layout.HARD_STATE_KEY)
        if stored is None:
            why = f"log without sign-state: {last} entries, but no record of term and vote"
            again = "this node may only come back as a replica"
            raise StorageError(self.directory, f"{why}; {again}")
        return stored

    def _corrupt(self, height: int | None, finding: str) -> StorageCorruptError:
        return StorageCorruptError(self.directory, height=height, finding=finding)
