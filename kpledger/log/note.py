"""Signed notes: text for all to keep, and who vouches for it (C2SP signed-note).

A note is text, a blank line, then one line for each signature: an em dash, the key's name, and
base64 of a 4-byte key id and the signature. The id only finds the key and proves nothing; which
keys count is the reader's decision alone. Two types of signature are known here: a plain one over
the text (0x01, with which a log signs) and a timestamped one (0x04, tlog-cosignature, with which
others state what they have seen).
"""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from kpledger.base.errors import LedgerError, MalformedError, NotCanonicalError, OversizedError
from kpledger.base.hashing import sha256
from kpledger.base.keys import SigningKey, check_public_key, verify_signature

MAX_NOTE_BYTES: Final = 1_000_000
"""As in Go's implementation; a hundred post-quantum signatures fit."""

MAX_NOTE_SIGNATURES: Final = 100
"""As in Go's implementation; the specification asks for at least 16."""

MAX_KEY_NAME_BYTES: Final = 255
"""The longest name that tlog-cosignature's newer format can sign."""

MAX_TIME_S: Final = 2**63 - 1
"""The last POSIX time of a cosignature (tlog-cosignature, "Format")."""

_KEY_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_LINE_START: Final = "\u2014 "
_CONTROL_PATTERN: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_NAME_PATTERN: Final = re.compile(r"[^\s\x00-\x1f+\ud800-\udfff]+")


class KeyType(IntEnum):
    """The type byte of a key, both Ed25519; other types are unknown here, hence ignored."""

    NOTE = 0x01
    COSIGNATURE = 0x04


_KEY_TYPES: Final = {bytes([key_type]): key_type for key_type in KeyType}


class KeyConflictError(LedgerError):
    """Two trusted keys cannot be told apart by their ids, or are one key under two names.

    A cosignature does not sign its signer's name, so one key under two names would count twice.
    """


class RepeatedSignatureError(LedgerError):
    """A note carries two signatures of one trusted key."""


