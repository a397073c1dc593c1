"""E10: technical certificates move the goods of a case, and no others."""

import pytest
from founding import (
    CHAIR,
    NOW_MS,
    MemoryLedger,
    issue,
    make_certificate,
    make_confirmation,
    make_event,
    open_trade,
    vary,
)
from journey import judge, ledger_in, make_step, set_policy, start_journey, travel
from statements import NUMBER, SOUND

from kpledger.base.codec import encode
from kpledger.scheme.outcome import Refusal
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateKind,
    CertificateReplaced,
    ReplacementReason,
)
from kpledger.scheme.v1.events.governance import ParticipantStatusChanged, Standing
from kpledger.scheme.v1.events.importing import CaseKind, CaseOpened, ImportRefusedReturned
from kpledger.scheme.v1.lifecycles import CertificateState
from kpledger.scheme.v1.records import TechnicalRecord
from kpledger.scheme.v1.rules.technical import MAX_TECHNICAL

FIELD = "body.certificate.case"
FIRST = f"{NUMBER}/1"
NAMED = "ZA/case/2026-1"
OPENED = SOUND["case_opened"][1]
_S = CertificateState


def _technical(issuer: str, case: str, carat_thousandths: int = 100_000) -> Certificate:
    certificate = make_certificate(f"{issuer}000007", "BW" if issuer != "BW" else "EU")
    line = vary(
        certificate.lines[0],
        carat_thousandths=carat_thousandths,
        value_usd_cents=certificate.value_usd_cents,
    )
    origin = vary(certificate.origin, countries=("BW",))
    return vary(
        certificate,
        kind=CertificateKind.TECHNICAL,
        case=case,
        origin=origin,
        lines=(line,),
        carat_thousandths=carat_thousandths,
    )


def _judge(ledger: MemoryLedger, certificate: Certificate, author: str) -> Refusal | None:
    return ledger.attempt(make_event(author, CertificateIssued(certificate=certificate)))


def _judge_of(ledger: MemoryLedger, issuer: str, case: str, **changes: object) -> object:
    author = "EU/antwerp" if issuer == "EU" else "ZA/joburg"
    certificate = vary(_technical(issuer, case), **changes)
    refusal = _judge(ledger, certificate, author)
    return None if refusal is None else (refusal.rule.code, refusal.field)


@pytest.mark.parametrize("state", list(CertificateState))
def test_goods_of_a_certificate_move_while_the_issuer_holds_them(state: CertificateState) -> None:
    held = state in {_S.ARRIVED, _S.DETAINED, _S.SEIZED, _S.RETURNED}
    found = _judge_of(ledger_in(state), "EU", NUMBER)
    assert found == (None if held else ("E10", FIELD))


def test_goods_that_surfaced_elsewhere_move_from_there() -> None:
    ledger = ledger_in(_S.DIVERTED)
    assert _judge_of(ledger, "ZA", NUMBER) is None
    assert _judge_of(ledger, "EU", NUMBER) == ("E10", FIELD)


def test_goods_of_another_do_not_move() -> None:
    assert _judge_of(ledger_in(_S.DETAINED), "ZA", NUMBER) == ("E10", FIELD)


@pytest.mark.parametrize("case", ["", "BW000099", "BW000099/1", "ZA/case/none"])
def test_technical_certificate_names_goods_that_are_known(case: str) -> None:
    assert _judge_of(ledger_in(_S.DETAINED), "EU", case) == ("E10", FIELD)


def test_normal_certificate_names_no_goods() -> None:
    found = _judge_of(ledger_in(_S.DETAINED), "EU", NUMBER, kind=CertificateKind.NORMAL)
    assert found == ("E10", FIELD)


def test_goods_of_a_case_move_while_the_issuer_holds_them() -> None:
    ledger = start_journey("certificate_voided", "shipment_detained")
    assert _judge_of(ledger, "EU", FIRST) is None
    assert _judge_of(ledger, "ZA", FIRST) == ("E10", FIELD)
    travel(ledger, "import_refused_returned", subject=FIRST)
    assert _judge_of(ledger, "EU", FIRST) is None
    travel(ledger, "return_received", subject=FIRST)
    assert _judge_of(ledger, "EU", FIRST) == ("E10", FIELD)


def test_returned_goods_of_a_closed_case_do_not_move_again() -> None:
    ledger = start_journey("certificate_voided", "arrival_recorded")
    travel(ledger, "import_refused_returned", "return_received", subject=FIRST)
    certificate = _technical("BW", FIRST)
    refusal = _judge(ledger, certificate, "BW/gaborone")
    assert refusal is not None
    assert (refusal.rule.code, refusal.field) == ("E10", FIELD)


