"""E4 on the day that a statement names: nothing is dated into a suspension or a restriction."""

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
    vary,
)
from journey import judge, make_step
from scheme_statements import (
    ADMISSION,
    APPROVAL,
    MONITOR,
    MONITORING,
    RESTRICTION,
    STATUS,
    add_monitor_key,
)
from statements import NUMBER, SOUND

from kpledger.base.units import start_of_day_ms
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateReplaced,
    ReplacementReason,
)
from kpledger.scheme.v1.events.decisions import Mode, RestrictionSet, Scope
from kpledger.scheme.v1.events.governance import Standing

HOUR_MS: Final = 3_600_000
TODAY: Final = "2026-03-25"
ISSUED: Final = ("E4", "body.certificate.issued_on")
BANNED: Final = vary(RESTRICTION, mode=Mode.PROHIBITED, approver=None, zones=())

Standings = tuple[tuple[str, int, Standing], ...]
"""Days, hours, and what holds from then on."""

ONCE: Final[Standings] = (
    ("2026-03-10", 12, Standing.SUSPENDED),
    ("2026-03-20", 12, Standing.ACTIVE),
)
OF_ONE_DAY: Final[Standings] = (
    ("2026-03-10", 8, Standing.SUSPENDED),
    ("2026-03-10", 16, Standing.ACTIVE),
)
TWICE: Final[Standings] = (
    ("2026-03-10", 0, Standing.SUSPENDED),
    ("2026-03-12", 12, Standing.ACTIVE),
    ("2026-03-13", 12, Standing.SELF_SUSPENDED),
    ("2026-03-16", 0, Standing.MEMBER_NO_TRADE),
    ("2026-03-18", 0, Standing.ACTIVE),
)
REMOVED: Final[Standings] = (
    ("2026-03-10", 0, Standing.REMOVED),
    ("2026-03-20", 0, Standing.ACTIVE),
)


def _at(day: str, hour: int = 0) -> int:
    return start_of_day_ms(day) + hour * HOUR_MS


def _change(ledger: MemoryLedger, code: str, standings: Standings) -> None:
    for day, hour, status in standings:
        ledger.now_ms = _at(day, hour)
        body = vary(STATUS, code=code, status=status, effective_from=ledger.now_ms)
        ledger.record(make_event(CHAIR, body))
    ledger.now_ms = _at(TODAY, 12)


def _dated(day: str, **changes: object) -> Certificate:
    dated = vary(
        make_certificate(), issued_on=day, expires_on="2026-04-20", validated_at=_at(day, 1)
    )
    return vary(dated, **changes)


def _judge(ledger: MemoryLedger, certificate: Certificate) -> tuple[str, str] | None:
    refusal = ledger.attempt(make_event("BW/gaborone", CertificateIssued(certificate=certificate)))
    return None if refusal is None else (refusal.rule.code, refusal.field)


@pytest.mark.parametrize("code", ["BW", "EU"])
@pytest.mark.parametrize(
    ("standings", "day", "good"),
    [
        (ONCE, "2026-03-09", True),
        (ONCE, "2026-03-10", True),  # in the morning
        (ONCE, "2026-03-11", False),
        (ONCE, "2026-03-19", False),
        (ONCE, "2026-03-20", True),  # in the afternoon
        (ONCE, "2026-03-21", True),
        (ONCE, TODAY, True),
        (OF_ONE_DAY, "2026-03-10", True),
        (TWICE, "2026-03-10", False),
        (TWICE, "2026-03-11", False),
        (TWICE, "2026-03-12", True),
        (TWICE, "2026-03-13", True),
        (TWICE, "2026-03-14", False),
        (TWICE, "2026-03-17", False),
        (TWICE, "2026-03-18", True),
        (REMOVED, "2026-03-19", False),
        (REMOVED, "2026-03-20", True),
    ],
)
def test_certificate_is_not_dated_into_a_suspension(
    code: str, standings: Standings, day: str, *, good: bool
) -> None:
    ledger = open_trade()
    _change(ledger, code, standings)
    assert _judge(ledger, _dated(day)) == (None if good else ISSUED)


def test_refusal_says_who_was_what_and_when() -> None:
    ledger = open_trade()
    _change(ledger, "BW", ONCE)
    said = make_event("BW/gaborone", CertificateIssued(certificate=_dated("2026-03-17")))
    refusal = ledger.attempt(said)
    assert refusal is not None
    assert (refusal.problem, refusal.accepted) == (
        "BW was SUSPENDED on 2026-03-17",
        "a day on which both were in good standing, and no restriction stood in the way",
    )


