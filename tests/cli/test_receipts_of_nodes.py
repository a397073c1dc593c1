"""``kpledger receipt``, asked of real nodes, and of some that say what is not so."""

import asyncio
import json
from pathlib import Path

import pytest
from cosigned import receive, roots_over, seal
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from founding import VOTERS, make_event, make_genesis, signing_key
from office import Ledger, issuing, new_number
from scitt_cose.receipt import verify_receipt as verify_cose
from scripted_node import Script, problem, served
from typer.testing import CliRunner, Result

from kpclient.cli import app
from kpledger.log.cose import CoseReceipt
from kpledger.log.genesis import parse_genesis
from kpledger.log.merkle import TreeSize
from kpledger.log.policy import format_policy, policy_of
from kpledger.log.receipt import Receipt, format_receipt, parse_receipt, verify_receipt
from kpledger.scheme.envelope import decode_envelope, format_envelope_json
from kpledger.scheme.v1.events.life import NoteFiled

GENESIS = make_genesis()
NOTE = NoteFiled(text="Seen.", references=(), document=None)
ENTRIES = [make_event("BW/root", NOTE, subject="BW", nonce=number) for number in range(5)]
EVENT = decode_envelope(ENTRIES[2])
EVENT_ID = EVENT.event_id.hex()


@pytest.mark.slow
def test_receipt_of_a_certificate_is_had_and_verified_by_whoever_has_the_genesis_file(
    ledger: Ledger, tmp_path: Path
) -> None:
    number, out = ledger.issue(), tmp_path / "issued.tlog-proof"
    written = ledger.run("receipt", number, "--out", out)
    assert written.exit_code == 0, written.output
    assert written.stdout.startswith("VERIFIED: this event is on the ledger\n")
    alone = ["verify", str(out), "--genesis", str(ledger.seen.genesis)]
    result = CliRunner().invoke(app, alone, env={"HOME": str(tmp_path)})
    assert result.exit_code == 0, result.output
    assert result.stdout == written.stdout
    shown = json.loads(CliRunner().invoke(app, [*alone, "--json"]).stdout)
    assert shown["event"]["body"]["certificate"]["number"] == number
    assert sorted(shown["cosigners"]) == sorted(node.name for node in ledger.seen.nodes)


@pytest.mark.slow
def test_what_nodes_have_sealed_is_remembered(ledger: Ledger, tmp_path: Path) -> None:
    found = ledger.ask("receipt", ledger.issue(), "-o", tmp_path / "issued.tlog-proof")
    ledger.size()  # the next command that meets a node has it prove what it has sealed
    sealed = ledger.ask("seen", "list")["sealed"]
    assert isinstance(sealed, dict)
    assert int(sealed["tree_size"]) >= int(str(found["tree_size"]))


@pytest.mark.slow
def test_receipt_of_any_event_is_had_by_its_id(ledger: Ledger, tmp_path: Path) -> None:
    number = ledger.issue()
    void = ledger.ask("void", number, "--reason", "NOT_EXPORTED", "--key", "gaborone")
    event_id, out = str(void["id"]), tmp_path / "void.tlog-proof"
    found = ledger.ask("receipt", event_id, "-o", out)
    assert found["event"] == ledger.ask("verify", out)["event"]
    assert isinstance(found["event"], dict)
    assert (found["event"]["id"], found["event"]["type"]) == (event_id, void["type"])
    again = ledger.run("receipt", event_id, "-o", out)
    assert (again.exit_code, "exists already" in again.stderr) == (2, True)


@pytest.mark.slow
def test_receipt_of_a_replacement_is_that_of_the_event_that_made_it(
    ledger: Ledger, tmp_path: Path
) -> None:
    old, new = ledger.issue(), new_number()
    ledger.ask("replace", old, "--reason", "ERROR", *issuing(new)[1:])
    kinds = {}
    for number in (old, new):
        event = ledger.ask("receipt", number, "-o", tmp_path / f"{number}.tlog-proof")["event"]
        assert isinstance(event, dict)
        kinds[number] = event["type"]
    assert kinds == {old: "certificate_issued", new: "certificate_replaced"}


