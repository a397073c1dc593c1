"""Keys at rest: opened by their passphrase alone, never silently changed, never shown to others."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given, settings, strategies as st

from kpclient import keyfile
from kpclient.files import TooOpenError
from kpclient.keyfile import KeyEntry
from kpclient.keystore import (
    DamagedKeyError,
    Keystore,
    KeystoreError,
    UnknownKeyError,
    WrongPassphraseError,
    make_seed,
)
from kpledger.base.keys import SigningKey, verify_signature
from kpledger.scheme.event import Author

AUTHOR = Author(participant="BW", authority="gaborone")
SEED = bytes(range(32))
VECTORS = Path(__file__).parents[2] / "vectors"
PHRASE = b"correct horse"
ENTRY = KeyEntry("gaborone", AUTHOR, SigningKey.from_seed(SEED).public_key)


@pytest.fixture
def keystore(tmp_path: Path) -> Keystore:
    keystore = Keystore(tmp_path / "keys")
    keystore.create(name="gaborone", author=AUTHOR, seed=SEED, passphrase=PHRASE)
    return keystore


@settings(max_examples=5)
@given(
    seed=st.binary(min_size=32, max_size=32),
    phrase=st.text(st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=16),
)
def test_what_is_sealed_can_be_unsealed(
    tmp_path_factory: pytest.TempPathFactory, seed: bytes, phrase: str
) -> None:
    keystore = Keystore(tmp_path_factory.mktemp("home") / "keys")
    passphrase = PHRASE + phrase.encode()
    made = keystore.create(name="one", author=AUTHOR, seed=seed, passphrase=passphrase)
    assert made == KeyEntry("one", AUTHOR, SigningKey.from_seed(seed).public_key)
    assert (keystore.entries(), keystore.entry("one")) == (([made], []), made)
    assert keystore.unseal("one", passphrase) == seed


def test_an_opened_key_signs_as_the_entry_says(keystore: Keystore) -> None:
    signature = keystore.open("gaborone", PHRASE).sign(b"message")
    key = keystore.entry("gaborone").public_key
    verify_signature(key, b"message", signature, what="a message")


def test_keys_are_listed_by_name(keystore: Keystore) -> None:
    chair = Author(participant="KPCS", authority="chair")
    second = keystore.create(name="chair", author=chair, seed=make_seed(), passphrase=PHRASE)
    assert keystore.entries() == ([second, ENTRY], [])


def test_a_store_that_was_never_used_is_empty(tmp_path: Path) -> None:
    assert Keystore(tmp_path / "none").entries() == ([], [])
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
    one, two = ((tmp_path / "keys" / f"{name}.key").read_text() for name in ("one", "two"))
    assert one.partition("-----")[2] != two.partition("-----")[2]


def test_a_wrong_passphrase_is_refused(keystore: Keystore) -> None:
    with pytest.raises(WrongPassphraseError, match="key gaborone"):
        keystore.unseal("gaborone", b"wrong")


@pytest.mark.parametrize("phrase", [b"", b"x" * 1025])
def test_no_passphrase_is_no_passphrase(keystore: Keystore, phrase: bytes) -> None:
    with pytest.raises(KeystoreError, match="1 to 1024 bytes"):
        keystore.create(name="other", author=AUTHOR, seed=SEED, passphrase=phrase)
    with pytest.raises(KeystoreError, match="1 to 1024 bytes"):
        keystore.unseal("gaborone", phrase)


@pytest.mark.parametrize("phrase", ["x", "elevenchars", "aaaaaaaaaaaaaaaaaaaa", "\u00e9" * 6])
def test_a_new_key_has_no_passphrase_that_is_soon_tried(keystore: Keystore, phrase: str) -> None:
    with pytest.raises(
        KeystoreError, match="12 characters or more, 5 of them different; this one has"
    ):
        keystore.create(name="other", author=AUTHOR, seed=SEED, passphrase=phrase.encode())


def test_a_key_under_a_short_passphrase_is_opened_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keystore = Keystore(tmp_path / "keys")
    monkeypatch.setattr("kpclient.keystore.MIN_PASSPHRASE_LENGTH", 1)
    keystore.create(name="gaborone", author=AUTHOR, seed=SEED, passphrase=b"short")
    monkeypatch.undo()
    assert keystore.unseal("gaborone", b"short") == SEED
    assert keystore.rewrite("gaborone", b"short") == ENTRY


def test_a_key_is_never_overwritten(keystore: Keystore) -> None:
    with pytest.raises(KeystoreError, match="it is not overwritten"):
        keystore.create(name="gaborone", author=AUTHOR, seed=make_seed(), passphrase=PHRASE)
    assert keystore.unseal("gaborone", PHRASE) == SEED


def test_an_unknown_key_is_answered_with_those_there_are(keystore: Keystore) -> None:
    with pytest.raises(UnknownKeyError, match="no key 'antwerp'; the keys are: gaborone"):
        keystore.entry("antwerp")


@pytest.mark.parametrize("name", ["", "../key", "a/b", ".hidden", "x" * 65, "a\n", "key "])
def test_a_name_cannot_lead_out_of_the_directory(keystore: Keystore, name: str) -> None:
    with pytest.raises(KeystoreError, match="not a name for a key"):
        keystore.create(name=name, author=AUTHOR, seed=SEED, passphrase=PHRASE)


def put_vector(home: Path, name: str) -> Path:
    """Put a key file that was made once where a keystore finds it; gives its path."""
    path = home / "keys" / "gaborone.key"
    path.parent.mkdir(mode=0o700)
    path.write_bytes((VECTORS / "keys" / name).read_bytes())
    path.chmod(0o600)
    return path


def read_der(path: Path) -> bytes:
    lines = path.read_text().splitlines()
    return base64.b64decode("".join(line for line in lines[4:] if line[0] != "-"))


def replace_der(path: Path, der: bytes) -> None:
    text = path.read_text()
    old = text[text.index("KEY-----\n") + 9 : text.index("-----END")]
    path.write_text(text.replace(old, base64.b64encode(der).decode() + "\n"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("Author: BW/gaborone", "Author: KPCS/chair", id="author"),
        pytest.param(ENTRY.public_key.hex(), "00" * 32, id="public key"),
    ],
)
def test_a_tampered_label_does_not_open(
    keystore: Keystore, tmp_path: Path, old: str, new: str
) -> None:
    path = tmp_path / "keys" / "gaborone.key"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(WrongPassphraseError):
        keystore.unseal("gaborone", PHRASE)


def test_a_label_cannot_be_made_to_fit_by_its_hash_in_the_salt(
    keystore: Keystore, tmp_path: Path
) -> None:
    path = tmp_path / "keys" / "gaborone.key"
    der = read_der(path)
    label = path.read_bytes().partition(b"-----")[0]
    other = label.replace(b"BW/gaborone", b"KPCS/chair")
    path.write_bytes(path.read_bytes().replace(label, other))
    mine, theirs = (hashlib.sha256(one).digest()[:16] for one in (label, other))
    assert der.count(mine) == 1
    replace_der(path, der.replace(mine, theirs))
    assert keystore.entry("gaborone").author == Author(participant="KPCS", authority="chair")
    with pytest.raises(WrongPassphraseError):
        keystore.unseal("gaborone", PHRASE)


@pytest.mark.parametrize("position", range(0, 174, 23))
def test_a_tampered_seal_does_not_open(keystore: Keystore, tmp_path: Path, position: int) -> None:
    path = tmp_path / "keys" / "gaborone.key"
    der = bytearray(read_der(path))
    der[position] ^= 1
    replace_der(path, bytes(der))
    with pytest.raises((WrongPassphraseError, DamagedKeyError)):
        keystore.unseal("gaborone", PHRASE)


@pytest.mark.usefixtures("keystore")
def test_a_file_is_opened_by_any_program_that_knows_pkcs8(tmp_path: Path) -> None:
    content = (tmp_path / "keys" / "gaborone.key").read_bytes()
    key = load_pem_private_key(content, PHRASE)
    assert isinstance(key, Ed25519PrivateKey)
    assert key.private_bytes_raw() == SEED


@pytest.mark.parametrize("vector", ["gaborone-n1024.key", "gaborone-n65536.key"])
def test_a_file_with_another_cost_is_opened_and_rewritten_with_ours(
    tmp_path: Path, vector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyfile, "_COST", (2**17, 8, 1))
    path = put_vector(tmp_path, vector)
    keystore = Keystore(path.parent)
    assert keystore.unseal("gaborone", PHRASE) == SEED
    with pytest.raises(WrongPassphraseError):
        keystore.unseal("gaborone", b"wrong")
    assert keystore.entry("gaborone").is_old is (vector == "gaborone-n1024.key")
    keystore.rewrite("gaborone", PHRASE)
    assert bytes.fromhex("0203020000" + "020108" + "020101") in read_der(path)
    assert keystore.entry("gaborone") == ENTRY
    assert keystore.unseal("gaborone", PHRASE) == SEED


@pytest.mark.parametrize(
    ("vector", "cost"),
    [
        pytest.param("gaborone-4gib.key", "n=4194304, r=8, p=1", id="memory"),
        pytest.param("gaborone-hours.key", "n=16384, r=8, p=127", id="time"),
    ],
)
def test_a_cost_that_is_too_high_is_refused_with_the_limit(
    tmp_path: Path, vector: str, cost: str
) -> None:
    with pytest.raises(DamagedKeyError, match=r"n \* r \* p may be 4194304") as caught:
        Keystore(put_vector(tmp_path, vector).parent).unseal("gaborone", PHRASE)
    assert f"({cost})" in str(caught.value)


@pytest.mark.parametrize(
    "cost",
    [
        pytest.param("02027fff", id="no power of two"),
        pytest.param("02020040", id="written longer than it is"),
        pytest.param("0202c000", id="negative"),
        pytest.param("02ff4000", id="longer than the file"),
    ],
)
def test_what_is_no_cost_is_refused(keystore: Keystore, tmp_path: Path, cost: str) -> None:
    path = tmp_path / "keys" / "gaborone.key"
    der = read_der(path)
    ours = bytes.fromhex("02020400")
    assert der.count(ours) == 1
    replace_der(path, der.replace(ours, bytes.fromhex(cost)))
    with pytest.raises(DamagedKeyError, match=r"as this program does|no such cost"):
        keystore.unseal("gaborone", PHRASE)


def test_a_file_that_ends_early_is_refused(keystore: Keystore, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "gaborone.key"
    replace_der(path, read_der(path)[:40])
    with pytest.raises(DamagedKeyError, match="not encrypted as this program does"):
        keystore.unseal("gaborone", PHRASE)


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[1]", "Name: gaborone\n", '{"label": 1, "sealed_seed": ""}', "\udcff", "x" * 4000],
)
def test_a_file_that_is_no_key_is_named(keystore: Keystore, tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys" / "gaborone.key"
    path.write_text(content, errors="surrogateescape")
    with pytest.raises(DamagedKeyError, match=str(path)):
        keystore.entry("gaborone")


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


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Give a key file as the version before wrote it."""
    return put_vector(tmp_path, "gaborone-v1.key")


