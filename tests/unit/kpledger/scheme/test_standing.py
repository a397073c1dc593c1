"""Standings: which follows on which, from when, and who says so."""

import pytest
from founding import (
    CHAIR,
    DECISION,
    NOW_MS,
    MemoryLedger,
    decide,
    found_ledger,
    make_event,
    open_trade,
    vary,
)
from scheme_statements import (
    ALLOTMENT,
    FORMAT,
    KEY,
    OFFICE,
    RETIREMENT,
    REVOCATION,
    ROTATION,
    STATUS,
)

from kpledger.base.state import ChangeSet
from kpledger.base.units import DAY_MS
from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.events.governance import ParticipantStatusChanged, Standing
from kpledger.scheme.v1.records import ParticipantRecord
from kpledger.scheme.v1.rules.standing import MAX_STANDINGS
from kpledger.scheme.v1.rules.values import MAX_NOTICE_MS

SELF_SUSPENSION = vary(STATUS, status=Standing.SELF_SUSPENDED)

NEXT = {
    Standing.ACTIVE: set(Standing) - {Standing.ACTIVE},
    Standing.SUSPENDED: {Standing.ACTIVE, Standing.MEMBER_NO_TRADE, Standing.REMOVED},
    Standing.SELF_SUSPENDED: set(Standing) - {Standing.SELF_SUSPENDED},
    Standing.MEMBER_NO_TRADE: {Standing.ACTIVE, Standing.SUSPENDED, Standing.REMOVED},
    Standing.REMOVED: {Standing.ACTIVE},
}


def _code(refusal: Refusal | None) -> tuple[Rule, str] | None:
    return (refusal.rule, refusal.field) if refusal else None


def _in_standing(status: Standing) -> MemoryLedger:
    ledger = open_trade()
    if status is not Standing.ACTIVE:
        ledger.record(make_event(CHAIR, vary(STATUS, status=status)))
    return ledger


@pytest.mark.parametrize("before", list(Standing))
@pytest.mark.parametrize("after", list(Standing))
def test_standing_follows_on_the_one_before(before: Standing, after: Standing) -> None:
    ledger = _in_standing(before)
    refusal = ledger.attempt(make_event(CHAIR, vary(STATUS, status=after), nonce=1))
    assert _code(refusal) == (None if after in NEXT[before] else (Rule.E6, "body.status"))


@pytest.mark.parametrize(
    ("count", "status", "expected"),
    [
        (MAX_STANDINGS - 1, Standing.MEMBER_NO_TRADE, None),
        (MAX_STANDINGS, Standing.MEMBER_NO_TRADE, (Rule.E6, "body.status")),
        (MAX_STANDINGS, Standing.SUSPENDED, None),
    ],
)
def test_standings_are_bounded_and_a_participant_can_always_be_stopped(
    count: int, status: Standing, expected: tuple[Rule, str] | None
) -> None:
    ledger = open_trade()
    key = ParticipantRecord.key_for(STATUS.code)
    record = ledger.read(key, ParticipantRecord)
    changes = ChangeSet(ledger.state)
    changes.put(key, vary(record, standings=record.standings * count))
    ledger.state.apply(changes)
    assert _code(ledger.attempt(make_event(CHAIR, vary(STATUS, status=status)))) == expected


def test_standing_never_begins_before_the_one_it_follows() -> None:
    ledger = _in_standing(Standing.SUSPENDED)
    again = vary(STATUS, status=Standing.ACTIVE, effective_from=NOW_MS - 1)
    assert _code(ledger.attempt(make_event(CHAIR, again))) == (Rule.E14, "body.effective_from")
    at_once = vary(again, effective_from=NOW_MS)
    assert ledger.attempt(make_event(CHAIR, at_once)) is None


@pytest.mark.parametrize(
    "status", [Standing.SUSPENDED, Standing.SELF_SUSPENDED, Standing.MEMBER_NO_TRADE]
)
def test_suspended_participant_still_keeps_its_own_house(status: Standing) -> None:
    assert _in_standing(status).attempt(make_event("BW/root", KEY)) is None


@pytest.mark.parametrize("body", [OFFICE, KEY, ROTATION, REVOCATION, ALLOTMENT, RETIREMENT, FORMAT])
def test_removed_participant_arranges_nothing(body: Body) -> None:
    refusal = _in_standing(Standing.REMOVED).attempt(make_event("BW/root", body))
    assert _code(refusal) == (Rule.E4, "author")


def test_own_suspension_does_not_reach_back() -> None:
    """It would spoil the certificates that were issued, and are imported, in the meantime."""
    ledger = open_trade()
    ledger.now_ms = NOW_MS + 3 * DAY_MS
    for back, expected in ((DAY_MS, None), (DAY_MS + 1, (Rule.E14, "body.effective_from"))):
        body = vary(SELF_SUSPENSION, effective_from=ledger.now_ms - back)
        assert _code(ledger.attempt(make_event("BW/root", body))) == expected
    by_chair = vary(STATUS, effective_from=NOW_MS)
    assert ledger.attempt(make_event(CHAIR, by_chair)) is None


def test_participant_suspends_itself_but_only_the_chair_lifts_it() -> None:
    ledger = open_trade()
    ledger.record(make_event("BW/root", SELF_SUSPENSION))
    lifted = vary(STATUS, status=Standing.ACTIVE)
    refusal = ledger.attempt(make_event("BW/root", lifted))
    assert _code(refusal) == (Rule.E1, "body.status")
    assert ledger.attempt(make_event(CHAIR, lifted)) is None


def test_standing_cannot_be_set_for_a_distant_year() -> None:
    """One typing error would stand in the way of every later standing."""
    ledger = found_ledger()
    decide(ledger)
    limit = NOW_MS + MAX_NOTICE_MS
    for effective_from, rule in ((limit, None), (limit + 1, Rule.E14)):
        body = ParticipantStatusChanged(
            code="ZA",
            status=Standing.SUSPENDED,
            effective_from=effective_from,
            decision=DECISION,
        )
        refusal = ledger.attempt(make_event(CHAIR, body))
        assert (refusal.rule if refusal else None) is rule


def test_self_suspension_of_next_year_does_not_hold_off_the_chair() -> None:
    """Otherwise whoever expects a suspension trades on for a year."""
    ledger = open_trade()
    shield = vary(SELF_SUSPENSION, effective_from=NOW_MS + MAX_NOTICE_MS)
    ledger.record(make_event("BW/root", shield))
    ledger.record(make_event(CHAIR, STATUS))
    botswana = ledger.read(ParticipantRecord.key_for("BW"), ParticipantRecord)
    at_times = (NOW_MS, shield.effective_from)
    assert {botswana.standing_at(at) for at in at_times} == {STATUS.status}


def test_participant_does_not_overtake_what_the_chair_has_decided() -> None:
    ledger = open_trade()
    ledger.record(make_event(CHAIR, STATUS))
    again = vary(STATUS, status=Standing.ACTIVE, effective_from=NOW_MS + 2)
    ledger.record(make_event(CHAIR, again))
    refusal = ledger.attempt(
        make_event("BW/root", vary(SELF_SUSPENSION, effective_from=NOW_MS + 1))
    )
    assert _code(refusal) == (Rule.E14, "body.effective_from")
