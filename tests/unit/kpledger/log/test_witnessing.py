"""A witness cosigns what extends the last thing it cosigned, and says why it does not."""

import base64

import pytest
from cosigned import checkpoint_over, cosign, found_with_voters, roots_over, seal
from hypothesis import given, strategies as st

from kpledger.base.errors import LedgerError, MalformedError, NotCanonicalError, OversizedError
from kpledger.base.hashing import Digest, hash_leaf
from kpledger.log.checkpoint import Checkpoint
from kpledger.log.merkle import TreeSize, TreeSizeError, prove_consistency
from kpledger.log.note import Note, add_signatures, parse_note
from kpledger.log.policy import policy_of
from kpledger.log.witnessing import (
    MAX_ADD_CHECKPOINT_BYTES,
    AddCheckpoint,
    WitnessError,
    format_add_checkpoint,
    format_cosignatures,
    parse_add_checkpoint,
    parse_cosignatures,
    witness_checkpoint,
)

GENESIS = found_with_voters(3)
KEYS = policy_of(GENESIS).logs
ENTRIES = [b"event-%d" % number for number in range(12)]
FORKED = [*ENTRIES[:3], b"another", *ENTRIES[4:]]
NOTHING = TreeSize(0)
LEAF_2 = base64.b64encode(hash_leaf(ENTRIES[2])).decode()


def _checkpoint(size: int, entries: list[bytes] = ENTRIES) -> Checkpoint:
    return checkpoint_over(GENESIS, entries[:size])


def _note(size: int, entries: list[bytes] = ENTRIES, leader: str = "") -> Note:
    return parse_note(seal(GENESIS, entries[:size], (), leader=leader))


def _ask(old: int, size: int, entries: list[bytes] = ENTRIES) -> AddCheckpoint:
    path: tuple[Digest, ...] = ()
    if old:
        path = prove_consistency(roots_over(entries), TreeSize(old), TreeSize(size))
    return AddCheckpoint(TreeSize(old), path, _note(size, entries))


def _refusal(stored: Checkpoint | None, asked: AddCheckpoint) -> WitnessError:
    with pytest.raises(WitnessError) as caught:
        witness_checkpoint(stored, asked, KEYS)
    return caught.value


@given(st.integers(1, 12).flatmap(lambda new: st.tuples(st.integers(0, new), st.just(new))))
def test_tree_that_extends_the_last_one_is_cosigned(case: tuple[int, int]) -> None:
    old, new = case
    stored = _checkpoint(old) if old else None
    assert witness_checkpoint(stored, _ask(old, new), KEYS) == _checkpoint(new)


def test_any_voter_can_ask() -> None:
    for leader in GENESIS.file.voters:
        assert (
            witness_checkpoint(None, AddCheckpoint(NOTHING, (), _note(5, leader=leader)), KEYS).size
            == 5
        )


def test_empty_tree_can_be_cosigned_and_be_extended() -> None:
    assert witness_checkpoint(None, _ask(0, 0), KEYS) == _checkpoint(0)
    assert witness_checkpoint(_checkpoint(0), _ask(0, 5), KEYS) == _checkpoint(5)


def test_cosignatures_of_others_do_not_matter() -> None:
    asked = _ask(3, 5)
    other = cosign(_checkpoint(4), "za-2")
    beside = AddCheckpoint(asked.old_size, asked.path, add_signatures(asked.note, [other]))
    assert witness_checkpoint(_checkpoint(3), beside, KEYS) == _checkpoint(5)


def test_unknown_log_is_refused() -> None:
    other = found_with_voters(2)
    keys = [key for key in policy_of(other).logs if key.name != "ledger.example/kp"]
    with pytest.raises(WitnessError, match=r"ledger.example/kp is not known here") as caught:
        witness_checkpoint(None, _ask(0, 5), keys)
    assert caught.value.status == 404


@pytest.mark.parametrize(
    "note",
    [
        _note(5, leader="stranger"),
        Note(_note(5).text, _note(4).signatures),
        Note(_note(5).text, (*_note(5).signatures, *_note(5).signatures)),
        Note(_note(5).text, (cosign(_checkpoint(5), "za-1"),)),
    ],
    ids=["by a stranger", "of another text", "twice", "by a cosigner"],
)
def test_note_that_the_log_has_not_signed_is_refused(note: Note) -> None:
    refusal = _refusal(None, AddCheckpoint(NOTHING, (), note))
    assert refusal.status == 403


