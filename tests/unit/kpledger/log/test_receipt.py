"""A receipt convinces whoever has a policy, and no byte of it can be another one."""

import base64
from collections.abc import Callable

import pytest
from cosigned import SEALED_AT_S, checkpoint_over, cosign, found_with_voters, receive, seal
from founding import signing_key
from hypothesis import given, settings, strategies as st
from naive import trees
from naive.proofs import Refused

from kpledger.base.errors import LedgerError, MalformedError, NotCanonicalError, OversizedError
from kpledger.base.hashing import Digest, hash_leaf, sha256
from kpledger.base.keys import SigningKey
from kpledger.log.checkpoint import (
    Checkpoint,
    cosign_checkpoint,
    format_checkpoint,
    sign_checkpoint,
)
from kpledger.log.merkle import (
    LeafIndexError,
    PathLengthError,
    RootMismatchError,
    TreeSize,
    compute_root,
    prove_inclusion,
)
from kpledger.log.note import KeyType, Note, NoteKey, format_note, parse_note, sign_note
from kpledger.log.policy import PolicyError, TrustPolicy, WitnessGroup, format_policy, policy_of
from kpledger.log.receipt import (
    MAX_RECEIPT_BYTES,
    Receipt,
    format_receipt,
    parse_receipt,
    trim_checkpoint,
    verify_receipt,
)

GENESIS = found_with_voters(4)
POLICY = policy_of(GENESIS)
VOTERS = GENESIS.file.voters
ENTRIES = [b"event-%d" % number for number in range(11)]
SEALED = seal(GENESIS, ENTRIES, VOTERS[:3])
RECEIPT = receive(ENTRIES, 6, SEALED)
ENCODED = format_receipt(RECEIPT)


def _verify(data: bytes, policy: TrustPolicy = POLICY) -> None:
    receipt = parse_receipt(data)
    verify_receipt(receipt, receipt.extra or b"", policy)


def test_receipt_of_every_entry_verifies() -> None:
    for index, entry in enumerate(ENTRIES):
        receipt = receive(ENTRIES, index, SEALED)
        sealed = verify_receipt(receipt, entry, POLICY)
        assert parse_receipt(format_receipt(receipt)) == receipt
        assert sealed.signed.checkpoint == checkpoint_over(GENESIS, ENTRIES)
        assert list(sealed.cosigners) == list(VOTERS[:3])
        assert sealed.time_s == SEALED_AT_S


def test_tree_of_one_entry_has_a_receipt_without_a_path() -> None:
    receipt = receive(ENTRIES[:1], 0, seal(GENESIS, ENTRIES[:1], VOTERS[:3]))
    assert receipt.path == ()
    _verify(format_receipt(receipt))


def test_receipt_without_extra_is_verified_with_the_entry_in_hand() -> None:
    receipt = Receipt(RECEIPT.index, RECEIPT.path, RECEIPT.checkpoint, None)
    data = format_receipt(receipt)
    assert b"extra" not in data
    verify_receipt(parse_receipt(data), ENTRIES[6], POLICY)


def test_worked_example() -> None:
    """Five entries event-0 to event-4, and the third of them; keys as in docs/protocol.md."""
    log, *witnesses = (
        SigningKey.from_seed(sha256(f"kp example {label}".encode()))
        for label in ("log key", "witness 1", "witness 2")
    )
    leaves = [hash_leaf(entry) for entry in ENTRIES[:5]]
    origin, names = "kp.example/ledger/main", ("witness.kp.example/be", "witness.kp.example/za")
    checkpoint = Checkpoint(origin, TreeSize(5), compute_root(leaves))
    signatures = [
        cosign_checkpoint(checkpoint, name=name, key=key, time_s=1_767_225_600 + number)
        for number, (name, key) in enumerate(zip(names, witnesses, strict=True))
    ]
    note = Note(format_checkpoint(checkpoint), (sign_checkpoint(checkpoint, key=log), *signatures))
    path = prove_inclusion(lambda start, end: compute_root(leaves[start:end]), 2, TreeSize(5))
    data = format_receipt(Receipt(2, path, format_note(note), None))
    assert len(data) == 620
    assert data.decode().split("\n")[:6] == [
        "c2sp.org/tlog-proof@v1",
        "index 2",
        *(base64.b64encode(digest).decode() for digest in path),
        "",
    ]
    policy = TrustPolicy(
        (NoteKey(origin, KeyType.NOTE, log.public_key),),
        {
            name: NoteKey(name, KeyType.COSIGNATURE, key.public_key)
            for name, key in zip(names, witnesses, strict=True)
        },
        {"g": WitnessGroup(2, names)},
        "g",
    )
    verify_receipt(parse_receipt(data), b"event-2", policy)
    trees.verify(
        format_receipt(Receipt(2, path, format_note(note), b"event-2")),
        format_policy(policy).decode(),
    )


