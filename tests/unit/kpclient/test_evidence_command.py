"""``kpledger evidence``: a file is judged with the genesis file alone, in words for people."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import plyvel
import pytest
from convicting import VECTORS, all_cases
from copied import write_copy
from electing import open_signed_trade
from founding import make_genesis, make_genesis_file, vary
from scripted_node import Script, served
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpclient.commands.evidence import ADVICE, KIND_NAMES
from kpledger.api.answers import EvidenceAnswer
from kpledger.books.query import encode_answer
from kpledger.log.conviction import Guilt
from kpledger.log.evidence import Evidence
from kpledger.log.evidence_file import (
    MAX_EVIDENCE_BYTES,
    encode_evidence,
    evidence_id,
    format_evidence,
    parse_evidence,
)
from kpledger.log.genesis import format_genesis, parse_genesis

CASES: Final = all_cases()
GENESIS: Final = VECTORS / "genesis.json"


def run(place: Path, name: str, *words: str, verb: str = "verify") -> Result:
    """Run a command on a case that is written to a file."""
    file = place / f"{name}.json"
    file.write_bytes(format_evidence(CASES[name]))
    pinned = ["--genesis", str(GENESIS)] if verb == "verify" else []
    typed = ["evidence", verb, str(file), *pinned, "--home", str(place), *words]
    return CliRunner().invoke(app, typed)


@pytest.mark.parametrize("name", ["good-e1-two-heights", "good-e2-one-height", "good-e8-one-term"])
def test_a_lie_ends_with_0_and_says_whose_and_what_to_do(tmp_path: Path, name: str) -> None:
    result = run(tmp_path, name)
    assert result.exit_code == 0, result.output
    culprit = "eu-1 (run by EU)" if "e2" in name else "bw-1 (run by BW)"
    assert f"CONVICTED of a lie: {culprit}" in result.stdout
    assert ADVICE[Guilt.LIE] in result.stdout
    assert ("FORK" in result.stdout) == ("e8" in name)


def test_a_fault_is_called_one(tmp_path: Path) -> None:
    result = run(tmp_path, "good-e9-vote")
    assert result.exit_code == 0
    assert "CONVICTED of a fault: za-1 (run by ZA)" in result.stdout
    split = run(tmp_path, "good-e10-of-three")
    assert "CONVICTED of a fault: bw-1 (run by BW) and eu-1 (run by EU) and za-1" in split.stdout
    assert "two trees that exclude each other are signed by one key: 5 events" in split.stdout
    assert ADVICE[Guilt.FAULT] in result.stdout


@pytest.mark.parametrize("name", ["good-e4-terms-between", "good-e6-own-vote"])
def test_a_suspicion_convicts_nobody_and_ends_with_1(tmp_path: Path, name: str) -> None:
    result = run(tmp_path, name)
    assert result.exit_code == 1
    assert "SUSPECTED, and not convicted: za-1 (run by ZA)" in result.stdout
    assert ADVICE[Guilt.SUSPICION] in result.stdout


def test_a_fork_that_convicts_nobody_still_names_who_signed_both(tmp_path: Path) -> None:
    result = run(tmp_path, "good-e8-no-election-shown")
    assert result.exit_code == 1
    assert "FORK. SUSPECTED, and not convicted: eu-1 (run by EU)" in result.stdout
    assert "eu-1 acknowledged both, as an honest voter may if" in result.stdout
    assert "kpledger compare" in result.stdout


@pytest.mark.parametrize(
    ("name", "terms"),
    [("good-e4-after-restart", "term 2."), ("good-e4-terms-between", "one of the terms 2 to 3.")],
)
def test_a_suspicion_says_when_another_may_have_been_elected(
    tmp_path: Path, name: str, terms: str
) -> None:
    assert f"had been elected before, in {terms}\n" in run(tmp_path, name).stdout


def test_what_does_not_hold_ends_with_1_and_says_why(tmp_path: Path) -> None:
    result = run(tmp_path, "e2-one-branch")
    assert result.exit_code == 1
    assert "NOBODY is convicted" in result.stdout
    assert "both are on one branch" in result.stdout


@pytest.mark.parametrize(
    ("name", "code", "convicts"),
    [("good-e2-one-height", 0, True), ("good-e6-own-vote", 1, False), ("e2-one-block", 1, False)],
)
def test_programs_are_told_the_same(tmp_path: Path, name: str, code: int, convicts: bool) -> None:  # noqa: FBT001
    result = run(tmp_path, name, "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == code
    assert (told["convicts"], told["kind"]) == (convicts, "E6" if "e6" in name else "E2")
    assert bool(told.get("culprits")) == name.startswith("good-")


def test_with_another_genesis_file_it_convicts_nobody(tmp_path: Path) -> None:
    other = tmp_path / "genesis.json"
    other.write_bytes(format_genesis(vary(make_genesis_file(), origin="ledger.example/other")))
    file = VECTORS.parent / "evidence" / "good-e2-one-height.json"
    evidence = json.loads(file.read_bytes())["evidence"]
    (tmp_path / "file.json").write_text(json.dumps(evidence))
    typed = ["evidence", "verify", str(tmp_path / "file.json"), "--genesis", str(other)]
    result = CliRunner().invoke(app, [*typed, "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "does not verify" in result.stdout
    chain = parse_genesis(other.read_bytes()).chain.hex()
    assert f"Judged for    the ledger {chain}" in result.stdout


@pytest.mark.parametrize("text", ["", "x", "{}", '{"format": "kpledger-evidence/2"}'])
def test_what_cannot_be_read_ends_with_2(tmp_path: Path, text: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(text)
    for verb in ("show", "verify"):
        typed = ["evidence", verb, str(file), "--home", str(tmp_path)]
        result = CliRunner().invoke(app, typed)
        assert result.exit_code == 2, result.output
        assert "evidence file is malformed" in result.stderr
    missing = CliRunner().invoke(app, ["evidence", "show", str(tmp_path / "none.json")])
    assert missing.exit_code == 2


def test_showing_says_what_is_said_and_that_nothing_is_verified(tmp_path: Path) -> None:
    result = run(tmp_path, "e2-bad-signature", verb="show")
    assert result.exit_code == 0
    assert "eu-1 acknowledged two blocks" in result.stdout
    assert "Nothing of it is verified" in result.stdout
    told = json.loads(run(tmp_path, "e2-bad-signature", "--json", verb="show").stdout)
    assert told["evidence"]["first"]["voter"] == "eu-1"
    hollow = run(tmp_path, "e9-nothing-said", verb="show")
    assert (hollow.exit_code, "malformed" in hollow.stdout) == (0, True)


def test_every_kind_and_guilt_has_its_words() -> None:
    assert list(KIND_NAMES) == [f"E{one}" for one in range(1, 11)]
    assert set(ADVICE) == set(Guilt)
    assert GENESIS.read_bytes() == make_genesis().encoded


HELD: Final = ("good-e2-one-height", "good-e6-own-vote", "e2-one-branch")


def held() -> list[Evidence]:
    return sorted((CASES[name] for name in HELD), key=lambda one: evidence_id(encode_evidence(one)))


def check_listed(place: Path, typed: Sequence[str]) -> None:
    """List what is held, and judge the files that are written."""
    out = place / "evidence"
    listed = CliRunner().invoke(app, ["evidence", "list", *typed, "--out", str(out)])
    assert listed.exit_code == 0, listed.output
    assert "holds 3 pieces of evidence" in listed.stdout
    for shown in ("a lie", "a suspicion", "nothing: it does not hold"):
        assert shown in listed.stdout
    files = sorted(out.iterdir())
    assert [one.name[:3] for one in files] == ["E2-", "E2-", "E6-"]
    assert {encode_evidence(parse_evidence(one.read_bytes())) for one in files} == {
        encode_evidence(one) for one in held()
    }
    told = CliRunner().invoke(app, ["evidence", "list", *typed, "--json"])
    found = json.loads(told.stdout)["evidence"]
    assert {f"{one['kind']}-{one['id']}.json" for one in found} == {one.name for one in files}
    assert sum(one["convicts"] for one in found) == 1


async def test_evidence_of_a_node_is_listed_judged_and_written(tmp_path: Path) -> None:
    files = [msgspec.Raw(format_evidence(one)) for one in held()]
    third = evidence_id(encode_evidence(held()[2])).hex()
    pages = [
        EvidenceAnswer(evidence=tuple(files[:2]), next=third),
        EvidenceAnswer(evidence=tuple(files[2:]), next=None),
    ]
    node = Script({"GET /v1/evidence": [encode_answer(page) for page in pages * 2]})
    async with served(node) as url:
        typed = ["--node", url, "--genesis", str(GENESIS), "--home", str(tmp_path)]
        await asyncio.to_thread(check_listed, tmp_path, typed)
    queries = [one for one in node.queries if one]
    assert queries == [f"from_id={third}"] * 2


async def test_a_node_that_never_comes_to_an_end_is_not_believed(tmp_path: Path) -> None:
    (file,) = (msgspec.Raw(format_evidence(one)) for one in held()[:1])
    page = encode_answer(EvidenceAnswer(evidence=(file,), next="f" * 64))
    async with served(Script({"GET /v1/evidence": page})) as url:
        typed = ["evidence", "list", "--node", url, "--genesis", str(GENESIS), "--json"]
        result = await asyncio.to_thread(CliRunner().invoke, app, [*typed, "--home", str(tmp_path)])
    assert len(json.loads(result.stdout)["evidence"]) == 2


async def test_what_a_node_shows_that_is_no_evidence_ends_with_2(tmp_path: Path) -> None:
    page = encode_answer(EvidenceAnswer(evidence=(msgspec.Raw(b"{}"),), next=None))
    async with served(Script({"GET /v1/evidence": page})) as url:
        typed = ["evidence", "list", "--node", url, "--genesis", str(GENESIS)]
        result = await asyncio.to_thread(CliRunner().invoke, app, [*typed, "--home", str(tmp_path)])
    assert (result.exit_code, "malformed" in result.stderr) == (2, True)


def test_evidence_of_a_copy_is_listed_judged_and_written(tmp_path: Path) -> None:
    copy = write_copy(tmp_path, open_signed_trade().entries)
    with plyvel.DB(str(copy / "ledger"), compression=None) as database:
        for one in held():
            encoded = encode_evidence(one)
            database.put(b"e" + evidence_id(encoded), encoded)
    typed = ["--copy", str(copy), "--genesis", str(GENESIS), "--home", str(tmp_path)]
    check_listed(tmp_path, typed)


def test_what_a_copy_holds_that_is_no_evidence_ends_with_2(tmp_path: Path) -> None:
    copy = write_copy(tmp_path, open_signed_trade().entries)
    typed = ["evidence", "list", "--copy", str(copy), "--genesis", str(GENESIS)]
    for stored, said in ((b"x", "malformed"), (bytes(MAX_EVIDENCE_BYTES + 1), "bytes")):
        with plyvel.DB(str(copy / "ledger"), compression=None) as database:
            database.put(b"e" + bytes(32), stored)
        result = CliRunner().invoke(app, [*typed, "--home", str(tmp_path)])
        assert (result.exit_code, said in result.stderr) == (2, True), result.output
