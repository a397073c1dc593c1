"""E7 and E8: arrival and confirmation (KPCS III(b)1 and III(b)2), and E14 behind them."""

import pytest
from founding import (
    CHAIR,
    DECISION,
    NOW_MS,
    TODAY,
    MemoryLedger,
    issue,
    make_certificate,
    make_confirmation,
    make_event,
    open_trade,
    vary,
)
from journey import judge, make_step, set_policy, start_journey, travel

from kpledger.base.units import DAY_MS, add_days, start_of_day_ms
from kpledger.scheme.event import Body
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.events.certificate import Party
from kpledger.scheme.v1.events.decisions import ExpiryMeaning
from kpledger.scheme.v1.events.governance import ParticipantStatusChanged, Standing
from kpledger.scheme.v1.events.importing import (
    ArrivalRecorded,
    DiscrepancyCause,
    ImportConfirmed,
    ImportConfirmedDiscrepant,
)
from kpledger.scheme.v1.records import FoundGoods

NUMBER = "BW000001"
CERTIFICATE = make_certificate(NUMBER)
CLEAN = make_confirmation(CERTIFICATE)
DISCREPANT = ImportConfirmedDiscrepant(
    number=NUMBER,
    parcels=1,
    carat_thousandths=1,
    value_usd_cents=1,
    exporter=CLEAN.exporter,
    importer=CLEAN.importer,
    received_on=TODAY,
    cause=DiscrepancyCause.UNKNOWN,
    remarks="",
)
ARRIVAL = ArrivalRecorded(
    arrived_on=TODAY, seals_intact=True, opened=True, found_carat_thousandths=1, remarks=""
)
YESTERDAY = add_days(TODAY, -1)
EXPIRY = CERTIFICATE.expires_on
AFTER_EXPIRY = add_days(EXPIRY, 1)
LATER_MS = start_of_day_ms(EXPIRY) + 3 * DAY_MS
STRANGER = Party(name="Somebody", address="Elsewhere", licence="")


def _shipped() -> MemoryLedger:
    ledger = open_trade()
    issue(ledger, CERTIFICATE)
    return ledger


def _judge(ledger: MemoryLedger, body: Body, *, now_ms: int = NOW_MS) -> Refusal | None:
    prev = ledger.certificate(NUMBER).head
    encoded = make_event("EU/antwerp", body, subject=NUMBER, prev=prev)
    return ledger.attempt(encoded, now_ms=now_ms)


def _found(carats: int = 100_000, value: int = 5_000_000) -> ImportConfirmed:
    return vary(CLEAN, carat_thousandths=carats, value_usd_cents=value)


@pytest.mark.parametrize(
    ("carats", "value", "field"),
    [
        (100_100, 5_000_000, None),
        (99_900, 5_000_000, None),
        (100_101, 5_000_000, "body.carat_thousandths"),
        (99_899, 5_000_000, "body.carat_thousandths"),
        (100_000, 5_100_000, None),
        (100_000, 4_900_000, None),
        (100_000, 5_100_001, "body.value_usd_cents"),
        (100_000, 4_899_999, "body.value_usd_cents"),
        (100_100, 4_900_000, None),
    ],
)
def test_found_may_differ_by_the_tolerance_and_no_more(
    carats: int, value: int, field: str | None
) -> None:
    refusal = _judge(_shipped(), _found(carats, value))
    assert (refusal and (refusal.rule, refusal.field)) == (field and (Rule.E8, field))


def test_found_parcels_may_not_differ() -> None:
    refusal = _judge(_shipped(), vary(CLEAN, parcels=3))
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (Rule.E8, "body.parcels")


@pytest.mark.parametrize("body", [CLEAN, DISCREPANT])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", "BW000002"),
        ("received_on", YESTERDAY),
        ("received_on", add_days(TODAY, 2)),
        ("received_on", "2026-03-32"),
    ],
)
def test_confirmation_repeats_the_certificate_and_a_possible_day(
    body: Body, field: str, value: object
) -> None:
    refusal = _judge(_shipped(), vary(body, **{field: value}))
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (Rule.E7, f"body.{field}")


@pytest.mark.parametrize("body", [CLEAN, DISCREPANT])
@pytest.mark.parametrize("who", ["exporter", "importer"])
@pytest.mark.parametrize("part", ["name", "address", "licence"])
def test_confirmation_repeats_every_part_of_the_parties(body: Body, who: str, part: str) -> None:
    party = getattr(body, who)
    refusal = _judge(_shipped(), vary(body, **{who: vary(party, **{part: "Other"})}))
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (Rule.E7, f"body.{who}.{part}")
    assert (refusal.problem, refusal.accepted) == (
        "'Other' differs from the certificate",
        repr(getattr(party, part)),
    )