@pytest.mark.parametrize(
    ("carats", "refused"), [(5_000, False), (5_010, False), (5_011, True), (1, False)]
)
def test_weight_stays_within_what_was_weighed_of_the_case(carats: int, *, refused: bool) -> None:
    assert isinstance(OPENED, CaseOpened)
    ledger = open_trade()
    body = vary(OPENED, kind=CaseKind.SAMPLE)
    ledger.record(make_step(ledger, "case_opened", body, subject=NAMED))
    refusal = _judge(ledger, _technical("ZA", NAMED, carats), "ZA/joburg")
    found = None if refusal is None else (refusal.rule.code, refusal.field)
    assert found == (("E10", "body.certificate.carat_thousandths") if refused else None)


def test_tolerance_is_that_of_the_issuer() -> None:
    ledger = open_trade()
    travel(ledger, "case_opened", subject=NAMED)
    set_policy(ledger, "ZA", carat_tolerance_ppm=3_000)
    assert _judge(ledger, _technical("ZA", NAMED, 5_015), "ZA/joburg") is None
    assert _judge(ledger, _technical("ZA", NAMED, 5_016), "ZA/joburg") is not None


def test_weight_of_a_case_that_was_not_weighed_is_free() -> None:
    assert isinstance(OPENED, CaseOpened)
    ledger = open_trade()
    body = vary(OPENED, carat_thousandths=None)
    ledger.record(make_step(ledger, "case_opened", body, subject=NAMED))
    assert _judge_of(ledger, "ZA", NAMED) is None


def _weighed(carats: int | None = 5_000) -> MemoryLedger:
    ledger = open_trade()
    body = vary(OPENED, carat_thousandths=carats)
    ledger.record(make_step(ledger, "case_opened", body, subject=NAMED))
    return ledger


def _second(issuer: str, case: str, carats: int) -> Certificate:
    return vary(_technical(issuer, case, carats), number=f"{issuer}000008")


def _found(refusal: Refusal | None) -> tuple[str, str] | None:
    return None if refusal is None else (refusal.rule.code, refusal.field)


WEIGHT = ("E10", "body.certificate.carat_thousandths")


def test_goods_are_not_certified_twice() -> None:
    ledger = _weighed()
    issue(ledger, _technical("ZA", NAMED, 3_000), "ZA/joburg")
    assert _found(_judge(ledger, _second("ZA", NAMED, 2_010), "ZA/joburg")) is None
    refusal = _judge(ledger, _second("ZA", NAMED, 2_011), "ZA/joburg")
    assert _found(refusal) == WEIGHT
    assert refusal is not None
    assert (refusal.problem, refusal.accepted) == (
        f"2.011 ct of {NAMED}, of which 5.000 ct were weighed and 2.000 ct are left",
        "up to 2000",
    )


def test_goods_that_were_not_weighed_move_under_one_certificate_at_a_time() -> None:
    for ledger, case, issuer, office in (
        (_weighed(None), NAMED, "ZA", "ZA/joburg"),
        (ledger_in(_S.DETAINED), NUMBER, "EU", "EU/antwerp"),
    ):
        issue(ledger, _technical(issuer, case), office)
        again = _second(issuer, case, 1)
        assert _found(_judge(ledger, again, office)) == ("E10", FIELD)
        voided = make_step(
            ledger, "certificate_voided", author=office, subject=f"{issuer}000007", nonce=9
        )
        ledger.record(voided)
        assert _judge(ledger, again, office) is None


def test_what_a_replaced_certificate_moved_is_free_for_the_new_one() -> None:
    ledger = _weighed()
    issue(ledger, _technical("ZA", NAMED, 5_000), "ZA/joburg")
    body = CertificateReplaced(
        reason=ReplacementReason.ERROR, certificate=_second("ZA", NAMED, 5_000)
    )
    step = make_step(ledger, "certificate_replaced", body, author="ZA/joburg", subject="ZA000007")
    ledger.record(step)
    third = vary(_technical("ZA", NAMED, 11), number="ZA000009")
    assert _found(_judge(ledger, third, "ZA/joburg")) == WEIGHT
    record = ledger.read(TechnicalRecord.key_for(NAMED), TechnicalRecord)
    assert record.numbers == ("ZA000008",)


def test_goods_that_came_back_move_again() -> None:
    ledger = _weighed()
    issue(ledger, _technical("ZA", NAMED, 5_000), "ZA/joburg")
    for name, author in (
        ("arrival_recorded", "BW/gaborone"),
        ("import_refused_returned", "BW/gaborone"),
        ("return_received", "ZA/joburg"),
    ):
        again = _second("ZA", NAMED, 5_000)
        assert _found(_judge(ledger, again, "ZA/joburg")) == WEIGHT
        ledger.record(make_step(ledger, name, author=author, subject="ZA000007"))
    assert _judge(ledger, _second("ZA", NAMED, 5_000), "ZA/joburg") is None


