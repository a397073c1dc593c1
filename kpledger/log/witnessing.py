"""Asking for cosignatures, and whether to give them (C2SP tlog-witness).

Who has a new checkpoint sends it to a witness, with the size of the last one that the witness
cosigned and the proof that the new tree extends that one. Voters of a ledger ask each other in this
way, and so do they ask witnesses that take no part in it.

What a witness has cosigned is its own business: it compares, saves and signs as one step.
"""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from kpledger.base.errors import BadSignatureError, LedgerError, MalformedError, OversizedError
from kpledger.base.hashing import Digest, decode_digest
from kpledger.log.checkpoint import Checkpoint, parse_checkpoint
from kpledger.log.merkle import (
    PathLengthError,
    TreeSize,
    check_tree_size,
    verify_consistency,
)
from kpledger.log.note import (
    MAX_NOTE_BYTES,
    Note,
    NoteKey,
    NoteSignature,
    RepeatedSignatureError,
    UntrustedNoteError,
    format_note,
    identify_signers,
    parse_base64,
    parse_note,
)

MAX_ADD_CHECKPOINT_BYTES: Final = MAX_NOTE_BYTES + 4096
"""Room for the longest note and the longest proof."""

MAX_PROOF_HASHES: Final = 63
"""The most that a request may carry."""

_OLD_PATTERN: Final = re.compile(r"old (0|[1-9][0-9]{0,18})")


class WitnessStatus(IntEnum):
    """Why a witness refuses, as HTTP statuses of the protocol."""

    BAD_REQUEST = 400
    """The old size is larger than that of the checkpoint; or nothing can be read at all."""
    FORBIDDEN = 403
    """No key that is trusted for the log has signed, or one has signed something else."""
    UNKNOWN_LOG = 404
    CONFLICT = 409
    """The old size is not that of the last checkpoint that was cosigned."""
    INCONSISTENT = 422
    """The proof does not hold, or the root is another one at the same size."""


class WitnessError(LedgerError):
    """A witness does not cosign.

    Attributes:
        status: what to answer.
        size: with ``CONFLICT``, the size of the last checkpoint that was cosigned; 0 if none was.
    """

    def __init__(
        self, status: WitnessStatus, problem: str, *, size: TreeSize | None = None
    ) -> None:
        super().__init__(problem)
        self.status = status
        self.size = size


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to cosign a checkpoint."""

    old_size: TreeSize
    """Of the checkpoint that the witness cosigned last, as the asker believes."""
    path: tuple[Digest, ...]
    """The proof of consistency; empty if the old size is 0."""
    note: Note
    """The signed checkpoint."""


def parse_add_checkpoint(data: bytes) -> AddCheckpoint:
    """Read the body of a request.

    Raises:
        OversizedError: longer than ``MAX_ADD_CHECKPOINT_BYTES``.
        LedgerError: it is not what it should be; answered with ``BAD_REQUEST``.
    """
    if len(data) > MAX_ADD_CHECKPOINT_BYTES:
        raise OversizedError("add-checkpoint", size=len(data), limit=MAX_ADD_CHECKPOINT_BYTES)
    head, blank_line, checkpoint = data.partition(b"\n\n")
    if not head.isascii() or not blank_line:
        raise MalformedError("add-checkpoint", "it has no lines of ASCII that a blank line ends")
    first, *lines = head.decode("ascii").split("\n")
    old = _OLD_PATTERN.fullmatch(first)
    if old is None or len(lines) > MAX_PROOF_HASHES:
        problem = f"it does not begin with 'old N' and up to {MAX_PROOF_HASHES} hashes"
        raise MalformedError("add-checkpoint", problem)
    path = tuple(decode_digest(parse_base64(line, what="proof")) for line in lines)
    note = parse_note(checkpoint)
    parse_checkpoint(note.text)
    return AddCheckpoint(check_tree_size(int(old[1])), path, note)


def format_add_checkpoint(asked: AddCheckpoint) -> bytes:
    """Write the body of a request.

    Raises:
        LedgerError: it would not read back as itself.
    """
    lines = [f"old {asked.old_size}"]
    lines += [base64.b64encode(digest).decode() for digest in asked.path]
    data = "\n".join(lines).encode() + b"\n\n" + format_note(asked.note)
    if parse_add_checkpoint(data) != asked:
        raise MalformedError("add-checkpoint", "it would not read back as itself")
    return data


def parse_cosignatures(text: str, data: bytes) -> tuple[NoteSignature, ...]:
    """Read the answer to a request: signature lines, and nothing of the text that they sign.

    Raises:
        LedgerError: all that ``parse_note`` raises.
    """
    return parse_note(f"{text}\n".encode() + data).signatures


def format_cosignatures(note: Note) -> bytes:
    """Write the answer to a request: the signature lines of a note alone.

    Raises:
        LedgerError: all that ``format_note`` raises.
    """
    return format_note(note).removeprefix(f"{note.text}\n".encode())


def witness_checkpoint(
    stored: Checkpoint | None, asked: AddCheckpoint, keys: Iterable[NoteKey]
) -> Checkpoint:
    """Decide whether to cosign; the caller saves the checkpoint before it does.

    Args:
        stored: the last checkpoint that this witness cosigned for the log.
        asked: the request.
        keys: the keys of all logs that the witness knows; a log's name is its origin.

    Raises:
        WitnessError: it is not to be cosigned, with what to answer.
    """
    checkpoint = parse_checkpoint(asked.note.text)
    known = [key for key in keys if key.name == checkpoint.origin]
    if not known:
        raise WitnessError(WitnessStatus.UNKNOWN_LOG, f"{checkpoint.origin} is not known here")
    try:
        identify_signers(asked.note, known)
    except (UntrustedNoteError, BadSignatureError, RepeatedSignatureError) as error:
        raise WitnessError(WitnessStatus.FORBIDDEN, str(error)) from None
    if asked.old_size > checkpoint.size:
        problem = f"old size {asked.old_size} is beyond size {checkpoint.size}"
        raise WitnessError(WitnessStatus.BAD_REQUEST, problem)
    size = TreeSize(0) if stored is None else stored.size
    if asked.old_size != size:
        problem = f"the last size cosigned is {size}, not {asked.old_size}"
        raise WitnessError(WitnessStatus.CONFLICT, problem, size=size)
    try:
        _check_extension(stored, checkpoint, asked.path)
    except LedgerError as error:
        raise WitnessError(WitnessStatus.INCONSISTENT, str(error)) from None
    return checkpoint


def _check_extension(
    stored: Checkpoint | None, checkpoint: Checkpoint, path: tuple[Digest, ...]
) -> None:
    """See that the new tree extends the old one; every tree extends the empty one."""
    if stored is not None and stored.size:
        verify_consistency(
            old_size=stored.size,
            old_root=stored.root,
            new_size=checkpoint.size,
            new_root=checkpoint.root,
            path=path,
        )
    elif path:
        raise PathLengthError(f"the path has {len(path)} hashes where none is needed")