@pytest.mark.parametrize("name", ["import_confirmed", "import_confirmed_discrepant"])
def test_nothing_is_received_before_it_arrived(name: str) -> None:
    """Otherwise a journey that ended too late could be told to have ended in time."""
    ledger = start_journey()
    ledger.now_ms += 2 * DAY_MS
    arrival = vary(ARRIVAL, arrived_on=add_days(TODAY, 2))
    ledger.record(make_step(ledger, "arrival_recorded", arrival))
    body = CLEAN if name == "import_confirmed" else DISCREPANT
    found = {
        days: judge(ledger, name, vary(body, received_on=add_days(TODAY, days))) for days in (1, 2)
    }
    assert found == {1: ("E7", "body.received_on"), 2: None}


def test_discrepant_confirmation_may_find_anything() -> None:
    assert _judge(_shipped(), DISCREPANT) is None


@pytest.mark.parametrize(
    ("changes", "is_told"),
    [
        ({}, False),
        ({"cause": DiscrepancyCause.WEIGHING}, False),
        ({"remarks": " "}, False),
        ({"cause": DiscrepancyCause.CONTENTS}, True),
        ({"cause": DiscrepancyCause.CLERICAL}, True),
        ({"remarks": "The seals were broken"}, True),
        ({"parcels": CLEAN.parcels + 1}, True),
        ({"carat_thousandths": CLEAN.carat_thousandths - 1}, True),
        ({"value_usd_cents": CLEAN.value_usd_cents + 1}, True),
    ],
)
def test_discrepant_confirmation_says_what_differs(
    changes: dict[str, object], *, is_told: bool
) -> None:
    figures = ("parcels", "carat_thousandths", "value_usd_cents")
    as_declared = vary(DISCREPANT, **{name: getattr(CLEAN, name) for name in figures})
    refusal = _judge(_shipped(), vary(as_declared, **changes))
    found = refusal and (refusal.rule, refusal.field)
    assert found == (None if is_told else (Rule.E8, "body.cause"))


@pytest.mark.parametrize("day", [YESTERDAY, add_days(TODAY, 2), "2026-02-30"])
def test_arrival_on_an_impossible_day_is_refused(day: str) -> None:
    refusal = _judge(_shipped(), vary(ARRIVAL, arrived_on=day))
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (Rule.E5, "body.arrived_on")


def test_arrival_may_be_dated_tomorrow_in_the_east() -> None:
    assert _judge(_shipped(), vary(ARRIVAL, arrived_on=add_days(TODAY, 1))) is None


def test_arrival_after_expiry_is_recorded() -> None:
    assert _judge(_shipped(), vary(ARRIVAL, arrived_on=AFTER_EXPIRY), now_ms=LATER_MS) is None


@pytest.mark.parametrize(
    ("received_on", "exported_on", "field"),
    [
        (EXPIRY, None, None),
        (AFTER_EXPIRY, None, "body.received_on"),
        (AFTER_EXPIRY, EXPIRY, None),
        (AFTER_EXPIRY, TODAY, None),
        (AFTER_EXPIRY, AFTER_EXPIRY, "body.exported_on"),
        # Days on which the shipment cannot have left must not save an expired certificate.
        (AFTER_EXPIRY, YESTERDAY, "body.exported_on"),
        (TODAY, add_days(TODAY, 1), "body.exported_on"),
        (AFTER_EXPIRY, "2026-02-30", "body.exported_on"),
    ],
)
def test_clean_confirmation_needs_a_certificate_that_had_not_expired(
    received_on: str, exported_on: str | None, field: str | None
) -> None:
    body = vary(CLEAN, received_on=received_on, exported_on=exported_on)
    refusal = _judge(_shipped(), body, now_ms=LATER_MS)
    assert (refusal and (refusal.rule, refusal.field)) == (field and (Rule.E8, field))


def test_expired_certificate_is_confirmed_as_discrepant() -> None:
    body = vary(DISCREPANT, received_on=AFTER_EXPIRY)
    assert _judge(_shipped(), body, now_ms=LATER_MS) is None


