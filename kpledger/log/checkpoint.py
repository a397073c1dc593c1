"""Checkpoints: size and root of the tree, as signed notes for all to keep (C2SP).

A checkpoint (tlog-checkpoint) is a note (:mod:`kpledger.log.note`) whose text is three lines: the
log's origin, the tree size, the root in base64. Signed by the log's key it is a promise that must
never be contradicted; cosigned by others it is shared knowledge. Extension lines are refused: not
every type of cosignature covers them, and nobody can audit them. How many cosigners are enough is
policy and decided elsewhere.
"""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from kpledger.base.errors import LedgerError, MalformedError
from kpledger.base.hashing import EMPTY_ROOT, Digest, decode_digest
from kpledger.base.keys import SigningKey
from kpledger.log.merkle import TreeSize, check_tree_size
from kpledger.log.note import (
    KeyType,
    Note,
    NoteKey,
    NoteSignature,
    NoteSigner,
    check_key_name,
    identify_signers,
    parse_base64,
    parse_note,
    sign_note,
)

_LINES: Final = 3

# No sign, no leading zero, ASCII digits only, and no more of them than the largest size has.
_SIZE_PATTERN: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class OriginMismatchError(LedgerError):
    """A checkpoint is of another log."""


class UnsignedByLogError(LedgerError):
    """No trusted key of the log itself has signed its checkpoint, only other trusted keys."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log: its origin, the number of leaves, and the root over them."""

    origin: str
    size: TreeSize
    root: Digest


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with the trusted keys that vouch for it, all verified."""

    checkpoint: Checkpoint
    note: Note
    """The note as it was read, with the signatures of unknown keys too, to be passed on."""
    log_keys: tuple[NoteKey, ...]
    """The keys of the log itself; at least one."""
    cosigners: tuple[NoteSigner, ...]
    """The timestamped signatures, each of another public key. A log's own is not among them."""


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint.

    Raises:
        MalformedError: not three lines, or one of them is not what it should be.
        NotCanonicalError: the base64 of the root is not the one spelling of its bytes.
        TreeSizeError: the size is larger than any tree may be.
    """
    lines = text.split("\n")
    if len(lines) != _LINES + 1 or lines[_LINES]:
        raise MalformedError("checkpoint", f"it does not have exactly {_LINES} complete lines")
    origin, size, root = lines[:_LINES]
    if _SIZE_PATTERN.fullmatch(size) is None:
        raise MalformedError("checkpoint", f"the tree size {size[:40]!r} is not a plain decimal")
    checkpoint = Checkpoint(
        check_key_name(origin),
        check_tree_size(int(size)),
        decode_digest(parse_base64(root, what="checkpoint root")),
    )
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise MalformedError("checkpoint", "its root is not that of the empty tree")
    return checkpoint


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """Write the text of a checkpoint.

    Raises:
        MalformedError, NotCanonicalError, TreeSizeError: it would not read back.
    """
    root = base64.b64encode(checkpoint.root).decode()
    text = f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n"
    parse_checkpoint(text)
    return text


def sign_checkpoint(checkpoint: Checkpoint, *, key: SigningKey) -> NoteSignature:
    """Sign as the log: the name of the key is the origin.

    The caller must have saved that it signs this, and never sign a checkpoint that this one is
    not consistent with (tlog-checkpoint, "Signatures").
    """
    return sign_note(format_checkpoint(checkpoint), name=checkpoint.origin, key=key)


def cosign_checkpoint(
    checkpoint: Checkpoint, *, name: str, key: SigningKey, time_s: int
) -> NoteSignature:
    """Cosign: as of that time this is the largest consistent tree that the cosigner has seen."""
    return sign_note(format_checkpoint(checkpoint), name=name, key=key, time_s=time_s)


def open_checkpoint(data: bytes, *, origin: str, keys: Iterable[NoteKey]) -> SignedCheckpoint:
    """Read and verify a checkpoint of one log.

    Args:
        data: the signed note.
        origin: the log that is meant; its own keys carry the same name.
        keys: the trusted keys of the log and of cosigners; all other signatures are ignored.

    Raises:
        OriginMismatchError: the checkpoint is of another log.
        UnsignedByLogError: only cosigners have signed.
        LedgerError: all that ``parse_note``, ``identify_signers`` and ``parse_checkpoint`` raise.
    """
    note = parse_note(data)
    signers = identify_signers(note, keys)
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != origin:
        raise OriginMismatchError(f"the checkpoint is of {checkpoint.origin}, not of {origin}")
    log_keys = tuple(
        signer.key
        for signer in signers
        if signer.key.key_type is KeyType.NOTE and signer.key.name == origin
    )
    if not log_keys:
        names = ", ".join(signer.key.name for signer in signers)
        raise UnsignedByLogError(f"the checkpoint is signed by {names}, but by no key of {origin}")
    cosigners = tuple(signer for signer in signers if signer.key.key_type is KeyType.COSIGNATURE)
    return SignedCheckpoint(checkpoint, note, log_keys, cosigners)