def test_a_file_of_the_version_before_is_opened_and_rewritten(old: Path) -> None:
    keystore = Keystore(old.parent)
    entry = keystore.entry("gaborone")
    assert (entry.author, entry.public_key, entry.is_old) == (AUTHOR, ENTRY.public_key, True)
    assert keystore.unseal("gaborone", PHRASE) == SEED
    with pytest.raises(WrongPassphraseError):
        keystore.rewrite("gaborone", b"wrong")
    assert keystore.rewrite("gaborone", PHRASE) == ENTRY
    assert keystore.entries() == ([ENTRY], [])
    assert keystore.unseal("gaborone", PHRASE) == SEED


def relabel(label: dict[str, object]) -> None:
    label["author"] = {"participant": "KPCS", "authority": "chair"}


def swap_public_key(label: dict[str, object]) -> None:
    label["public_key"] = "00" * 32


def weaken(label: dict[str, object]) -> None:
    scrypt = label["scrypt"]
    assert isinstance(scrypt, dict)
    scrypt["n"] = 1024


@pytest.mark.parametrize("tamper", [relabel, swap_public_key, weaken])
def test_a_tampered_label_of_the_version_before_does_not_open(
    old: Path, tamper: Callable[[dict[str, object]], None]
) -> None:
    file = json.loads(old.read_text())
    tamper(file["label"])
    old.write_text(json.dumps(file))
    with pytest.raises(WrongPassphraseError):
        Keystore(old.parent).unseal("gaborone", PHRASE)