def test_goods_of_a_case_move_under_a_bounded_number_of_certificates() -> None:
    ledger = _weighed()
    issue(ledger, _technical("ZA", NAMED, 1), "ZA/joburg")
    key = TechnicalRecord.key_for(NAMED)
    for count, found in ((MAX_TECHNICAL - 1, None), (MAX_TECHNICAL, ("E10", FIELD))):
        full = TechnicalRecord(numbers=("ZA000007",) * count)
        ledger.state.pairs[key] = encode(full)
        assert _found(_judge(ledger, _second("ZA", NAMED, 1), "ZA/joburg")) == found


def test_replacement_by_a_technical_certificate_needs_a_case_too() -> None:
    ledger = start_journey()
    body = CertificateReplaced(
        reason=ReplacementReason.CHANGED, certificate=_technical("BW", "BW000099")
    )
    assert judge(ledger, "certificate_replaced", body) == ("E10", FIELD)


def _refusal_under(number: str) -> ImportRefusedReturned:
    body = SOUND["import_refused_returned"][1]
    assert isinstance(body, ImportRefusedReturned)
    return vary(body, technical_certificate=number)


def test_goods_are_sent_back_under_a_technical_certificate_for_them() -> None:
    ledger = ledger_in(_S.DETAINED)
    issue(ledger, _technical("EU", NUMBER), "EU/antwerp")
    body = _refusal_under("EU000007")
    assert judge(ledger, "import_refused_returned", body) is None


@pytest.mark.parametrize("number", ["EU000008", NUMBER, "EU000001"])
def test_goods_are_sent_back_under_no_other_certificate(number: str) -> None:
    ledger = ledger_in(_S.DETAINED)
    normal = vary(make_certificate("EU000001", "BW"), origin=make_certificate().origin)
    issue(ledger, normal, "EU/antwerp")
    found = judge(ledger, "import_refused_returned", _refusal_under(number))
    assert found == ("E10", "body.technical_certificate")


def test_goods_are_not_sent_back_under_what_was_taken_back() -> None:
    ledger = ledger_in(_S.DETAINED)
    issue(ledger, _technical("EU", NUMBER), "EU/antwerp")
    travel_back = make_step(
        ledger, "certificate_voided", author="EU/antwerp", subject="EU000007", nonce=7
    )
    ledger.record(travel_back)
    found = judge(ledger, "import_refused_returned", _refusal_under("EU000007"))
    assert found == ("E10", "body.technical_certificate")


def test_goods_are_not_sent_back_under_what_somebody_has_imported() -> None:
    ledger = ledger_in(_S.DETAINED)
    back = _technical("EU", NUMBER)
    issue(ledger, back, "EU/antwerp")
    confirm = make_event(
        "BW/gaborone",
        make_confirmation(back),
        subject=back.number,
        prev=ledger.certificate(back.number).head,
    )
    ledger.record(confirm)
    found = judge(ledger, "import_refused_returned", _refusal_under(back.number))
    assert found == ("E10", "body.technical_certificate")


def test_goods_of_a_case_are_not_sent_back_under_what_is_for_another() -> None:
    ledger = start_journey("certificate_voided", "shipment_detained", "shipment_detained")
    issue(ledger, _technical("EU", FIRST), "EU/antwerp")
    body = _refusal_under("EU000007")
    assert judge(ledger, "import_refused_returned", body, subject=FIRST) is None
    found = judge(ledger, "import_refused_returned", body, subject=f"{NUMBER}/2")
    assert found == ("E10", "body.technical_certificate")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Standing.SUSPENDED, None),
        (Standing.MEMBER_NO_TRADE, None),
        (Standing.REMOVED, ("E4", "body.certificate.destination")),
    ],
)
def test_goods_go_back_to_whoever_is_a_member_still(
    status: Standing, expected: tuple[str, str] | None
) -> None:
    ledger = ledger_in(_S.DETAINED)
    change = ParticipantStatusChanged(
        code="BW", status=status, effective_from=NOW_MS, decision="N-1", interim=True
    )
    ledger.record(make_event(CHAIR, change))
    assert _judge_of(ledger, "EU", NUMBER) == expected


@pytest.mark.parametrize(
    ("status", "expected"), [(Standing.SUSPENDED, None), (Standing.REMOVED, ("E8", "subject"))]
)
def test_goods_that_a_suspended_participant_sends_back_are_confirmed(
    status: Standing, expected: tuple[str, str] | None
) -> None:
    ledger = ledger_in(_S.DETAINED)
    technical = _technical("EU", NUMBER)
    issue(ledger, technical, "EU/antwerp")
    change = ParticipantStatusChanged(
        code="EU", status=status, effective_from=NOW_MS, decision="N-1", interim=True
    )
    ledger.record(make_event(CHAIR, change))
    confirmation = make_confirmation(technical)
    found = judge(
        ledger, "import_confirmed", confirmation, author="BW/gaborone", subject=technical.number
    )
    assert found == expected
