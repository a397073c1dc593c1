"""Two trees that one key signed: kind E10.

A node signs checkpoints of what is final, and cosigns none that does not begin with the last one
that it signed. So whoever has signed two of which neither contains the other has shown one ledger
to some and another one to others; or the ledger has two histories, and its storage was put back
from one into the other. A checkpoint names no start of the storage and no chain but by its origin:
what tells the one from the other is whether there is a fork (E8), and nothing in the checkpoints.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from kpledger.base.errors import LedgerError
from kpledger.base.hashing import Digest
from kpledger.log.checkpoint import parse_checkpoint
from kpledger.log.conviction import Conviction, EvidenceError, Guilt
from kpledger.log.evidence import SplitView, read_checkpoint
from kpledger.log.merkle import verify_consistency
from kpledger.log.note import (
    Note,
    NoteKey,
    NoteSignature,
    format_note,
    format_vkey,
    parse_note,
    split_signature,
)
from kpledger.log.statements import Electorate, SignatureCheck, verifies

_KIND: Final = "E10"


def judge_split_view(
    evidence: SplitView, electorate: Electorate, check: SignatureCheck
) -> Conviction:
    """Judge E10: whatever a node signs as the state of the ledger contains what it signed before.

    Raises:
        LedgerError: it does not convict.
    """
    first, second = read_checkpoint(evidence.first), read_checkpoint(evidence.second)
    if (first.size, first.root) >= (second.size, second.root):
        raise EvidenceError(_KIND, "the two are the same, or not in the one order")
    if {first.origin, second.origin} != {electorate.origin}:
        raise EvidenceError(_KIND, f"they are not both of {electorate.origin}")
    verify_consistency(
        old_size=first.size,
        old_root=Digest(evidence.root),
        new_size=second.size,
        new_root=second.root,
        path=tuple(map(Digest, evidence.path)),
    )
    if evidence.root == first.root:
        raise EvidenceError(_KIND, "the second contains the first")
    keys = _verify(evidence.first, electorate, check)
    if keys != _verify(evidence.second, electorate, check):
        raise EvidenceError(_KIND, "not the same keys signed both")
    names = tuple(sorted({electorate.note_keys[key] for key in keys}))
    told = ", ".join(f"{electorate.note_keys[key]} ({format_vkey(key)})" for key in keys)
    words = (
        f"{evidence.accusation}, that of {told}: it showed one ledger to some and another one to"
        " others; or the ledger has two histories, and its storage was put back in between"
    )
    return Conviction(_KIND, names, Guilt.FAULT, words)


def find_split_view(
    electorate: Electorate,
    one: Note,
    other: Note,
    *,
    root: Digest | None = None,
    path: Sequence[Digest] = (),
    check: SignatureCheck = verifies,
) -> SplitView | None:
    """Find two checkpoints under one key of which neither contains the other (E10).

    Args:
        electorate: whose ledger it is.
        one: a signed checkpoint.
        other: another one.
        root: what the larger tree has as its root at the smaller size, if the sizes differ.
        path: the proof of that, by whoever has the larger tree.
        check: verifies a signature.

    Raises:
        LedgerError: one of them is no checkpoint.
    """
    trees = [(parse_checkpoint(note.text), note) for note in (one, other)]
    (_, first), (larger, second) = sorted(trees, key=lambda each: (each[0].size, each[0].root))
    lines = find_lines(first, electorate, check), find_lines(second, electorate, check)
    if not lines[0].keys() & lines[1].keys():
        return None
    evidence = SplitView(
        first=_write(first.text, *lines),
        second=_write(second.text, *reversed(lines)),
        root=larger.root if root is None else root,
        path=tuple(path),
    )
    try:
        judge_split_view(evidence, electorate, check)
    except LedgerError:
        return None
    return evidence


def _verify(written: str, electorate: Electorate, check: SignatureCheck) -> tuple[NoteKey, ...]:
    """Give the keys of nodes that signed a note, and refuse any other line."""
    note = parse_note(written.encode())
    lines = find_lines(note, electorate, check)
    if tuple(lines.values()) != note.signatures:
        problem = "a line under a checkpoint is no node's, not in its place, or does not verify"
        raise EvidenceError(_KIND, problem)
    return tuple(lines)


def find_lines(
    note: Note, electorate: Electorate, check: SignatureCheck
) -> dict[NoteKey, NoteSignature]:
    """Find a line of each node's key that verifies, in order of the names and ids of the keys."""
    found: dict[NoteKey, NoteSignature] = {}
    for line in sorted(note.signatures, key=lambda each: (each.name, each.key_id)):
        # Names first: an id is a hash, and few keys have one name.
        named = (each for each in electorate.note_keys if each.name == line.name)
        key = next((each for each in named if each.key_id == line.key_id), None)
        if key is not None and key not in found:
            _, message, signature = split_signature(note.text, line.signature, key.key_type)
            if check(key.public_key, message, signature):
                found[key] = line
    return found


def _write(
    text: str, lines: Mapping[NoteKey, NoteSignature], others: Mapping[NoteKey, NoteSignature]
) -> str:
    """Write a note with the lines of those who signed the other one, too."""
    shared = tuple(line for key, line in lines.items() if key in others)
    return format_note(Note(text, shared)).decode()
