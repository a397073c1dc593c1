"""E11: what rests on a decision of the scheme, what is interim, and what counts as a decision."""

from typing import Final

import pytest
from founding import (
    CHAIR,
    DECISION,
    NOW_MS,
    TODAY,
    MemoryLedger,
    event_id_of,
    make_decision,
    make_event,
    open_trade,
    signing_key,
    vary,
)
from judging import judge, judgement
from scheme_statements import (
    ADMISSION,
    HAND_OVER,
    LIFTING,
    MONITORING,
    NEXT_CHAIR_KEY,
    RESTRICTION,
    SECRETARIAT,
    STATUS,
    add_monitor_key,
    state,
)

from kpledger.base.units import DAY_MS
from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.decisions import ChairRotated, Procedure, ViceChairElected
from kpledger.scheme.v1.events.governance import (
    AuthorityRole,
    ParticipantKind,
    RevocationReason,
    Standing,
)
from kpledger.scheme.v1.records import (
    SCHEME_KEY,
    DecisionRecord,
    KeyRecord,
    ParticipantRecord,
    SchemeRecord,
)

INTERIM_MS: Final = 90 * DAY_MS
NOTICE: Final = "CN-2026-1"
FURTHER: Final = make_decision("AD-2026-2")
ELECTION: Final = ViceChairElected(vice_chair="IN", decision=DECISION)


def _trade() -> MemoryLedger:
    """Give a ledger with a monitoring team, the trading entity TW, and a notice of the Chair."""
    ledger = open_trade()
    ledger.record(make_event(CHAIR, MONITORING), add_monitor_key())
    taipei = vary(
        ADMISSION,
        code="TW",
        name="Chinese Taipei",
        kind=ParticipantKind.ENTITY,
        root_key=signing_key("TW/root").public_key,
        recovery_key=signing_key("TW/recovery").public_key,
    )
    notice = make_decision(NOTICE, procedure=Procedure.CHAIR_NOTICE)
    ledger.record(make_event(CHAIR, taipei), make_event(CHAIR, notice))
    return ledger


TRADE: Final = _trade()
MEASURES: Final[list[Body]] = [ADMISSION, STATUS, RESTRICTION]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("decision", "interim", "expected"),
    [
        (DECISION, False, None),
        (DECISION, True, (Rule.E11, "body.interim")),
        ("AD-2026-9", False, (Rule.E11, "body.decision")),
        ("AD-2026-9", True, None),
        (NOTICE, False, (Rule.E11, "body.decision")),
        (NOTICE, True, None),
    ],
)
def test_measure_rests_on_a_decision_or_is_interim(
    measure: Body, decision: str, interim: object, expected: tuple[Rule, str] | None
) -> None:
    assert judge(TRADE, CHAIR, vary(measure, decision=decision, interim=interim)) == expected


def test_own_suspension_needs_no_decision_and_does_not_lapse() -> None:
    own = vary(STATUS, status=Standing.SELF_SUSPENDED, decision="OWN-1")
    assert judge(TRADE, "BW/root", own) is None
    assert judge(TRADE, "BW/root", vary(own, interim=True)) == (Rule.E11, "body.interim")


def _standing(ledger: MemoryLedger, code: str, time_ms: int) -> Standing | None:
    return ledger.read(ParticipantRecord.key_for(code), ParticipantRecord).standing_at(time_ms)


def test_interim_standing_lapses_to_the_one_before() -> None:
    ledger = open_trade()
    ledger.record(make_event(CHAIR, vary(STATUS, decision=NOTICE, interim=True)))
    lapse = NOW_MS + INTERIM_MS
    found = [_standing(ledger, "BW", time) for time in (NOW_MS - 1, NOW_MS, lapse - 1, lapse)]
    assert found == [Standing.ACTIVE, Standing.SUSPENDED, Standing.SUSPENDED, Standing.ACTIVE]
    # It is ACTIVE again, so it may be suspended again, and cannot be made what it is.
    ledger.now_ms = lapse
    again = vary(STATUS, effective_from=lapse)
    assert judge(ledger, CHAIR, again) is None
    active = vary(again, status=Standing.ACTIVE)
    assert judge(ledger, CHAIR, active) == (Rule.E6, "body.status")


def test_interim_admission_lapses_and_is_renewed_as_a_standing() -> None:
    ledger = open_trade()
    ledger.record(make_event(CHAIR, vary(ADMISSION, decision=NOTICE, interim=True)))
    ledger.now_ms = NOW_MS + INTERIM_MS
    assert _standing(ledger, "NA", ledger.now_ms) is None
    assert judge(ledger, CHAIR, ADMISSION) == (Rule.E6, "body.code")
    renewed = vary(STATUS, code="NA", status=Standing.ACTIVE, effective_from=ledger.now_ms)
    assert judge(ledger, CHAIR, renewed) is None


