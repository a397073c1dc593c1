"""Programs ask their libraries for known answers before they decide anything."""

import unicodedata
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import msgspec
import pytest
from founding import make_genesis
from nacl import bindings

from kpledger.base import codec, selftest
from kpledger.base.keys import SigningKey
from kpledger.base.multiset import MultisetHash
from kpledger.base.selftest import LibraryError, check_libraries
from kpledger.log.audit import Auditor

ROOT = Path(__file__).parents[4]
VECTORS = sorted((ROOT / "tests/vectors/ed25519").glob("*.json"))


@pytest.fixture(autouse=True)
def _asked_anew() -> None:
    check_libraries.cache_clear()


def test_libraries_give_the_known_answers() -> None:
    check_libraries()


def test_known_keys_are_the_vectors() -> None:
    """As ``{"name": stem} | vector``, one a line."""
    expected = [
        {"name": path.stem} | msgspec.json.decode(path.read_bytes(), type=dict[str, object])
        for path in VECTORS
    ]
    known = ROOT / "kpledger/base/known_keys.json"
    assert msgspec.json.decode(known.read_bytes()) == expected


def test_library_that_takes_a_signature_without_looking_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bindings, "crypto_sign_open", lambda signed, _key: signed[64:])
    with pytest.raises(
        LibraryError, match=r"^PyNaCl \d.* takes a signature by .*requirements.lock"
    ):
        check_libraries()


def test_library_that_takes_points_of_mixed_order_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def negate(_scalar: bytes, point: bytes) -> bytes:
        return point[:-1] + bytes([point[-1] ^ 0x80])

    monkeypatch.setattr(bindings, "crypto_core_ed25519_is_valid_point", lambda _point: True)
    monkeypatch.setattr(bindings, "crypto_scalarmult_ed25519_noclamp", negate)
    with pytest.raises(LibraryError, match=r"PyNaCl .* takes .* as a public key"):
        check_libraries()


def test_interpreter_that_knows_other_characters_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unicodedata, "is_normalized", lambda _form, _text: True)
    with pytest.raises(LibraryError, match=r"Python 3.* normal form C"):
        check_libraries()


def test_codec_that_reads_whole_numbers_from_floats_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loose = msgspec.msgpack.Decoder(selftest._Sample, strict=False)
    monkeypatch.setattr(codec, "_decoder", lambda _kind: loose)
    monkeypatch.setattr(codec, "_encoder", _Echo(loose))
    with pytest.raises(LibraryError, match="msgspec"):
        check_libraries()


class _Echo:
    """An encoder whose output is never what was read."""

    def __init__(self, decoder: object) -> None:
        self.decoder = decoder

    def encode(self, _value: object) -> bytes:
        return b""


@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("encode", lambda _value: b"", "msgspec .* does not write"),
        ("decode", lambda *_, **__: None, "msgspec .* takes "),
        ("find_denormal_text", lambda _text: None, "Python .* normal form C"),
        ("sha256", lambda _data: bytes(32), "Python .* another SHA-256"),
        ("hash_with_domain", lambda *_: bytes(32), "Python .* hashes pieces otherwise"),
    ],
)
def test_every_other_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, wrong: Callable[..., object], words: str
) -> None:
    monkeypatch.setattr(selftest, name, wrong)
    with pytest.raises(LibraryError, match=words):
        check_libraries()


def test_library_of_unknown_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def lack(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(selftest, "_CHECKS", (("PyNaCl", lambda: iter(["is wrong"])),))
    monkeypatch.setattr(selftest, "version", lack)
    with pytest.raises(LibraryError, match="PyNaCl is wrong"):
        check_libraries()


def test_another_normal_form_and_another_shake_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unicodedata, "normalize", lambda _form, text: f"{text}!")
    with pytest.raises(LibraryError, match=r"Python .* has another normal form"):
        check_libraries()
    monkeypatch.undo()
    monkeypatch.setattr(MultisetHash, "digest", bytes(32))
    with pytest.raises(LibraryError, match=r"Python .* another SHAKE128"):
        check_libraries()


def test_signature_that_is_not_made_as_rfc_8032_says_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SigningKey, "sign", lambda _key, _message: bytes(64))
    with pytest.raises(LibraryError, match=r"PyNaCl .* does not sign as RFC 8032 says"):
        check_libraries()


def test_library_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bindings, "crypto_core_ed25519_is_valid_point", None)
    with pytest.raises(LibraryError, match=r"PyNaCl .* fails at a known answer: TypeError"):
        check_libraries()


def test_audit_does_not_begin_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unicodedata, "is_normalized", lambda _form, _text: True)
    with pytest.raises(LibraryError):
        Auditor(make_genesis())
