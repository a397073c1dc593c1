"""E13: where lineage is strict, what came in covers what goes out again; it is counted for all."""

import pytest
from founding import (
    TODAY,
    MemoryLedger,
    issue,
    make_certificate,
    make_confirmation,
    make_event,
    open_trade,
    vary,
)
from journey import make_step, set_policy, start_journey, travel
from statements import NUMBER, SOUND

from kpledger.base.state import read_record
from kpledger.base.units import DAY_MS, MAX_AMOUNT
from kpledger.scheme.outcome import Refusal
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateKind,
    CertificateReplaced,
    GoodsLine,
    HsCode,
    Origin,
    OriginKind,
    ReplacementReason,
    Source,
)
from kpledger.scheme.v1.records import DrawnRecord

FIELD = "body.certificate.sources"
MIXED = Origin(kind=OriginKind.MIXED, countries=())


def _re_export(
    *sources: tuple[str, int], number: str = "EU000001", to: str = "ZA", **changes: object
) -> Certificate:
    certificate = vary(
        make_certificate(number, to),
        origin=MIXED,
        sources=tuple(Source(number=of, carat_thousandths=carats) for of, carats in sources),
    )
    return vary(certificate, **changes)


def _imported(*, strict: bool = True) -> MemoryLedger:
    """BW000001 with 100 ct, of which 99.95 ct were found, is with EU."""
    ledger = start_journey()
    found = vary(make_confirmation(make_certificate(NUMBER)), carat_thousandths=99_950)
    ledger.record(make_step(ledger, "import_confirmed", found))
    if strict:
        set_policy(ledger, "EU", strict_lineage=True)
    return ledger


def _judge(ledger: MemoryLedger, certificate: Certificate) -> tuple[str, str] | None:
    author = {"EU": "EU/antwerp", "BW": "BW/gaborone"}[certificate.number[:2]]
    refusal: Refusal | None = ledger.attempt(
        make_event(author, CertificateIssued(certificate=certificate))
    )
    return None if refusal is None else (refusal.rule.code, refusal.field)


def _small(
    carats: int, *sources: tuple[str, int], number: str = "EU000001", to: str = "ZA"
) -> Certificate:
    line = vary(make_certificate().lines[0], carat_thousandths=carats, value_usd_cents=5_000_000)
    whole = _re_export(*sources, number=number, to=to)
    return vary(whole, lines=(line,), carat_thousandths=carats)


def _drawn(ledger: MemoryLedger, number: str = NUMBER) -> int:
    record = read_record(ledger.state, DrawnRecord.key_for(number), DrawnRecord)
    return 0 if record is None else record.carat_thousandths


def test_sources_cover_what_is_issued_and_no_more_is_asked() -> None:
    ledger = _imported()
    assert _judge(ledger, _small(50_000, (NUMBER, 50_000))) is None
    assert _judge(ledger, _small(50_000, (NUMBER, 50_001))) is None
    assert _judge(ledger, _small(50_000, (NUMBER, 49_999))) == ("E13", FIELD)
    assert _judge(ledger, _small(50_000)) == ("E13", FIELD)


@pytest.mark.parametrize(
    ("countries", "shares", "expected"),
    [
        pytest.param(("GL",), (), None, id="greenland"),
        pytest.param(("DK",), (), None, id="denmark"),
        pytest.param(("DK", "GL"), (), None, id="both"),
        pytest.param(("BW", "DK", "GL"), (5_000, 3_000, 2_000), None, id="half is from abroad"),
        pytest.param(("BW", "DK", "GL"), (5_001, 3_000, 1_999), ("E13", FIELD), id="and a bit"),
        pytest.param(("BW", "GL"), (), ("E13", FIELD), id="shares unknown"),
        pytest.param(("HK",), (), ("E13", FIELD), id="of another"),
    ],
)
def test_what_a_territory_mined_its_participant_mined(
    countries: tuple[str, ...], shares: tuple[int, ...], expected: tuple[str, str] | None
) -> None:
    ledger = _imported()
    kind = OriginKind.SINGLE if len(countries) == 1 else OriginKind.MIXED
    origin = Origin(kind=kind, countries=countries, shares=shares)
    half = () if len(countries) < 3 else ((NUMBER, 25_000),)
    certificate = vary(_small(50_000, *half), origin=origin)
    assert _judge(ledger, certificate) == expected


