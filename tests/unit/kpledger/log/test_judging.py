"""Evidence convicts whom it has to, and nobody if anything in it does not hold."""

from pathlib import Path
from typing import Final

import msgspec
import pytest
from convicting import ELECTORATE, all_cases, make_vector
from founding import make_genesis, make_genesis_file, vary
from hypothesis import given, strategies as st

from kpledger.base.errors import LedgerError
from kpledger.log.conviction import EvidenceError
from kpledger.log.evidence import kind_of_evidence
from kpledger.log.evidence_file import (
    MAX_EVIDENCE_BYTES,
    MAX_EVIDENCE_JSON_BYTES,
    decode_evidence,
    encode_evidence,
    evidence_id,
    format_evidence,
    parse_evidence,
)
from kpledger.log.genesis import format_genesis, parse_genesis
from kpledger.log.judging import judge
from kpledger.log.statements import Electorate

FOLDER: Final = Path(__file__).parents[3] / "vectors" / "evidence"
VECTORS: Final = {path.stem: path for path in FOLDER.glob("*.json") if path.stem != "genesis"}
CASES: Final = all_cases()
GOOD: Final = sorted(name for name in CASES if name.startswith("good-"))


class Vector(msgspec.Struct, forbid_unknown_fields=True):
    error: str | None
    id: str
    canonical: str
    evidence: msgspec.Raw
    guilt: str = ""
    culprits: tuple[str, ...] = ()
    others: dict[str, str] = msgspec.field(default_factory=dict)


def read(name: str) -> Vector:
    return msgspec.json.decode(VECTORS[name].read_bytes(), type=Vector)


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_vector(name: str) -> None:
    genesis = parse_genesis((FOLDER / "genesis.json").read_bytes())
    vector = read(name)
    evidence = parse_evidence(bytes(vector.evidence))
    encoded = bytes.fromhex(vector.canonical)
    assert encode_evidence(evidence) == encoded
    assert decode_evidence(encoded) == evidence
    assert evidence_id(encoded).hex() == vector.id
    electorate = Electorate.of(genesis)
    if vector.error is None:
        found = judge(evidence, electorate)
        assert (found.guilt, found.culprits) == (vector.guilt, vector.culprits)
        assert dict(found.others) == vector.others
    else:
        with pytest.raises(EvidenceError) as refused:
            judge(evidence, electorate)
        assert (str(refused.value), refused.value.kind) == (
            vector.error,
            kind_of_evidence(evidence),
        )
    assert (vector.error is None) == name.startswith("good-")


@pytest.mark.parametrize("name", sorted(CASES))
def test_vector_is_made_from_its_case(name: str) -> None:
    made = msgspec.json.decode(msgspec.json.encode(make_vector(CASES[name])))
    assert made == msgspec.json.decode(VECTORS[name].read_bytes())


def test_every_vector_has_its_case() -> None:
    assert VECTORS.keys() == CASES.keys()
    assert {kind_of_evidence(CASES[name]) for name in GOOD} == {f"E{one}" for one in range(1, 11)}


@pytest.mark.parametrize("name", GOOD)
def test_nothing_convicts_on_another_ledger(name: str) -> None:
    other = parse_genesis(format_genesis(vary(make_genesis_file(), origin="ledger.example/other")))
    with pytest.raises(EvidenceError):
        judge(CASES[name], Electorate.of(other))


@pytest.mark.parametrize("name", GOOD)
def test_nothing_convicts_if_no_signature_verifies(name: str) -> None:
    with pytest.raises(EvidenceError):
        judge(CASES[name], ELECTORATE, check=lambda _key, _message, _signature: False)


@given(data=st.data(), name=st.sampled_from(GOOD))
def test_no_bit_can_be_changed(data: st.DataObject, name: str) -> None:
    """What is left still convicts the same, or it convicts nobody.

    Not covered by a signature are the evidence's own words, and which of the votes or
    acknowledgements are shown; none of them can be changed into another.
    """
    evidence = CASES[name]
    encoded = bytearray(encode_evidence(evidence))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    before = judge(evidence, ELECTORATE)
    try:
        after = judge(decode_evidence(bytes(encoded)), ELECTORATE)
    except LedgerError:
        return
    assert (after.kind, after.culprits) == (before.kind, before.culprits)
    assert after.guilt == before.guilt


@pytest.mark.parametrize("name", sorted(CASES))
def test_file_says_what_the_evidence_is_said_to_show(name: str) -> None:
    text = format_evidence(CASES[name])
    summary = msgspec.json.decode(text)["summary"]
    assert summary
    changed = text.replace(summary.encode(), b"bw-1 is innocent")
    assert parse_evidence(changed) == parse_evidence(text) == CASES[name]


@pytest.mark.parametrize("change", [b"kpledger-evidence/2", b"kpledger-evidence/1 "])
def test_other_format_is_refused(change: bytes) -> None:
    text = format_evidence(CASES["good-e2-one-height"])
    with pytest.raises(LedgerError, match="format"):
        parse_evidence(text.replace(b"kpledger-evidence/1", change))
    encoded = encode_evidence(CASES["good-e2-one-height"])
    with pytest.raises(LedgerError, match="format"):
        decode_evidence(encoded.replace(b"evidence/1", b"evidence/2"))


def test_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(LedgerError, match="limit"):
        parse_evidence(b" " * (MAX_EVIDENCE_JSON_BYTES + 1))
    with pytest.raises(LedgerError, match="limit"):
        decode_evidence(b" " * (MAX_EVIDENCE_BYTES + 1))


def test_file_with_an_unknown_field_is_refused() -> None:
    text = format_evidence(CASES["good-e2-one-height"])
    with pytest.raises(LedgerError, match="the field more is not known"):
        parse_evidence(text.replace(b'"format"', b'"more": 1, "format"'))


def test_vectors_are_of_the_ledger_of_the_tests() -> None:
    assert (FOLDER / "genesis.json").read_bytes() == make_genesis().encoded
