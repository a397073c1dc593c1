"""What a node has acknowledged and its log does not hold any more.

As long as the log holds a block, the log itself is the promise. A leader of a later term may
overwrite it; but what that leader sends need not be the log for which it was elected, if it lies.
So the end of the log is kept when a term is left in which it was acknowledged, and the node goes on
voting by it until its log ends in a later term: a majority has let that term begin, with a log that
holds whatever was final. That later end is kept then, since it may be overwritten as well.

Another end of the same term is no promise: the log took it in without acknowledging it in that
term, so a liar that led it could put any branch in the place of the true one.
"""

from typing import Final

from kpledger.base.codec import decode, encode
from kpledger.log.statements import LogEnd
from kpnode.notary.ports import OwnChain, ProofStore
from kpnode.raft import RaftCore

_MAX_BYTES: Final = 128


class Promises:
    """The newest end that a node's log had: by its term, then by what was acknowledged in that."""

    def __init__(self, core: RaftCore, chain: OwnChain, store: ProofStore) -> None:
        """Take up what was stored.

        Raises:
            LedgerError: it is damaged.
        """
        self._core, self._chain, self._store = core, chain, store
        stored = store.promises
        self._newest: LogEnd | None = None
        if stored:
            self._newest = decode(stored, LogEnd, what="promise", max_bytes=_MAX_BYTES)
        self._entered = core.term

    @property
    def missing(self) -> LogEnd | None:
        """What is promised, if the log neither holds it nor ends in a later term."""
        newest = self._newest
        if newest is None or self._chain.end.term > newest.term:
            return None
        return None if self._chain.head_at(newest.index) == newest.head else newest

    def keep(self) -> None:
        """Keep the end of the log if the next save leaves a term; to be called before each save."""
        left, self._entered = self._entered, self._core.term
        end, newest = self._chain.end, self._newest
        if left == self._entered or not end.index or end == newest:
            return
        if newest is None or end.term > newest.term or end.term == left:
            self._newest = end
            self._store.keep_promises(encode(end))
