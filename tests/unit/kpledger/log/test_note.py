"""Notes are those of C2SP signed-note: byte for byte when good, refused for its reason when not."""

import base64
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, strategies as st

from kpledger.base.errors import LedgerError, MalformedError, OversizedError
from kpledger.base.hashing import sha256
from kpledger.base.keys import SigningKey
from kpledger.log.note import (
    MAX_KEY_NAME_BYTES,
    MAX_NOTE_BYTES,
    MAX_TIME_S,
    KeyConflictError,
    KeyType,
    Note,
    NoteKey,
    NoteSignature,
    NoteSigner,
    UntrustedNoteError,
    add_signatures,
    check_key_name,
    format_note,
    format_vkey,
    identify_signers,
    parse_base64,
    parse_note,
    parse_vkey,
    sign_note,
)

VECTORS = sorted((Path(__file__).parents[3] / "vectors" / "note").glob("*.json"))


class NoteVector(msgspec.Struct, frozen=True, kw_only=True, tag="note", tag_field="what"):
    error: str | None
    keys: list[str]
    note: str = ""
    note_hex: str = ""
    signers: list[tuple[str, int | None]] = []

    def check(self) -> None:
        data = bytes.fromhex(self.note_hex) if self.note_hex else self.note.encode()
        note = parse_note(data)
        signers = identify_signers(note, [parse_vkey(key) for key in self.keys])
        assert [(signer.key.name, signer.time_s) for signer in signers] == self.signers
        assert format_note(note) == data


class VkeyVector(msgspec.Struct, frozen=True, kw_only=True, tag="vkey", tag_field="what"):
    error: str | None
    vkey: str

    def check(self) -> None:
        assert format_vkey(parse_vkey(self.vkey)) == self.vkey


def _key(label: str) -> SigningKey:
    return SigningKey.from_seed(sha256(label.encode()))


LOG_KEY = _key("kp example log key")
WITNESS_KEY = _key("kp example witness 1")
TEXT = "kp.example/ledger/main\n5\nC3TUMA55gFbNSHKLT7AenxWtPgp5UPvFiXT/Z1MnHSQ=\n"

# Any text that a note may hold: newlines and everything from the space upwards but surrogates.
_characters = st.characters(min_codepoint=0x20, exclude_categories=["Cs"])
_texts = st.text(st.one_of(st.just("\n"), _characters)).map(lambda text: text + "\n")
_names = st.text(
    st.characters(min_codepoint=0x21, exclude_categories=["Cs", "Z"], exclude_characters="+\x85"),
    min_size=1,
    max_size=60,
)
_signatures = st.builds(
    NoteSignature,
    _names,
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=1, max_size=80),
)
_notes = st.builds(Note, _texts, st.lists(_signatures, min_size=1, max_size=4).map(tuple))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda path: path.stem)
def test_vector_is_judged_as_it_says(vector: Path) -> None:
    case = msgspec.json.decode(vector.read_bytes(), type=NoteVector | VkeyVector)
    reason = None
    try:
        case.check()
    except LedgerError as error:
        reason = type(error).__name__
    assert reason == case.error
    assert (case.error is None) == ("-good" in vector.stem)


def test_vectors_are_present() -> None:
    assert len(VECTORS) > 80


@given(_notes)
def test_note_round_trips(note: Note) -> None:
    assert parse_note(format_note(note)) == note


@given(_names, st.sampled_from(KeyType), st.binary(min_size=32, max_size=32))
def test_vkey_round_trips(name: str, key_type: KeyType, seed: bytes) -> None:
    key = NoteKey(name, key_type, SigningKey.from_seed(seed).public_key)
    assert parse_vkey(format_vkey(key)) == key


@given(st.binary(max_size=100))
def test_base64_round_trips(data: bytes) -> None:
    assert parse_base64(base64.b64encode(data).decode(), what="test") == data


@given(_texts)
def test_signature_by_a_trusted_key_verifies(text: str) -> None:
    key = NoteKey("log.example", KeyType.NOTE, LOG_KEY.public_key)
    note = Note(text, (sign_note(text, name="log.example", key=LOG_KEY),))
    assert identify_signers(note, [key]) == (NoteSigner(key, None),)


@given(_texts, st.integers(0, MAX_TIME_S))
def test_cosignature_by_a_trusted_key_verifies_and_gives_its_time(text: str, time_s: int) -> None:
    key = NoteKey("witness.example", KeyType.COSIGNATURE, WITNESS_KEY.public_key)
    signature = sign_note(text, name="witness.example", key=WITNESS_KEY, time_s=time_s)
    assert identify_signers(Note(text, (signature,)), [key]) == (NoteSigner(key, time_s),)


def test_cosigned_bytes_are_those_of_the_specification() -> None:
    signature = sign_note(TEXT, name="w", key=WITNESS_KEY, time_s=1767225600).signature
    message = b"cosignature/v1\ntime 1767225600\n" + TEXT.encode()
    assert signature == (1767225600).to_bytes(8, "big") + WITNESS_KEY.sign(message)