@pytest.mark.slow
def test_receipt_in_cose_is_accepted_by_a_library_of_others(ledger: Ledger, tmp_path: Path) -> None:
    number = ledger.issue()
    proof, out = tmp_path / "issued.tlog-proof", tmp_path / "issued.cose"
    ledger.ask("receipt", number, "-o", proof)
    found = ledger.ask("receipt", number, "--form", "cose", "-o", out)
    assert isinstance(found["event"], dict)
    entry = parse_receipt(proof.read_bytes()).extra
    assert entry is not None
    results = [
        verify_cose(out.read_bytes(), leaf_entry_hex=entry.hex(), log_public_key_pem=_pem(key))
        for key in parse_genesis(ledger.seen.genesis.read_bytes()).consensus_keys.values()
    ]
    (result,) = (one for one in results if one.ok)
    assert (result.root, result.tree_size) == (found["tree_root"], found["tree_size"])
    assert (result.issuer, result.subject) == (found["log"], found["event"]["id"])


def _pem(public_key: bytes) -> bytes:
    key = Ed25519PublicKey.from_public_bytes(public_key)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["ZZ99999999", "ab" * 32])
def test_what_is_not_on_the_ledger_has_no_receipt(
    ledger: Ledger, tmp_path: Path, what: str
) -> None:
    out = tmp_path / "none.tlog-proof"
    result = ledger.run("receipt", what, "-o", out)
    assert (result.exit_code, result.stdout) == (1, "")
    assert what in result.stderr
    assert not out.exists()


def _ask(script: Script, directory: Path, *words: str) -> Result:
    """Ask a scripted node for the receipt of the event."""
    genesis = directory / "genesis.json"
    genesis.write_bytes(GENESIS.encoded)
    script.answers[f"GET /v1/events/{EVENT_ID}"] = {
        "status": "committed",
        "id": EVENT_ID,
        "height": 2,
        "index": 2,
        "block_time_ms": 5,
        "event": {},
        "envelope": json.loads(format_envelope_json(EVENT.encoded)),
    }
    out = directory / "event.tlog-proof"

    async def ask() -> Result:
        async with served(script) as url:
            pinned = ["--node", url, "--genesis", str(genesis), "--home", str(directory / "home")]
            asked = ["receipt", EVENT_ID, "--out", str(out), "--timeout", "3", *pinned, *words]
            return await asyncio.to_thread(CliRunner().invoke, app, asked)

    return asyncio.run(ask())


def _given(receipt: Receipt) -> Script:
    written = format_receipt(Receipt(receipt.index, receipt.path, receipt.checkpoint, None))
    return Script({f"GET /v1/receipts/{EVENT_ID}": written})


def _in_cose(receipt: Receipt, root_of: int, *, by: str = "bw-1/consensus") -> bytes:
    """Give what a receipt says in COSE, with the root of the tree of some size."""
    said = CoseReceipt(
        root=roots_over(ENTRIES)(0, root_of),
        size=TreeSize(5),
        index=2,
        path=receipt.path,
        issuer="ledger.example/kp",
        subject=EVENT_ID,
    )
    return said.sign(signing_key(by))


def test_receipt_in_cose_is_compared_with_what_was_verified(tmp_path: Path) -> None:
    receipt = receive(ENTRIES, 2, seal(GENESIS, ENTRIES, VOTERS))
    script, path = _given(receipt), f"GET /v1/receipts/{EVENT_ID}/cose"
    good = _in_cose(receipt, 5)
    # One of a larger tree, that was sealed meanwhile, is asked for again.
    script.answers[path] = [_in_cose(receive(ENTRIES, 4, b""), 5), good]
    result = _ask(script, tmp_path, "--form", "cose")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "event.tlog-proof").read_bytes() == good


