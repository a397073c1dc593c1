"""E3: prefixes of territories and of the past, ranges that end, and forms that were notified."""

from typing import Final

import pytest
from founding import (
    CHAIR,
    NOW_MS,
    MemoryLedger,
    issue,
    make_certificate,
    make_event,
    open_trade,
    opening_events,
    signing_key,
    vary,
)
from judging import Judgement, judge, judgement
from scheme_statements import ADMISSION, ALLOTMENT, FORMAT, OFFICE, RANGE, RETIREMENT

from kpledger.base.state import ChangeSet
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.governance import AuthorityClosed, KeyAdded, NumberRangeAllocated
from kpledger.scheme.v1.records import FormatSince, FormatsRecord
from kpledger.scheme.v1.rules.numbering import MAX_FORMATS

NUMBER_FIELD: Final = (Rule.E3, "body.certificate.number")


def _judge_issue(ledger: MemoryLedger, number: str, author: str = "BW/gaborone") -> Judgement:
    destination = "EU" if author[:2] != "EU" else "ZA"
    certificate = make_certificate(number, destination)
    origin = vary(certificate.origin, countries=("BW",))
    return judge(ledger, author, CertificateIssued(certificate=vary(certificate, origin=origin)))


def _allot(authority: str, **changes: object) -> NumberRangeAllocated:
    return NumberRangeAllocated(authority=authority, range=vary(RANGE, **changes))


def test_union_may_still_use_its_first_prefix() -> None:
    ledger = open_trade()
    historic = _allot("antwerp", prefix="EC", width=8, first=1, last=9)
    assert judge(ledger, "BW/root", _allot("gaborone", prefix="EC")) == (
        Rule.E3,
        "body.range.prefix",
    )
    ledger.record(make_event("EU/root", historic))
    assert _judge_issue(ledger, "EC00000001", "EU/antwerp") is None
    assert _judge_issue(ledger, "EU000001", "EU/antwerp") is None


def _with_hong_kong() -> MemoryLedger:
    """Give a ledger on which China has the offices beijing and hong-kong, which serves HK."""
    ledger = open_trade()
    keys = {f"{one}_key": signing_key(f"CN/{one}").public_key for one in ("root", "recovery")}
    ledger.record(make_event(CHAIR, vary(ADMISSION, code="CN", name="China", **keys)))
    ledger.record(*opening_events("CN/beijing"))
    office = vary(OFFICE, authority="hong-kong", territory="HK")
    key = KeyAdded(
        authority="hong-kong", key=signing_key("CN/hong-kong").public_key, valid_from=NOW_MS
    )
    ledger.record(make_event("CN/root", office, signers=("CN/root", CHAIR)))
    ledger.record(make_event("CN/root", key))
    return ledger


def test_office_of_a_territory_uses_its_prefix_and_others_do_not() -> None:
    ledger = _with_hong_kong()
    assert judge(ledger, "CN/root", _allot("beijing", prefix="HK")) == (
        Rule.E3,
        "body.range.prefix",
    )
    ledger.record(make_event("CN/root", _allot("hong-kong", prefix="HK")))
    assert _judge_issue(ledger, "HK100000", "CN/hong-kong") is None
    assert _judge_issue(ledger, "HK100000", "CN/beijing") == NUMBER_FIELD


def test_chair_countersigns_an_office_with_a_territory() -> None:
    ledger = open_trade()
    office = vary(OFFICE, territory="IM")
    assert judge(ledger, "BW/root", office) == (Rule.E1, "signatures")
    both = make_event("BW/root", office, signers=("BW/root", CHAIR))
    assert ledger.attempt(both) is None


@pytest.mark.parametrize("territory", ["BW", "ZA", "HK", "DK", "LI", "PR"])
def test_a_participant_or_a_territory_of_another_is_no_territory(territory: str) -> None:
    office = vary(OFFICE, territory=territory)
    refusal = open_trade().attempt(make_event("BW/root", office, signers=("BW/root", CHAIR)))
    assert judgement(refusal) == (Rule.E5, "body.territory")