def test_no_more_is_drawn_from_a_source_than_was_found() -> None:
    ledger = _imported()
    assert _judge(ledger, _small(99_950, (NUMBER, 99_950))) is None
    assert _judge(ledger, _small(99_951, (NUMBER, 99_951))) == ("E13", FIELD)
    issue(ledger, _small(60_000, (NUMBER, 60_000)), "EU/antwerp")
    assert _judge(ledger, _small(39_950, (NUMBER, 39_950), number="EU000002")) is None
    over = _judge(ledger, _small(39_951, (NUMBER, 39_951), number="EU000002"))
    assert over == ("E13", FIELD)


@pytest.mark.parametrize("path", [(), ("arrival_recorded",), ("certificate_voided",)])
def test_source_must_have_been_imported(path: tuple[str, ...]) -> None:
    ledger = start_journey(*path)
    set_policy(ledger, "EU", strict_lineage=True)
    assert _judge(ledger, _small(1, (NUMBER, 1))) == ("E13", FIELD)


@pytest.mark.parametrize(
    "path",
    [
        ("import_confirmed",),
        ("import_confirmed_discrepant", "discrepancy_resolved"),
    ],
)
def test_every_imported_source_counts(path: tuple[str, ...]) -> None:
    ledger = start_journey(*path)
    set_policy(ledger, "EU", strict_lineage=True)
    assert _judge(ledger, _small(99_000, (NUMBER, 99_000))) is None


def test_what_was_agreed_on_afterwards_is_what_can_be_drawn() -> None:
    ledger = start_journey("import_confirmed_discrepant")
    set_policy(ledger, "EU", strict_lineage=True)
    re_export = _small(99_000, (NUMBER, 99_000))
    assert _judge(ledger, re_export) == ("E13", FIELD)
    travel(ledger, "discrepancy_resolved")
    assert _judge(ledger, re_export) is None


def test_source_must_exist_and_have_come_to_the_issuer() -> None:
    ledger = _imported()
    assert _judge(ledger, _small(1, ("ZA000001", 1))) == ("E13", FIELD)
    set_policy(ledger, "BW", strict_lineage=True)
    foreign = _small(1, (NUMBER, 1), number="BW000009", to="EU")
    assert _judge(ledger, foreign) == ("E13", FIELD)


def test_what_was_mined_at_home_needs_no_source() -> None:
    ledger = _imported()
    set_policy(ledger, "BW", strict_lineage=True)
    own = make_certificate("BW000009")
    assert _judge(ledger, own) is None
    shared = Origin(kind=OriginKind.MIXED, countries=("BW", "ZA"), shares=(7_500, 2_500))
    assert _judge(ledger, vary(own, origin=shared)) == ("E13", FIELD)
    unknown = Origin(kind=OriginKind.MIXED, countries=("BW", "ZA"))
    assert _judge(ledger, vary(own, origin=unknown)) == ("E13", FIELD)


def test_share_mined_at_home_is_taken_off_what_sources_cover() -> None:
    ledger = _imported()
    # BW re-exports what it got back from EU, with three quarters of its own stones.
    returned = vary(make_certificate("EU000003", "BW"), origin=MIXED)
    issue(
        ledger,
        vary(
            returned, sources=(Source(number=NUMBER, carat_thousandths=99_950),), **_weight(99_950)
        ),
        "EU/antwerp",
    )
    confirmation = make_confirmation(vary(returned, **_weight(99_950)))
    ledger.record(
        make_step(
            ledger, "import_confirmed", confirmation, author="BW/gaborone", subject="EU000003"
        )
    )
    set_policy(ledger, "BW", strict_lineage=True)
    shared = Origin(kind=OriginKind.MIXED, countries=("BW", "ZA"), shares=(7_500, 2_500))
    mixed = vary(make_certificate("BW000009"), origin=shared)
    for carats, found in ((25_000, None), (24_999, ("E13", FIELD))):
        sources = (Source(number="EU000003", carat_thousandths=carats),)
        assert _judge(ledger, vary(mixed, sources=sources)) == found


def _weight(carats: int) -> dict[str, object]:
    line = vary(make_certificate().lines[0], carat_thousandths=carats, value_usd_cents=5_000_000)
    return {"lines": (line,), "carat_thousandths": carats}


def test_without_strict_lineage_anything_is_named_and_counted() -> None:
    ledger = _imported(strict=False)
    sources = ((NUMBER, 80_000), ("ZA000001", 5))
    issue(ledger, _re_export(*sources), "EU/antwerp")
    issue(ledger, _re_export((NUMBER, 80_000), number="EU000002"), "EU/antwerp")
    assert (_drawn(ledger), _drawn(ledger, "ZA000001")) == (160_000, 0)


