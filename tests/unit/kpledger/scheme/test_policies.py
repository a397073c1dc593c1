"""Policy: who settles what, for when, and what then holds."""

from typing import Final

import pytest
from founding import CHAIR, DECISION, NOW_MS, MemoryLedger, make_event, open_trade, vary
from judging import judge
from scheme_statements import POLICY

from kpledger.base.state import ChangeSet, read_record
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.decisions import ExpiryMeaning, PolicyValues
from kpledger.scheme.v1.policy import Policy, resolve_policy
from kpledger.scheme.v1.records import PolicyRecord, PolicySince
from kpledger.scheme.v1.rules.decisions import MAX_SETTLED
from kpledger.scheme.v1.rules.values import MAX_NOTICE_MS

NETWORK: Final = vary(POLICY, participant=None, decision=DECISION)


def _policy(ledger: MemoryLedger, code: str | None, time_ms: int) -> Policy:
    own = read_record(ledger.state, PolicyRecord.key_for(code), PolicyRecord) if code else None
    return resolve_policy(ledger.read(PolicyRecord.key_for("network"), PolicyRecord), own, time_ms)


REFUSED: Final[list[tuple[str, str, dict[str, object], Rule, str]]] = [
    ("for-another", "BW/root", {"participant": "ZA"}, Rule.E1, "body.participant"),
    ("for-the-scheme", "BW/root", {"participant": None}, Rule.E1, "body.participant"),
    ("own-by-decision", "BW/root", {"decision": DECISION}, Rule.E11, "body.decision"),
    ("nothing", "BW/root", {"values": PolicyValues()}, Rule.E5, "body.values"),
    (
        "skew",
        "BW/root",
        {"values": PolicyValues(clock_skew_ms=0)},
        Rule.E5,
        "body.values.clock_skew_ms",
    ),
    (
        "interim-days",
        "BW/root",
        {"values": PolicyValues(interim_days=1)},
        Rule.E5,
        "body.values.interim_days",
    ),
    (
        "vigilance",
        "BW/root",
        {"values": PolicyValues(vigilance=("CF",))},
        Rule.E5,
        "body.values.vigilance",
    ),
    (
        "two-limits",
        "BW/root",
        {"values": PolicyValues(max_validity_days=60, max_validity_months=2)},
        Rule.E5,
        "body.values.max_validity_months",
    ),
    ("backwards", "BW/root", {"effective_from": NOW_MS - 1}, Rule.E14, "body.effective_from"),
    (
        "too-far-ahead",
        "BW/root",
        {"effective_from": NOW_MS + MAX_NOTICE_MS + 1},
        Rule.E14,
        "body.effective_from",
    ),
]


@pytest.mark.parametrize(
    ("author", "changes", "rule", "field"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED]
)
def test_unsound_policy_is_refused(
    author: str, changes: dict[str, object], rule: Rule, field: str
) -> None:
    assert judge(open_trade(), author, vary(POLICY, **changes)) == (rule, field)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"participant": "BW"}, (Rule.E1, "body.participant")),
        ({"decision": None}, (Rule.E11, "body.decision")),
        ({"decision": "AD-2026-9"}, (Rule.E11, "body.decision")),
        ({"values": PolicyValues(vigilance=("CF", "CD"))}, (Rule.E5, "body.values.vigilance")),
        ({"values": PolicyValues(vigilance=("CD", "CF"), interim_days=30)}, None),
    ],
)
def test_chair_settles_for_the_scheme_by_decision(
    changes: dict[str, object], expected: tuple[Rule, str] | None
) -> None:
    assert judge(open_trade(), CHAIR, vary(NETWORK, **changes)) == expected


def test_policy_holds_from_its_instant_on_and_for_whom_it_is_settled() -> None:
    ledger = open_trade()
    since = NOW_MS + 1000
    ledger.record(make_event("BW/root", vary(POLICY, effective_from=since)))
    before, after = _policy(ledger, "BW", since - 1), _policy(ledger, "BW", since)
    assert (before.max_validity_days, before.expiry) == (60, ExpiryMeaning.EXPORT_BY)
    assert (after.max_validity_days, after.max_validity_months) == (None, 2)
    assert after.expiry is ExpiryMeaning.JOURNEY
    assert _policy(ledger, "ZA", since) == _policy(ledger, None, since) == before


def test_participant_keeps_its_own_value_when_the_scheme_settles_another() -> None:
    ledger = open_trade()
    ledger.record(make_event("BW/root", POLICY))
    values = PolicyValues(max_validity_days=90, overdue_days=5)
    ledger.record(make_event(CHAIR, vary(NETWORK, values=values)))
    own = _policy(ledger, "BW", NOW_MS)
    assert (own.max_validity_months, own.max_validity_days, own.overdue_days) == (2, None, 5)
    assert _policy(ledger, "ZA", NOW_MS).max_validity_days == 90


def test_policy_is_settled_a_bounded_number_of_times() -> None:
    ledger = open_trade()
    one = PolicySince(
        values=POLICY.values, effective_from=NOW_MS, recorded_at=NOW_MS, decision=None, height=5
    )
    changes = ChangeSet(ledger.state)
    for count, expected in ((MAX_SETTLED - 1, None), (MAX_SETTLED, (Rule.E6, "body.values"))):
        changes.put(PolicyRecord.key_for("BW"), PolicyRecord(history=(one,) * count))
        ledger.state.apply(changes)
        assert judge(ledger, "BW/root", POLICY) == expected
