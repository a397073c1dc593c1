"""Checkpoints are those of C2SP tlog-checkpoint, without the liberties it leaves to others."""

import base64
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, strategies as st

from kpledger.base.errors import LedgerError, MalformedError
from kpledger.base.hashing import EMPTY_ROOT, Digest, hash_leaf, sha256
from kpledger.base.keys import SigningKey
from kpledger.log.checkpoint import (
    Checkpoint,
    OriginMismatchError,
    SignedCheckpoint,
    UnsignedByLogError,
    cosign_checkpoint,
    format_checkpoint,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
)
from kpledger.log.merkle import MAX_TREE_SIZE, TreeSize, TreeSizeError, compute_root
from kpledger.log.note import (
    KeyType,
    Note,
    NoteKey,
    NoteSigner,
    add_signatures,
    format_note,
    format_vkey,
    parse_vkey,
)

VECTORS = sorted((Path(__file__).parents[3] / "vectors" / "checkpoint").glob("*.json"))

ORIGIN = "kp.example/ledger/main"
LOG_VKEY = "kp.example/ledger/main+a26b460b+AXwtOISlvpsLEd0kPhCv7Nctw63TPbtCxsm7wQUKJgld"
WITNESS_VKEY = "witness.kp.example/be+8ee48a9f+BFn2O2c4yipibcdxnR0Qdpd58o0S6oh8Ws1n/QcBlHji"

# Log: SHA-256("kp example log key"); witnesses: SHA-256("kp example witness 1" and "... 2").
WORKED_EXAMPLE = """\
kp.example/ledger/main
5
C3TUMA55gFbNSHKLT7AenxWtPgp5UPvFiXT/Z1MnHSQ=

\u2014 kp.example/ledger/main \
omtGCwPHV0297SIAcX4iUtU3PIKgN2zBFQrDmhuO9FDVbxRGpn8sWxMKvq8p158nylGYDJxxvAoSmoUjE6A8zAHthwQ=
\u2014 witness.kp.example/be \
juSKnwAAAABpVbkAHZKd7D+3WBWicY/MEn6V8x9d0UKdI/YxDUiIhuU5fiYjBZ0aVeTc/ppnq3n+3W7eKcZJauNTaUWkMRI7\
GIAbDw==
\u2014 witness.kp.example/za \
/NDwpQAAAABpVbkBC9s1gPaPIHig2RMWit7fzLugr+JZkLHdO8kO9rhLbbHSVBW0qapZl8utK7LbfV807IbgVlN+2DXnXS2z\
93QlBQ==
"""


class CheckpointVector(msgspec.Struct, frozen=True, kw_only=True):
    error: str | None
    note: str
    origin: str
    keys: list[str]
    size: int = 0
    root: str = ""
    log_keys: list[str] = []
    cosigners: list[tuple[str, int | None]] = []

    def check(self) -> None:
        keys = [parse_vkey(key) for key in self.keys]
        opened = open_checkpoint(self.note.encode(), origin=self.origin, keys=keys)
        expected = Checkpoint(self.origin, TreeSize(self.size), Digest(bytes.fromhex(self.root)))
        cosigners = [(signer.key.name, signer.time_s) for signer in opened.cosigners]
        assert opened.checkpoint == expected
        assert [format_vkey(key) for key in opened.log_keys] == self.log_keys
        assert cosigners == self.cosigners
        assert format_checkpoint(opened.checkpoint) == opened.note.text
        assert format_note(opened.note) == self.note.encode()


def _key(label: str) -> SigningKey:
    return SigningKey.from_seed(sha256(label.encode()))


LOG_KEY = _key("kp example log key")
WITNESS_KEYS = (_key("kp example witness 1"), _key("kp example witness 2"))


def _example() -> Checkpoint:
    root = compute_root(hash_leaf(b"event-%d" % number) for number in range(5))
    return Checkpoint(ORIGIN, TreeSize(5), root)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda path: path.stem)
