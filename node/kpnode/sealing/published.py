"""Published checkpoints: the newest one that is sealed, and a newer one that is not yet.

Whatever comes from others is verified before it is kept: signatures by the keys of the genesis file
and of the witnesses that the operator has named, and the tree by the own ledger as far as that
reaches. A checkpoint beyond the own ledger is kept only when it is sealed, so that no single voter
can put a tree of its own in the place of the newest.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from kpledger.base.errors import LedgerError
from kpledger.log.checkpoint import (
    Checkpoint,
    OriginMismatchError,
    UnsignedByLogError,
    parse_checkpoint,
)
from kpledger.log.genesis import Genesis
from kpledger.log.merkle import TreeSize
from kpledger.log.note import MAX_NOTE_SIGNATURES, Note, NoteKey, NoteSignature, identify_signers
from kpledger.log.policy import policy_of
from kpnode.sealing.final_tree import FinalTree


class OtherTreeError(LedgerError):
    """A checkpoint is of a tree that is not this ledger's.

    Attributes:
        note: the checkpoint, whose signatures were verified.
    """

    def __init__(self, checkpoint: Checkpoint, note: Note) -> None:
        names = ", ".join(each.name for each in note.signatures)
        super().__init__(
            f"another tree of {checkpoint.size} events than this ledger's is signed by {names}"
        )
        self.note = note


_Lines = dict[NoteKey, tuple[NoteSignature, int]]
"""The signatures on a checkpoint by their keys, with their times; 0 for those that have none."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A checkpoint, and of each key the newest signature on it that is known."""

    text: str
    checkpoint: Checkpoint
    lines: _Lines

    def merge(self, lines: _Lines) -> bool:
        """Take over what is new or newer; tells whether anything is."""
        newer = {
            key: line
            for key, line in lines.items()
            if key not in self.lines or line[1] > self.lines[key][1]
        }
        self.lines.update(newer)
        return bool(newer)


class PublishedCheckpoints:
    """The checkpoints that a node hands out; belongs to one event loop.

    Attributes:
        tree: what is final here.
        wanted: set while somebody waits for a seal.
    """

    def __init__(
        self, genesis: Genesis, tree: FinalTree, witnesses: Iterable[NoteKey] = ()
    ) -> None:
        """Begin with none; ``witnesses`` are those who take no part in the ledger."""
        self._origin = genesis.file.origin
        self._policy = policy_of(genesis)
        self.tree = tree
        keys, voters = genesis.note_keys, set(genesis.file.voters)
        # Where not all lines fit into a note, those do that make it sealed.
        by_voters = [key for key, node in keys.items() if node in voters]
        others = [key for key, node in keys.items() if node not in voters]
        self._keys = (*by_voters, *witnesses, *others)
        self._sealed: _Kept | None = None
        self._newest: _Kept | None = None
        self._waiting: dict[asyncio.Future[None], TreeSize] = {}
        self.wanted = asyncio.Event()

    @property
    def sealed(self) -> Note | None:
        """The newest checkpoint that is sealed."""
        return None if self._sealed is None else self._format(self._sealed)

    @property
    def best(self) -> Note | None:
        """The newest checkpoint that is sealed, or else the newest that is signed."""
        kept = self._sealed or self._newest
        return None if kept is None else self._format(kept)

    @property
    def sealed_size(self) -> TreeSize:
        """How many events are sealed."""
        return TreeSize(0) if self._sealed is None else self._sealed.checkpoint.size

    def take(self, note: Note) -> bool:
        """Take in a checkpoint with whatever signatures it has; tells whether anything is new.

        Raises:
            OtherTreeError: it is of another tree than this ledger's.
            LedgerError: it is none of this ledger, or a signature under a known key is wrong.
        """
        checkpoint = parse_checkpoint(note.text)
        if checkpoint.origin != self._origin:
            raise OriginMismatchError(f"the checkpoint is of {checkpoint.origin}")
        lines = self._verify(note)
        kept = next((one for one in self._all() if one.text == note.text), None)
        if kept is None:
            if checkpoint.size < self.sealed_size:
                return False
            self._check_tree(checkpoint, note)
            kept = _Kept(note.text, checkpoint, {})
        is_news = kept.merge(lines)
        self._place(kept)
        return is_news

    def _all(self) -> tuple[_Kept, ...]:
        return tuple(one for one in (self._sealed, self._newest) if one is not None)

    def _verify(self, note: Note) -> _Lines:
        by_id = {(each.name, each.key_id): each for each in note.signatures}
        signers = identify_signers(note, self._keys)
        if all(one.key.name != self._origin for one in signers):
            raise UnsignedByLogError(f"no voter has signed the checkpoint as {self._origin}")
        return {one.key: (by_id[one.key.name, one.key.key_id], one.time_s or 0) for one in signers}

    def _check_tree(self, checkpoint: Checkpoint, note: Note) -> None:
        own = self.tree.root_at(checkpoint.size)
        if own is not None and own != checkpoint.root:
            raise OtherTreeError(checkpoint, note)

    def _place(self, kept: _Kept) -> None:
        """Put a checkpoint where it belongs, if it does."""
        cosigners = {name for name, key in self._policy.witnesses.items() if key in kept.lines}
        size = kept.checkpoint.size
        if self._policy.is_met(cosigners):
            if size >= self.sealed_size:
                self._sealed = kept
            if self._newest is not None and self._newest.checkpoint.size <= size:
                self._newest = None
            self._tell_waiting()
        # Where the own ledger does not reach yet, one voter alone could name any size.
        elif self.tree.root_at(size) is not None and (
            self._newest is None or size >= self._newest.checkpoint.size
        ):
            self._newest = kept

    async def reach(self, size: TreeSize) -> None:
        """Wait until so many events are sealed: for ever, if they never will be."""
        if self.sealed_size >= size:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = size
        self.wanted.set()
        try:
            await waiter
        finally:
            del self._waiting[waiter]
            if not self._waiting:
                self.wanted.clear()

    def _tell_waiting(self) -> None:
        for waiter, size in self._waiting.items():
            if size <= self.sealed_size and not waiter.done():
                waiter.set_result(None)

    def _format(self, kept: _Kept) -> Note:
        lines = [kept.lines[key][0] for key in self._keys if key in kept.lines]
        return Note(kept.text, tuple(lines[:MAX_NOTE_SIGNATURES]))
