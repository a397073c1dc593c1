"""A ledger of an earlier version, from before voters signed what they say, made one of this."""

from dataclasses import dataclass, replace
from pathlib import Path

from kpledger.base.errors import LedgerError
from kpledger.log import layout
from kpnode.storage.errors import StorageError
from kpnode.storage.leveldb import first_generation
from kpnode.storage.records import LedgerDatabase


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of a ledger."""

    converted: bool
    """It was one of the earlier version until now."""
    last: int
    """Height of the last block in it."""
    unsigned_until: int
    """Height up to which blocks that open a term may show no votes."""


class _EarlierDatabase(LedgerDatabase):
    def convert(self, chain: bytes, until: int) -> Conversion:
        """Change the records of the node's own memory in one batch; the log stays as it is."""
        self._verify_chain(chain)
        found, last = self.get(layout.FORMAT_KEY), self._find_last()
        puts = []
        if found == layout.UNSIGNED_FORMAT:
            puts = [
                (layout.FORMAT_KEY, layout.STORE_FORMAT),
                (layout.HARD_STATE_KEY, self._convert_hard_state(last)),
            ]
            until = max(until, last)
        elif found != layout.STORE_FORMAT:
            raise StorageError(self.directory, "holds a ledger of no version that is known here")
        # Never lower: what a voter has taken in by an earlier answer it keeps.
        until = max(until, self.unsigned_until)
        if puts or until > self.unsigned_until:
            self._write((*puts, (layout.SIGNED_KEY, layout.encode_height(until))))
        return Conversion(converted=bool(puts), last=last, unsigned_until=until)

    def _convert_hard_state(self, last: int) -> bytes:
        try:
            state = layout.decode_unsigned_hard_state(self._read_hard_state(last))
        except LedgerError as error:
            raise self._corrupt(None, str(error)) from error
        return layout.encode_hard_state(replace(state, generation=first_generation()))


def convert_ledger(directory: Path, *, chain: bytes, until: int) -> Conversion:
    """Make a ledger of the earlier version one of this, in place; one of this is left as it is.

    Args:
        directory: the database's own directory; no node may be running on it.
        chain: hash of the genesis file.
        until: blocks that open a term may show no votes up to here, or to the end of the earlier
            log if that is higher, or to where they might before.

    Raises:
        StorageError: there is no ledger of this chain, it has no hard state, it is damaged, it is
            in use, or it cannot be written.
    """
    database = _EarlierDatabase(directory, create=False)
    try:
        return database.convert(chain, until)
    finally:
        database.close()