def _change_standing(ledger: MemoryLedger, code: str, status: Standing, since: int) -> None:
    body = ParticipantStatusChanged(
        code=code, status=status, effective_from=since, decision=DECISION
    )
    ledger.record(make_event(CHAIR, body))


@pytest.mark.parametrize("code", ["BW", "EU"])
@pytest.mark.parametrize("status", [Standing.SUSPENDED, Standing.REMOVED])
def test_later_change_of_standing_does_not_rewrite_a_certificate(
    code: str, status: Standing
) -> None:
    """E14: the standing at the time of issue counts, whatever came after."""
    ledger = _shipped()
    before = ledger.certificate(NUMBER)
    _change_standing(ledger, code, status, NOW_MS + 1)
    assert ledger.certificate(NUMBER) == before
    assert _judge(ledger, CLEAN, now_ms=NOW_MS + DAY_MS) is None


def test_decision_in_effect_at_issue_bars_a_clean_confirmation() -> None:
    """A suspension recorded late still began when it began; the record itself stays untouched."""
    ledger = _shipped()
    before = ledger.certificate(NUMBER)
    _change_standing(ledger, "BW", Standing.SUSPENDED, NOW_MS)
    refusal = _judge(ledger, CLEAN)
    assert refusal is not None
    assert (refusal.rule, refusal.field) == (Rule.E8, "subject")
    assert ledger.certificate(NUMBER) == before
    assert _judge(ledger, DISCREPANT) is None


def _notified() -> MemoryLedger:
    return start_journey("export_notified")


def _arriving_after_expiry(
    ledger: MemoryLedger, exported_on: str | None = None
) -> tuple[str, str] | None:
    body = vary(CLEAN, received_on=AFTER_EXPIRY, exported_on=exported_on)
    return judge(ledger, "import_confirmed", body, now_ms=LATER_MS)


def test_notice_of_export_shows_that_it_left_in_time() -> None:
    assert _arriving_after_expiry(_notified()) is None


def test_transport_document_overrules_the_notice_of_export() -> None:
    found = _arriving_after_expiry(_notified(), AFTER_EXPIRY)
    assert found == ("E8", "body.exported_on")


def _for_the_journey() -> MemoryLedger:
    ledger = open_trade()
    set_policy(ledger, "BW", expiry=ExpiryMeaning.JOURNEY)
    issue(ledger, CERTIFICATE)
    travel(ledger, "export_notified")
    return ledger


def test_certificate_for_the_journey_must_arrive_in_time() -> None:
    ledger = _for_the_journey()
    assert _arriving_after_expiry(ledger) == ("E8", "body.received_on")
    assert _arriving_after_expiry(ledger, TODAY) == ("E8", "body.received_on")
    body = vary(CLEAN, received_on=EXPIRY)
    assert judge(ledger, "import_confirmed", body, now_ms=LATER_MS) is None


def test_meaning_of_expiry_is_that_of_the_day_of_issue() -> None:
    ledger = _for_the_journey()
    set_policy(ledger, "BW", expiry=ExpiryMeaning.EXPORT_BY)
    assert _arriving_after_expiry(ledger) == ("E8", "body.received_on")


EXACT = {
    "carat_tolerance_ppm": 0,
    "carat_tolerance_thousandths": 0,
    "value_tolerance_ppm": 0,
    "value_tolerance_usd_cents": 0,
}


def test_tolerance_is_that_of_the_destination() -> None:
    ledger = _shipped()
    set_policy(ledger, "EU", **EXACT)
    set_policy(ledger, "BW", carat_tolerance_ppm=100_000, value_tolerance_ppm=100_000)
    assert judge(ledger, "import_confirmed") is None
    for body, field in (
        (_found(carats=100_001), "body.carat_thousandths"),
        (_found(carats=99_999), "body.carat_thousandths"),
        (_found(value=5_000_001), "body.value_usd_cents"),
    ):
        assert judge(ledger, "import_confirmed", body) == ("E8", field)