def test_nobody_issues_from_a_day_before_it_was_admitted() -> None:
    ledger = open_trade()
    ledger.now_ms = _at("2026-03-10", 12)
    ledger.record(make_event(CHAIR, vary(ADMISSION, effective_from=ledger.now_ms)))
    ledger.now_ms = _at(TODAY, 12)
    to_new = {day: _dated(day, destination="NA") for day in ("2026-03-09", "2026-03-10")}
    assert [_judge(ledger, one) for one in to_new.values()] == [ISSUED, None]


def test_interim_suspension_that_lapsed_held_until_then() -> None:
    ledger = open_trade()
    ledger.now_ms = NOW_MS
    interim = vary(STATUS, decision="CN-1", interim=True, effective_from=NOW_MS)
    ledger.record(make_event(CHAIR, interim))
    ledger.now_ms = _at("2026-06-10")
    late = vary(_dated("2026-05-30"), expires_on="2026-07-01")
    assert _judge(ledger, late) == ISSUED
    fine = vary(late, issued_on="2026-06-01", validated_at=_at("2026-06-01"))
    assert _judge(ledger, fine) is None


def test_certificate_was_not_validated_in_a_suspension_either() -> None:
    ledger = open_trade()
    _change(ledger, "BW", ONCE)
    certificate = _dated("2026-03-09", validated_at=_at("2026-03-15"))
    assert _judge(ledger, certificate) == ("E4", "body.certificate.validated_at")


def _validated(day: str) -> Body:
    return vary(SOUND["certificate_validated"][1], validated_at=_at(day, 1))


def _exported(day: str) -> Body:
    return vary(SOUND["export_notified"][1], exported_on=day, expected_on=None)


def _replaced(day: str) -> Body:
    new = _dated(day, number="BW000002")
    return CertificateReplaced(reason=ReplacementReason.ERROR, certificate=new)


ACTS: Final = {
    "certificate_validated": (_validated, "body.validated_at"),
    "export_notified": (_exported, "body.exported_on"),
    "certificate_replaced": (_replaced, "body.certificate.issued_on"),
}


@pytest.mark.parametrize("name", list(ACTS))
@pytest.mark.parametrize("code", ["BW", "EU"])
@pytest.mark.parametrize(
    ("day", "good"), [("2026-03-10", True), ("2026-03-15", False), ("2026-03-20", True)]
)
def test_nothing_else_is_dated_into_a_suspension(
    name: str, code: str, day: str, *, good: bool
) -> None:
    ledger = open_trade()
    validated_at = None if name == "certificate_validated" else NOW_MS
    issue(ledger, vary(make_certificate(), validated_at=validated_at))
    _change(ledger, code, ONCE)
    make, field = ACTS[name]
    assert judge(ledger, name, make(day)) == (None if good else ("E4", field))


@pytest.mark.parametrize(
    ("scope", "code"), [(Scope.EXPORT, "BW"), (Scope.IMPORT, "EU"), (Scope.ORIGIN, "BW")]
)
@pytest.mark.parametrize(
    ("day", "good"),
    [
        ("2026-03-09", True),
        ("2026-03-10", True),  # from noon on
        ("2026-03-11", False),
        ("2026-03-19", False),
        ("2026-03-20", True),  # until noon
    ],
)
def test_nothing_is_dated_into_an_embargo(scope: Scope, code: str, day: str, *, good: bool) -> None:
    since, until = _at("2026-03-10", 12), _at("2026-03-20", 12)
    embargo = vary(
        BANNED, scope=scope, participant=code, effective_from=since, effective_until=until
    )
    assert _judge(_restricted(embargo), _dated(day)) == (None if good else ISSUED)


def _restricted(restriction: RestrictionSet) -> MemoryLedger:
    ledger = open_trade()
    ledger.record(make_event(CHAIR, MONITORING), add_monitor_key())
    ledger.record(make_event(CHAIR, restriction))
    ledger.now_ms = _at(TODAY, 12)
    return ledger


MORNING: Final = (_at("2026-03-09", 8), _at("2026-03-10", 12))
AFTERNOON: Final = (_at("2026-03-10", 12), _at("2026-03-11", 14))
FROM_ELEVEN: Final = (_at("2026-03-10", 11), _at("2026-03-11", 14))
FROM_ONE: Final = (_at("2026-03-10", 13), _at("2026-03-11", 14))
MIDDAY: Final = (_at("2026-03-10", 11), _at("2026-03-10", 13))


