from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab.demo.trade import (
    CERTIFICATES_MAX,
    CERTIFICATES_MIN,
    YEAR_CERTIFICATES,
    Amount,
    Outcome,
    Shipment,
    ShipmentKind,
    Tables,
    generate_trade,
    load_tables,
    summarise,
)
from lab.demo.trade_tables import OTHERS, Participant

from kpledger.base.units import DAY_MS
from kpledger.scheme.v1.events.certificate import GoodsLine, HsCode

TABLES = load_tables(Path(__file__).parents[4] / "config" / "data")
NAMED = [origin for origin in TABLES.production if origin != OTHERS]
YEAR_START_MS = 1_640_995_200_000  # 2022-01-01T00:00:00Z
YEAR_END_MS = 1_672_531_200_000  # 2023-01-01T00:00:00Z
HOUR_MS = 3_600_000

trades = st.builds(
    lambda certificates, seed: generate_trade(TABLES, certificates=certificates, seed=seed),
    certificates=st.integers(min_value=CERTIFICATES_MIN, max_value=400),
    seed=st.integers(min_value=0, max_value=2**32),
)
for_any_trade = given(trade=trades)


@cache
def middling_trade() -> tuple[Shipment, ...]:
    return generate_trade(TABLES, certificates=6_000, seed=7)


def carats(lines: tuple[GoodsLine, ...]) -> int:
    return sum(line.carat_thousandths for line in lines)


def value(lines: tuple[GoodsLine, ...]) -> int:
    return sum(line.value_usd_cents for line in lines)


def sent(trade: tuple[Shipment, ...]) -> list[Shipment]:
    return [shipment for shipment in trade if shipment.outcome is not Outcome.VOIDED]


def test_same_seed_draws_the_same_trade_and_another_seed_another() -> None:
    first = generate_trade(TABLES, certificates=60, seed=1)
    assert generate_trade(TABLES, certificates=60, seed=1) == first
    assert generate_trade(TABLES, certificates=60, seed=2) != first


def test_thousand_certificates_unless_told_otherwise() -> None:
    assert len(generate_trade(TABLES, seed=0)) == 1_000


@given(
    certificates=st.integers(min_value=CERTIFICATES_MIN, max_value=400),
    seed=st.integers(min_value=0, max_value=2**32),
)
@settings(max_examples=30)
def test_as_many_certificates_as_asked_and_the_published_share_of_each_origin(
    certificates: int, seed: int
) -> None:
    trade = generate_trade(TABLES, certificates=certificates, seed=seed)
    assert len(trade) == certificates
    summary = summarise(trade)
    for origin in NAMED:
        published = TABLES.production[origin]
        share = published.carat_thousandths * certificates // YEAR_CERTIFICATES
        worth = published.value_usd_cents * certificates // YEAR_CERTIFICATES
        assert summary[origin].carat_thousandths - share in {0, 1}
        assert summary[origin].value_usd_cents - worth in {0, 1}
    for measure in ("carat_thousandths", "value_usd_cents"):
        year = sum(getattr(amount, measure) for amount in TABLES.production.values())
        drawn = sum(getattr(amount, measure) for amount in summary.values())
        assert drawn == year * certificates // YEAR_CERTIFICATES


@pytest.mark.slow
@pytest.mark.parametrize("certificates", [YEAR_CERTIFICATES, YEAR_CERTIFICATES + 5_000])
def test_full_year_has_the_published_production_and_exports(certificates: int) -> None:
    trade = generate_trade(TABLES, certificates=certificates, seed=2022)
    summary = summarise(trade)
    assert {origin: summary[origin] for origin in NAMED} == {
        origin: TABLES.production[origin] for origin in NAMED
    }
    others = [amount for origin, amount in summary.items() if origin not in NAMED]
    assert (
        Amount(
            sum(amount.carat_thousandths for amount in others),
            sum(amount.value_usd_cents for amount in others),
        )
        == (TABLES.production[OTHERS])
    )
    exports: Counter[str] = Counter()
    for shipment in sent(trade):
        exports[shipment.issuer] += carats(shipment.lines)
    # Russia stocked a part of what it mined; all it mined is exported here.
    expected = dict(TABLES.exports_carat_thousandths)
    expected["RU"] = TABLES.production["RU"].carat_thousandths
    # What is mined in India besides is a part of the published exports of India.
    assert {code: exports[code] for code in expected} == expected


def test_others_are_the_remaining_producers_without_australia() -> None:
    producers = {code for code, row in TABLES.participants.items() if row.is_producer}
    assert set(summarise(middling_trade())) == producers - {"AU"}


def test_forty_percent_of_certificates_are_of_own_origin() -> None:
    kinds = Counter(shipment.kind for shipment in sent(middling_trade()))
    assert kinds == {ShipmentKind.OWN_ORIGIN: 2_385, ShipmentKind.RE_EXPORT: 3_579}


