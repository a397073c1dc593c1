"""``kpledger genesis show``, and what commands say of a node of another ledger."""

import asyncio
import json
from pathlib import Path

import pytest
from copied import write_genesis
from founding import make_genesis
from scripted_node import STATUS, Script, served
from typer.testing import CliRunner

from kpclient.cli import app
from kpledger.log.genesis import parse_genesis

RUNNER = CliRunner()


def test_people_see_the_chain_id_who_founds_who_votes_and_every_key(tmp_path: Path) -> None:
    file = write_genesis(tmp_path)
    genesis = make_genesis()
    result = RUNNER.invoke(app, ["genesis", "show", str(file)], terminal_width=400)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert f"chain: {genesis.chain.hex()}" in {": ".join(one.split(maxsplit=1)) for one in lines}
    assert "bw-1, eu-1, za-1; 2 of them decide" in result.stdout
    for one in genesis.file.participants:
        assert one.name in result.stdout
        assert one.root_key in result.stdout
        assert one.recovery_key in result.stdout
    for node in genesis.file.nodes:
        (line,) = (line for line in lines if node.consensus_key in line)
        assert ("votes" in line.split()) == (node.name in genesis.file.voters)
        assert node.cosigning_key in line
        assert node.tls_key in line
    for key in (genesis.file.chair_key, genesis.file.secretariat_key):
        assert key in result.stdout


def test_programs_get_the_file_itself_and_its_hashes(tmp_path: Path) -> None:
    file = write_genesis(tmp_path)
    result = RUNNER.invoke(app, ["genesis", "show", str(file), "--json"])
    found = json.loads(result.stdout)
    genesis = make_genesis()
    assert found == {
        "chain": genesis.chain.hex(),
        "config_hash": genesis.config_hash.hex(),
        **json.loads(genesis.encoded),
    }


def test_another_word_is_another_chain(tmp_path: Path) -> None:
    file = write_genesis(tmp_path)
    file.write_bytes(file.read_bytes().replace(b"Botswana", b"Botsvana"))
    found = json.loads(RUNNER.invoke(app, ["genesis", "show", str(file), "--json"]).stdout)
    assert found["chain"] == parse_genesis(file.read_bytes()).chain.hex()
    assert found["chain"] != make_genesis().chain.hex()


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", None])
def test_what_is_no_genesis_file_ends_with_2(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "genesis.json"
    if content is not None:
        file.write_bytes(content)
    result = RUNNER.invoke(app, ["genesis", "show", str(file)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert str(file) in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        "audit --node {}",
        "audit --heads {}",
        "compare {}",
        "status --node {}",
        "show BW00000001 --node {}",
        "list --node {}",
        "list --node {} --replay",
        "participants --node {}",
        "flags --node {}",
        "evidence list --node {}",
        "books --node {} --out books.sqlite",
    ],
)
async def test_a_node_of_another_ledger_is_that_and_no_violation(
    tmp_path: Path, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = write_genesis(tmp_path)
    other = Script({"GET /v1/status": STATUS | {"chain": "ab" * 32}})
    async with served(other) as url:
        typed = [*words.format(url).split(), "--genesis", str(file), "--home", str(tmp_path)]
        result = await asyncio.to_thread(RUNNER.invoke, app, typed)
    told = result.stdout + result.stderr
    assert result.exit_code == 2, told
    assert "is of another ledger: its chain id is abab" in told
    assert "VIOLATION" not in told
    assert "FORK" not in told
