"""The vectors of statements and certificates: judged as they say, and made again byte for byte."""

from pathlib import Path

import msgspec
import pytest
from certified import (
    KINDS,
    Certificate,
    CertificateCase,
    StatementCase,
    electorate_of,
    format_case,
    make_certificates,
    make_statements,
)

from kpledger.base.codec import decode
from kpledger.base.errors import LedgerError
from kpledger.base.keys import SigningKey
from kpledger.log.certificates import (
    decode_commit_certificate,
    decode_opening,
    decode_term_proof,
)
from kpledger.log.statements import MAX_STATEMENT_BYTES, verify_statement

VECTORS = Path(__file__).parents[3] / "vectors"
STATEMENTS = sorted((VECTORS / "statement").glob("*.json"))
CERTIFICATES = sorted((VECTORS / "certificate").glob("*.json"))


def judge_statement(case: StatementCase) -> None:
    encoded, electorate = bytes.fromhex(case.encoded), electorate_of(case)
    statement = decode(encoded, KINDS[case.kind], what=case.kind, max_bytes=MAX_STATEMENT_BYTES)
    verify_statement(statement, electorate)
    key = SigningKey.from_seed(bytes.fromhex(case.seeds[statement.voter]))
    assert statement.preimage(electorate).hex() == case.preimage
    assert key.sign(bytes.fromhex(case.preimage)) == statement.signature


def judge_certificate(case: CertificateCase) -> None:
    encoded = bytes.fromhex(case.encoded)
    certificate: Certificate
    match case.kind:
        case "leader":
            certificate = decode_opening(encoded)
        case "commit":
            certificate = decode_commit_certificate(encoded)
        case _:
            certificate = decode_term_proof(encoded)
    certificate.verify(electorate_of(case))


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: path.stem)
def test_statement_is_judged_as_it_says(path: Path) -> None:
    case = msgspec.json.decode(path.read_bytes(), type=StatementCase)
    assert ("-good" in path.stem) is (case.error is None)
    if case.error is None:
        judge_statement(case)
        return
    with pytest.raises(LedgerError) as caught:
        judge_statement(case)
    assert (type(caught.value).__name__, case.problem in str(caught.value)) == (case.error, True)


@pytest.mark.parametrize("path", CERTIFICATES, ids=lambda path: path.stem)
def test_certificate_is_judged_as_it_says(path: Path) -> None:
    case = msgspec.json.decode(path.read_bytes(), type=CertificateCase)
    assert ("-good" in path.stem) is (case.error is None)
    if case.error is None:
        judge_certificate(case)
        return
    with pytest.raises(LedgerError) as caught:
        judge_certificate(case)
    assert (type(caught.value).__name__, case.problem in str(caught.value)) == (case.error, True)


def test_vectors_are_made_again_from_their_seeds() -> None:
    """By ``certified.write_cases``, after a change of what is signed."""
    statements = {path.stem: path.read_bytes() for path in STATEMENTS}
    certificates = {path.stem: path.read_bytes() for path in CERTIFICATES}
    assert statements == {name: format_case(one) for name, one in make_statements().items()}
    assert certificates == {name: format_case(one) for name, one in make_certificates().items()}
    assert (len(statements) > 70, len(certificates) > 45) == (True, True)
