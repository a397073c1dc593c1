"""``kpledger verify`` and ``policy``: no network, no home, and no byte that could be another."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cosigned import SEALED_AT_S, checkpoint_over, cosign, found_with_voters, receive, seal
from founding import make_event, signing_key
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpledger.log.checkpoint import cosign_checkpoint
from kpledger.log.genesis import Genesis
from kpledger.log.note import KeyType, NoteKey
from kpledger.log.policy import TrustPolicy, WitnessGroup, format_policy, parse_policy, policy_of
from kpledger.log.receipt import format_receipt
from kpledger.scheme.v1.events.life import NoteFiled

RUNNER = CliRunner()
GENESIS = found_with_voters(7)
VOTERS = GENESIS.file.voters
NOTE = NoteFiled(text="Seen.", references=(), document=None)


def _envelopes(genesis: Genesis) -> list[bytes]:
    return [
        make_event("BW/root", NOTE, subject="BW", chain=genesis.chain, nonce=n) for n in range(5)
    ]


ENTRIES = _envelopes(GENESIS)


def _write(
    directory: Path, cosigners: tuple[str, ...] = VOTERS[:5], *, genesis: Genesis = GENESIS
) -> Path:
    """Write a receipt and the genesis file."""
    entries = _envelopes(genesis)
    receipt = receive(entries, 2, seal(genesis, entries, cosigners))
    (directory / "genesis.json").write_bytes(GENESIS.encoded)
    file = directory / "event.tlog-proof"
    file.write_bytes(format_receipt(receipt))
    return file


def _run(*words: object) -> Result:
    return RUNNER.invoke(app, [str(one) for one in words], terminal_width=300)


def _verify(file: Path, *words: object) -> Result:
    return _run("verify", file, "--genesis", file.parent / "genesis.json", *words)


def test_people_see_the_event_the_time_and_who_sealed_it(tmp_path: Path) -> None:
    result = _verify(_write(tmp_path))
    assert result.exit_code == 0, result.output
    lines = {" ".join(line.split()) for line in result.stdout.splitlines()}
    assert lines >= {
        "VERIFIED: this event is on the ledger",
        f"ledger ledger.example/kp, chain {GENESIS.chain.hex()}",
        "place event 2 of 5, counted from 0",
        "sealed 2026-03-02T12:01:40.000Z",
        "sealed by za-1, za-2, za-3, za-4, za-5",
        "author BW/root",
        "text Seen.",
    }


def test_programs_see_all_of_it(tmp_path: Path) -> None:
    result = _verify(_write(tmp_path), "--json")
    found = json.loads(result.stdout)
    checkpoint = checkpoint_over(GENESIS, ENTRIES)
    assert result.exit_code == 0
    assert found["event"]["body"]["text"] == "Seen."
    del found["event"]
    assert found == {
        "verified": True,
        "log": "ledger.example/kp",
        "chain": GENESIS.chain.hex(),
        "index": 2,
        "tree_size": 5,
        "tree_root": checkpoint.root.hex(),
        "sealed_at_s": SEALED_AT_S,
        "cosigners": dict.fromkeys(VOTERS[:5], SEALED_AT_S),
    }


def test_one_voter_fewer_is_refused_with_the_count(tmp_path: Path) -> None:
    file = _write(tmp_path, VOTERS[:4])
    result = _verify(file)
    assert result.exit_code == 1
    assert result.stdout == (
        "NOT VERIFIED: the checkpoint is cosigned by 4 of the 7 in voters, 5 are needed;"
        " missing: za-5, za-6, za-7\n"
    )
    found = json.loads(_verify(file, "--json").stdout)
    assert (found["verified"], found["have"], found["need"]) == (False, 4, 5)
    assert found["missing"] == ["za-5", "za-6", "za-7"]


@pytest.mark.slow
@pytest.mark.parametrize("change", [0x01, 0x80])
def test_each_byte_that_changes_is_noticed_and_a_reason_is_given(
    tmp_path: Path, change: int
) -> None:
    file = _write(tmp_path)
    good = file.read_bytes()
    for place in range(len(good)):
        file.write_bytes(good[:place] + bytes([good[place] ^ change]) + good[place + 1 :])
        result = _verify(file)
        assert result.exit_code == 1, f"byte {place}: {result.output}"
        assert result.stdout.startswith("NOT VERIFIED: ")
        assert len(result.stdout) > len("NOT VERIFIED: \n")


@pytest.mark.parametrize("content", [b"", b"c2sp.org/tlog-proof@v1\n", b"\0" * 100, b"\xff\xfe"])
def test_what_is_no_receipt_shows_nothing(tmp_path: Path, content: bytes) -> None:
    file = _write(tmp_path)
    file.write_bytes(content)
    result = _verify(file)
    assert (result.exit_code, result.stdout[:14]) == (1, "NOT VERIFIED: ")


def test_receipt_without_its_event_says_so(tmp_path: Path) -> None:
    file = _write(tmp_path)
    lines = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join(line for line in lines if not line.startswith(b"extra ")))
    assert "it does not hold the event" in _verify(file).stdout


def test_receipt_of_another_ledger_is_no_refusal(tmp_path: Path) -> None:
    """It may well hold, and says nothing about the one that is meant."""
    result = _verify(_write(tmp_path, genesis=found_with_voters(6)))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is of another ledger" in result.stderr
    assert GENESIS.chain.hex() in result.stderr


@pytest.mark.parametrize("missing", ["event.tlog-proof", "genesis.json"])
def test_file_that_is_not_there_ends_with_2(tmp_path: Path, missing: str) -> None:
    file = _write(tmp_path)
    (tmp_path / missing).unlink()
    result = _verify(file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert missing in result.stderr


def test_policy_that_follows_from_the_genesis_file_is_written(tmp_path: Path) -> None:
    file = _write(tmp_path)
    genesis, out = tmp_path / "genesis.json", tmp_path / "ledger.policy"
    assert _run("policy", "--genesis", genesis, "-o", out).exit_code == 0
    assert parse_policy(out.read_bytes()) == policy_of(GENESIS)
    assert _run("policy", "--genesis", genesis).stdout == out.read_text()
    found = json.loads(_run("policy", "--genesis", genesis, "--json").stdout)
    assert found == {"policy": out.read_text()}
    again = _run("policy", "--genesis", genesis, "-o", out)
    assert (again.exit_code, "exists already" in again.stderr) == (2, True)
    # The policy alone is enough, for whoever has no genesis file and no home.
    genesis.unlink()
    result = _run("verify", file, "--policy", out, "--home", tmp_path / "none")
    assert result.exit_code == 0, result.output
    assert not (tmp_path / "none").exists()


def test_policy_may_be_saved_by_any_editor(tmp_path: Path) -> None:
    file, policy = _write(tmp_path), tmp_path / "ledger.policy"
    written = format_policy(policy_of(GENESIS)).replace(b"\n", b"\r\n")
    policy.write_bytes(b"\xef\xbb\xbf" + written)
    assert _run("verify", file, "--policy", policy).exit_code == 0


def test_policy_that_wants_an_outside_witness_is_kept_to(tmp_path: Path) -> None:
    own, key = policy_of(GENESIS), signing_key("w1/cosigning")
    outside = NoteKey("witness.example/w1", KeyType.COSIGNATURE, key.public_key)
    wanted = TrustPolicy(
        own.logs,
        {**own.witnesses, "W1": outside},
        {**own.groups, "both": WitnessGroup(2, ("voters", "W1"))},
        "both",
    )
    file, policy = _write(tmp_path), tmp_path / "both.policy"
    policy.write_bytes(format_policy(wanted))
    assert _verify(file).exit_code == 0
    refused = _verify(file, "--policy", policy)
    assert refused.exit_code == 1
    assert "cosigned by 1 of the 2 in both, 2 are needed; missing: W1" in refused.stdout
    checkpoint = checkpoint_over(GENESIS, ENTRIES)
    line = cosign_checkpoint(checkpoint, name=outside.name, key=key, time_s=SEALED_AT_S)
    sealed = seal(GENESIS, ENTRIES, VOTERS[:5], others=[line])
    file.write_bytes(format_receipt(receive(ENTRIES, 2, sealed)))
    assert _verify(file, "--policy", policy).exit_code == 0


def test_policy_that_is_none_ends_with_2(tmp_path: Path) -> None:
    file, policy = _write(tmp_path), tmp_path / "bad.policy"
    policy.write_bytes(b"quorum voters\n")
    result = _verify(file, "--policy", policy)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "bad.policy is malformed at line 1: 'voters' is not defined above" in result.stderr


def test_node_that_is_no_voter_does_not_help(tmp_path: Path) -> None:
    file = _write(tmp_path)
    line = cosign(checkpoint_over(GENESIS, ENTRIES), "in-1")
    sealed = seal(GENESIS, ENTRIES, VOTERS[:4], others=[line])
    file.write_bytes(format_receipt(receive(ENTRIES, 2, sealed)))
    assert "cosigned by 4 of the 7" in _verify(file).stdout


def _can_unshare() -> bool:
    unshare = shutil.which("unshare")
    return (
        unshare is not None
        and not subprocess.run([unshare, "--net", "true"], check=False).returncode
    )


@pytest.mark.slow
@pytest.mark.skipif(not _can_unshare(), reason="no network namespaces here")
def test_no_network_is_needed(tmp_path: Path) -> None:
    file = _write(tmp_path)
    unshare = shutil.which("unshare")
    assert unshare is not None
    words = ["verify", str(file), "--genesis", str(tmp_path / "genesis.json")]
    command = [unshare, "--net", sys.executable, "-m", "kpclient", *words]
    alone = {"HOME": str(tmp_path / "none"), "PATH": "/usr/bin:/bin"}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, capture_output=True, text=True, env=alone, timeout=120, check=False
        )

    good = run()
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith("VERIFIED: ")
    file.write_bytes(file.read_bytes().replace(b"index 2", b"index 3"))
    bad = run()
    assert (bad.returncode, bad.stdout[:14]) == (1, "NOT VERIFIED: ")
