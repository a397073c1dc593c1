"""What stands under which key of a node's database, byte by byte.

Shared by the node, which writes it, and by whoever reads a copied directory without a node. Pure:
no database is opened here. All integers are unsigned and big-endian, so that the database's byte
order is the numerical order; every value has one spelling and decoding refuses any other.

========================  =============================================================
key                       value
========================  =============================================================
``b`` u64 height          entry of the log: u8 version (1), u8 kind (0 NOOP, 1 BLOCK,
                          2 CONFIG), u64 term of creation, payload (all that follows)
``h``                     hard state: u8 version (2), u64 term, u64 height up to which the
                          node acknowledged its log in that term, u32 generation of the
                          storage, name of the node voted for in that term in UTF-8, no byte
                          for no vote
``t``                     term proof: why the term of the hard state could begin
``p``                     the promise: the newest end of the log when a term was left, by which
                          the node still votes
``c`` u64 term            newest commit certificate known of that term
``e`` 32 bytes digest     evidence against a node
``m/format``              u8 version of this table (2)
``m/chain``               32 bytes, hash of the genesis file
``m/signed``              u64 height up to which blocks that open a term may show no votes; no
                          record for 0
``m/applied``             how far the derived records below reach; the state machine's
``s`` key                 state of the ledger: the state machine's value under its key
``n`` u8 level u64 index  hash of a perfect subtree of 256**level leaves of the Merkle tree, the
                          first at index 0; at level 0, where it is that of a leaf, then u64
                          height of the block that holds the event
========================  =============================================================

``s``, ``n`` and ``m/applied`` are derived from the ``b`` records and can be built again from them.
An ``n`` record never changes, because what it is the hash of is final. All else is the node's
memory: what it has promised to others, and what others have signed. Earlier versions of the node
kept no ``n`` records, which are added to their databases; and they kept indexes under ``i`` and
their version under ``m/derivation``, which are deleted.

The *generation* tells apart what a node signed before and after a start: it is the second, since
1970, of the start, or one more than that of the start before if that is more. So a storage that was
founded anew, or put back from a copy, has a higher one than the run before it.

Version 1 of the table, before voters signed what they say, had no ``t``, ``p``, ``c``, ``e`` and
``m/signed``, and its hard state was u8 version (1), u64 term, name.
"""

import struct
from dataclasses import dataclass
from typing import Final

from kpledger.base.errors import MalformedError, OversizedError

DATABASE_DIRECTORY: Final = "ledger"
"""Name of the database's directory inside the node's directory."""

FORMAT_KEY: Final = b"m/format"
CHAIN_KEY: Final = b"m/chain"
APPLIED_KEY: Final = b"m/applied"
SIGNED_KEY: Final = b"m/signed"
HARD_STATE_KEY: Final = b"h"
TERM_PROOF_KEY: Final = b"t"
PROMISES_KEY: Final = b"p"

STORE_FORMAT: Final = b"\x02"
"""Value under :data:`FORMAT_KEY`; a change to the table above makes a new one."""
UNSIGNED_FORMAT: Final = b"\x01"
"""The same, of the table before voters signed what they say."""

CERTIFICATE_PREFIX: Final = b"c"
EVIDENCE_PREFIX: Final = b"e"
BLOCK_PREFIX: Final = b"b"
STATE_PREFIX: Final = b"s"

MAX_PAYLOAD_BYTES: Final = 16 << 20
"""Largest payload of one stored entry."""
MAX_STORED_BYTES: Final = MAX_PAYLOAD_BYTES + 64
"""Largest stored entry, with what frames it in a stream."""
MAX_NODE_NAME_BYTES: Final = 255
"""Longest name of a node."""

# In each value by itself, so that a reader of one knows it without the table's version.
_ENTRY_VERSION: Final = 1
_HARD_STATE_VERSION: Final = 2
_UNSIGNED_VERSION: Final = 1
_KIND_MAX: Final = 2