def test_vector_is_judged_as_it_says(vector: Path) -> None:
    case = msgspec.json.decode(vector.read_bytes(), type=CheckpointVector)
    reason = None
    try:
        case.check()
    except LedgerError as error:
        reason = type(error).__name__
    assert reason == case.error
    assert (case.error is None) == vector.stem.startswith("good-")


def test_vectors_are_present() -> None:
    assert len(VECTORS) > 40


def test_worked_example_is_made_byte_for_byte() -> None:
    checkpoint = _example()
    note = Note(format_checkpoint(checkpoint), (sign_checkpoint(checkpoint, key=LOG_KEY),))
    names = ("witness.kp.example/be", "witness.kp.example/za")
    cosignatures = [
        cosign_checkpoint(checkpoint, name=name, key=key, time_s=1767225600 + number)
        for number, (name, key) in enumerate(zip(names, WITNESS_KEYS, strict=True))
    ]
    assert format_note(add_signatures(note, cosignatures)).decode() == WORKED_EXAMPLE


def test_keys_of_the_worked_example_are_published_byte_for_byte() -> None:
    witness = NoteKey("witness.kp.example/be", KeyType.COSIGNATURE, WITNESS_KEYS[0].public_key)
    assert [
        format_vkey(NoteKey(ORIGIN, KeyType.NOTE, LOG_KEY.public_key)),
        format_vkey(witness),
    ] == [LOG_VKEY, WITNESS_VKEY]


def test_worked_example_opens() -> None:
    log_key, witness_key = parse_vkey(LOG_VKEY), parse_vkey(WITNESS_VKEY)
    opened = open_checkpoint(WORKED_EXAMPLE.encode(), origin=ORIGIN, keys=[log_key, witness_key])
    assert opened == SignedCheckpoint(
        _example(), opened.note, (log_key,), (NoteSigner(witness_key, 1767225600),)
    )


@given(
    st.from_regex(r"[a-z0-9./]{1,40}", fullmatch=True),
    st.integers(1, MAX_TREE_SIZE),
    st.binary(min_size=32, max_size=32),
)
def test_checkpoint_round_trips(origin: str, size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin, TreeSize(size), Digest(root))
    assert parse_checkpoint(format_checkpoint(checkpoint)) == checkpoint


def test_empty_tree_round_trips() -> None:
    checkpoint = Checkpoint(ORIGIN, TreeSize(0), EMPTY_ROOT)
    text = f"{ORIGIN}\n0\n{base64.b64encode(EMPTY_ROOT).decode()}\n"
    assert format_checkpoint(checkpoint) == text
    assert parse_checkpoint(text) == checkpoint


@pytest.mark.parametrize(
    ("checkpoint", "error"),
    [
        (Checkpoint("", TreeSize(1), EMPTY_ROOT), MalformedError),
        (Checkpoint("two\nlines", TreeSize(1), EMPTY_ROOT), MalformedError),
        (Checkpoint(ORIGIN, TreeSize(-1), EMPTY_ROOT), MalformedError),
        (Checkpoint(ORIGIN, TreeSize(2**63), EMPTY_ROOT), TreeSizeError),
        (Checkpoint(ORIGIN, TreeSize(1), Digest(bytes(31))), MalformedError),
        (Checkpoint(ORIGIN, TreeSize(0), Digest(bytes(32))), MalformedError),
    ],
)
def test_checkpoint_that_would_not_read_back_is_not_signed(
    checkpoint: Checkpoint, error: type[LedgerError]
) -> None:
    with pytest.raises(error):
        sign_checkpoint(checkpoint, key=LOG_KEY)


def test_checkpoint_of_another_log_names_both() -> None:
    with pytest.raises(OriginMismatchError, match=f"is of {ORIGIN}, not of other$"):
        open_checkpoint(WORKED_EXAMPLE.encode(), origin="other", keys=[parse_vkey(LOG_VKEY)])


def test_checkpoint_without_the_log_names_who_signed() -> None:
    key = parse_vkey(WITNESS_VKEY)
    told = f"signed by {key.name}, but by no key of {ORIGIN}$"
    with pytest.raises(UnsignedByLogError, match=told):
        open_checkpoint(WORKED_EXAMPLE.encode(), origin=ORIGIN, keys=[key])