@pytest.mark.parametrize("measure", MEASURES)
def test_ratified_measure_does_not_lapse(measure: Body) -> None:
    ledger = _trade()
    interim = make_event(CHAIR, vary(measure, decision=NOTICE, interim=True))
    ledger.record(interim)
    ratified = vary(FURTHER, ratifies=(event_id_of(interim),))
    ledger.record(make_event(SECRETARIAT, ratified))
    later = NOW_MS + 2 * INTERIM_MS
    if measure is RESTRICTION:
        ledger.now_ms = later
        end = vary(LIFTING, effective_from=later)
        assert judge(ledger, CHAIR, end) is None
    else:
        code = "BW" if measure is STATUS else "NA"
        lasting = Standing.SUSPENDED if measure is STATUS else Standing.ACTIVE
        assert _standing(ledger, code, later) is lasting
    again = vary(ratified, decision="AD-2026-3")
    assert judge(ledger, CHAIR, again) == (Rule.E11, "body.ratifies[0]")


def test_only_interim_measures_in_force_are_ratified() -> None:
    ledger = _trade()
    lasting = make_event(CHAIR, STATUS)
    ledger.record(lasting)
    interim = make_event(CHAIR, vary(ADMISSION, decision=NOTICE, interim=True))
    ledger.record(interim)
    for event_id in (bytes(32), event_id_of(lasting)):
        body = vary(FURTHER, ratifies=(event_id,))
        assert judge(ledger, CHAIR, body) == (Rule.E11, "body.ratifies[0]")
    body = vary(FURTHER, ratifies=(event_id_of(interim),))
    by_notice = vary(body, procedure=Procedure.CHAIR_NOTICE)
    assert judge(ledger, CHAIR, by_notice) == (Rule.E11, "body.procedure")
    assert judge(ledger, CHAIR, body) is None
    ledger.now_ms = NOW_MS + INTERIM_MS
    assert judge(ledger, CHAIR, body) == (Rule.E11, "body.ratifies[0]")


REFUSED: Final[list[tuple[str, dict[str, object], Rule, str]]] = [
    ("recorded-before", {"decision": DECISION}, Rule.E6, "body.decision"),
    ("no-day", {"decided_on": "2026-02-30"}, Rule.E5, "body.decided_on"),
    ("in-the-future", {"decided_on": "2026-03-05"}, Rule.E5, "body.decided_on"),
    ("supports-unsorted", {"supports": ("ZA", "BW")}, Rule.E5, "body.supports"),
    ("support-twice", {"supports": ("ZA", "ZA")}, Rule.E5, "body.supports"),
    ("support-of-a-stranger", {"supports": ("XX",)}, Rule.E5, "body.supports"),
    ("objection-of-a-stranger", {"objections": ("XX",)}, Rule.E5, "body.objections"),
    ("objection", {"objections": ("IN",)}, Rule.E11, "body.objections"),
    ("supports-and-objects", {"objections": ("TW",), "supports": ("BW", "TW")}, Rule.E11, ""),
    ("nobody", {"supports": ()}, Rule.E11, "body.supports"),
    ("entity-alone", {"supports": ("TW",)}, Rule.E11, "body.supports"),
    ("ratifies-unsorted", {"ratifies": (b"\x01" * 32, bytes(32))}, Rule.E5, "body.ratifies"),
]


@pytest.mark.parametrize(
    ("changes", "rule", "field"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED]
)
def test_unsound_decision_is_refused(changes: dict[str, object], rule: Rule, field: str) -> None:
    found = judge(TRADE, CHAIR, vary(FURTHER, **changes))
    assert found == (rule, field or "body.supports")


def test_trading_entity_has_no_vote() -> None:
    """Its objection stands in no decision's way, and its support carries none."""
    objected = vary(FURTHER, objections=("TW",))
    assert judge(TRADE, CHAIR, objected) is None
    assert judge(TRADE, CHAIR, vary(objected, supports=("TW",), objections=())) is not None


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        (Standing.MEMBER_NO_TRADE, True),
        (Standing.SUSPENDED, False),
        (Standing.SELF_SUSPENDED, False),
        (Standing.REMOVED, False),
    ],
)
def test_vote_goes_with_the_standing_on_the_day_of_the_decision(
    status: Standing, *, counts: bool
) -> None:
    ledger = open_trade()
    ledger.record(make_event(CHAIR, vary(STATUS, code="IN", status=status)))
    objected = vary(FURTHER, objections=("IN",))
    assert judge(ledger, CHAIR, objected) == ((Rule.E11, "body.objections") if counts else None)
    before = vary(objected, decided_on="2026-03-01")
    assert judge(ledger, CHAIR, before) == (Rule.E11, "body.objections")


def test_notice_of_the_chair_needs_no_support() -> None:
    notice = vary(FURTHER, procedure=Procedure.CHAIR_NOTICE, supports=())
    assert judge(TRADE, CHAIR, notice) is None
    assert judge(TRADE, "BW/root", FURTHER) == (Rule.E1, "author")


