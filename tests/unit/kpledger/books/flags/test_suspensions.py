"""F10 judges by the moment: what was issued again after a reinstatement is not to blame."""

from typing import Final

import pytest
from flagging import OFFICE, Trader
from founding import CHAIR, DECISION, decide, make_confirmation, make_event, vary

from kpledger.base.units import start_of_day_ms
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.certificate import Certificate, CertificateIssued
from kpledger.scheme.v1.events.governance import ParticipantStatusChanged, Standing

DAY: Final = "2026-03-10"
HOUR_MS: Final = 3_600_000
SUSPENDED, ACTIVE = Standing.SUSPENDED, Standing.ACTIVE


@pytest.fixture
def trader() -> Trader:
    trader = Trader()
    trader.ledger.wait_until("2026-03-09")
    decide(trader.ledger)
    return trader


def say_at(trader: Trader, day: str, hour: int, author: str, body: Body) -> None:
    trader.ledger.now_ms = start_of_day_ms(day) + hour * HOUR_MS
    trader.ledger.record(make_event(author, body, occurred_at=trader.ledger.now_ms))


def change(
    trader: Trader,
    status: Standing,
    day: str,
    hour: int,
    code: str = "BW",
    *,
    from_day: str = "",
    from_hour: int | None = None,
) -> None:
    """Change a standing at an hour of a day, from then on or from an earlier moment."""
    since = start_of_day_ms(from_day or day) + (hour if from_hour is None else from_hour) * HOUR_MS
    body = ParticipantStatusChanged(
        code=code, status=status, effective_from=since, decision=DECISION
    )
    say_at(trader, day, hour, CHAIR, body)


def issue(trader: Trader, day: str, hour: int, *, dated: str = "") -> str:
    """Issue a certificate at an hour of a day; gives its number."""
    certificate = trader.draw_up(dated or day)
    say_at(trader, day, hour, OFFICE["BW"], CertificateIssued(certificate=certificate))
    return certificate.number


def confirm(trader: Trader, certificate: Certificate, day: str) -> None:
    """Confirm on 16 March what left before the suspension and came on a day."""
    body = vary(make_confirmation(certificate), exported_on="2026-03-09", received_on=day)
    trader.say("2026-03-16", OFFICE["EU"], body, certificate.number)


def test_issued_before_and_after_a_suspension_of_the_same_day(trader: Trader) -> None:
    before = issue(trader, DAY, 7)
    change(trader, SUSPENDED, DAY, 8)
    change(trader, ACTIVE, DAY, 16)
    issue(trader, DAY, 17)
    issue(trader, "2026-03-11", 9)
    [found] = trader.flags("F10", "2026-03-20")
    assert found.subject == before
    assert "Issued 0 days before BW became suspended on 2026-03-10" in found.explanation


def test_issued_on_the_day_of_reinstatement(trader: Trader) -> None:
    change(trader, SUSPENDED, "2026-03-09", 13)
    change(trader, ACTIVE, DAY, 12)
    issue(trader, DAY, 13)
    assert trader.subjects("F10", "2026-03-20") == []


def test_issued_between_two_suspensions_of_one_day(trader: Trader) -> None:
    change(trader, SUSPENDED, DAY, 6)
    change(trader, ACTIVE, DAY, 9)
    between = issue(trader, DAY, 10)
    change(trader, SUSPENDED, DAY, 12)
    change(trader, ACTIVE, DAY, 15)
    issue(trader, DAY, 16)
    assert trader.subjects("F10", "2026-03-20") == [between]


def test_recorded_after_a_reinstatement_and_dated_to_the_day_of_the_suspension(
    trader: Trader,
) -> None:
    change(trader, SUSPENDED, DAY, 12)
    change(trader, ACTIVE, "2026-03-14", 12)
    late = issue(trader, "2026-03-14", 13, dated=DAY)
    assert trader.subjects("F10", "2026-03-20") == [late]


@pytest.mark.parametrize("code", ["BW", "EU"])
def test_issued_while_a_side_was_suspended_as_was_decided_later(trader: Trader, code: str) -> None:
    issue(trader, DAY, 9)
    during = issue(trader, DAY, 12)
    change(trader, SUSPENDED, DAY, 14, code, from_hour=10)
    change(trader, ACTIVE, DAY, 15, code)
    issue(trader, DAY, 16)
    found = [
        one for one in trader.flags("F10", "2026-03-20") if "decided afterwards" in one.explanation
    ]
    assert [one.subject for one in found] == [during]
    assert f"{code} had been suspended since {DAY}" in found[0].explanation


def test_presented_on_a_day_of_a_suspension_and_recorded_afterwards(trader: Trader) -> None:
    certificate = trader.draw_up("2026-03-09")
    trader.issue(certificate)
    change(trader, SUSPENDED, DAY, 12)
    change(trader, ACTIVE, "2026-03-14", 12)
    confirm(trader, certificate, "2026-03-12")
    found = trader.flags("F10", "2026-03-20", "F10.days=0")
    assert [one.subject for one in found] == [certificate.number]
    assert "while BW was suspended" in found[0].explanation


@pytest.mark.parametrize("day", [DAY, "2026-03-14", "2026-03-15"])
def test_presented_on_a_day_that_was_partly_in_order(trader: Trader, day: str) -> None:
    certificate = trader.draw_up("2026-03-09")
    trader.issue(certificate)
    change(trader, SUSPENDED, DAY, 12)
    change(trader, ACTIVE, "2026-03-14", 12)
    confirm(trader, certificate, day)
    assert trader.flags("F10", "2026-03-20", "F10.days=0") == []


@pytest.mark.parametrize(("day", "raised"), [(DAY, False), ("2026-03-12", True)])
def test_received_on_a_day_of_the_destinations_suspension(
    trader: Trader, day: str, *, raised: bool
) -> None:
    certificate = trader.draw_up("2026-03-09")
    trader.issue(certificate)
    change(trader, SUSPENDED, DAY, 12, "EU")
    change(trader, ACTIVE, "2026-03-14", 12, "EU")
    confirm(trader, certificate, day)
    found = trader.flags("F10", "2026-03-20", "F10.days=0")
    assert [one.subject for one in found] == ([certificate.number] if raised else [])
    assert all("presented in EU while EU was suspended" in one.explanation for one in found)
