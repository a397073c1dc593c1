"""Signed checkpoints that were heard of: of each key the newest on the own tree, and one beside it.

A checkpoint that is larger than the own ledger may be right or wrong: nobody here can tell yet. So
it stands beside the newest one that is known to be right, and the signer's own slot is all that it
can fill. One that is known to be wrong stays there, until another one under the same key shows what
it is: evidence of a split view (E10), which takes a proof in the larger of the two trees.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from kpledger.base.hashing import Digest
from kpledger.log.checkpoint import Checkpoint, OriginMismatchError, parse_checkpoint
from kpledger.log.evidence import SplitView
from kpledger.log.merkle import TreeSize
from kpledger.log.note import (
    Note,
    NoteKey,
    NoteSignature,
    UntrustedNoteError,
    format_note,
    split_signature,
)
from kpledger.log.split_view import find_lines, find_split_view
from kpledger.log.statements import Electorate, SignatureCheck

_ROOTS: Final = 64
"""Roots of the own tree that are remembered: those of final sizes never change."""


class OwnTree(Protocol):
    """The tree of what is final here (:class:`kpnode.sealing.final_tree.FinalTree`)."""

    def root_at(self, size: TreeSize) -> Digest | None:
        """Give the root at a size; None beyond the end."""

    def prove_consistency(self, old: TreeSize, new: TreeSize) -> tuple[Digest, ...]:
        """Give the proof that the tree at one size extends that at another."""


@dataclass(frozen=True, slots=True)
class _Signed:
    """A checkpoint with the signature of one key."""

    key: NoteKey
    checkpoint: Checkpoint
    note: Note
    told: str
    """The note as it is told."""
    time_s: int
    """When that key signed, -1 if it does not say."""


class Notes:
    """The checkpoints that one node has heard of; at most two of each key.

    Attributes:
        found: evidence that was found since somebody took it from here.
    """

    def __init__(self, electorate: Electorate, tree: OwnTree, check: SignatureCheck) -> None:
        """Know none; ``check`` verifies a signature."""
        self._electorate = electorate
        self._tree = tree
        self._check = check
        self._agreed: dict[NoteKey, _Signed] = {}
        """The newest of each key that is of the own tree."""
        self._other: dict[NoteKey, _Signed] = {}
        """One of each key that is not, or not yet."""
        self._roots: dict[TreeSize, Digest] = {}
        self._shown: set[NoteKey] = set()
        """Whose evidence was found: those that go on signing give no more of it."""
        self.found: list[SplitView] = []

    def tell(self, but: str) -> Iterator[str]:
        """Give all as they are told, each with one signature; without those of one text."""
        for signed in (*self._agreed.values(), *self._other.values()):
            if signed.note.text != but:
                yield signed.told

    def take(self, note: Note) -> bool:
        """Take a checkpoint as far as nodes have signed it; tells whether anything of it is new.

        Raises:
            LedgerError: it is none of this ledger, or no signature of a node holds.
        """
        checkpoint = parse_checkpoint(note.text)
        origin = self._electorate.origin
        if checkpoint.origin != origin:
            raise OriginMismatchError(f"it is of {checkpoint.origin}, not of {origin}")
        lines = find_lines(note, self._electorate, self._check)
        if not lines:
            raise UntrustedNoteError("no node has signed the checkpoint")
        taken = [
            self._enter(_sign(key, checkpoint, note.text, line)) for key, line in lines.items()
        ]
        return any(taken)

    def review(self) -> None:
        """Look again at those that were beyond the own tree, or could not be shown to be wrong."""
        others, self._other = self._other, {}
        for signed in others.values():
            self._enter(signed)

    def _root_at(self, size: TreeSize) -> Digest | None:
        """Give the own root at a size; many sign the same few sizes one after the other."""
        root = self._roots.get(size) or self._tree.root_at(size)
        if root is not None:
            self._roots[size] = root
            if len(self._roots) > _ROOTS:
                del self._roots[next(iter(self._roots))]
        return root

    def _enter(self, signed: _Signed) -> bool:
        """Compare a checkpoint with the others of its key, and keep it if it tells more."""
        key = signed.key
        known = [one for kept in (self._agreed, self._other) if (one := kept.get(key)) is not None]
        if any(one.note == signed.note for one in known):
            return False
        for one in known:
            self._compare(one, signed)
        own = self._root_at(signed.checkpoint.size)
        kept = self._agreed if signed.checkpoint.root == own else self._other
        before = kept.get(key)
        if before is not None and self._rank(signed) <= self._rank(before):
            return False
        kept[key] = signed
        return True

    def _rank(self, signed: _Signed) -> tuple[int, int, bytes, int]:
        """Tell what is kept: what is wrong, and of that the smallest, for it is shown soonest."""
        checkpoint = signed.checkpoint
        size, root = int(checkpoint.size), checkpoint.root
        is_wrong = self._root_at(checkpoint.size) not in (None, root)
        return is_wrong, -size if is_wrong else size, root, 0 if is_wrong else signed.time_s

    def _compare(self, one: _Signed, other: _Signed) -> None:
        """Look whether one key signed two trees of which neither contains the other; once."""
        if one.key in self._shown or one.checkpoint == other.checkpoint:
            return
        first, second = sorted(
            (one, other), key=lambda each: (each.checkpoint.size, each.checkpoint.root)
        )
        small, large = first.checkpoint, second.checkpoint
        root: Digest | None = None
        path: tuple[Digest, ...] = ()
        if small.size < large.size:
            if not small.size or self._root_at(large.size) != large.root:
                return
            root = self._root_at(small.size)
            if root == small.root:
                return
            path = self._tree.prove_consistency(small.size, large.size)
        evidence = find_split_view(
            self._electorate, first.note, second.note, root=root, path=path, check=self._check
        )
        if evidence is not None:
            self._shown.add(one.key)
            self.found.append(evidence)


def _sign(key: NoteKey, checkpoint: Checkpoint, text: str, line: NoteSignature) -> _Signed:
    note = Note(text, (line,))
    time_s, _, _ = split_signature(text, line.signature, key.key_type)
    told = format_note(note).decode()
    return _Signed(key, checkpoint, note, told, -1 if time_s is None else time_s)
