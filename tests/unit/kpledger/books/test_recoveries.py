"""What may be a thief's is shown: by a flag, in the history of a certificate, in its lineage."""

from flagging import Trader
from founding import CHAIR, signing_key, vary
from scheme_statements import (
    ALLOTMENT,
    CHAIR_RECOVERY,
    FORMAT,
    KEY,
    OFFICE,
    POLICY,
    RECOVERY,
    REVOCATION,
)

from kpledger.base.units import start_of_day_ms
from kpledger.books.certificates import HISTORY, CertificateQuestion
from kpledger.books.subject import SUBJECT, SubjectAnswer, SubjectQuestion
from kpledger.books.trace import TRACE, TraceQuestion
from kpledger.books.verification import VERIFICATION
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.governance import AuthorityClosed, RevocationReason
from kpledger.scheme.v1.events.life import AnnualReportFiled

WITNESSES = ("EU/root", "ZA/root")
COMPROMISED = RevocationReason.COMPROMISED
BEFORE, THEFT, SINCE, FOUND = "2026-03-02", "2026-03-09", "2026-03-10", "2026-03-20"


def test_what_is_suspect_for_two_reasons_is_listed_once_with_both() -> None:
    trader = Trader()
    first = trader.ledger.tip.height + 1
    theft = trader.say(THEFT, "BW/root", vary(KEY, key=signing_key("a thief's").public_key))
    since = start_of_day_ms(BEFORE)
    stolen = signing_key("BW/root").public_key
    body = vary(REVOCATION, key=stolen, reason=COMPROMISED, suspect_since=since)
    revoked = trader.say(SINCE, "BW/root", body)
    recovery = trader.say(FOUND, CHAIR, vary(RECOVERY, suspect_height=first), "", CHAIR, *WITNESSES)

    found = {one.evidence[0]: one for one in trader.flags("F16", FOUND)}
    assert [one.evidence for one in trader.flags("F16", FOUND) if one.evidence[0] == theft] == [
        (theft, revoked, recovery)
    ]
    text = found[theft].explanation
    assert f"revoked as compromised, possibly since {BEFORE}; and in or after block {first}" in text


def test_statements_of_stolen_and_added_keys_are_suspect_until_the_recovery() -> None:
    trader = Trader()
    honest = trader.draw_up(BEFORE)
    trader.issue(honest)
    first = trader.ledger.tip.height + 1
    added = vary(KEY, key=signing_key("a thief's").public_key, valid_from=0)
    theft = trader.say(THEFT, "BW/root", added)
    stolen, own = trader.draw_up(SINCE), trader.draw_up(SINCE)
    body = CertificateIssued(certificate=stolen)
    issue = trader.say(SINCE, "BW/gaborone", body, "", "a thief's")
    trader.issue(own)
    assert trader.flags("F16", FOUND) == []
    anew = vary(RECOVERY, suspect_height=first)
    recovery = trader.say(FOUND, CHAIR, anew, "", CHAIR, *WITNESSES)
    trader.say(FOUND, "BW/root", OFFICE, "", "a new key")

    found = {one.evidence for one in trader.flags("F16", FOUND)}
    assert found == {(theft, recovery), (issue, recovery)}
    assert len(trader.flags("F16", FOUND)) == len(found)
    for certificate, suspect in ((honest, False), (stolen, True), (own, False)):
        asked = CertificateQuestion(number=certificate.number)
        assert [one.suspect for one in trader.ledger.ask(HISTORY, asked).events] == [suspect]
        traced = trader.ledger.ask(TRACE, TraceQuestion(subject=certificate.number))
        assert [one.suspect for one in traced.shipments] == [suspect]
        verified = trader.ledger.ask(VERIFICATION, asked).certificate
        assert verified is not None
        assert verified.suspect is suspect


def test_certificates_of_a_key_that_was_revoked_as_compromised_are_suspect_since_then() -> None:
    trader = Trader()
    before, after = trader.draw_up(BEFORE), trader.draw_up(SINCE)
    trader.issue(before)
    trader.issue(after)
    stolen = signing_key("BW/gaborone").public_key
    body = vary(REVOCATION, key=stolen, reason=COMPROMISED, suspect_since=start_of_day_ms(THEFT))
    trader.say(FOUND, "BW/root", body)
    for certificate, suspect in ((before, False), (after, True)):
        asked = CertificateQuestion(number=certificate.number)
        verified = trader.ledger.ask(VERIFICATION, asked).certificate
        assert verified is not None
        assert verified.suspect is suspect
        traced = trader.ledger.ask(TRACE, TraceQuestion(subject=certificate.number))
        assert [one.suspect for one in traced.shipments] == [suspect]
        assert bool(ask(trader, certificate.number).suspects) is suspect


def ask(trader: Trader, subject: str) -> SubjectAnswer:
    return trader.ledger.ask(SUBJECT, SubjectQuestion(subject=subject))


def test_a_recovery_is_in_the_history_of_all_that_it_ends_and_puts_back() -> None:
    trader = Trader()
    thiefs = signing_key("a thief's").public_key.hex()
    first = trader.ledger.tip.height + 1
    closed = AuthorityClosed(authority="gaborone", reason="moved")
    report = AnnualReportFiled(year=2025, document=bytes(32), remarks="")
    for body, subject in (
        (OFFICE, ""),
        (vary(KEY, key=bytes.fromhex(thiefs)), ""),
        (vary(ALLOTMENT, authority="francistown"), ""),
        (FORMAT, ""),
        (vary(POLICY, effective_from=start_of_day_ms(FOUND)), "BW/policy"),
        (report, "BW/report/2025"),
        (closed, ""),
    ):
        trader.say(THEFT, "BW/root", body, subject)
    anew = vary(RECOVERY, suspect_height=first)
    recovery = trader.say(FOUND, CHAIR, anew, "", CHAIR, *WITNESSES)
    ended = ("BW/francistown", "BW/gaborone", "BW/policy", "BW/report/2025", thiefs)
    own = [signing_key(f"BW/{one}").public_key.hex() for one in ("root", "recovery")]
    new = [RECOVERY.root_key.hex(), RECOVERY.recovery_key.hex()]
    for subject in (*ended, *own, *new, "BW"):
        assert ask(trader, subject).events[-1] == recovery, subject
    assert ask(trader, "BW/francistown").state == "CLOSED"
    assert ask(trader, "BW/francistown").suspects == ask(trader, "BW/francistown").events[:-1]
    assert ask(trader, "BW/gaborone").state == "OPEN"
    for subject in ("EU/antwerp", "EU", "KPCS/policy", "KPCS/chair"):
        assert recovery not in ask(trader, subject).events, subject


def test_a_recovery_of_the_chair_is_in_the_history_of_its_old_keys() -> None:
    trader = Trader()
    signers = ("BW/root", "EU/root", "ZA/root", "a new key")
    recovery = trader.say(FOUND, "BW/root", CHAIR_RECOVERY, "", *signers)
    for one in ("KPCS/chair", "KPCS/secretariat"):
        assert ask(trader, signing_key(one).public_key.hex()).events == (recovery,)