@pytest.mark.parametrize("time_s", [-1, MAX_TIME_S + 1])
def test_no_cosignature_at_an_impossible_time(time_s: int) -> None:
    with pytest.raises(MalformedError) as caught:
        sign_note(TEXT, name="w", key=WITNESS_KEY, time_s=time_s)
    assert caught.value.what == "cosignature"


def test_adding_signatures_keeps_the_first_of_each_key() -> None:
    log = sign_note(TEXT, name="log.example", key=LOG_KEY)
    first = sign_note(TEXT, name="w.example", key=WITNESS_KEY, time_s=1)
    second = sign_note(TEXT, name="w.example", key=WITNESS_KEY, time_s=2)
    assert add_signatures(Note(TEXT, (log,)), [first, second, log]) == Note(TEXT, (log, first))


@pytest.mark.parametrize(
    "note",
    [
        Note("", (NoteSignature("name", bytes(4), b"s"),)),
        Note("no newline", (NoteSignature("name", bytes(4), b"s"),)),
        Note("text\n\n\u2014 name AAAAAAA=", (NoteSignature("name", bytes(4), b"s"),)),
        Note("lone surrogate \ud800\n", (NoteSignature("name", bytes(4), b"s"),)),
        Note("carriage return\r\n", (NoteSignature("name", bytes(4), b"s"),)),
        Note("text\n", ()),
        Note("text\n", (NoteSignature("a b", bytes(4), b"s"),)),
        Note("text\n", (NoteSignature("name", bytes(3), b"signature"),)),
        Note("text\n", (NoteSignature("name", bytes(4), b""),)),
        Note("text\n", (NoteSignature("name", bytes(4), b"s"),) * 101),
    ],
    ids=[
        "empty",
        "no-newline",
        "smuggled-signature",
        "surrogate",
        "control-character",
        "unsigned",
        "space-in-name",
        "short-id",
        "empty-signature",
        "too-many",
    ],
)
def test_note_that_would_not_read_back_is_not_written(note: Note) -> None:
    with pytest.raises(MalformedError):
        format_note(note)


@pytest.mark.parametrize("text", ["", "name", "name+id", "name+0123abcd"])
def test_key_without_three_parts_is_refused_as_such(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_vkey(text)
    assert caught.value.problem == "it does not have three parts joined by plus signs"


def test_largest_note_is_read() -> None:
    signature = sign_note(TEXT, name="log.example", key=LOG_KEY)
    spare = MAX_NOTE_BYTES - len(format_note(Note("\n", (signature,))))
    note = Note("a" * spare + "\n", (signature,))
    data = format_note(note)
    assert (len(data), parse_note(data)) == (MAX_NOTE_BYTES, note)


def test_oversized_note_is_refused() -> None:
    with pytest.raises(OversizedError) as caught:
        parse_note(b"a" * (MAX_NOTE_BYTES + 1))
    assert (caught.value.size, caught.value.limit) == (MAX_NOTE_BYTES + 1, MAX_NOTE_BYTES)


def test_name_is_limited_in_bytes_not_in_characters() -> None:
    longest = "\u00e9" * (MAX_KEY_NAME_BYTES // 2) + "e"
    assert check_key_name(longest) == longest
    with pytest.raises(MalformedError):
        check_key_name(longest + "e")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\x1fb", "a\u3000b", "a\ud800b"])
def test_name_that_cannot_stand_in_a_line_is_refused(name: str) -> None:
    with pytest.raises(MalformedError) as caught:
        check_key_name(name)
    assert caught.value.what == "key name"


def test_keys_of_one_id_and_name_cannot_both_be_trusted() -> None:
    """Two keys whose 4-byte ids are equal are found among 2^17; these two are."""
    first, second = (
        NoteKey("collision.example", KeyType.NOTE, _key(f"kp example colliding key {n}").public_key)
        for n in (84548, 88408)
    )
    assert first.key_id == second.key_id
    note = Note(TEXT, (sign_note(TEXT, name="name", key=LOG_KEY),))
    with pytest.raises(KeyConflictError) as caught:
        identify_signers(note, [first, second])
    both = f"{format_vkey(first)} and {format_vkey(second)}"
    assert str(caught.value) == f"{both} cannot both be trusted"


def test_untrusted_note_names_who_signed_it() -> None:
    signatures = tuple(sign_note(TEXT, name=name, key=LOG_KEY) for name in ("a", "b"))
    with pytest.raises(UntrustedNoteError, match=r"only a, b$"):
        identify_signers(Note(TEXT, signatures), [])


def test_small_order_key_and_signature_are_refused() -> None:
    """Under lax libraries this signature holds for every text (key and R the identity, s = 0)."""
    identity = b"\x01" + bytes(31)
    key = NoteKey("name", KeyType.NOTE, identity)
    note = Note(TEXT, (NoteSignature("name", key.key_id, identity + bytes(32)),))
    with pytest.raises(LedgerError):
        identify_signers(note, [key])
