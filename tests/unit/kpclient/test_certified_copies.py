"""``kpledger audit`` of a copy says what is final, by the certificates beside its blocks."""

import json
from pathlib import Path
from typing import Final

import plyvel
import pytest
from copied import write_copy, write_genesis
from electing import finalise, open_signed_trade, open_voted_term
from founding import MemoryLedger, issue, make_certificate, number_of, open_trade, vary
from leveldb_files import record_ends
from typer.testing import CliRunner

from kpclient.cli import app
from kpclient.replay.copied_chain import ChainUnavailableError, CopiedChain
from kpledger.log import layout
from kpledger.log.certificates import MAX_CERTIFICATE_BYTES, CommitCertificate
from kpledger.log.statements import LogEnd

SEVENTH: Final = finalise(LogEnd(term=1, index=7, head=b"\x07" * 32))


def make_ledger() -> tuple[MemoryLedger, list[CommitCertificate]]:
    """Give a ledger of two terms, and the newest certificate of each."""
    ledger = open_signed_trade()
    certificates = [finalise(ledger.tip.end)]
    open_voted_term(ledger, 2, "eu-1")
    newest = certificates[0]
    for serial in (1, 2):
        event = issue(open_signed_trade(), make_certificate(number_of("BW", serial)))
        ledger.record(event, leader="eu-1")
        newest = newest if serial > 1 else finalise(ledger.tip.end, voters=["bw-1", "za-1"])
    return ledger, [*certificates, newest]


def run(directory: Path, *words: str) -> tuple[int, str]:
    genesis = write_genesis(directory)
    arguments = ["audit", "--genesis", str(genesis), "--copy", str(directory), *words]
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout


def report_on(directory: Path) -> tuple[int, dict[str, object]]:
    code, out = run(directory, "--json")
    return code, json.loads(out)


def test_report_says_who_was_elected_and_what_is_final(tmp_path: Path) -> None:
    ledger, certificates = make_ledger()
    code, report = report_on(write_copy(tmp_path, ledger.entries, certificates))
    assert (code, report["verdict"], report["height"]) == (0, "SOUND", 7)
    assert (report["final_up_to"], report["final_by"]) == (6, ["bw-1", "za-1"])
    assert (report["uncertified"], report["one_voter_from"]) == (1, 7)
    assert (report["voteless_terms"], report["elected"]) == (0, {"bw-1": 1, "eu-1": 1})


def test_report_for_people_says_it_in_words(tmp_path: Path) -> None:
    ledger, certificates = make_ledger()
    _, out = run(write_copy(tmp_path, ledger.entries, certificates))
    alone = "  newest part   from height 7 to 7 rests on one voter's word, eu-1's: no other has"
    alone += " signed a block so high"
    assert out.splitlines()[6:12] == [
        "  terms         2: bw-1 elected in 1, eu-1 elected in 1",
        "  signed blocks 5",
        "  final         up to height 6, signed by 2 of 3 voters: bw-1, za-1",
        "  not certified 1 block above that: no certificate shows that it is final",
        alone,
        "  signed by     2 of 3 voters: eu-1 up to 7, bw-1 up to 4",
    ]


def test_where_all_is_final_nothing_rests_on_one_voter(tmp_path: Path) -> None:
    ledger, _ = make_ledger()
    _, out = run(write_copy(tmp_path, ledger.entries, [finalise(ledger.tip.end)]))
    assert "  final         up to height 7, signed by 2 of 3 voters: bw-1, eu-1\n" in out
    assert "not certified" not in out
    assert "newest part" not in out


def test_copy_of_an_earlier_version_shows_nothing_to_be_final(tmp_path: Path) -> None:
    _, out = run(write_copy(tmp_path, open_trade().entries))
    assert "  terms         1: 1 without votes, by an earlier version\n" in out
    assert "  final         nothing is shown to be: there is no commit certificate\n" in out


def test_certificate_of_another_block_is_a_fork(tmp_path: Path) -> None:
    ledger, certificates = make_ledger()
    other = finalise(vary(certificates[0].end, head=bytes(32)), voters=["eu-1", "za-1"])
    code, out = run(write_copy(tmp_path, ledger.entries, [other, certificates[1]]))
    told = (
        f"VIOLATION: fork: another block 4 is final as well, {'00' * 32}: eu-1, za-1 signed for it,"
        " a majority of the voters; bw-1, za-1 signed for the history that stands here; za-1 for"
        " both; what stands here follows from the genesis file up to height 7"
    )
    assert (code, out.splitlines()[0]) == (1, told)


