"""Vectors of certificates and of E2, judged by a verifier written from docs/protocol.md alone."""

import json
from pathlib import Path

import pytest
from nacl.signing import SigningKey
from naive.proofs import Refused, Verifier, mapped, unpack

VECTORS = Path(__file__).parents[3] / "vectors"
CERTIFICATES = sorted(
    path for kind in ("leader", "commit") for path in VECTORS.glob(f"certificate/{kind}-*.json")
)
DOUBLE_ACKNOWLEDGEMENTS = sorted(VECTORS.glob("evidence/*e2-*.json"))


@pytest.mark.parametrize("path", CERTIFICATES, ids=lambda path: path.stem)
def test_certificate_has_one_verdict(path: Path) -> None:
    case = json.loads(path.read_bytes())
    keys = {
        name: bytes(SigningKey(bytes.fromhex(seed)).verify_key)
        for name, seed in case["seeds"].items()
    }
    verifier = Verifier(bytes.fromhex(case["chain"]), bytes.fromhex(case["config_hash"]), keys)
    judge = {"leader": verifier.leader_certificate, "commit": verifier.commit_certificate}
    try:
        judge[case["kind"]](bytes.fromhex(case["encoded"]))
    except Refused:
        assert case["error"] is not None
    else:
        assert case["error"] is None


@pytest.mark.parametrize("path", DOUBLE_ACKNOWLEDGEMENTS, ids=lambda path: path.stem)
def test_double_acknowledgement_has_one_verdict(path: Path) -> None:
    case = json.loads(path.read_bytes())
    verifier = Verifier.of_genesis((VECTORS / "evidence" / "genesis.json").read_bytes())
    evidence = mapped(unpack(bytes.fromhex(case["canonical"]))["evidence"])
    try:
        culprit, guilt = verifier.double_acknowledgement(evidence)
    except Refused:
        assert case["error"] is not None
    else:
        assert (case["error"], case["culprits"], case["guilt"]) == (None, [culprit], guilt)