@pytest.mark.parametrize("wrong", ["root", "signer", "bytes"])
def test_receipt_in_cose_that_does_not_hold_is_not_written(tmp_path: Path, wrong: str) -> None:
    receipt = receive(ENTRIES, 2, seal(GENESIS, ENTRIES, VOTERS))
    script = _given(receipt)
    script.answers[f"GET /v1/receipts/{EVENT_ID}/cose"] = {
        "root": _in_cose(receipt, 4),
        "signer": _in_cose(receipt, 5, by="in-1/consensus"),
        "bytes": b"\xd2\x84",
    }[wrong]
    result = _ask(script, tmp_path, "--form", "cose")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "its receipt does not hold" in result.stderr
    assert not (tmp_path / "event.tlog-proof").exists()


def test_only_what_the_policy_needs_is_written(tmp_path: Path) -> None:
    result = _ask(_given(receive(ENTRIES, 2, seal(GENESIS, ENTRIES, VOTERS))), tmp_path)
    assert result.exit_code == 0, result.output
    receipt = parse_receipt((tmp_path / "event.tlog-proof").read_bytes())
    assert receipt.extra == EVENT.encoded
    verify_receipt(receipt, EVENT.encoded, policy_of(GENESIS))
    assert receipt.checkpoint.count("\u2014 ".encode()) == 1 + 3


def test_policy_says_which_cosignatures_are_kept(tmp_path: Path) -> None:
    policy = tmp_path / "two.policy"
    written = format_policy(policy_of(GENESIS)).replace(b"group voters 3", b"group voters 2")
    policy.write_bytes(written)
    script = _given(receive(ENTRIES, 2, seal(GENESIS, ENTRIES, VOTERS[:2])))
    assert _ask(script, tmp_path, "--policy", str(policy)).exit_code == 0
    (tmp_path / "event.tlog-proof").unlink()
    result = _ask(script, tmp_path)
    assert "cosigned by 2 of the 3 in voters, 3 are needed; missing: za-1" in result.stderr
    assert not (tmp_path / "event.tlog-proof").exists()


@pytest.mark.parametrize(
    "receipt",
    [
        receive(ENTRIES, 3, seal(GENESIS, ENTRIES, VOTERS)),
        receive(ENTRIES, 2, seal(GENESIS, ENTRIES[:4], VOTERS)),
        receive(ENTRIES, 2, seal(GENESIS, ENTRIES, VOTERS, leader="stranger")),
    ],
    ids=["of another event", "of another tree", "not signed by the log"],
)
def test_receipt_that_does_not_hold_is_not_written(tmp_path: Path, receipt: Receipt) -> None:
    result = _ask(_given(receipt), tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "its receipt does not hold" in result.stderr
    assert not (tmp_path / "event.tlog-proof").exists()


@pytest.mark.parametrize("content", [b"", b"no receipt\n", b"c2sp.org/tlog-proof@v1\nindex 2\n"])
def test_what_is_no_receipt_is_no_answer(tmp_path: Path, content: bytes) -> None:
    result = _ask(Script({f"GET /v1/receipts/{EVENT_ID}": content}), tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert not (tmp_path / "event.tlog-proof").exists()


def test_event_that_is_not_sealed_yet_is_waited_for(tmp_path: Path) -> None:
    good = _given(receive(ENTRIES, 2, seal(GENESIS, ENTRIES, VOTERS)))
    path = f"GET /v1/receipts/{EVENT_ID}"
    later = problem(503, "event 2 is on the ledger; 1 events are sealed so far")
    script = Script({path: [later, later, good.answers[path]]})
    result = _ask(script, tmp_path)
    assert result.exit_code == 0, result.output
    assert script.asked.count(path) == 3


def test_what_is_never_sealed_is_said(tmp_path: Path) -> None:
    later = problem(503, "event 2 is on the ledger; 1 events are sealed so far")
    result = _ask(Script({f"GET /v1/receipts/{EVENT_ID}": later}), tmp_path)
    assert result.exit_code == 2
    assert "1 events are sealed so far" in result.stderr