@pytest.mark.parametrize("bit", range(8))
def test_no_bit_of_a_receipt_can_change(bit: int) -> None:
    for place in range(len(ENCODED)):
        changed = bytearray(ENCODED)
        changed[place] ^= 1 << bit
        with pytest.raises(LedgerError):
            _verify(bytes(changed))


def test_no_byte_of_a_receipt_can_be_missing_or_stand_there_twice() -> None:
    for place in range(len(ENCODED)):
        missing = ENCODED[:place] + ENCODED[place + 1 :]
        twice = ENCODED[: place + 1] + ENCODED[place:]
        for changed in (missing, twice):
            with pytest.raises(LedgerError):
                _verify(changed)


def test_second_implementation_accepts_it_and_nothing_else() -> None:
    policy = format_policy(POLICY).decode()
    trees.verify(ENCODED, policy)
    for place in range(len(ENCODED)):
        changed = bytearray(ENCODED)
        changed[place] ^= 1
        with pytest.raises(Refused):
            trees.verify(bytes(changed), policy)


@given(st.data())
@settings(max_examples=300)
def test_what_two_implementations_say_of_a_changed_receipt_is_the_same(data: st.DataObject) -> None:
    lines = ENCODED.split(b"\n")
    kind = data.draw(st.sampled_from(("drop", "double", "swap", "byte")))
    first = data.draw(st.integers(0, len(lines) - 1))
    second = data.draw(st.integers(0, len(lines) - 1))
    match kind:
        case "drop":
            del lines[first]
        case "double":
            lines.insert(second, lines[first])
        case "swap":
            lines[first], lines[second] = lines[second], lines[first]
        case _ if lines[first]:
            byte = data.draw(st.integers(32, 126))
            place = data.draw(st.integers(0, len(lines[first]) - 1))
            lines[first] = lines[first][:place] + bytes([byte]) + lines[first][place + 1 :]
    changed = b"\n".join(lines)
    assert _holds(lambda: _verify(changed)) == _holds(
        lambda: trees.verify(changed, format_policy(POLICY).decode())
    )