@pytest.mark.parametrize(
    ("declared", "found", "field"),
    [
        # Scales that show two decimals: 1.235 ct are 1.24 ct.
        ((1_235, 50_000), (1_240, 50_000), None),
        ((1_235, 50_000), (1_245, 50_000), None),
        ((1_235, 50_000), (1_225, 50_000), None),
        ((1_235, 50_000), (1_246, 50_000), "body.carat_thousandths"),
        ((1_235, 50_000), (1_224, 50_000), "body.carat_thousandths"),
        # Valuers who write whole dollars.
        ((1_235, 1_160), (1_235, 1_200), None),
        ((1_235, 1_160), (1_235, 1_261), "body.value_usd_cents"),
        # Of larger goods the millionths allow more.
        ((20_000, 50_000), (20_020, 51_000), None),
        ((20_000, 50_000), (20_021, 50_000), "body.carat_thousandths"),
        ((20_000, 50_000), (20_000, 51_001), "body.value_usd_cents"),
    ],
)
def test_tolerance_has_a_least_amount(
    declared: tuple[int, int], found: tuple[int, int], field: str | None
) -> None:
    amounts = dict(zip(("carat_thousandths", "value_usd_cents"), declared, strict=True))
    line = vary(CERTIFICATE.lines[0], **amounts)
    ledger = open_trade()
    issue(ledger, vary(CERTIFICATE, lines=(line,), **amounts))
    judged = judge(ledger, "import_confirmed", _found(carats=found[0], value=found[1]))
    assert judged == (None if field is None else ("E8", field))


@pytest.mark.parametrize("name", ["carat_tolerance_thousandths", "value_tolerance_usd_cents"])
def test_least_amount_is_settled_by_policy(name: str) -> None:
    ledger = open_trade()
    small = {"carat_thousandths": 1_000, "value_usd_cents": 1_000}
    issue(ledger, vary(CERTIFICATE, lines=(vary(CERTIFICATE.lines[0], **small),), **small))
    off = (
        {"carats": 1_030, "value": 1_000}
        if name.startswith("carat")
        else {"carats": 1_000, "value": 1_030}
    )
    set_policy(ledger, "EU", **EXACT)
    assert judge(ledger, "import_confirmed", _found(**off)) is not None
    set_policy(ledger, "EU", **{name: 30})
    assert judge(ledger, "import_confirmed", _found(**off)) is None


def test_what_was_found_is_kept() -> None:
    ledger = _shipped()
    body = vary(_found(carats=99_950), exported_on=TODAY)
    ledger.record(make_step(ledger, "import_confirmed", body))
    record = ledger.certificate(NUMBER)
    assert record.found == FoundGoods(
        parcels=2, carat_thousandths=99_950, value_usd_cents=5_000_000, received_on=TODAY
    )
    assert (record.holder, record.exported_on) == ("EU", TODAY)


def test_day_of_the_notice_stays_where_the_confirmation_has_none() -> None:
    ledger = _notified()
    travel(ledger, "import_confirmed")
    assert ledger.certificate(NUMBER).exported_on == TODAY


def test_arrival_is_kept_with_its_day_and_holder() -> None:
    record = start_journey("arrival_recorded").certificate(NUMBER)
    assert (record.arrived_on, record.holder) == (TODAY, "EU")


@pytest.mark.parametrize("photos", [(b"b" * 32, b"a" * 32), (b"a" * 32, b"a" * 32)])
def test_photos_of_an_arrival_ascend_each_once(photos: tuple[bytes, ...]) -> None:
    found = judge(_shipped(), "arrival_recorded", vary(ARRIVAL, photos=photos))
    assert found == ("E5", "body.photos")


def test_agreed_values_take_the_place_of_what_was_found() -> None:
    ledger = start_journey("import_confirmed_discrepant")
    before = ledger.certificate(NUMBER)
    assert before.found is not None
    travel(ledger, "discrepancy_resolved")
    after = ledger.certificate(NUMBER)
    assert after.found == vary(
        before.found, parcels=1, carat_thousandths=99_000, value_usd_cents=4_900_000
    )


@pytest.mark.parametrize(
    ("author", "signers", "found"),
    [
        ("BW/gaborone", ("BW/gaborone", "EU/antwerp"), None),
        ("BW/gaborone", ("BW/gaborone",), ("E1", "signatures")),
        ("BW/gaborone", ("BW/gaborone", "ZA/joburg"), ("E1", "signatures")),
        ("EU/antwerp", ("EU/antwerp",), ("E1", "signatures")),
        ("ZA/joburg", ("ZA/joburg", "EU/antwerp"), ("E2", "author")),
    ],
)
def test_discrepancy_is_resolved_by_issuer_and_importer_together(
    author: str, signers: tuple[str, ...], found: tuple[str, str] | None
) -> None:
    ledger = start_journey("import_confirmed_discrepant")
    assert judge(ledger, "discrepancy_resolved", author=author, signers=signers) == found