def test_what_others_name_as_their_source_takes_nothing() -> None:
    ledger = _imported(strict=False)
    issue(ledger, _re_export((NUMBER, 5), number="ZA000001", to="BW"), "ZA/joburg")
    assert _drawn(ledger) == 0


def test_technical_certificate_draws_nothing() -> None:
    ledger = start_journey("arrival_recorded")
    set_policy(ledger, "EU", strict_lineage=True)
    technical = _re_export((NUMBER, 5), kind=CertificateKind.TECHNICAL, case=NUMBER)
    issue(ledger, technical, "EU/antwerp")
    assert _drawn(ledger) == 0


@pytest.mark.parametrize("name", ["certificate_voided", "certificate_returned_unused"])
def test_what_a_dead_certificate_drew_is_free_again(name: str) -> None:
    ledger = _imported()
    issue(ledger, _small(60_000, (NUMBER, 60_000)), "EU/antwerp")
    assert _drawn(ledger) == 60_000
    ledger.record(make_step(ledger, name, author="EU/antwerp", subject="EU000001"))
    assert _drawn(ledger) == 0


@pytest.mark.parametrize(
    ("back", "drawn"),
    [(80_000, {NUMBER: 0, "ZA000001": 0}), (70_000, {NUMBER: 0, "ZA000001": 10_000})],
)
def test_goods_that_came_back_may_be_exported_another_time(
    back: int, drawn: dict[str, int]
) -> None:
    ledger = _imported()
    issue(ledger, vary(make_certificate("ZA000001", "EU"), **_weight(20_000)), "ZA/joburg")
    confirmation = vary(
        make_confirmation(make_certificate("ZA000001", "EU")), carat_thousandths=20_000
    )
    ledger.record(make_step(ledger, "import_confirmed", confirmation, subject="ZA000001"))
    re_export = _small(80_000, (NUMBER, 60_000), ("ZA000001", 20_000))
    issue(ledger, re_export, "EU/antwerp")
    for name in ("arrival_recorded", "import_refused_returned"):
        ledger.record(make_step(ledger, name, author="ZA/joburg", subject="EU000001"))
    _, returned = SOUND["return_received"]
    body = vary(returned, carat_thousandths=back)
    ledger.record(
        make_step(ledger, "return_received", body, author="EU/antwerp", subject="EU000001")
    )
    assert {number: _drawn(ledger, number) for number in drawn} == drawn


def test_goods_of_a_technical_certificate_were_not_imported() -> None:
    """It moves what is not traded; the goods themselves come back under what they left with."""
    ledger = start_journey("arrival_recorded")
    origin = make_certificate().origin
    moved = vary(
        make_certificate("EU000001", "ZA"),
        kind=CertificateKind.TECHNICAL,
        case=NUMBER,
        origin=origin,
    )
    issue(ledger, moved, "EU/antwerp")
    ledger.record(
        make_step(
            ledger,
            "import_confirmed",
            make_confirmation(moved),
            author="ZA/joburg",
            subject="EU000001",
        )
    )
    set_policy(ledger, "ZA", strict_lineage=True)
    onward = _small(50_000, ("EU000001", 50_000), number="ZA000001", to="BW")
    refusal = ledger.attempt(make_event("ZA/joburg", CertificateIssued(certificate=onward)))
    assert refusal is not None
    assert (refusal.rule.code, refusal.field) == ("E13", FIELD)
    assert refusal.problem == "EU000001 is TECHNICAL: what it moves is not traded"


def test_replacement_draws_in_the_place_of_what_it_replaces() -> None:
    ledger = _imported()
    issue(ledger, _small(60_000, (NUMBER, 60_000)), "EU/antwerp")
    body = CertificateReplaced(
        reason=ReplacementReason.ERROR,
        certificate=_small(70_000, (NUMBER, 70_000), number="EU000002"),
    )
    ledger.record(
        make_step(ledger, "certificate_replaced", body, author="EU/antwerp", subject="EU000001")
    )
    assert _drawn(ledger) == 70_000