def test_decision_is_recorded_whole() -> None:
    record = TRADE.read(DecisionRecord.key_for(DECISION), DecisionRecord)
    sound = make_decision()
    assert record == DecisionRecord(
        decision=DECISION,
        title=sound.title,
        document=sound.document,
        procedure=Procedure.WRITTEN,
        decided_on=TODAY,
        supports=("BW", "ZA"),
        recorded_at=NOW_MS,
    )


def test_chair_hands_over_under_both_keys() -> None:
    ledger = open_trade()
    ledger.record(state(ledger, "chair_rotated"))
    assert ledger.read(SCHEME_KEY, SchemeRecord) == SchemeRecord(
        chair="ZA", vice_chair="IN", year=2027, key=NEXT_CHAIR_KEY, witnesses=2, chair_quorum=3
    )
    old = ledger.read(KeyRecord.key_for(signing_key(CHAIR).public_key), KeyRecord)
    assert (old.revoked_at, old.reason) == (NOW_MS, RevocationReason.SUPERSEDED)
    assert judgement(ledger.attempt(make_event(CHAIR, ELECTION))) == (Rule.E1, "signatures")
    by_the_next = make_event(CHAIR, ELECTION, signers=("the next chair",))
    assert ledger.attempt(by_the_next) is None


@pytest.mark.parametrize(
    "signers", [(CHAIR,), ("the next chair",), (CHAIR, "the next chair", "BW/root")]
)
def test_hand_over_is_signed_by_old_and_new_and_nobody_else(signers: tuple[str, ...]) -> None:
    refusal = TRADE.attempt(make_event(CHAIR, HAND_OVER, signers=signers))
    assert judgement(refusal) == (Rule.E1, "signatures")


ROTATED: Final[list[tuple[str, dict[str, object], Rule, str]]] = [
    ("no-decision", {"decision": "AD-2026-9"}, Rule.E11, "body.decision"),
    ("by-notice", {"decision": NOTICE}, Rule.E11, "body.decision"),
    ("to-an-entity", {"chair": "TW"}, Rule.E6, "body.chair"),
    ("to-a-stranger", {"chair": "XX"}, Rule.E6, "body.chair"),
    ("followed-by-itself", {"vice_chair": "ZA"}, Rule.E6, "body.vice_chair"),
    ("followed-by-an-entity", {"vice_chair": "TW"}, Rule.E6, "body.vice_chair"),
]


@pytest.mark.parametrize(
    ("changes", "rule", "field"), [pytest.param(*row[1:], id=row[0]) for row in ROTATED]
)
def test_unsound_hand_over_is_refused(changes: dict[str, object], rule: Rule, field: str) -> None:
    body = vary(HAND_OVER, **changes)
    refusal = TRADE.attempt(make_event(CHAIR, body, signers=(CHAIR, "the next chair")))
    assert judgement(refusal) == (rule, field)


def test_chair_is_handed_over_under_a_key_that_was_never_used() -> None:
    body = vary(HAND_OVER, key=signing_key("ZA/root").public_key)
    refusal = TRADE.attempt(make_event(CHAIR, body, signers=(CHAIR, "ZA/root")))
    assert judgement(refusal) == (Rule.E6, "body.key")


def test_chair_is_handed_over_for_a_later_year() -> None:
    ledger = open_trade()
    ledger.record(state(ledger, "chair_rotated"))
    key = signing_key("a third chair").public_key
    signers = ("the next chair", "a third chair")
    refused = (Rule.E6, "body.year")
    for year, expected in ((2027, refused), (2028, None), (2036, None), (2037, refused)):
        body = ChairRotated(year=year, chair="IN", key=key, vice_chair=None, decision=DECISION)
        refusal = ledger.attempt(make_event(CHAIR, body, signers=signers))
        assert judgement(refusal) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"vice_chair": "TW"}, (Rule.E6, "body.vice_chair")),
        ({"decision": "AD-2026-9"}, (Rule.E11, "body.decision")),
    ],
)
def test_vice_chair_is_elected_by_decision_among_those_who_vote(
    changes: dict[str, object], expected: tuple[Rule, str] | None
) -> None:
    assert judge(TRADE, CHAIR, vary(ELECTION, **changes)) == expected


def test_vice_chair_is_not_the_chair() -> None:
    ledger = open_trade()
    ledger.record(state(ledger, "chair_rotated"))
    body = vary(ELECTION, vice_chair="ZA")
    refusal = ledger.attempt(make_event(CHAIR, body, signers=("the next chair",)))
    assert judgement(refusal) == (Rule.E6, "body.vice_chair")
    elected = make_event(CHAIR, vary(ELECTION, vice_chair="BW"), signers=("the next chair",))
    ledger.record(elected)
    assert ledger.read(SCHEME_KEY, SchemeRecord).vice_chair == "BW"


def test_monitoring_team_may_not_play_the_chair() -> None:
    assert MONITORING.roles[0] is AuthorityRole.MONITORING
    assert judge(TRADE, "KPCS/car-team", ELECTION) == (Rule.E1, "author")