def test_old_size_beyond_the_checkpoint_is_refused() -> None:
    refusal = _refusal(_checkpoint(7), AddCheckpoint(TreeSize(7), (), _note(5)))
    assert refusal.status == 400


@pytest.mark.parametrize(("stored", "old"), [(0, 3), (4, 3), (2, 3), (4, 0), (12, 3)])
def test_old_size_that_is_not_the_last_one_is_answered_with_that(stored: int, old: int) -> None:
    refusal = _refusal(_checkpoint(stored) if stored else None, _ask(old, 5))
    assert (refusal.status, refusal.size) == (409, stored)


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        (_checkpoint(5, FORKED), _ask(5, 7)),
        (_checkpoint(5), _ask(5, 7, FORKED)),
        (_checkpoint(5), _ask(5, 5, FORKED)),
        (_checkpoint(5), AddCheckpoint(TreeSize(5), (), _note(7))),
        (_checkpoint(5), AddCheckpoint(TreeSize(5), (Digest(bytes(32)),), _note(5))),
        (None, AddCheckpoint(NOTHING, (Digest(bytes(32)),), _note(5))),
        (_checkpoint(0), AddCheckpoint(NOTHING, (Digest(bytes(32)),), _note(5))),
    ],
    ids=[
        "of another past",
        "to another tree",
        "to another root of the size",
        "without a proof",
        "proof of the same size",
        "proof from nothing",
        "proof from the empty tree",
    ],
)
def test_tree_that_does_not_extend_the_last_one_is_refused(
    stored: Checkpoint | None, asked: AddCheckpoint
) -> None:
    assert _refusal(stored, asked).status == 422


def test_request_is_written_as_the_specification_has_it() -> None:
    lines = format_add_checkpoint(_ask(3, 5)).decode().split("\n")
    assert lines[0] == "old 3"
    assert lines[1] == LEAF_2
    assert lines[5:8] == ["", "ledger.example/kp", "5"]
    assert parse_add_checkpoint(format_add_checkpoint(_ask(3, 5))) == _ask(3, 5)
    assert format_add_checkpoint(_ask(0, 5)).startswith(b"old 0\n\nledger.example/kp\n")


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (b"old 3", b"old 03", MalformedError),
        (b"old 3", b"Old 3", MalformedError),
        (b"old 3", b"old -3", MalformedError),
        (b"old 3", b"old  3", MalformedError),
        (b"old 3", b"old 9999999999999999999", TreeSizeError),
        (b"old 3\n", b"", MalformedError),
        (b"old 3", b"old 3\r", MalformedError),
        (b"old 3\n", b"old 3\nAAAA\n", MalformedError),
        (b"old 3\n", b"old 3\n" + b"QUFB" * 11 + b"\n", MalformedError),
        (b"Y=\n", b"Z=\n", NotCanonicalError),
        (b"old 3\n", b"old 3\n" + f"{LEAF_2}\n".encode() * 60, MalformedError),
        (b"\n\n", b"\n", MalformedError),
        (b"ledger.example/kp\n5\n", b"ledger.example/kp\n05\n", MalformedError),
        (b"ledger.example/kp\n5\n", b"ledger.example/kp\n", MalformedError),
        ("\u2014".encode(), b"-", MalformedError),
    ],
)
def test_request_is_read_to_the_letter(old: bytes, new: bytes, kind: type[LedgerError]) -> None:
    data = format_add_checkpoint(_ask(3, 5))
    assert old in data
    with pytest.raises(kind):
        parse_add_checkpoint(data.replace(old, new, 1))


def test_size_is_bounded() -> None:
    with pytest.raises(OversizedError):
        parse_add_checkpoint(bytes(MAX_ADD_CHECKPOINT_BYTES + 1))
    path = (Digest(bytes(32)),) * 64
    with pytest.raises(MalformedError, match="up to 63 hashes"):
        format_add_checkpoint(AddCheckpoint(TreeSize(1), path, _note(5)))


def test_answer_is_the_signature_lines_alone() -> None:
    text = _note(5).text
    signatures = (cosign(_checkpoint(5), "za-1"), cosign(_checkpoint(5), "za-2"))
    data = format_cosignatures(Note(text, signatures))
    assert data.startswith("\u2014 ledger.example/kp/za-1 ".encode())
    assert parse_cosignatures(text, data) == signatures


@pytest.mark.parametrize("data", [b"", b"\n", b"no line\n", b"another text\n\n\xe2\x80\x94 a b\n"])
def test_answer_that_is_no_signature_line_is_refused(data: bytes) -> None:
    with pytest.raises(LedgerError):
        parse_cosignatures(_note(5).text, data)
