"""An audit says who was elected, what is final by whose word, and when there are two histories."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Final

import pytest
from electing import elect, finalise, open_signed_trade, open_voted_term
from founding import (
    VOTERS,
    MemoryLedger,
    issue,
    make_certificate,
    make_event,
    make_genesis,
    make_genesis_file,
    number_of,
    open_trade,
    vary,
)
from hypothesis import given, settings, strategies as st

from kpledger.base.errors import AnotherLedgerError, LedgerError
from kpledger.log.audit import (
    Auditor,
    AuditReport,
    AuditVerdict,
    Signer,
    report_sound,
    report_undecided,
    report_violation,
)
from kpledger.log.certificates import CommitCertificate
from kpledger.log.genesis import Genesis, GenesisPolicy, format_genesis, parse_genesis
from kpledger.log.layout import StoredEntry, encode_stored_entry
from kpledger.log.statements import LogEnd
from kpledger.scheme.v1.events.certificate import CertificateIssued

SECOND: Final = 5
"""Height at which the second term is opened."""
LAST: Final = 8


@functools.cache
def make_chain() -> tuple[tuple[bytes, ...], tuple[LogEnd, ...]]:
    """Give a chain of two terms, bw-1's and eu-1's, and where it ended after each block."""
    ledger = open_signed_trade()
    open_voted_term(ledger, 3, "eu-1")
    for serial in (1, 2, 3):
        ledger.record(issue_of(serial), leader="eu-1")
    ends: list[LogEnd] = []
    auditor = Auditor(make_genesis(), observe=lambda one: ends.append(one.tip.end))
    for height, stored in enumerate(ledger.entries, start=1):
        assert auditor.feed(height, stored) is None
    return tuple(ledger.entries), tuple(ends)


@functools.cache
def issue_of(serial: int) -> bytes:
    return issue(open_signed_trade(), make_certificate(number_of("BW", serial)))


def end_at(height: int) -> LogEnd:
    return make_chain()[1][height - 1]


def audit(
    *certificates: CommitCertificate,
    chain: Sequence[bytes] | None = None,
    genesis: Genesis | None = None,
    before: bool = True,
) -> AuditReport:
    """Audit stored entries; certificates are held against them before they are read, or after."""
    genesis = genesis or make_genesis()
    auditor = Auditor(genesis)
    for one in certificates if before else ():
        auditor.certify(one)
    for height, stored in enumerate(make_chain()[0] if chain is None else chain, start=1):
        progress = auditor.progress
        violation = auditor.feed(height, stored)
        if violation is not None:
            finality = auditor.finality_of(progress)
            return report_violation(genesis, progress, violation, finality)
    for one in () if before else certificates:
        auditor.certify(one)
    return report_sound(genesis, auditor.progress, auditor.finality_of(auditor.progress))


def test_a_report_says_up_to_where_the_ledger_is_final_and_by_whom() -> None:
    lower = finalise(end_at(3), voters=["bw-1", "eu-1"])
    report = audit(lower, finalise(end_at(6), voters=["bw-1", "za-1"]))
    assert (report.verdict, report.height) == (AuditVerdict.SOUND, LAST)
    assert (report.final_up_to, report.final_by) == (6, ("bw-1", "za-1"))
    assert report.uncertified == LAST - 6


def test_without_certificates_nothing_is_shown_to_be_final() -> None:
    report = audit()
    assert (report.verdict, report.final_up_to, report.final_by) == (AuditVerdict.SOUND, 0, ())
    assert report.uncertified == LAST


def test_a_report_says_who_was_elected_in_which_terms() -> None:
    ledger = open_signed_trade()
    for term, leader in ((2, "eu-1"), (4, "za-1"), (5, "eu-1")):
        open_voted_term(ledger, term, leader)
    report = audit(chain=ledger.entries)
    assert (report.terms, report.voteless_terms) == (4, 0)
    assert report.elected == {"bw-1": 1, "eu-1": 2, "za-1": 1}


def test_terms_of_an_earlier_version_are_told_apart() -> None:
    ledger = open_trade()
    ledger.open_term(2)
    open_voted_term(ledger, 3, "eu-1")
    report = audit(chain=ledger.entries)
    assert (report.terms, report.voteless_terms, report.elected) == (3, 2, {"eu-1": 1})


def test_an_opening_with_votes_counts_at_the_end_of_a_chain() -> None:
    """Its votes name the block before it and its term, and it follows from these two."""
    report = audit(finalise(end_at(SECOND)), chain=make_chain()[0][:SECOND])
    assert (report.verdict, report.height, report.unsigned_openings) == (
        AuditVerdict.SOUND,
        SECOND,
        0,
    )
    assert (report.head, report.terms) == (end_at(SECOND).head.hex(), 2)
    assert (report.final_up_to, report.uncertified) == (SECOND, 0)


def test_a_chain_whose_terms_are_voted_for_cannot_be_lengthened_by_anybody() -> None:
    opening = encode_stored_entry(StoredEntry(kind=0, term=9, payload=b""))
    report = audit(chain=[*make_chain()[0], opening])
    assert (report.verdict, report.first_bad_height) == (AuditVerdict.VIOLATION, LAST + 1)
    assert (report.field, report.height) == ("payload", LAST)


CERTIFICATES: Final = [
    lambda: finalise(end_at(3)),
    lambda: finalise(end_at(7), voters=["eu-1", "za-1"]),
    lambda: finalise(end_at(7), voters=["bw-1", "eu-1"]),
    lambda: finalise(end_at(6), voters=["bw-1", "za-1"]),
]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("order", [*permutations(range(4))], ids=str)
def test_certificates_are_taken_in_any_order(order: tuple[int, ...], *, before: bool) -> None:
    """All who signed for the highest block are named, whichever certificates show it."""
    report = audit(*(CERTIFICATES[one]() for one in order), before=before)
    assert (report.final_up_to, report.final_by) == (7, VOTERS)


def test_what_is_final_rests_on_a_majority_and_the_rest_on_its_leader() -> None:
    alone = audit()
    assert alone.signers == (Signer("eu-1", LAST), Signer("bw-1", 4))
    assert alone.one_voter_from == SECOND
    assert audit(finalise(end_at(6))).one_voter_from == 7
    assert audit(finalise(end_at(3))).one_voter_from == SECOND
    assert audit(finalise(end_at(LAST))).one_voter_from is None


def other_history() -> MemoryLedger:
    """Give a ledger that has the same first term, and another block 6."""
    ledger = open_signed_trade()
    open_voted_term(ledger, 3, "eu-1")
    event = CertificateIssued(certificate=make_certificate(number_of("BW", 77)))
    ledger.record(make_event("BW/gaborone", event, nonce=7), leader="eu-1")
    return ledger


@pytest.mark.parametrize("before", [True, False])
def test_a_final_block_that_is_not_on_the_chain_is_another_history(*, before: bool) -> None:
    other = finalise(other_history().tip.end, voters=["bw-1", "eu-1"])
    report = audit(other, before=before)
    assert (report.verdict, report.first_bad_height) == (AuditVerdict.VIOLATION, 6)
    assert report.field == "certificate"
    assert report.problem == (
        f"fork: another block 6 is final as well, {other.head.hex()}: bw-1, eu-1 signed for it, a"
        " majority of the voters; no certificate says so of the one that stands here"
    )
    assert report.height == LAST


def test_a_report_of_a_fork_says_who_signed_for_both_histories() -> None:
    other = finalise(other_history().tip.end, voters=["bw-1", "eu-1"])
    report = audit(other, finalise(end_at(7), voters=["eu-1", "za-1"]))
    assert (report.verdict, report.first_bad_height) == (AuditVerdict.VIOLATION, 6)
    assert (report.problem or "").endswith(
        "bw-1, eu-1 signed for it, a majority of the voters;"
        " eu-1, za-1 signed for the history that stands here; eu-1 for both"
    )
    assert report.final_up_to == 7


def test_what_is_final_below_a_fork_says_nothing_of_its_place() -> None:
    """The copy of a voter may end with blocks that others replaced before they were final."""
    other = finalise(other_history().tip.end, voters=["bw-1", "eu-1"])
    report = audit(other, finalise(end_at(SECOND), voters=["bw-1", "eu-1"]))
    assert (report.verdict, report.final_up_to) == (AuditVerdict.VIOLATION, SECOND)
    assert (report.problem or "").endswith("no certificate says so of the one that stands here")


def test_the_lowest_fork_is_named() -> None:
    others = [replace_head(end_at(height)) for height in (7, 6, 8)]
    assert audit(*map(finalise, others)).first_bad_height == 6


def replace_head(end: LogEnd) -> LogEnd:
    return vary(end, head=bytes(32))


def test_a_certificate_of_the_same_block_in_another_term_shows_nothing() -> None:
    """A majority that holds a block of an earlier term does not make it final."""
    report = audit(finalise(vary(end_at(4), term=3)))
    assert (report.verdict, report.final_up_to) == (AuditVerdict.SOUND, 0)


def test_a_chain_that_was_cut_below_what_is_final_is_not_called_sound() -> None:
    report = audit(finalise(end_at(LAST)), finalise(end_at(3)), chain=make_chain()[0][:-1])
    assert (report.verdict, report.height, report.final_up_to) == (AuditVerdict.UNDECIDED, 7, 3)
    assert report.problem == (
        "the chain ends with block 7, and a majority signed that block 8 is final: more is missing"
    )


def test_what_ended_an_audit_early_is_told_before_what_is_missing() -> None:
    auditor = Auditor(make_genesis())
    auditor.certify(finalise(end_at(LAST)))
    finality = auditor.finality_of(auditor.progress)
    report = report_undecided(make_genesis(), auditor.progress, "the line went dead", finality)
    assert (report.verdict, report.problem) == (AuditVerdict.UNDECIDED, "the line went dead")


def test_a_fork_is_a_violation_however_the_audit_ended() -> None:
    genesis, auditor = make_genesis(), Auditor(make_genesis())
    auditor.certify(finalise(replace_head(end_at(3))))
    for height, stored in enumerate(make_chain()[0][:5], start=1):
        assert auditor.feed(height, stored) is None
    finality = auditor.finality_of(auditor.progress)
    report = report_undecided(genesis, auditor.progress, "the line went dead", finality)
    assert (report.verdict, report.first_bad_height) == (AuditVerdict.VIOLATION, 3)


@pytest.mark.parametrize(("forked_at", "found_at"), [(4, 4), (6, 6), (7, 7), (8, 7)])
def test_of_a_fork_and_a_bad_block_the_first_is_reported(forked_at: int, found_at: int) -> None:
    chain = [*make_chain()[0][:6], b"", *make_chain()[0][7:]]
    report = audit(finalise(replace_head(end_at(forked_at))), chain=chain)
    fields = {4: "certificate", 6: "certificate", 7: "entry"}
    assert (report.verdict, report.first_bad_height) == (AuditVerdict.VIOLATION, found_at)
    assert report.field == fields[found_at]


def test_finality_is_that_of_the_part_that_was_verified() -> None:
    """Signatures may be verified later, in other processes: what is above may prove bad."""
    auditor = Auditor(make_genesis())
    reached = []
    for height, stored in enumerate(make_chain()[0], start=1):
        assert auditor.feed(height, stored) is None
        reached.append(auditor.progress)
    for height in (3, 7):
        auditor.certify(finalise(end_at(height)))
    found = [auditor.finality_of(one) for one in reached]
    assert [one.up_to for one in found] == [0, 0, 3, 3, 3, 3, 7, 7]
    assert [one.beyond for one in found] == [7, 7, 7, 7, 7, 7, 0, 0]


@pytest.mark.parametrize("other", [None, 3, 7])
def test_who_follows_forgets_certificates_and_no_finding(other: int | None) -> None:
    kept, forgetful = Auditor(make_genesis()), Auditor(make_genesis())
    for height, stored in enumerate(make_chain()[0][:7], start=1):
        shown = [finalise(end_at(height)), finalise(end_at(8))]
        shown += [finalise(replace_head(end_at(height)))] if height == other else []
        for auditor in (kept, forgetful):
            assert auditor.feed(height, stored) is None
            for one in shown:
                auditor.certify(one)
        forgetful.settle()
        found = kept.finality_of(kept.progress)
        assert forgetful.finality_of(forgetful.progress) == found
    held = len(forgetful._certified._certificates)
    assert other is not None or held == 2


@pytest.mark.parametrize("voters", [["bw-1"], ["eu-1", "bw-1"], ["bw-1", "bw-1"]], ids=str)
def test_what_is_no_certificate_is_refused_and_changes_nothing(voters: list[str]) -> None:
    good = finalise(end_at(6), voters=VOTERS)
    by = {one.voter: one for one in good.by}
    auditor = Auditor(make_genesis())
    with pytest.raises(LedgerError):
        auditor.certify(vary(good, by=tuple(by[voter] for voter in voters)))
    assert auditor.finality_of(auditor.progress).beyond == 0


@given(st.integers(0, 8 * 32 - 1))
def test_no_bit_of_a_certified_head_can_be_changed(bit: int) -> None:
    head = bytearray(end_at(6).head)
    head[bit // 8] ^= 1 << bit % 8
    with pytest.raises(LedgerError):
        audit(vary(finalise(end_at(6)), head=bytes(head)))


@pytest.mark.parametrize("height", range(1, LAST + 1))
@settings(max_examples=20)
@given(choice=st.integers(min_value=0), bit=st.integers(0, 7))
def test_flipped_bit_is_found_at_its_height(height: int, choice: int, bit: int) -> None:
    """Also in the votes that open a term, and where nothing follows that is built on it."""
    stored = bytearray(make_chain()[0][height - 1])
    stored[choice % len(stored)] ^= 1 << bit
    report = audit(chain=[*make_chain()[0][: height - 1], bytes(stored)])
    assert (report.verdict, report.first_bad_height) == (AuditVerdict.VIOLATION, height)


def test_another_ledger_is_known_by_its_first_votes() -> None:
    file = make_genesis_file(policy=GenesisPolicy(max_validity_days=61))
    other = parse_genesis(format_genesis(file))
    with pytest.raises(AnotherLedgerError, match=f"chain id is {make_genesis().chain.hex()}"):
        audit(genesis=other)


@pytest.mark.parametrize(
    "payload",
    [
        b"x",
        elect("bw-1", term=1, base=LogEnd(term=0, index=1, head=bytes(32))).encoded,
        elect(
            "bw-1",
            term=1,
            base=LogEnd(term=0, index=0, head=make_genesis().chain),
            voters=["bw-1"],
        ).encoded,
    ],
    ids=["no votes", "another log", "too few"],
)
def test_bad_votes_for_the_first_term_are_a_violation(payload: bytes) -> None:
    opening = encode_stored_entry(StoredEntry(kind=0, term=1, payload=payload))
    report = audit(chain=[opening])
    assert (report.verdict, report.first_bad_height, report.field) == (
        AuditVerdict.VIOLATION,
        1,
        "payload",
    )


def test_bad_votes_for_a_later_term_are_a_violation() -> None:
    votes = elect("eu-1", term=3, base=LogEnd(term=0, index=0, head=bytes(32))).encoded
    opening = encode_stored_entry(StoredEntry(kind=0, term=3, payload=votes))
    report = audit(chain=[*make_chain()[0][:4], opening])
    assert (report.verdict, report.first_bad_height) == (AuditVerdict.VIOLATION, SECOND)


def test_a_ledger_without_events_is_still_nobodys_to_judge() -> None:
    report = audit(finalise(end_at(1)), chain=make_chain()[0][:1])
    assert report.verdict is AuditVerdict.UNDECIDED
    assert report.problem == "the chain is empty: it has no signed block"
    assert (report.final_up_to, report.terms) == (1, 1)


def test_signers_are_those_who_made_blocks_not_who_voted() -> None:
    """Who votes says where a candidate's log ends, and not that it holds that log itself."""
    report = audit(chain=make_chain()[0][:SECOND])
    assert report.signers == (Signer("bw-1", 4),)
    assert replace(report, height=4).one_voter_from == 1