@pytest.mark.parametrize("later", ["EU", Scope.IMPORT, Scope.ORIGIN])
@pytest.mark.parametrize("earlier", ["BW", Scope.EXPORT])
@pytest.mark.parametrize(
    ("second", "good"),
    [
        pytest.param(AFTERNOON, False, id="relieved at noon"),
        pytest.param(FROM_ELEVEN, False, id="overlapping"),
        pytest.param(FROM_ONE, True, id="an hour free"),
        pytest.param(MIDDAY, True, id="over before midnight"),
    ],
)
def test_day_of_which_no_moment_was_in_order_for_all_together(
    earlier: str | Scope, later: str | Scope, second: tuple[int, int], *, good: bool
) -> None:
    ledger = open_trade()
    steps: list[tuple[int, Body]] = []
    for name, what, (since, until) in (("a", earlier, MORNING), ("b", later, second)):
        if isinstance(what, Scope):
            code = "EU" if what is Scope.IMPORT else "BW"
            ban = vary(BANNED, restriction=name, scope=what, participant=code)
            steps.append((since, vary(ban, effective_from=since, effective_until=until)))
        else:
            for at, status in ((since, Standing.SUSPENDED), (until, Standing.ACTIVE)):
                steps.append((at, vary(STATUS, code=what, status=status, effective_from=at)))
    for at, body in sorted(steps, key=lambda step: step[0]):
        ledger.now_ms = at
        ledger.record(make_event(CHAIR, body))
    ledger.now_ms = _at(TODAY, 12)
    assert _judge(ledger, _dated("2026-03-10")) == (None if good else ISSUED)
    assert _judge(ledger, _dated("2026-03-12")) is None


def test_refusal_names_all_that_stood_in_the_way_by_turns() -> None:
    ledger = open_trade()
    for code, (since, until) in (("BW", MORNING), ("EU", AFTERNOON)):
        for at, status in ((since, Standing.SUSPENDED), (until, Standing.ACTIVE)):
            ledger.now_ms = at
            body = vary(STATUS, code=code, status=status, effective_from=at)
            ledger.record(make_event(CHAIR, body))
    ledger.now_ms = _at(TODAY, 12)
    said = make_event("BW/gaborone", CertificateIssued(certificate=_dated("2026-03-10")))
    refusal = ledger.attempt(said)
    assert refusal is not None
    assert refusal.problem == "BW was SUSPENDED and EU was SUSPENDED on 2026-03-10"


def test_what_needed_an_approval_on_its_day_needs_it_afterwards() -> None:
    until = _at("2026-03-20", 12)
    ledger = _restricted(vary(RESTRICTION, zones=(), effective_until=until))
    early = _dated("2026-03-17")
    assert _judge(ledger, early) == ISSUED
    assert _judge(ledger, _dated("2026-03-20")) is None
    ledger.record(make_event(MONITOR, APPROVAL))
    assert _judge(ledger, early) is None


def test_zones_of_a_restriction_that_held_on_the_day_are_asked_for() -> None:
    until = _at("2026-03-20", 12)
    zones = vary(RESTRICTION, mode=Mode.POST, effective_until=until)
    ledger = _restricted(zones)
    early = _dated("2026-03-17")
    assert _judge(ledger, early) == ISSUED
    named = vary(early, origin=vary(early.origin, zones=("BW/orapa",)))
    assert _judge(ledger, named) is None


def test_goods_that_are_on_their_way_are_received_all_the_same() -> None:
    """What was issued in good standing is imported whatever became of its issuer (flag F10)."""
    ledger = open_trade()
    issue(ledger, make_certificate())
    _change(ledger, "BW", ONCE)
    arrival = vary(SOUND["arrival_recorded"][1], arrived_on="2026-03-15")
    ledger.record(make_step(ledger, "arrival_recorded", arrival))
    found = vary(SOUND["import_confirmed"][1], received_on="2026-03-16")
    assert judge(ledger, "import_confirmed", found) is None


def test_clean_confirmation_needs_good_standing_on_the_day_of_issue() -> None:
    """A suspension may be decided afterwards, as far back as the last change."""
    ledger = open_trade()
    ledger.now_ms = _at("2026-03-12", 12)
    issue(ledger, _dated("2026-03-11"))
    for since, status in (("2026-03-10", Standing.SUSPENDED), ("2026-03-12", Standing.ACTIVE)):
        body = vary(STATUS, status=status, effective_from=_at(since))
        ledger.record(make_event(CHAIR, body))
    assert ledger.certificate(NUMBER).recorded_at > _at("2026-03-12")
    found = vary(SOUND["import_confirmed"][1], received_on="2026-03-12")
    assert judge(ledger, "import_confirmed", found) == ("E8", "subject")