def test_number_issued_after_it_was_named_is_not_given_back() -> None:
    ledger = start_journey()
    issue(ledger, _re_export(("ZA000001", 50), to="BW"), "EU/antwerp")
    ledger.now_ms += 1
    later = make_certificate("ZA000001", "EU")
    issue(ledger, later, "ZA/joburg")
    issue(ledger, _re_export(("ZA000001", 7), number="EU000002"), "EU/antwerp")
    ledger.record(make_step(ledger, "certificate_voided", author="EU/antwerp", subject="EU000001"))
    assert _drawn(ledger, "ZA000001") == 7


def test_total_stays_an_amount_whatever_is_named() -> None:
    ledger = _imported(strict=False)
    for serial in range(1, 4):
        named = _re_export((NUMBER, MAX_AMOUNT), number=f"EU00000{serial}")
        issue(ledger, named, "EU/antwerp")
    assert _drawn(ledger) == MAX_AMOUNT


def _strict_judge(ledger: MemoryLedger, certificate: Certificate) -> tuple[str, str] | None:
    refusal = ledger.attempt(make_event("EU/antwerp", CertificateIssued(certificate=certificate)))
    return None if refusal is None else (refusal.field, refusal.problem)


def _of_class(*classes: HsCode, carats: int = 50_000) -> dict[str, object]:
    lines = tuple(
        GoodsLine(hs=hs, carat_thousandths=carats, value_usd_cents=100_000) for hs in classes
    )
    return {
        "lines": lines,
        "carat_thousandths": carats * len(classes),
        "value_usd_cents": 100_000 * len(classes),
    }


def test_goods_do_not_leave_before_they_came() -> None:
    ledger = start_journey()
    ledger.now_ms += 3 * DAY_MS
    found = vary(make_confirmation(make_certificate(NUMBER)), received_on="2026-03-05")
    ledger.record(make_step(ledger, "import_confirmed", found))
    set_policy(ledger, "EU", strict_lineage=True)
    early = _small(50_000, (NUMBER, 50_000))
    assert _strict_judge(ledger, early) == (FIELD, f"{NUMBER} came in on 2026-03-05, after {TODAY}")
    on_the_day = vary(early, issued_on="2026-03-05", validated_at=ledger.now_ms)
    assert _strict_judge(ledger, on_the_day) is None


@pytest.mark.parametrize(
    ("origin", "problem"),
    [
        (Origin(kind=OriginKind.SINGLE, countries=("BW",)), None),
        (Origin(kind=OriginKind.MIXED, countries=("BW", "ZA")), None),
        (MIXED, None),
        (Origin(kind=OriginKind.SINGLE, countries=("ZA",)), f"the stones of {NUMBER} are from BW"),
        (
            Origin(kind=OriginKind.MIXED, countries=("CD", "ZA")),
            f"the stones of {NUMBER} are from BW",
        ),
    ],
)
def test_origin_is_never_changed_by_a_re_export(origin: Origin, problem: str | None) -> None:
    certificate = vary(_small(50_000, (NUMBER, 50_000)), origin=origin)
    judged = _strict_judge(_imported(), certificate)
    assert judged == (None if problem is None else (FIELD, problem))


def test_class_is_that_of_a_source_unless_it_was_unsorted() -> None:
    unsorted = _small(50_000, (NUMBER, 50_000))
    unsorted = vary(unsorted, **_of_class(HsCode.UNSORTED))
    held = (FIELD, f"{NUMBER} held 710221, 710231")
    assert _strict_judge(_imported(), unsorted) == held
    ledger = open_trade()
    issue(ledger, vary(make_certificate(NUMBER), **_of_class(HsCode.UNSORTED)))
    found = vary(make_confirmation(make_certificate(NUMBER)), **_amounts_of(HsCode.UNSORTED))
    ledger.record(make_step(ledger, "import_confirmed", found))
    set_policy(ledger, "EU", strict_lineage=True)
    assert _strict_judge(ledger, unsorted) is None
    assert _strict_judge(ledger, vary(unsorted, **_of_class(HsCode.INDUSTRIAL))) is None


def _amounts_of(*classes: HsCode) -> dict[str, object]:
    return {name: one for name, one in _of_class(*classes).items() if name != "lines"}


def test_refusal_names_the_source_and_what_is_left_of_it() -> None:
    ledger = _imported()
    issue(ledger, _small(60_000, (NUMBER, 60_000)), "EU/antwerp")
    over = _small(50_000, (NUMBER, 50_000), number="EU000002")
    assert _strict_judge(ledger, over) == (
        FIELD,
        f"50.000 ct of {NUMBER}, of which 39.950 ct are left",
    )