def _holds(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except (LedgerError, Refused):
        return False
    return True


def test_entry_that_is_not_the_one_in_the_tree_is_refused() -> None:
    with pytest.raises(RootMismatchError):
        verify_receipt(RECEIPT, ENTRIES[5], POLICY)


def test_path_of_another_entry_is_refused() -> None:
    other = receive(ENTRIES, 5, SEALED)
    with pytest.raises(RootMismatchError):
        verify_receipt(Receipt(6, other.path, SEALED, None), ENTRIES[6], POLICY)
    with pytest.raises(RootMismatchError):
        verify_receipt(Receipt(6, RECEIPT.path[::-1], SEALED, None), ENTRIES[6], POLICY)


@pytest.mark.parametrize("change", [-1, 1])
def test_path_of_another_length_is_refused(change: int) -> None:
    path = (*RECEIPT.path, RECEIPT.path[0])[: len(RECEIPT.path) + change]
    with pytest.raises(PathLengthError):
        verify_receipt(Receipt(6, path, SEALED, None), ENTRIES[6], POLICY)


def test_index_beyond_the_tree_is_refused() -> None:
    with pytest.raises(LeafIndexError):
        verify_receipt(Receipt(11, RECEIPT.path, SEALED, None), ENTRIES[6], POLICY)


def test_checkpoint_of_an_older_tree_is_refused() -> None:
    older = seal(GENESIS, ENTRIES[:10], VOTERS[:3])
    with pytest.raises(RootMismatchError):
        verify_receipt(Receipt(6, RECEIPT.path, older, None), ENTRIES[6], POLICY)


def test_receipt_that_too_few_have_cosigned_is_refused_with_the_count() -> None:
    receipt = receive(ENTRIES, 6, seal(GENESIS, ENTRIES, VOTERS[:2]))
    with pytest.raises(PolicyError, match="cosigned by 2 of the 4 in voters, 3 are needed"):
        verify_receipt(receipt, ENTRIES[6], POLICY)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (b"c2sp.org/tlog-proof@v1\n", b"c2sp.org/tlog-proof@v2\n", MalformedError),
        (b"c2sp.org/tlog-proof@v1\n", b"", MalformedError),
        (b"c2sp.org/tlog-proof@v1\n", b"c2sp.org/tlog-proof@v1\r\n", MalformedError),
        (b"index 6\n", b"index 06\n", MalformedError),
        (b"index 6\n", b"index +6\n", MalformedError),
        (b"index 6\n", b"index 6 \n", MalformedError),
        (b"index 6\n", b"index " + b"9" * 20 + b"\n", MalformedError),
        (b"index 6\n", b"", MalformedError),
        (b"index 6\n", b"index 6\nindex 6\n", MalformedError),
        (b"extra ", b"Extra ", MalformedError),
        (b"extra ZXZlbnQtNg==", b"extra ZXZlbnQtNh==", NotCanonicalError),
        (b"extra ZXZlbnQtNg==", b"extra ZXZlbnQtNg", MalformedError),
        (b"extra ZXZlbnQtNg==\n", b"extra ZXZlbnQtNg==\nextra ZXZlbnQtNg==\n", MalformedError),
        (b"\n\n", b"\n", MalformedError),
        (b"\n\n", b"\n\n\n", MalformedError),
        (b"\n\n", b"\nAAAA\n\n", MalformedError),
    ],
)
def test_form_is_kept_to_the_letter(old: bytes, new: bytes, kind: type[LedgerError]) -> None:
    assert ENCODED.count(b"extra ZXZlbnQtNg==\n") == 1
    with pytest.raises(kind):
        _verify(ENCODED.replace(old, new, 1))


def test_size_is_bounded() -> None:
    with pytest.raises(OversizedError):
        parse_receipt(bytes(MAX_RECEIPT_BYTES + 1))
    path = (Digest(bytes(32)),) * 64
    with pytest.raises(MalformedError, match="its path has more than 63 hashes"):
        format_receipt(Receipt(0, path, SEALED, None))


@pytest.mark.parametrize(
    "receipt", [Receipt(-1, (), SEALED, None), Receipt(6, (Digest(b""),), SEALED, None)]
)
def test_what_would_not_read_back_is_not_written(receipt: Receipt) -> None:
    with pytest.raises(MalformedError):
        format_receipt(receipt)


def test_trimmed_checkpoint_holds_one_log_signature_and_the_bare_quorum() -> None:
    checkpoint = checkpoint_over(GENESIS, ENTRIES)
    others = [
        sign_checkpoint(checkpoint, key=signing_key("za-2/consensus")),
        cosign(checkpoint, "in-1"),
        sign_note(format_checkpoint(checkpoint), name="stranger", key=signing_key("stranger")),
    ]
    trimmed = trim_checkpoint(seal(GENESIS, ENTRIES, VOTERS, others=others), POLICY)
    names = [each.name for each in parse_note(trimmed).signatures]
    assert names == [checkpoint.origin, *(f"{checkpoint.origin}/{one}" for one in VOTERS[1:])]
    POLICY.judge(trimmed)
    assert trim_checkpoint(trimmed, POLICY) == trimmed


def test_trimming_drops_what_a_policy_of_groups_can_do_without() -> None:
    groups = {
        "a": WitnessGroup(1, VOTERS[:2]),
        "b": WitnessGroup(2, VOTERS[2:]),
        "both": WitnessGroup(1, ("a", "b")),
    }
    policy = TrustPolicy(POLICY.logs, POLICY.witnesses, groups, "both")
    trimmed = trim_checkpoint(seal(GENESIS, ENTRIES, VOTERS), policy)
    names = [each.name.rpartition("/")[2] for each in parse_note(trimmed).signatures[1:]]
    assert names == ["za-3", "za-4"]


def test_checkpoint_with_too_few_cosigners_is_not_trimmed() -> None:
    with pytest.raises(PolicyError):
        trim_checkpoint(seal(GENESIS, ENTRIES, VOTERS[:2]), POLICY)