@for_any_trade
def test_trade_is_in_order_of_issue_and_within_the_year(trade: tuple[Shipment, ...]) -> None:
    times = [shipment.issued_at_ms for shipment in trade]
    assert all(earlier <= later for earlier, later in pairwise(times))
    for shipment in trade:
        later_times = (shipment.exported_at_ms, shipment.received_at_ms, shipment.voided_at_ms)
        known = [shipment.issued_at_ms, *(time for time in later_times if time is not None)]
        assert known == sorted(known)
        assert YEAR_START_MS <= known[0] <= known[-1] < YEAR_END_MS


@for_any_trade
def test_shipment_is_between_active_participants(trade: tuple[Shipment, ...]) -> None:
    for shipment in trade:
        assert shipment.destination != shipment.issuer
        for code in {shipment.issuer, shipment.destination, *shipment.origins}:
            assert (TABLES.participants[code].listed_since or 0) <= 2022


@for_any_trade
def test_own_origin_comes_from_the_issuer_and_a_re_export_from_elsewhere(
    trade: tuple[Shipment, ...],
) -> None:
    for shipment in trade:
        if shipment.kind is ShipmentKind.OWN_ORIGIN:
            assert shipment.origins == (shipment.issuer,)
        else:
            assert shipment.issuer not in shipment.origins
            assert shipment.origins == tuple(sorted(set(shipment.origins)))
            assert shipment.origins


@for_any_trade
def test_lines_are_positive_and_one_for_each_code(trade: tuple[Shipment, ...]) -> None:
    for shipment in trade:
        for lines in (shipment.lines, shipment.found_lines):
            codes = [line.hs for line in lines]
            assert codes == sorted(set(codes) & set(HsCode))
            assert all(line.carat_thousandths >= 1 <= line.value_usd_cents for line in lines)
        assert 1 <= len(shipment.lines) <= shipment.parcels


@for_any_trade
def test_seal_is_on_one_certificate_only(trade: tuple[Shipment, ...]) -> None:
    seals = [seal for shipment in trade for seal in shipment.seals]
    assert len(set(seals)) == len(seals) >= len(trade)


@for_any_trade
def test_company_says_that_it_is_synthetic(trade: tuple[Shipment, ...]) -> None:
    for shipment in trade:
        assert shipment.exporter.name.startswith(f"Synthetic Exporter {shipment.issuer}-")
        assert shipment.importer.name.startswith(f"Synthetic Importer {shipment.destination}-")
        for party in (shipment.exporter, shipment.importer):
            assert "Synthetic Street" in party.address
            assert party.licence.startswith("SYNTHETIC-")


@for_any_trade
def test_outcome_says_which_times_and_findings_there_are(trade: tuple[Shipment, ...]) -> None:
    for shipment in trade:
        present = (
            shipment.exported_at_ms is not None,
            shipment.received_at_ms is not None,
            shipment.voided_at_ms is not None,
            bool(shipment.found_lines),
        )
        assert (
            present
            == {
                Outcome.CONFIRMED: (True, True, False, False),
                Outcome.IN_TRANSIT: (True, False, False, False),
                Outcome.VOIDED: (False, False, True, False),
                Outcome.DISCREPANT: (True, True, False, True),
                Outcome.SEIZED: (True, True, False, False),
            }[shipment.outcome]
        )


@for_any_trade
def test_every_outcome_occurs(trade: tuple[Shipment, ...]) -> None:
    outcomes = {shipment.outcome for shipment in trade}
    assert outcomes >= set(Outcome) - {Outcome.IN_TRANSIT}
    assert any(shipment.replaces is not None for shipment in trade)


@for_any_trade
def test_arrival_is_three_to_twenty_days_after_issue(trade: tuple[Shipment, ...]) -> None:
    for shipment in trade:
        if shipment.received_at_ms is not None:
            days = (shipment.received_at_ms - shipment.issued_at_ms) / DAY_MS
            assert 3 <= days <= 20 < shipment.validity_days <= 60


@for_any_trade
def test_discrepant_shipment_differs_in_weight_by_more_than_scales_do(
    trade: tuple[Shipment, ...],
) -> None:
    for shipment in trade:
        if shipment.outcome is Outcome.DISCREPANT:
            declared, found = carats(shipment.lines), carats(shipment.found_lines)
            assert abs(found - declared) * 1_000 > declared * 5
            assert [line.hs for line in shipment.found_lines] == [
                line.hs for line in shipment.lines
            ]


@given(seed=st.integers(min_value=0, max_value=2**32))
@settings(max_examples=200)
def test_smallest_shipment_holds_something_in_each_line(seed: int) -> None:
    # For 50 certificates this leaves some shipments three lines of a thousandth each.
    tables = Tables(TABLES.participants, {"BW": Amount(100_000, 10**9)}, {"AE": 150_000})
    for shipment in generate_trade(tables, certificates=CERTIFICATES_MIN, seed=seed):
        for line in (*shipment.lines, *shipment.found_lines):
            assert line.carat_thousandths >= 1
            assert line.value_usd_cents >= 1


