"""A ledger of an earlier version, from before voters signed what they say, made one of this."""

from contextlib import closing
from dataclasses import dataclass, replace
from itertools import takewhile
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
    def convert(self, chain: bytes, until: int | None) -> Conversion:
        """Change the records of the node's own memory in one batch; the log stays as it is."""
        self._verify_chain(chain)
        found, last, before = self.get(layout.FORMAT_KEY), self._find_last(), self.unsigned_until
        puts = []
        if found == layout.UNSIGNED_FORMAT:
            puts = [
                (layout.FORMAT_KEY, layout.STORE_FORMAT),
                (layout.HARD_STATE_KEY, self._convert_hard_state(last)),
            ]
            before = max(before, last)
        elif found != layout.STORE_FORMAT:
            raise StorageError(self.directory, "holds a ledger of no version that is known here")
        until = before if until is None else until
        self._verify_openings(until, min(before, last))
        if puts or until != before:
            self._write((*puts, (layout.SIGNED_KEY, layout.encode_height(until))))
        return Conversion(converted=bool(puts), last=last, unsigned_until=until)

    def _verify_openings(self, until: int, last: int) -> None:
        """See that the log needs no greater height; above `last` no opening is without votes."""
        if until >= last:
            return
        needed = 0
        with closing(self._scan(layout.block_key(until + 1))) as found:
            for key, stored in takewhile(lambda one: one[0] <= layout.block_key(last), found):
                try:
                    height, entry = layout.parse_block_key(key), layout.decode_stored_entry(stored)
                except LedgerError as error:
                    raise self._corrupt(None, str(error)) from error
                if entry.kind == layout.NOOP_ENTRY and not entry.payload:
                    needed = height
        if needed:
            problem = f"block {needed} opens a term without votes, and {until} is below it"
            raise StorageError(self.directory, f"{problem}; nothing was changed")

    def _convert_hard_state(self, last: int) -> bytes:
        try:
            state = layout.decode_unsigned_hard_state(self._read_hard_state(last))
        except LedgerError as error:
            raise self._corrupt(None, str(error)) from error
        return layout.encode_hard_state(replace(state, generation=first_generation()))


def convert_ledger(directory: Path, *, chain: bytes, until: int | None) -> Conversion:
    """Make a ledger of the earlier version one of this, in place; one of this is left as it is.

    Args:
        directory: the database's own directory; no node may be running on it.
        chain: hash of the genesis file.
        until: blocks that open a term may show no votes up to here; None for where they might
            before, or to the end of the earlier log.

    Raises:
        StorageError: there is no ledger of this chain, it has no hard state, it is damaged, a block
            above `until` opens a term without votes, it is in use, or it cannot be written.
    """
    database = _EarlierDatabase(directory, create=False)
    try:
        return database.convert(chain, until)
    finally:
        database.close()
