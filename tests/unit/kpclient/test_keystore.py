"""Keys at rest: opened by their passphrase alone, never silently changed, never shown to others."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from kpclient.files import TooOpenError
from kpclient.keystore import (
    DamagedKeyError,
    ExistingKeyError,
    KeyEntry,
    Keystore,
    KeystoreError,
    UnknownKeyError,
    WrongPassphraseError,
    make_seed,
)
from kpledger.base.keys import SigningKey, is_signature
from kpledger.scheme.event import Author

AUTHOR = Author(participant="BW", authority="gaborone")
SEED = bytes(range(32))
PHRASE = b"correct horse"
ENTRY = KeyEntry("gaborone", AUTHOR, SigningKey.from_seed(SEED).public_key)


@pytest.fixture
def keystore(tmp_path: Path) -> Keystore:
    keystore = Keystore(tmp_path / "keys")
    keystore.create(name="gaborone", author=AUTHOR, seed=SEED, passphrase=PHRASE)
    return keystore


@settings(max_examples=5)
@given(seed=st.binary(min_size=32, max_size=32), phrase=st.binary(min_size=1, max_size=64))
def test_what_is_sealed_can_be_unsealed(
    tmp_path_factory: pytest.TempPathFactory, seed: bytes, phrase: bytes
) -> None:
    keystore = Keystore(tmp_path_factory.mktemp("home") / "keys")
    made = keystore.create(name="one", author=AUTHOR, seed=seed, passphrase=phrase)
    assert made == KeyEntry("one", AUTHOR, SigningKey.from_seed(seed).public_key)
    assert (keystore.entries(), keystore.entry("one")) == ((made,), made)
    assert keystore.unseal("one", phrase) == seed


def test_an_opened_key_signs_as_the_entry_says(keystore: Keystore) -> None:
    signature = keystore.open("gaborone", PHRASE).sign(b"message")
    assert is_signature(keystore.entry("gaborone").public_key, b"message", signature)


def test_keys_are_listed_by_name(keystore: Keystore) -> None:
    chair = Author(participant="KPCS", authority="chair")
    second = keystore.create(name="chair", author=chair, seed=make_seed(), passphrase=PHRASE)
    assert keystore.entries() == (second, ENTRY)


def test_a_store_that_was_never_used_is_empty(tmp_path: Path) -> None:
    assert Keystore(tmp_path / "none").entries() == ()
    assert not (tmp_path / "none").exists()


@pytest.mark.usefixtures("keystore")
def test_the_file_does_not_hold_the_seed_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "gaborone.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert SEED.hex() not in path.read_text()
    assert [one.name for one in path.parent.iterdir()] == ["gaborone.key"]


def test_two_keys_of_one_seed_and_passphrase_look_different(tmp_path: Path) -> None:
    keystore = Keystore(tmp_path / "keys")
    for name in ("one", "two"):
        keystore.create(name=name, author=AUTHOR, seed=SEED, passphrase=PHRASE)
    sealed = {
        json.loads((tmp_path / "keys" / f"{name}.key").read_text())["sealed_seed"]
        for name in ("one", "two")
    }
    assert len(sealed) == 2


def test_a_wrong_passphrase_is_refused(keystore: Keystore) -> None:
    with pytest.raises(WrongPassphraseError) as caught:
        keystore.unseal("gaborone", b"wrong")
    assert caught.value.name == "gaborone"


@pytest.mark.parametrize("phrase", [b"", b"x" * 1025])
def test_no_passphrase_is_no_passphrase(keystore: Keystore, phrase: bytes) -> None:
    with pytest.raises(KeystoreError, match="1 to 1024 bytes"):
        keystore.create(name="other", author=AUTHOR, seed=SEED, passphrase=phrase)
    with pytest.raises(KeystoreError, match="1 to 1024 bytes"):
        keystore.unseal("gaborone", phrase)


def test_a_key_is_never_overwritten(keystore: Keystore) -> None:
    with pytest.raises(ExistingKeyError):
        keystore.create(name="gaborone", author=AUTHOR, seed=make_seed(), passphrase=PHRASE)
    assert keystore.unseal("gaborone", PHRASE) == SEED


def test_an_unknown_key_is_answered_with_those_there_are(keystore: Keystore) -> None:
    with pytest.raises(UnknownKeyError) as caught:
        keystore.entry("antwerp")
    assert (caught.value.name, caught.value.known) == ("antwerp", ("gaborone",))


@pytest.mark.parametrize("name", ["", "../key", "a/b", ".hidden", "x" * 65, "a\n", "key "])
def test_a_name_cannot_lead_out_of_the_directory(keystore: Keystore, name: str) -> None:
    with pytest.raises(KeystoreError, match="no name for a key"):
        keystore.create(name=name, author=AUTHOR, seed=SEED, passphrase=PHRASE)


def relabel(label: dict[str, object]) -> None:
    label["author"] = {"participant": "KPCS", "authority": "chair"}


def swap_public_key(label: dict[str, object]) -> None:
    label["public_key"] = "00" * 32


def weaken(label: dict[str, object]) -> None:
    scrypt = label["scrypt"]
    assert isinstance(scrypt, dict)
    scrypt["n"] = 1024


@pytest.mark.parametrize("tamper", [relabel, swap_public_key, weaken])
def test_a_tampered_label_does_not_open(
    keystore: Keystore, tmp_path: Path, tamper: Callable[[dict[str, object]], None]
) -> None:
    path = tmp_path / "keys" / "gaborone.key"
    file = json.loads(path.read_text())
    tamper(file["label"])
    path.write_text(json.dumps(file))
    with pytest.raises(WrongPassphraseError):
        keystore.unseal("gaborone", PHRASE)


@pytest.mark.parametrize("position", range(0, 64, 7))
def test_a_tampered_seal_does_not_open(keystore: Keystore, tmp_path: Path, position: int) -> None:
    path = tmp_path / "keys" / "gaborone.key"
    file = json.loads(path.read_text())
    sealed = file["sealed_seed"]
    other = "A" if sealed[position] != "A" else "B"
    file["sealed_seed"] = sealed[:position] + other + sealed[position + 1 :]
    path.write_text(json.dumps(file))
    with pytest.raises((WrongPassphraseError, DamagedKeyError)):
        keystore.unseal("gaborone", PHRASE)


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"label": 1, "sealed_seed": ""}', "\udcff", "x" * 4000]
)
def test_a_file_that_is_no_key_is_named(keystore: Keystore, tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys" / "gaborone.key"
    path.write_text(content, errors="surrogateescape")
    with pytest.raises(DamagedKeyError) as caught:
        keystore.entry("gaborone")
    assert caught.value.path == path


def test_parameters_that_would_take_all_memory_are_refused(
    keystore: Keystore, tmp_path: Path
) -> None:
    path = tmp_path / "keys" / "gaborone.key"
    file = json.loads(path.read_text())
    file["label"]["scrypt"]["n"] = 2**30
    path.write_text(json.dumps(file))
    with pytest.raises(DamagedKeyError, match=r"scrypt\.n"):
        keystore.unseal("gaborone", PHRASE)


def test_a_renamed_file_is_refused(keystore: Keystore, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    (keys / "gaborone.key").rename(keys / "antwerp.key")
    with pytest.raises(DamagedKeyError, match="it holds key 'gaborone'"):
        keystore.entry("antwerp")


@pytest.mark.parametrize(("path", "mode"), [("keys", 0o750), ("keys/gaborone.key", 0o604)])
def test_keys_open_to_others_are_not_used(
    keystore: Keystore, tmp_path: Path, path: str, mode: int
) -> None:
    (tmp_path / path).chmod(mode)
    with pytest.raises(TooOpenError) as caught:
        keystore.unseal("gaborone", PHRASE)
    assert caught.value.path == tmp_path / path
