"""What a node has acknowledged and its log does not hold any more.

As long as the log holds a block, the log itself is the promise. A leader of a later term may
overwrite it; but what that leader sends need not be the log for which it was elected, if it lies.
So the end of the log is kept when a term is left in which it was acknowledged, and the node goes on
voting by it until its log ends in a later term: a majority has let that term begin, with a log that
holds whatever was final. That later end is kept then, since it may be overwritten as well.

Another end of the same term is no promise: the log took it in without acknowledging it in that
term, so a liar that led it could put any branch in the place of the true one.

Beside it stands the lowest block that was overwritten: if that can never be final, nothing of what
the log has lost can be, and what is below the log still holds.
"""

from typing import Final

import msgspec

from kpledger.base.codec import decode, encode
from kpledger.log.block import compute_head
from kpledger.log.evidence import read_header
from kpledger.log.statements import LogEnd
from kpnode.notary.ports import OwnChain, ProofStore
from kpnode.raft import RaftCore

_MAX_BYTES: Final = 256


class Promise(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """The newest end that a node's log had: by its term, then by what was acknowledged in that."""

    end: LogEnd
    lost: LogEnd | None = None
    """The lowest block up to it that the log has not held since; None if it holds the end."""


class Promises:
    """What one node keeps of its log beside it."""

    def __init__(self, core: RaftCore, chain: OwnChain, store: ProofStore) -> None:
        """Take up what was stored.

        Raises:
            LedgerError: it is damaged.
        """
        self._core, self._chain, self._store = core, chain, store
        stored = store.promises
        self._newest: Promise | None = None
        if stored:
            self._newest = decode(stored, Promise, what="promise", max_bytes=_MAX_BYTES)
        self._entered = core.term

    @property
    def missing(self) -> Promise | None:
        """What is promised, if the log neither holds it nor ends in a later term."""
        newest = self._newest
        if newest is None or self._chain.end.term > newest.end.term:
            return None
        return None if self._is_held(newest) else newest

    def keep(self) -> None:
        """Keep the end of the log if the next save leaves a term; to be called before each save."""
        kept = self._note_loss(self._leave_term())
        if kept is not None and kept != self._newest:
            self._newest = kept
            self._store.keep_promises(encode(kept))

    def _leave_term(self) -> Promise | None:
        left, self._entered = self._entered, self._core.term
        end, newest = self._chain.end, self._newest
        if left == self._entered or not end.index or (newest and end == newest.end):
            return newest
        if newest is None or end.term > newest.end.term or end.term == left:
            return Promise(end=end)
        return newest

    def _note_loss(self, promise: Promise | None) -> Promise | None:
        """See what of it the next save takes out of the log."""
        if promise is None:
            return None
        if promise.lost is not None and self._is_held(promise):
            promise = Promise(end=promise.end)
        first = self._core.persisted + 1
        highest = promise.end.index if promise.lost is None else promise.lost.index - 1
        if first > min(highest, self._chain.end.index):
            return promise
        (shown,) = self._chain.shown(first, first)
        header = read_header(shown)
        lost = LogEnd(term=header.term, index=first, head=compute_head(shown.header))
        return Promise(end=promise.end, lost=lost)

    def _is_held(self, promise: Promise) -> bool:
        return self._chain.head_at(promise.end.index) == promise.end.head