@for_any_trade
def test_replaced_certificate_is_an_earlier_voided_one_of_the_same_goods(
    trade: tuple[Shipment, ...],
) -> None:
    replaced = [
        (trade[shipment.replaces], shipment) for shipment in trade if shipment.replaces is not None
    ]
    for old, new in replaced:
        assert old.outcome is Outcome.VOIDED
        assert old.voided_at_ms is not None
        assert old.voided_at_ms < new.issued_at_ms
        assert (old.issuer, old.lines, old.parcels) == (new.issuer, new.lines, new.parcels + 1)
    voided = sum(shipment.outcome is Outcome.VOIDED for shipment in trade)
    assert len(replaced) == (voided + 1) // 2 < voided


def test_about_six_percent_are_in_transit_when_the_year_ends() -> None:
    outcomes = Counter(shipment.outcome for shipment in middling_trade())
    assert 300 <= outcomes[Outcome.IN_TRANSIT] <= 420
    assert outcomes[Outcome.VOIDED] == 36
    assert outcomes[Outcome.DISCREPANT] == 47
    assert outcomes[Outcome.SEIZED] == 2


def test_sizes_scatter_over_more_than_two_orders_of_magnitude() -> None:
    sizes = sorted(carats(shipment.lines) for shipment in sent(middling_trade()))
    assert sizes[0] * 10 < sizes[len(sizes) // 2] < sizes[-1] // 10


def test_prices_scatter_around_the_published_mean_of_the_origin() -> None:
    stones = [shipment for shipment in middling_trade() if shipment.origins == ("BW",)]
    prices = [value(shipment.lines) * 1_000 // carats(shipment.lines) for shipment in stones]
    mean = 470_000_000_000 * 1_000 // 24_510_000_000
    assert min(prices) * 3 < mean < max(prices) // 3
    assert mean * 7 // 10 < sorted(prices)[len(prices) // 2] < mean * 13 // 10


def test_each_hs_code_has_its_part_and_the_congo_is_mostly_industrial() -> None:
    by_code: Counter[HsCode] = Counter()
    of_congo: Counter[HsCode] = Counter()
    for shipment in sent(middling_trade()):
        for line in shipment.lines:
            by_code[line.hs] += line.carat_thousandths
            if shipment.origins == ("CD",):
                of_congo[line.hs] += line.carat_thousandths
    assert min(by_code[code] for code in HsCode) * 10 > by_code.total()
    assert of_congo[HsCode.INDUSTRIAL] * 2 > of_congo.total()


@pytest.mark.parametrize("certificates", [-1, 0, CERTIFICATES_MIN - 1, CERTIFICATES_MAX + 1])
def test_number_of_certificates_out_of_bounds_is_refused(certificates: int) -> None:
    with pytest.raises(ValueError, match=f"{certificates} certificates: not from 50 to 1000000"):
        generate_trade(TABLES, certificates=certificates, seed=0)


def test_too_little_to_ship_is_refused() -> None:
    tables = Tables(TABLES.participants, {"BW": Amount(1, 1)}, {"AE": 10**9})
    with pytest.raises(ValueError, match="cannot be divided"):
        generate_trade(tables, certificates=50, seed=0)


def test_world_with_a_single_importer_is_refused() -> None:
    participants = {
        code: Participant(code, listed_since=2003, is_producer=code == "BW")
        for code in ("AE", "NA", "RU")
    }
    tables = Tables(participants, {"NA": Amount(10**12, 10**12)}, {"RU": 10**12})
    with pytest.raises(ValueError, match="cannot send to itself"):
        generate_trade(tables, certificates=50, seed=0)


def with_late_admission(code: str) -> Tables:
    late = Participant("Late", listed_since=2023, is_producer=True)
    participants = {**TABLES.participants, code: late}
    return Tables(participants, TABLES.production, TABLES.exports_carat_thousandths)


def test_participant_admitted_after_the_year_takes_no_part() -> None:
    trade = generate_trade(with_late_admission("TG"), certificates=200, seed=0)
    assert "TG" not in summarise(trade)
    trade = generate_trade(with_late_admission("IL"), certificates=2_000, seed=0)
    assert "IL" not in {shipment.destination for shipment in trade}


@pytest.mark.parametrize("code", ["RU", "AE"])
def test_producer_or_exporter_admitted_after_the_year_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match=f"not in the scheme in 2022: {code}"):
        generate_trade(with_late_admission(code), certificates=200, seed=0)


def test_summary_leaves_out_voided_certificates_and_re_exports() -> None:
    by_kind = {
        kind: next(each for each in sent(middling_trade()) if each.kind is kind)
        for kind in ShipmentKind
    }
    voided = next(
        shipment
        for shipment in middling_trade()
        if shipment.outcome is Outcome.VOIDED and shipment.kind is ShipmentKind.OWN_ORIGIN
    )
    own = by_kind[ShipmentKind.OWN_ORIGIN]
    assert summarise([own, by_kind[ShipmentKind.RE_EXPORT], voided, own]) == {
        own.issuer: Amount(2 * carats(own.lines), 2 * value(own.lines))
    }
