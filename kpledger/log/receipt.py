"""Receipts: proof that an entry is on the ledger, for whoever has no ledger (C2SP tlog-proof).

A receipt is a text file::

    c2sp.org/tlog-proof@v1
    extra <base64>
    index 2
    <one hash a line, in base64>

    <a signed checkpoint>

It joins what is needed to be sure without asking anybody: the path from the entry to the root of a
tree, and a checkpoint of that tree, cosigned by as many as the reader's policy wants. The entry
itself is not part of the format. Ours stands as *extra* in the file, so that one file is enough;
it is believed only because it is what the path begins with.
"""

import base64
import re
from dataclasses import dataclass
from typing import Final

from kpledger.base.errors import MalformedError, OversizedError
from kpledger.base.hashing import Digest, decode_digest, hash_leaf
from kpledger.log.merkle import MAX_TREE_SIZE, verify_inclusion
from kpledger.log.note import MAX_NOTE_BYTES, Note, format_note, parse_base64
from kpledger.log.policy import Sealed, TrustPolicy

MAX_RECEIPT_BYTES: Final = MAX_NOTE_BYTES + 2**17
"""Room for the longest note, the longest path, and an entry of 65,535 bytes in base64."""

_FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
_EXTRA: Final = "extra "
_MAX_PATH: Final = MAX_TREE_SIZE.bit_length()
_INDEX_PATTERN: Final = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as it was read: nothing in it is verified."""

    index: int
    """The 0-based place of the entry on the ledger."""
    path: tuple[Digest, ...]
    """From the entry's sibling up to the child of the root."""
    checkpoint: bytes
    """A signed note, as it is."""
    extra: bytes | None
    """Of the application; here the entry, the signed event as it is stored."""


def parse_receipt(data: bytes) -> Receipt:
    """Read a receipt; a form that another text could have as well is refused.

    Raises:
        OversizedError: longer than ``MAX_RECEIPT_BYTES``.
        MalformedError: a line is not what it should be, or the path is longer than any.
        NotCanonicalError: the base64 of a line is not the one spelling of its bytes.
    """
    if len(data) > MAX_RECEIPT_BYTES:
        raise OversizedError("receipt", size=len(data), limit=MAX_RECEIPT_BYTES)
    head, blank_line, checkpoint = data.partition(b"\n\n")
    if not head.isascii() or not blank_line:
        raise MalformedError("receipt", "it has no lines of ASCII that a blank line ends")
    first, *lines = head.decode("ascii").split("\n")
    if first != _FIRST_LINE:
        raise MalformedError("receipt", f"it begins with {first[:80]!r}, not {_FIRST_LINE!r}")
    extra = None
    if lines and lines[0].startswith(_EXTRA):
        extra = parse_base64(lines.pop(0).removeprefix(_EXTRA), what="receipt extra")
    index = _INDEX_PATTERN.fullmatch(lines[0] if lines else "")
    if index is None:
        raise MalformedError("receipt", "no line of the form 'index N' stands where it should")
    if len(lines) > 1 + _MAX_PATH:
        raise MalformedError("receipt", f"its path has more than {_MAX_PATH} hashes")
    path = tuple(decode_digest(parse_base64(line, what="receipt path")) for line in lines[1:])
    return Receipt(int(index[1]), path, checkpoint, extra)


def format_receipt(receipt: Receipt) -> bytes:
    """Write a receipt.

    Raises:
        MalformedError, OversizedError: it would not read back as itself.
    """
    lines = [_FIRST_LINE]
    if receipt.extra is not None:
        lines.append(_EXTRA + base64.b64encode(receipt.extra).decode())
    lines.append(f"index {receipt.index}")
    lines += [base64.b64encode(digest).decode() for digest in receipt.path]
    data = "\n".join(lines).encode() + b"\n\n" + receipt.checkpoint
    if parse_receipt(data) != receipt:
        raise MalformedError("receipt", "it would not read back as itself")
    return data


def verify_receipt(receipt: Receipt, entry: bytes, policy: TrustPolicy) -> Sealed:
    """Verify that an entry is on the ledger of a checkpoint that a policy accepts.

    Args:
        receipt: the proof.
        entry: the exact bytes of the entry.
        policy: whose signatures the caller trusts.

    Raises:
        PolicyError: too few have cosigned.
        LedgerError: all that ``TrustPolicy.judge`` and ``verify_inclusion`` raise.
    """
    sealed = policy.judge(receipt.checkpoint)
    checkpoint = sealed.signed.checkpoint
    verify_inclusion(
        leaf_hash=hash_leaf(entry),
        index=receipt.index,
        size=checkpoint.size,
        path=receipt.path,
        root=checkpoint.root,
    )
    return sealed


def trim_checkpoint(data: bytes, policy: TrustPolicy) -> bytes:
    """Drop every signature that a policy can do without: one log's and a bare quorum stay.

    A verifier ignores the signatures of unknown keys, as it must, and what is ignored can be
    changed. In a trimmed checkpoint no byte can.

    Raises:
        LedgerError: all that ``TrustPolicy.judge`` raises.
    """
    sealed = policy.judge(data)
    kept = dict(sealed.cosigners)
    for name in sealed.cosigners:
        if policy.is_met(kept.keys() - {name}):
            del kept[name]
    keys = (sealed.signed.log_keys[0], *(each.key for each in kept.values()))
    lines = {(key.name, key.key_id) for key in keys}
    note = sealed.signed.note
    signatures = (each for each in note.signatures if (each.name, each.key_id) in lines)
    return format_note(Note(note.text, tuple(signatures)))