NOOP_ENTRY: Final = 0
"""Kind of a stored entry that opens a term."""
BLOCK_ENTRY: Final = 1
"""Kind of one that carries events."""
_U64_MAX: Final = (1 << 64) - 1
_TREE_PREFIX: Final = b"n"
_NUMBERED_KEY: Final = struct.Struct(">cQ")
_ENTRY_HEADER: Final = struct.Struct(">BBQ")
_HARD_STATE_HEADER: Final = struct.Struct(">BQQI")
_UNSIGNED_HEADER: Final = struct.Struct(">BQ")
_HEIGHT: Final = struct.Struct(">Q")
_TREE_KEY: Final = struct.Struct(">cBQ")


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One entry of the log as it is stored; its height stands in the key."""

    kind: int
    term: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class StoredHardState:
    """What a node must not forget, as it is stored."""

    term: int
    voted_for: str | None
    acknowledged: int
    generation: int


def block_key(height: int) -> bytes:
    """Return the key of an entry; heights begin at 1."""
    return _NUMBERED_KEY.pack(BLOCK_PREFIX, height)


def certificate_key(term: int) -> bytes:
    """Return the key of the newest commit certificate of a term."""
    return _NUMBERED_KEY.pack(CERTIFICATE_PREFIX, term)


def evidence_key(digest: bytes) -> bytes:
    """Return the key of evidence."""
    return EVIDENCE_PREFIX + digest


LAST_BLOCK_KEY: Final = block_key(_U64_MAX)


def parse_block_key(key: bytes) -> int:
    """Return the height an entry's key speaks of.

    Raises:
        MalformedError: it is not the key of an entry.
    """
    if len(key) != _NUMBERED_KEY.size or not key.startswith(BLOCK_PREFIX):
        raise MalformedError("block key", f"{key[:64].hex()} is not the letter b and 8 bytes")
    height = int.from_bytes(key[1:], "big")
    if height == 0:
        raise MalformedError("block key", "heights begin at 1")
    return height


def state_key(key: bytes) -> bytes:
    """Return the database key of a key of the state."""
    return STATE_PREFIX + key


def tree_key(level: int, index: int) -> bytes:
    """Return the key of the hash of a subtree of 256**level leaves, the first at index 0."""
    return _TREE_KEY.pack(_TREE_PREFIX, level, index)


def is_memory_key(key: bytes) -> bool:
    """Tell whether the record is one the node promised to keep, not one derived from others."""
    kept = (BLOCK_PREFIX, HARD_STATE_KEY, CERTIFICATE_PREFIX, EVIDENCE_PREFIX)
    single = {TERM_PROOF_KEY, PROMISES_KEY, FORMAT_KEY, CHAIN_KEY, SIGNED_KEY}
    return key.startswith(kept) or key in single


def encode_stored_entry(entry: StoredEntry) -> bytes:
    """Encode an entry for its place under :func:`block_key`.

    Raises:
        OversizedError: the payload exceeds :data:`MAX_PAYLOAD_BYTES`.
    """
    _verify_payload_size(len(entry.payload))
    return _ENTRY_HEADER.pack(_ENTRY_VERSION, entry.kind, entry.term) + entry.payload


def decode_stored_entry(stored: bytes) -> StoredEntry:
    """Decode an entry as found under :func:`block_key`.

    Raises:
        MalformedError: too short, of an unknown version, or of an unknown kind.
        OversizedError: the payload exceeds :data:`MAX_PAYLOAD_BYTES`.
    """
    (kind, term), payload = _open("stored entry", _ENTRY_HEADER, _ENTRY_VERSION, stored)
    if kind > _KIND_MAX:
        problem = f"{kind} is not 0 (NOOP), 1 (BLOCK) or 2 (CONFIG)"
        raise MalformedError("stored entry", problem, field="kind")
    _verify_payload_size(len(payload))
    return StoredEntry(kind=kind, term=term, payload=payload)


def encode_hard_state(state: StoredHardState) -> bytes:
    """Encode a hard state for its place under :data:`HARD_STATE_KEY`.

    Raises:
        MalformedError: the vote is for a name that is empty or too long.
    """
    name = b"" if state.voted_for is None else state.voted_for.encode()
    if state.voted_for is not None and not 0 < len(name) <= MAX_NODE_NAME_BYTES:
        raise _bad_name(len(name))
    numbers = (state.term, state.acknowledged, state.generation)
    return _HARD_STATE_HEADER.pack(_HARD_STATE_VERSION, *numbers) + name


def decode_hard_state(stored: bytes) -> StoredHardState:
    """Decode a hard state as found under :data:`HARD_STATE_KEY`.

    Raises:
        MalformedError: too short, of another version, or the name is too long or not UTF-8.
    """
    numbers, name = _open("hard state", _HARD_STATE_HEADER, _HARD_STATE_VERSION, stored)
    term, acknowledged, generation = numbers
    return StoredHardState(term, _decode_name(name), acknowledged, generation)


def decode_unsigned_hard_state(stored: bytes) -> StoredHardState:
    """Decode a hard state as found in a database of :data:`UNSIGNED_FORMAT`.

    Raises:
        MalformedError: too short, of another version, or the name is too long or not UTF-8.
    """
    (term,), name = _open("hard state", _UNSIGNED_HEADER, _UNSIGNED_VERSION, stored)
    return StoredHardState(term, _decode_name(name), acknowledged=0, generation=0)


def encode_height(height: int) -> bytes:
    """Encode a height for its place under :data:`SIGNED_KEY`."""
    return _HEIGHT.pack(height)


def decode_height(stored: bytes) -> int:
    """Decode a height as found under :data:`SIGNED_KEY`.

    Raises:
        MalformedError: it has not eight bytes.
    """
    if len(stored) != _HEIGHT.size:
        raise MalformedError("stored height", f"{len(stored)} bytes, not {_HEIGHT.size}")
    return int.from_bytes(stored, "big")


def _open(
    what: str, header: struct.Struct, expected: int, stored: bytes
) -> tuple[tuple[int, ...], bytes]:
    """Give the numbers of a header after its version, and what follows the header."""
    if len(stored) < header.size:
        problem = f"{len(stored)} bytes cannot hold its {header.size}-byte header"
        raise MalformedError(what, problem)
    version, *numbers = header.unpack_from(stored)
    if version != expected:
        raise MalformedError(what, f"{version} is not {expected}", field="version")
    return tuple(numbers), stored[header.size :]


def _decode_name(name: bytes) -> str | None:
    if len(name) > MAX_NODE_NAME_BYTES:
        raise _bad_name(len(name))
    try:
        return name.decode() or None
    except UnicodeDecodeError as error:
        raise MalformedError("hard state", str(error), field="voted_for") from None


def _verify_payload_size(size: int) -> None:
    if size > MAX_PAYLOAD_BYTES:
        raise OversizedError("payload of a stored entry", size=size, limit=MAX_PAYLOAD_BYTES)


def _bad_name(size: int) -> MalformedError:
    problem = f"the name has {size} bytes, not 1 to {MAX_NODE_NAME_BYTES}"
    return MalformedError("hard state", problem, field="voted_for")
