"""Ed25519 at its edges: libsodium's rule, and no other, decides what is a signature."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, strategies as st

from kpledger.base.errors import BadSignatureError, UnacceptableKeyError
from kpledger.base.keys import SigningKey, check_public_key, verify_signature

VECTORS = sorted((Path(__file__).parents[3] / "vectors" / "ed25519").glob("*.json"))

seeds = st.binary(min_size=32, max_size=32)


class KeyVector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: str
    message: str
    signature: str
    valid: bool
    registrable: bool


def _is_registrable(public_key: bytes) -> bool:
    try:
        check_public_key(public_key)
    except UnacceptableKeyError:
        return False
    return True


def _is_signature(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        verify_signature(key, message, signature, what="a test")
    except BadSignatureError:
        return False
    return True


@pytest.mark.parametrize("vector", VECTORS, ids=lambda path: path.stem)
def test_vector_is_judged_as_it_says(vector: Path) -> None:
    case = msgspec.json.decode(vector.read_bytes(), type=KeyVector)
    key, message = bytes.fromhex(case.key), bytes.fromhex(case.message)
    valid = _is_signature(key, message, bytes.fromhex(case.signature))
    assert (valid, _is_registrable(key)) == (case.valid, case.registrable)
    assert (case.valid and case.registrable) == vector.stem.startswith("good-")


def test_vectors_are_present() -> None:
    assert len(VECTORS) > 30


@given(seeds, st.binary(max_size=200))
def test_own_signature_verifies_under_an_acceptable_key(seed: bytes, message: bytes) -> None:
    key = SigningKey.from_seed(seed)
    check_public_key(key.public_key)
    verify_signature(key.public_key, message, key.sign(message), what="a test")


@given(seeds, st.binary(max_size=64), st.integers(0, 64 * 8 - 1))
def test_signature_with_a_changed_bit_does_not_verify(
    seed: bytes, message: bytes, bit: int
) -> None:
    key = SigningKey.from_seed(seed)
    changed = bytearray(key.sign(message))
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadSignatureError) as caught:
        verify_signature(key.public_key, message, bytes(changed), what="block 7")
    assert (caught.value.key, "block 7" in str(caught.value)) == (key.public_key, True)


@given(st.binary(max_size=80), st.binary(max_size=80), st.binary(max_size=80))
def test_bytes_of_a_stranger_are_judged_and_never_raise(
    key: bytes, message: bytes, signature: bytes
) -> None:
    assert not _is_signature(key, message, signature)


def test_key_does_not_show_its_secret() -> None:
    seed = bytes(range(32))
    shown = repr(SigningKey.from_seed(seed))
    assert (seed.hex() in shown, "secret" in shown, repr(seed) in shown) == (False, False, False)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_seed_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(UnacceptableKeyError, match=f"not {size}"):
        SigningKey.from_seed(bytes(size))