class UntrustedNoteError(LedgerError):
    """No trusted key has signed a note."""


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key with the name and the type under which it signs notes."""

    name: str
    key_type: KeyType
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """Give the 4 bytes that stand for this key in a signature line."""
        typed_key = bytes([self.key_type]) + self.public_key
        return sha256(self.name.encode() + b"\n" + typed_key)[:_KEY_ID_BYTES]


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line, by whoever it may be; the format of ``signature`` follows the key."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it was read: nothing in it is verified."""

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A trusted key whose signature on a note holds; the time is there for cosignatures only."""

    key: NoteKey
    time_s: int | None


def parse_vkey(text: str) -> NoteKey:
    """Read a key as it is published: name, id in hexadecimal, type and key in base64.

    Raises:
        MalformedError: a part is missing, the type is unknown, or the id is of another key.
        NotCanonicalError: the base64 is not the one spelling of its bytes.
        UnacceptableKeyError: the key is not one that libsodium accepts.
    """
    # The base64 may contain a plus itself, so only the first two separate.
    name, separator, encoded = text.partition("+")
    key_id, separator, encoded = encoded.partition("+")
    if not separator:
        raise MalformedError("note key", "it does not have three parts joined by plus signs")
    typed_key = parse_base64(encoded, what="note key")
    key_type = _KEY_TYPES.get(typed_key[:1])
    if key_type is None:
        raise MalformedError("note key", f"its type is unknown: {typed_key[:1].hex()}")
    key = NoteKey(check_key_name(name), key_type, typed_key[1:])
    check_public_key(key.public_key)
    if key.key_id.hex() != key_id:
        raise MalformedError("note key", f"its id is {key.key_id.hex()}, not {key_id[:16]!r}")
    return key


def format_vkey(key: NoteKey) -> str:
    """Write a key as it is published."""
    typed_key = bytes([key.key_type]) + key.public_key
    return f"{key.name}+{key.key_id.hex()}+{base64.b64encode(typed_key).decode()}"


def parse_note(data: bytes) -> Note:
    """Read a note, verifying nothing.

    Raises:
        OversizedError: the note is longer than ``MAX_NOTE_BYTES``.
        MalformedError: not UTF-8, a control character, no blank line, no signature, too many of
            them, or a line that is none.
        NotCanonicalError: the base64 of a signature is not the one spelling of its bytes.
    """
    if len(data) > MAX_NOTE_BYTES:
        raise OversizedError("note", size=len(data), limit=MAX_NOTE_BYTES)
    try:
        content = data.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("note", f"not UTF-8 at byte {error.start}") from None
    if _CONTROL_PATTERN.search(content):
        raise MalformedError("note", "it contains a control character")
    # The text may contain blank lines; the last one ends it.
    text, blank_line, signatures = content.rpartition("\n\n")
    if not blank_line:
        raise MalformedError("note", "no blank line ends the text")
    *lines, unfinished = signatures.split("\n")
    if unfinished or not 1 <= len(lines) <= MAX_NOTE_SIGNATURES:
        problem = f"the text is not followed by 1 to {MAX_NOTE_SIGNATURES} complete signature lines"
        raise MalformedError("note", problem)
    return Note(text + "\n", tuple(_parse_signature(line) for line in lines))


def format_note(note: Note) -> bytes:
    """Write a note.

    Raises:
        MalformedError, NotCanonicalError, OversizedError: it would not read back as itself.
    """
    lines = [note.text, "\n"]
    for each in note.signatures:
        encoded = base64.b64encode(each.key_id + each.signature).decode()
        lines.append(f"{_LINE_START}{each.name} {encoded}\n")
    # What is not Unicode passes here, so that reading it back refuses it for its reason.
    data = "".join(lines).encode(errors="surrogatepass")
    if parse_note(data) != note:
        raise MalformedError("note", "it would not read back as itself")
    return data


def add_signatures(note: Note, signatures: Iterable[NoteSignature]) -> Note:
    """Add signatures to a note, leaving out those of a key that has already signed it.

    Nothing is verified: add only what is, or a bad signature keeps a good one out.
    """
    merged: dict[tuple[str, bytes], NoteSignature] = {}
    for each in (*note.signatures, *signatures):
        merged.setdefault((each.name, each.key_id), each)
    return Note(note.text, tuple(merged.values()))


def sign_note(text: str, *, name: str, key: SigningKey, time_s: int | None = None) -> NoteSignature:
    """Sign a text (type 0x01), or a checkpoint's text together with a time (type 0x04).

    For the latter use a key that signs nothing else: the signature does not cover the name.

    Raises:
        MalformedError: the time is out of range.
    """
    time, key_type = b"", KeyType.NOTE
    if time_s is not None:
        _check_time(time_s)
        time, key_type = time_s.to_bytes(_TIME_BYTES, "big"), KeyType.COSIGNATURE
    key_id = NoteKey(name, key_type, key.public_key).key_id
    return NoteSignature(name, key_id, time + key.sign(_signed_message(text, time_s)))


def identify_signers(note: Note, keys: Iterable[NoteKey]) -> tuple[NoteSigner, ...]:
    """Give the trusted keys that signed a note, verified; all other signatures are ignored.

    One bad signature under a trusted key spoils the note, as C2SP signed-note recommends:
    nobody honest has made it.

    Raises:
        KeyConflictError: two of the keys cannot be trusted at the same time.
        RepeatedSignatureError: a trusted key has signed twice.
        BadSignatureError: a signature under a trusted key does not verify.
        MalformedError: the time of a trusted key's cosignature is out of range.
        UntrustedNoteError: none of the keys has signed.
    """
    known = _index_keys(keys)
    signers: list[NoteSigner] = []
    for each in note.signatures:
        key = known.get((each.name, each.key_id))
        if key is None:
            continue
        if any(signer.key == key for signer in signers):
            raise RepeatedSignatureError(f"the note is signed twice by {format_vkey(key)}")
        signers.append(NoteSigner(key, _open_signature(note.text, each.signature, key)))
    if not signers:
        names = ", ".join(each.name for each in note.signatures)
        raise UntrustedNoteError(f"no trusted key has signed the note, only {names}")
    return tuple(signers)


def parse_base64(text: str, *, what: str) -> bytes:
    """Read base64 (RFC 4648 section 4) in its one spelling: padded, unused bits zero.

    Raises:
        MalformedError: not base64.
        NotCanonicalError: another spelling of its bytes.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise MalformedError(what, f"{text[:80]!r} is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise NotCanonicalError(f"{what}: {text[:80]!r} is not canonical base64")
    return data


def check_key_name(name: str) -> str:
    """Accept a key's name, which is also a log's origin.

    Raises:
        MalformedError: empty, longer than ``MAX_KEY_NAME_BYTES``, or with a space, a plus or a
            control character.
    """
    if _NAME_PATTERN.fullmatch(name) is None:
        problem = f"{name[:80]!r} is empty, or has a space, a plus or a control character"
        raise MalformedError("key name", problem)
    if len(name.encode()) > MAX_KEY_NAME_BYTES:
        raise MalformedError("key name", f"{name[:80]!r} is longer than {MAX_KEY_NAME_BYTES} bytes")
    return name


def _parse_signature(line: str) -> NoteSignature:
    if not line.startswith(_LINE_START):
        raise MalformedError("signature line", f"{line[:80]!r} does not begin with an em dash")
    name, _, encoded = line.removeprefix(_LINE_START).partition(" ")
    data = parse_base64(encoded, what="signature line")
    if len(data) <= _KEY_ID_BYTES:
        raise MalformedError("signature line", f"{encoded!r} holds no signature")
    return NoteSignature(check_key_name(name), data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])


def _index_keys(keys: Iterable[NoteKey]) -> Mapping[tuple[str, bytes], NoteKey]:
    by_id: dict[tuple[str, bytes], NoteKey] = {}
    by_public_key: dict[bytes, NoteKey] = {}
    for key in keys:
        for other in (
            by_id.setdefault((key.name, key.key_id), key),
            by_public_key.setdefault(key.public_key, key),
        ):
            if other != key:
                both = f"{format_vkey(other)} and {format_vkey(key)}"
                raise KeyConflictError(f"{both} cannot both be trusted")
    return by_id


def split_signature(
    text: str, signature: bytes, key_type: KeyType
) -> tuple[int | None, bytes, bytes]:
    """Give the time in a signature if its type has one, the bytes that it signs, and the rest."""
    if key_type is KeyType.NOTE:
        return None, _signed_message(text, None), signature
    time_s = int.from_bytes(signature[:_TIME_BYTES], "big")
    return time_s, _signed_message(text, time_s), signature[_TIME_BYTES:]


def _open_signature(text: str, signature: bytes, key: NoteKey) -> int | None:
    """Verify a signature by the rule of its key's type, and give its time if it has one."""
    time_s, message, signature = split_signature(text, signature, key.key_type)
    verify_signature(key.public_key, message, signature, what=f"the note by {key.name}")
    if time_s is not None:
        _check_time(time_s)
    return time_s


def _check_time(time_s: int) -> None:
    if not 0 <= time_s <= MAX_TIME_S:
        raise MalformedError("cosignature", f"its time {time_s} is outside 0 to {MAX_TIME_S}")


def _signed_message(text: str, time_s: int | None) -> bytes:
    return (text if time_s is None else f"cosignature/v1\ntime {time_s}\n{text}").encode()
