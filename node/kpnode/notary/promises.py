"""What a node has acknowledged and its log does not hold any more.

As long as the log holds a block, the log itself is the promise. A leader of a later term may
overwrite it; but what that leader sends need not be the log for which it was elected, if it lies.
So the end of a log that is overwritten is kept, in the batch that overwrites it, and the node goes
on voting by it, until it is void: the log holds it again, or ends in a later term, which a majority
has opened; or a majority has elected somebody whose log ended before it, so that it is not final.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.codec import decode, encode
from kpledger.log.statements import LogEnd
from kpnode.notary.ports import OwnChain, ProofStore
from kpnode.notary.terms import Terms
from kpnode.raft import Index, RaftCore

_KEPT: Final = 8
"""More would take as many terms in which leaders lied."""
_MAX_BYTES: Final = 4096


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    ends: Annotated[tuple[LogEnd, ...], Meta(max_length=_KEPT)]


class Promises:
    """The ends of logs that were overwritten, of one node."""

    def __init__(self, core: RaftCore, chain: OwnChain, terms: Terms, store: ProofStore) -> None:
        """Take up what was stored.

        Raises:
            LedgerError: it is damaged.
        """
        self._core, self._chain, self._terms, self._store = core, chain, terms, store
        stored = store.promises
        self.ends: tuple[LogEnd, ...] = ()
        if stored:
            self.ends = decode(stored, _Kept, what="promises", max_bytes=_MAX_BYTES).ends
        self._is_branched = False

    def expect_branch(self) -> None:
        """Note that the end of the log may be overwritten by another block of the same term."""
        self._is_branched = True

    def keep(self) -> None:
        """Keep the end of the log if the next save overwrites it, and drop what is void.

        To be called before each save.
        """
        ends = tuple(one for one in self.ends if not self._is_void(one))
        end = self._chain.end
        if self._is_branched or self._core.term_at(Index(end.index)) != end.term:
            self._is_branched = False
            ends = tuple(sorted({one.place: one for one in (*ends, end)}.values(), key=_place))
            ends = ends[-_KEPT:]
        if ends != self.ends:
            self.ends = ends
            self._store.keep_promises(encode(_Kept(ends=ends)) if ends else b"")

    def _is_void(self, end: LogEnd) -> bool:
        own = self._chain.end
        if own.term > end.term or self._chain.head_at(end.index) == end.head:
            return True
        return any(
            opening.term > end.term and opening.base.place < end.place
            for opening in self._terms.openings.values()
        )


def _place(end: LogEnd) -> tuple[int, int]:
    return end.place