def test_copy_that_was_cut_below_what_is_final_is_not_sound(tmp_path: Path) -> None:
    ledger, certificates = make_ledger()
    code, report = report_on(write_copy(tmp_path, ledger.entries[:5], certificates))
    assert (code, report["verdict"], report["final_up_to"]) == (2, "UNDECIDED", 4)
    assert report["problem"] == (
        "the chain ends with block 5, and a majority signed that block 6 is final: more is missing"
    )


def test_what_does_not_convince_decides_nothing(tmp_path: Path) -> None:
    ledger, (certificate, _) = make_ledger()
    forged = vary(certificate, by=(vary(certificate.by[0], generation=2), certificate.by[1]))
    code, report = report_on(write_copy(tmp_path, ledger.entries, [forged]))
    assert (code, report["verdict"], report["final_up_to"]) == (2, "UNDECIDED", 0)
    assert str(report["problem"]).startswith(
        "what stands beside the blocks is no certificate: the signature on the acknowledgement of"
        " bw-1 in term 1 does not verify"
    )


@pytest.mark.parametrize("encoded", [b"", b"\x80", bytes(MAX_CERTIFICATE_BYTES + 1)])
def test_record_that_no_node_writes_decides_nothing(tmp_path: Path, encoded: bytes) -> None:
    ledger, _ = make_ledger()
    copy = write_copy(tmp_path, ledger.entries)
    with plyvel.DB(str(copy / layout.DATABASE_DIRECTORY)) as database:
        database.put(layout.certificate_key(1), encoded)
    code, report = report_on(copy)
    assert (code, report["verdict"], report["height"]) == (2, "UNDECIDED", 7)
    assert "copy the whole directory again" in str(report["problem"])


def test_bad_block_is_told_before_what_is_wrong_beside_it(tmp_path: Path) -> None:
    ledger, _ = make_ledger()
    copy = write_copy(tmp_path, [*ledger.entries[:4], b"", *ledger.entries[5:]])
    with plyvel.DB(str(copy / layout.DATABASE_DIRECTORY)) as database:
        database.put(layout.certificate_key(1), b"")
    code, report = report_on(copy)
    assert (code, report["verdict"], report["first_bad_height"]) == (1, "VIOLATION", 5)


def list_from(directory: Path) -> tuple[int, str]:
    home = directory / "home"
    words = ["list", "--genesis", str(write_genesis(directory)), "--home", str(home)]
    result = CliRunner().invoke(app, [*words, "--copy", str(directory)])
    return result.exit_code, result.output


def test_questions_are_answered_from_a_chain_that_carries_its_proof(tmp_path: Path) -> None:
    ledger, certificates = make_ledger()
    code, out = list_from(write_copy(tmp_path, ledger.entries, certificates))
    assert (code, number_of("BW", 1) in out) == (0, True)


def test_nothing_is_answered_from_a_copy_that_contradicts_a_majority(tmp_path: Path) -> None:
    ledger, (certificate, _) = make_ledger()
    other = finalise(vary(certificate.end, head=bytes(32)))
    code, out = list_from(write_copy(tmp_path, ledger.entries, [other]))
    assert code == 1
    assert "the chain is not sound: block 4 at certificate: fork: another block 4" in out


def test_certificates_come_in_the_order_of_their_terms(tmp_path: Path) -> None:
    terms = [300, 2, 1, 70_000]
    written = [vary(SEVENTH, term=term) for term in terms]
    copy = CopiedChain(write_copy(tmp_path, [], written))
    assert [one.term for one in copy.certificates()] == sorted(terms)


def test_damaged_certificate_is_found(tmp_path: Path) -> None:
    copy = write_copy(tmp_path, [], [SEVENTH])
    (log,) = (copy / layout.DATABASE_DIRECTORY).glob("*.log")
    content = bytearray(log.read_bytes())
    content[record_ends(bytes(content))[-1] - 1] ^= 1
    log.write_bytes(content)
    with pytest.raises(ChainUnavailableError, match="checksum"):
        list(CopiedChain(copy).certificates())