def test_retired_range_gives_no_more_numbers_and_those_it_gave_stay() -> None:
    ledger = open_trade()
    issue(ledger, make_certificate("BW000001"))
    ledger.record(make_event("BW/root", RETIREMENT))
    assert ledger.certificate("BW000001").number == "BW000001"
    assert _judge_issue(ledger, "BW000002") == NUMBER_FIELD
    assert judge(ledger, "BW/root", RETIREMENT) == (Rule.E3, "body.first")
    # Its numbers are never given to anybody again.
    again = _allot("gaborone", first=1, last=99_999)
    assert judge(ledger, "BW/root", again) == (Rule.E3, "body.range")


@pytest.mark.parametrize(
    "changes", [{"first": 2}, {"width": 5}, {"prefix": "BW-"}, {"authority": "kasane"}]
)
def test_range_that_is_retired_was_allotted(changes: dict[str, object]) -> None:
    found = judge(open_trade(), "BW/root", vary(RETIREMENT, **changes))
    assert found == (Rule.E3, "body.first")


def test_numbers_go_to_offices_that_are_open() -> None:
    ledger = open_trade()
    ledger.record(make_event("BW/root", AuthorityClosed(authority="gaborone", reason="")))
    assert judge(ledger, "BW/root", ALLOTMENT) == (Rule.E6, "body.authority")


def test_number_has_a_form_that_was_notified() -> None:
    ledger = open_trade()
    ledger.record(make_event("BW/root", vary(FORMAT, masks=("BW########",))))
    assert _judge_issue(ledger, "BW000001") == NUMBER_FIELD
    ledger.record(make_event("BW/root", vary(FORMAT, masks=("BW######", "BW########"))))
    assert _judge_issue(ledger, "BW000001") is None


def test_form_holds_from_its_instant_on() -> None:
    ledger = open_trade()
    since = NOW_MS + 10
    ledger.record(make_event("BW/root", vary(FORMAT, masks=("BW-#",), valid_from=since)))
    outcomes = []
    for time in (since - 1, since):
        ledger.now_ms = time
        outcomes.append(_judge_issue(ledger, "BW000001"))
    assert outcomes == [None, NUMBER_FIELD]


@pytest.mark.parametrize(
    ("author", "masks", "expected"),
    [
        ("BW/root", ("ZA######",), (Rule.E3, "body.masks")),
        ("BW/root", ("BW#", "BW#"), (Rule.E5, "body.masks")),
        ("BW/root", ("BW-#", "BW#"), (Rule.E5, "body.masks")),
        ("BW/root", ("EC########",), (Rule.E3, "body.masks")),
        ("EU/root", ("EC########", "EU########"), None),
    ],
)
def test_notified_forms_are_of_own_numbers(
    author: str, masks: tuple[str, ...], expected: Judgement
) -> None:
    assert judge(open_trade(), author, vary(FORMAT, masks=masks)) == expected


def test_form_of_a_territory_follows_its_range() -> None:
    ledger = _with_hong_kong()
    body = vary(FORMAT, masks=("CN######", "HK######"))
    assert judge(ledger, "CN/root", body) == (Rule.E3, "body.masks")
    ledger.record(make_event("CN/root", _allot("hong-kong", prefix="HK")))
    assert judge(ledger, "CN/root", body) is None


def test_forms_are_notified_a_bounded_number_of_times() -> None:
    ledger = open_trade()
    one = FormatSince(masks=("BW######",), specimen=bytes(32), features="", valid_from=0, height=5)
    changes = ChangeSet(ledger.state)
    for count, expected in ((MAX_FORMATS - 1, None), (MAX_FORMATS, (Rule.E3, "body.masks"))):
        changes.put(FormatsRecord.key_for("BW"), FormatsRecord(formats=(one,) * count))
        ledger.state.apply(changes)
        assert judge(ledger, "BW/root", FORMAT) == expected
