"""``kpledger audit`` of copies, at the command line, and the queue of signatures behind it."""

import json
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import plyvel
import pytest
from copied import store, write_copy, write_genesis
from founding import (
    issue,
    make_certificate,
    make_genesis,
    make_genesis_file,
    number_of,
    open_trade,
    signing_key,
    vary,
)
from typer.testing import CliRunner

from kpclient.cli import app
from kpclient.replay.copied_chain import (
    ChainUnavailableError,
    CopiedChain,
    StoredBlock,
    UnreadableBlock,
)
from kpclient.replay.verification import BATCH_BYTES, audit_chain
from kpledger.base.codec import encode
from kpledger.log import layout
from kpledger.log.audit import AuditReport, AuditVerdict
from kpledger.log.block import decode_block, decode_block_header, encode_block
from kpledger.log.genesis import GenesisPolicy, format_genesis
from kpledger.scheme.envelope import open_envelope


@pytest.fixture(scope="session")
def chain() -> tuple[bytes, ...]:
    """Give a chain of more than two batches, one issue a block."""
    ledger = open_trade()
    serial = 0
    while (
        sum(len(block) for block in ledger.blocks if isinstance(block, bytes)) < 2.5 * BATCH_BYTES
    ):
        serial += 1
        issue(ledger, make_certificate(number_of("BW", serial)))
    return tuple(store(block) for block in ledger.blocks)


def forge_event(stored: bytes) -> bytes:
    """Break an event's signature, as a voter could who seals the block again."""
    block = decode_block(layout.decode_stored_entry(stored).payload)
    envelope = open_envelope(block.events[0])
    forged = vary(envelope, signatures=(vary(envelope.signatures[0], sig=bytes(64)),))
    header = decode_block_header(block.header)
    events = (encode(forged), *block.events[1:])
    return store(encode_block(header, events, signing_key("bw-1/consensus")))


def blocks(
    chain: Sequence[bytes], *, broken_at: int | None = None, cut_at: int | None = None
) -> Iterator[StoredBlock | UnreadableBlock]:
    """Give a chain as a source does that breaks or is cut at a height."""
    for height, stored in enumerate(chain, start=1):
        if height == broken_at:
            yield UnreadableBlock(height, "bad checksum")
            return
        if height == cut_at:
            raise ChainUnavailableError("the line went dead")
        yield StoredBlock(height, stored)


def run_audit(source: Iterator[StoredBlock | UnreadableBlock], jobs: int = 0) -> AuditReport:
    return audit_chain(make_genesis(), source, jobs=jobs)


@pytest.mark.parametrize("jobs", [0, 1, 2])
def test_report_on_a_sound_chain_does_not_depend_on_processes(
    chain: tuple[bytes, ...], jobs: int
) -> None:
    report = run_audit(blocks(chain), jobs)
    assert (report.verdict, report.height) == (AuditVerdict.SOUND, len(chain))
    assert report == run_audit(blocks(chain))