def test_costs_of_the_version_before_that_would_take_all_memory_are_refused(old: Path) -> None:
    file = json.loads(old.read_text())
    file["label"]["scrypt"]["n"] = 2**30
    old.write_text(json.dumps(file))
    with pytest.raises(DamagedKeyError, match=r"n \* r \* p may be 4194304"):
        Keystore(old.parent).unseal("gaborone", PHRASE)


@pytest.mark.parametrize(
    ("cost", "problem"),
    [
        pytest.param((2**16, 1, 1), "scrypt has no such cost", id="more rounds than r allows"),
        pytest.param((2**17, 1, 1), "scrypt has no such cost", id="as OpenSSL refuses it"),
        pytest.param((2, 2**21, 1), "memory 512 MiB", id="large blocks"),
        pytest.param((2**19, 8, 1), "memory 512 MiB", id="a little too much"),
    ],
)
def test_what_scrypt_cannot_do_or_no_machine_should_is_refused_in_both_formats(
    keystore: Keystore, tmp_path: Path, cost: tuple[int, int, int], problem: str
) -> None:
    path = tmp_path / "keys" / "gaborone.key"
    der = read_der(path)
    replace_der(path, with_cost(der, cost))
    with pytest.raises(DamagedKeyError, match=problem):
        keystore.unseal("gaborone", PHRASE)
    vector = json.loads((VECTORS / "keys" / "gaborone-v1.key").read_text())
    vector["label"]["scrypt"] |= dict(zip("nrp", cost, strict=True))
    path.write_text(json.dumps(vector))
    with pytest.raises(DamagedKeyError, match=problem):
        keystore.unseal("gaborone", PHRASE)


def with_cost(der: bytes, cost: tuple[int, int, int]) -> bytes:
    """Replace what scrypt costs in a file, and every length around it."""
    salt, iv, sealed = der[35:67], der[-82:-66], der[-64:]
    return keyfile._wrap(salt, cost, iv, sealed)