@pytest.mark.parametrize("jobs", [0, 2])
@pytest.mark.parametrize("place", ["first batch", "second batch", "rest"])
def test_forged_signature_is_found_at_its_height_by_any_process(
    chain: tuple[bytes, ...], jobs: int, place: str
) -> None:
    height = {"first batch": 10, "second batch": len(chain) // 2, "rest": len(chain)}[place]
    forged = [*chain[: height - 1], forge_event(chain[height - 1]), *chain[height:]]
    report = run_audit(blocks(forged), jobs)
    assert report.verdict is AuditVerdict.VIOLATION
    assert (report.first_bad_height, report.height) == (height, height - 1)
    assert report.field == "events[0]"
    assert "does not verify under key" in (report.problem or "")
    sound = run_audit(blocks(chain[: height - 1]))
    assert (report.head, report.state_digest) == (sound.head, sound.state_digest)


@pytest.mark.parametrize("jobs", [0, 2])
def test_first_of_two_bad_blocks_is_reported(chain: tuple[bytes, ...], jobs: int) -> None:
    """The forged one is found later, by another process, and yet comes first."""
    first, second = len(chain) - 3, len(chain) - 1
    bad = list(chain)
    bad[first - 1], bad[second - 1] = forge_event(bad[first - 1]), b""
    assert run_audit(blocks(bad), jobs).first_bad_height == first


def test_unreadable_block_is_a_violation_at_its_height(chain: tuple[bytes, ...]) -> None:
    report = run_audit(blocks(chain, broken_at=7))
    assert (report.verdict, report.first_bad_height, report.height) == (
        AuditVerdict.VIOLATION,
        7,
        6,
    )
    assert (report.field, report.problem) == ("entry", "bad checksum")


def test_source_that_is_cut_decides_nothing(chain: tuple[bytes, ...]) -> None:
    report = run_audit(blocks(chain, cut_at=7))
    assert (report.verdict, report.height) == (AuditVerdict.UNDECIDED, 6)
    assert report.problem == "the line went dead"


def test_violation_before_the_cut_is_reported(chain: tuple[bytes, ...]) -> None:
    forged = [*chain[:4], forge_event(chain[4]), *chain[5:]]
    report = run_audit(blocks(forged, cut_at=7))
    assert (report.verdict, report.first_bad_height) == (AuditVerdict.VIOLATION, 5)


def children_at(work: str) -> list[int]:
    """Give the processes that this one has started for some work."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [one for one in map(int, children) if work in Path(f"/proc/{one}/cmdline").read_text()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
@pytest.mark.parametrize("tenths", [5, 10], ids=["between batches", "at the end"])
def test_death_of_a_verifying_process_decides_nothing(
    chain: tuple[bytes, ...], tenths: int, number: signal.Signals
) -> None:
    def kill_on_the_way() -> Iterator[StoredBlock | UnreadableBlock]:
        for block in blocks(chain):
            if block.height == len(chain) * tenths // 10:
                (child,) = children_at("signature_verifier")
                os.kill(child, number)
            yield block

    report = run_audit(kill_on_the_way(), jobs=1)
    assert children_at("kpclient") == []
    if report.verdict is AuditVerdict.SOUND:
        assert tenths == 10  # its last answer had come before
        return
    assert report.verdict is AuditVerdict.UNDECIDED
    said = f"the process that verifies signatures has ended: {number.name}; "
    assert said in (report.problem or "")
    assert report.height < len(chain)  # no further than signatures were verified


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_death_of_the_process_that_reads_is_trouble_of_this_machine(
    tmp_path: Path, chain: tuple[bytes, ...], number: signal.Signals
) -> None:
    copy = write_copy(tmp_path, chain)

    def kill_on_the_way() -> Iterator[StoredBlock | UnreadableBlock]:
        for block in CopiedChain(copy):
            if block.height == 1:
                (child,) = children_at("database_reader")
                os.kill(child, number)
            yield block

    report = run_audit(kill_on_the_way())
    assert report.verdict is AuditVerdict.UNDECIDED
    said = f"the process that reads {copy / 'ledger'} has ended: {number.name}; "
    assert (report.problem or "").startswith(f"this machine hinders the audit: {said}")


@pytest.mark.parametrize("trouble", [OSError("No space left on device"), MemoryError()])
def test_trouble_of_this_machine_decides_nothing(
    chain: tuple[bytes, ...], trouble: Exception
) -> None:
    def hindered() -> Iterator[StoredBlock | UnreadableBlock]:
        yield from blocks(chain[:6])
        raise trouble

    report = run_audit(hindered())
    assert (report.verdict, report.height) == (AuditVerdict.UNDECIDED, 6)
    assert (report.problem or "").startswith("this machine hinders the audit: ")


def test_openings_of_a_term_without_end_decide_nothing(
    chain: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kpclient.replay.verification.MAX_OPENINGS", 1000)
    report = run_audit(blocks([*chain[:6], *(store(term) for term in range(2, 1500))]))
    assert (report.verdict, report.height) == (AuditVerdict.UNDECIDED, 6)
    assert "more than 1000 blocks follow that only open terms" in (report.problem or "")


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["audit", *(str(argument) for argument in arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_sound_copy_ends_with_0_and_its_figures(tmp_path: Path, chain: tuple[bytes, ...]) -> None:
    copy = write_copy(tmp_path, chain[:10])
    code, out, _ = run("--genesis", write_genesis(tmp_path), "--copy", copy, "--json")
    report = json.loads(out)
    assert (code, report["verdict"], report["height"]) == (0, "SOUND", 10)
    assert report["events_by_type"]["certificate_issued"] == 6
    assert report["first_bad_height"] is None


def test_report_for_people_begins_with_the_verdict(
    tmp_path: Path, chain: tuple[bytes, ...]
) -> None:
    copy = write_copy(tmp_path, chain[:10])
    code, out, _ = run("--genesis", write_genesis(tmp_path), "--copy", copy)
    first = "SOUND: 10 blocks with 16 events follow from the genesis file"
    assert (code, out.splitlines()[0]) == (0, first)


def test_altered_copy_ends_with_1_and_the_height(tmp_path: Path, chain: tuple[bytes, ...]) -> None:
    copy = write_copy(tmp_path, [*chain[:5], forge_event(chain[5]), *chain[6:10]])
    code, out, _ = run("--genesis", write_genesis(tmp_path), "--copy", copy)
    assert (code, out.splitlines()[0].split(":")[:2]) == (
        1,
        ["VIOLATION", " block 6 at events[0]"],
    )


def test_copy_with_a_gap_ends_with_1_and_the_height(
    tmp_path: Path, chain: tuple[bytes, ...]
) -> None:
    copy = write_copy(tmp_path, chain[:10])
    database = plyvel.DB(str(copy / "ledger"))
    database.delete(layout.block_key(6))
    database.close()
    code, out, _ = run("--genesis", write_genesis(tmp_path), "--copy", copy, "--json")
    report = json.loads(out)
    assert (code, report["first_bad_height"], report["height"]) == (1, 6, 5)


def test_copy_whose_end_is_cut_off_is_sound(tmp_path: Path, chain: tuple[bytes, ...]) -> None:
    copy = write_copy(tmp_path, chain[:10])
    database = plyvel.DB(str(copy / "ledger"))
    database.delete(layout.block_key(10))
    database.close()
    code, out, _ = run("--genesis", write_genesis(tmp_path), "--copy", copy, "--json")
    assert (code, json.loads(out)["height"]) == (0, 9)


def test_the_genesis_of_another_ledger_is_told_and_is_no_violation(
    tmp_path: Path, chain: tuple[bytes, ...]
) -> None:
    other = tmp_path / "other.json"
    other.write_bytes(format_genesis(make_genesis_file(policy=GenesisPolicy(max_validity_days=61))))
    copy = write_copy(tmp_path, chain[:10])
    code, out, _ = run("--genesis", other, "--copy", copy, "--json")
    report = json.loads(out)
    assert (code, report["verdict"], report["height"]) == (2, "UNDECIDED", 0)
    assert report["problem"].startswith(
        f"the chain is of another ledger: its chain id is {make_genesis().chain.hex()}, that of the"
        f" genesis file is {report['chain']}; give the genesis file of that ledger"
    )


def test_empty_copy_decides_nothing(tmp_path: Path) -> None:
    copy = write_copy(tmp_path, [])
    code, out, _ = run("--genesis", write_genesis(tmp_path), "--copy", copy, "--json")
    assert (code, json.loads(out)["verdict"]) == (2, "UNDECIDED")


@pytest.mark.parametrize("command", ["flags", "list"])
def test_ledger_without_an_event_is_answered_from_as_a_node_does(
    tmp_path: Path, command: str
) -> None:
    copy, genesis = write_copy(tmp_path, []), write_genesis(tmp_path)
    words = [command, "--genesis", str(genesis), "--home", str(tmp_path), "--copy", str(copy)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output


def test_directory_without_a_ledger_is_wrong_usage_and_no_verdict(tmp_path: Path) -> None:
    code, out, err = run("--genesis", write_genesis(tmp_path), "--copy", tmp_path, "--json")
    assert (code, json.loads(out)["status"]) == (2, "failed")
    assert err.startswith("error: --copy: there is no database of a node in ")


def test_node_and_genesis_are_found_as_by_every_command(tmp_path: Path) -> None:
    home = write_genesis(tmp_path).parent
    (home / "genesis.json").write_bytes(make_genesis().encoded)
    environment = {"KPLEDGER_HOME": str(home), "KPLEDGER_NODE": "http://127.0.0.1:9"}
    words = ["audit", "--timeout", "0.2"]
    result = CliRunner().invoke(app, words, env=environment)
    assert (result.exit_code, "http://127.0.0.1:9" in result.stderr) == (2, True)
    assert result.stderr.startswith("UNDECIDED: ")


def test_problem_before_any_chain_is_json_too(tmp_path: Path) -> None:
    code, out, _ = run("--genesis", tmp_path / "none.json", "--copy", tmp_path, "--json")
    report = json.loads(out)
    assert (code, report["verdict"], sorted(report)) == (2, "UNDECIDED", ["problem", "verdict"])


@pytest.mark.parametrize("content", [b"", b"{}", make_genesis().encoded[:-3]])
def test_genesis_that_founds_nothing_decides_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "genesis.json"
    file.write_bytes(content)
    code, _, err = run("--genesis", file, "--copy", tmp_path)
    assert (code, err.startswith(f"UNDECIDED: {file}: genesis file is malformed")) == (2, True)


def test_genesis_that_is_not_there_decides_nothing(tmp_path: Path) -> None:
    code, _, err = run("--genesis", tmp_path / "none.json", "--copy", tmp_path)
    assert (code, "none.json cannot be read: " in err) == (2, True)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ((), "error: --node: no node is named"),
        (
            ("--node", "http://127.0.0.1:1", "--copy", "x"),
            "error: --node: a copy is to be read instead of a node",
        ),
    ],
)
def test_node_or_copy_must_be_chosen(tmp_path: Path, chosen: tuple[str, ...], said: str) -> None:
    code, _, err = run("--genesis", write_genesis(tmp_path), *chosen)
    assert (code, err.splitlines()[0]) == (2, said)
