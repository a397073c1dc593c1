"""The trade of a year: as many certificates as asked, and what was published, exactly."""

from collections import Counter
from functools import cache
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings, strategies as st
from lab.demo.demonstration import cut_batches
from lab.demo.review import count_outcomes
from lab.year.days import YEAR_END_MS, YEAR_START_MS
from lab.year.participants import NODE, Participants
from lab.year.published import YEAR_CERTIFICATES
from lab.year.tables import OTHERS, Amount, Participant, Tables, load_tables
from lab.year.year import CERTIFICATES_MAX, TRADE_CERTIFICATES_MIN, Trade, make_trade

from kpledger.base.state import MemoryState
from kpledger.log.block import BlockKind
from kpledger.log.chain import BlockExecutor, execute_noop, genesis_tip
from kpledger.log.genesis import Genesis, GenesisParticipant, format_genesis, parse_genesis
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateIssued,
    CertificateReplaced,
    GoodsLine,
    HsCode,
)
from kpledger.scheme.v1.events.importing import ImportConfirmedDiscrepant

TABLES = load_tables()
NAMED = [origin for origin in TABLES.production if origin != OTHERS]
NOW_MS = 1_790_000_000_000
TRADES = [(50, 0), (50, 1), (61, 7), (200, 3), (400, 2022)]
for_some_trades = pytest.mark.parametrize(("certificates", "seed"), TRADES)


def trade(certificates: int, seed: int, tables: Tables = TABLES, chain: bytes = bytes(32)) -> Trade:
    return make_trade(
        tables, certificates=certificates, seed=seed, chain=chain, founded={}, stated_ms=NOW_MS
    )


@cache
def events(certificates: int, seed: int) -> list[SignedEvent]:
    return [decode_envelope(one.envelope) for one in trade(certificates, seed).events]


def certificates_of(some: list[SignedEvent]) -> dict[str, tuple[str, Certificate]]:
    """Give issuer and certificate by number, the taken back ones among them."""
    found = {}
    for event in some:
        if isinstance(event.body, CertificateIssued | CertificateReplaced):
            certificate = event.body.certificate
            found[certificate.number] = event.header.author.participant, certificate
    return found


def drawn(certificates: int, seed: int) -> list[tuple[str, Certificate]]:
    return list(certificates_of(events(certificates, seed)).values())


def middling() -> list[tuple[str, Certificate]]:
    return drawn(6_000, 7)


def carats(lines: tuple[GoodsLine, ...]) -> int:
    return sum(line.carat_thousandths for line in lines)


def value(lines: tuple[GoodsLine, ...]) -> int:
    return sum(line.value_usd_cents for line in lines)


def test_same_seed_draws_the_same_trade_and_another_seed_another() -> None:
    first = trade(60, 1)
    assert trade(60, 1).events == first.events
    assert trade(60, 2).events != first.events


@given(
    certificates=st.integers(min_value=TRADE_CERTIFICATES_MIN, max_value=400),
    seed=st.integers(min_value=0, max_value=2**32),
)
@settings(max_examples=30, deadline=None)
def test_as_many_certificates_as_asked_and_the_published_share_of_each_origin(
    certificates: int, seed: int
) -> None:
    made = trade(certificates, seed)
    assert len(certificates_of([decode_envelope(e.envelope) for e in made.events])) == certificates
    own = made.shipments.expected.own_origin()
    for origin in NAMED:
        published = TABLES.production[origin]
        share = published.carat_thousandths * certificates // YEAR_CERTIFICATES
        worth = published.value_usd_cents * certificates // YEAR_CERTIFICATES
        assert own[origin].carat_thousandths - share in {0, 1}
        assert own[origin].value_usd_cents - worth in {0, 1}
    for measure in ("carat_thousandths", "value_usd_cents"):
        year = sum(getattr(amount, measure) for amount in TABLES.production.values())
        sent = sum(getattr(amount, measure) for amount in own.values())
        assert sent == year * certificates // YEAR_CERTIFICATES


@pytest.mark.slow
@pytest.mark.parametrize("certificates", [YEAR_CERTIFICATES, YEAR_CERTIFICATES + 5_000])
def test_full_year_has_the_published_production_and_exports(certificates: int) -> None:
    expected = trade(certificates, 2022).shipments.expected
    own = expected.own_origin()
    assert {origin: own[origin] for origin in NAMED} == {
        origin: TABLES.production[origin] for origin in NAMED
    }
    others = [amount for origin, amount in own.items() if origin not in NAMED]
    assert TABLES.production[OTHERS] == Amount(
        sum(amount.carat_thousandths for amount in others),
        sum(amount.value_usd_cents for amount in others),
    )
    exports = expected.exported_carat_thousandths()
    # Russia stocked a part of what it mined; all it mined is exported here.
    published = dict(TABLES.exports_carat_thousandths)
    published["RU"] = TABLES.production["RU"].carat_thousandths
    # What is mined in India besides is a part of the published exports of India.
    assert {code: exports[code] for code in published} == published


def found() -> Genesis:
    """Found a ledger on which everybody is there from the beginning."""
    everybody = Participants(TABLES, 2022, {})
    file = Participants(TABLES, 2022).found().file
    members = tuple(
        GenesisParticipant(
            code=code,
            name=everybody.name(code),
            kind=everybody.kind(code),
            root_key=everybody.key(f"{code}/root").public_key.hex(),
            recovery_key=everybody.key(f"{code}/recovery").public_key.hex(),
        )
        for code in everybody.codes
    )
    changed = msgspec.structs.replace(file, participants=members, created_at=NOW_MS)
    return parse_genesis(format_genesis(changed))


@for_some_trades
def test_the_rules_accept_all_of_it_years_later(certificates: int, seed: int) -> None:
    genesis = found()
    made = trade(certificates, 2022, chain=genesis.chain)
    state = MemoryState()
    seeded = genesis.seed_state(MemoryState())
    state.apply(seeded)
    opening = execute_noop(genesis, genesis_tip(genesis, seeded), state, 1)
    state.apply(opening.changes)
    builder = BlockExecutor(genesis, opening.tip, state, NOW_MS + seed)
    for one in (*made.offices, *made.events):
        assert builder.add(decode_envelope(one.envelope)) is None, one
    assert builder.finish(1, NODE, BlockKind.BLOCK).tip.tree.size == len(
        (*made.offices, *made.events)
    )


@for_some_trades
def test_batches_hold_every_event_after_what_it_follows(certificates: int, seed: int) -> None:
    made = [
        decode_envelope(one.envelope)
        for one in (*trade(certificates, seed).offices, *trade(certificates, seed).events)
    ]
    batches = list(cut_batches(made))
    place: dict[bytes, int] = {
        event.event_id: n for n, batch in enumerate(batches) for event in batch
    }
    assert len(place) == sum(map(len, batches)) == len(made)
    for event in made:
        assert event.header.prev is None or place[event.header.prev] < place[event.event_id]
    for batch in batches:
        subjects = [event.header.subject for event in batch]
        assert len(set(subjects)) == len(subjects)


def test_others_are_the_remaining_producers_without_australia() -> None:
    producers = {code for code, row in TABLES.participants.items() if row.is_producer}
    assert set(trade(6_000, 7).shipments.expected.own_origin()) == producers - {"AU"}


def test_forty_percent_of_certificates_are_of_own_origin() -> None:
    own = sum(one.origin.countries == (issuer,) for issuer, one in middling())
    assert own * 100 // len(middling()) in {39, 40}


@for_some_trades
def test_trade_is_in_the_order_of_time_and_within_the_year(certificates: int, seed: int) -> None:
    times = [one.time_ms for one in trade(certificates, seed).events]
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert YEAR_START_MS <= times[0] <= times[-1] < YEAR_END_MS


@for_some_trades
def test_shipment_is_between_active_participants(certificates: int, seed: int) -> None:
    for issuer, one in drawn(certificates, seed):
        assert one.destination != issuer
        for code in {issuer, one.destination, *one.origin.countries}:
            assert (TABLES.participants[code].listed_since or 0) <= 2022


@for_some_trades
def test_own_origin_comes_from_the_issuer_and_a_re_export_from_elsewhere(
    certificates: int, seed: int
) -> None:
    for issuer, one in drawn(certificates, seed):
        countries = one.origin.countries
        assert countries == (issuer,) or issuer not in countries
        assert countries == tuple(sorted(set(countries)))
        assert countries


@for_some_trades
def test_lines_are_positive_and_one_for_each_code(certificates: int, seed: int) -> None:
    for _, one in drawn(certificates, seed):
        codes = [line.hs for line in one.lines]
        assert codes == sorted(set(codes) & set(HsCode))
        assert all(line.carat_thousandths >= 1 <= line.value_usd_cents for line in one.lines)
        assert 1 <= len(one.lines) <= one.parcels


@for_some_trades
def test_seal_is_on_one_certificate_only(certificates: int, seed: int) -> None:
    seals = [seal for _, one in drawn(certificates, seed) for seal in one.seals]
    assert len(set(seals)) == len(seals) > 0


@for_some_trades
def test_company_says_that_it_is_synthetic(certificates: int, seed: int) -> None:
    for issuer, one in drawn(certificates, seed):
        assert one.exporter.name.startswith(f"Synthetic Exporter {issuer}-")
        assert one.importer.name.startswith(f"Synthetic Importer {one.destination}-")
        for party in (one.exporter, one.importer):
            assert "Synthetic Street" in party.address
            assert party.licence.startswith("SYNTHETIC-")


@for_some_trades
def test_every_outcome_occurs(certificates: int, seed: int) -> None:
    outcomes = count_outcomes(events(certificates, seed))
    assert set(outcomes) - {"IN_TRANSIT"} == {
        "CONFIRMED",
        "DISCREPANT",
        "REPLACED",
        "SEIZED",
        "VOIDED",
    }
    assert sum(outcomes.values()) == certificates


def test_about_five_percent_are_in_transit_when_the_year_ends() -> None:
    outcomes = count_outcomes(events(6_000, 7))
    assert 220 <= outcomes["IN_TRANSIT"] <= 420
    assert outcomes["VOIDED"] == outcomes["REPLACED"] == 18
    assert 40 <= outcomes["DISCREPANT"] <= 48
    assert outcomes["SEIZED"] in {2, 3}


def test_discrepant_shipment_differs_in_weight_by_more_than_scales_do() -> None:
    certificates = certificates_of(events(6_000, 7))
    for event in events(6_000, 7):
        if isinstance(event.body, ImportConfirmedDiscrepant):
            declared = certificates[event.header.subject][1].carat_thousandths
            assert abs(event.body.carat_thousandths - declared) * 1_000 > declared


def test_smallest_shipment_holds_something_in_each_line() -> None:
    # For 50 certificates this leaves some shipments three lines of a thousandth each.
    tables = Tables(TABLES.participants, {"BW": Amount(100_000, 10**9)}, {"AE": 150_000})
    for seed in range(30):
        for one in trade(TRADE_CERTIFICATES_MIN, seed, tables).events:
            body = decode_envelope(one.envelope).body
            if isinstance(body, CertificateIssued):
                for line in body.certificate.lines:
                    assert line.carat_thousandths >= 1 <= line.value_usd_cents


def test_sizes_scatter_over_more_than_two_orders_of_magnitude() -> None:
    sizes = sorted(carats(one.lines) for _, one in middling())
    assert sizes[0] * 10 < sizes[len(sizes) // 2] < sizes[-1] // 10


def test_prices_scatter_around_the_published_mean_of_the_origin() -> None:
    stones = [one.lines for _, one in middling() if one.origin.countries == ("BW",)]
    prices = [value(lines) * 1_000 // carats(lines) for lines in stones]
    mean = 470_000_000_000 * 1_000 // 24_510_000_000
    assert min(prices) * 3 < mean < max(prices) // 3
    assert mean * 7 // 10 < sorted(prices)[len(prices) // 2] < mean * 13 // 10


def test_each_hs_code_has_its_part_and_the_congo_is_mostly_industrial() -> None:
    by_code: Counter[HsCode] = Counter()
    of_congo: Counter[HsCode] = Counter()
    for _, one in middling():
        for line in one.lines:
            by_code[line.hs] += line.carat_thousandths
            if one.origin.countries == ("CD",):
                of_congo[line.hs] += line.carat_thousandths
    assert min(by_code[code] for code in HsCode) * 10 > by_code.total()
    assert of_congo[HsCode.INDUSTRIAL] * 2 > of_congo.total()


@pytest.mark.parametrize("certificates", [-1, 0, TRADE_CERTIFICATES_MIN - 1, CERTIFICATES_MAX + 1])
def test_number_of_certificates_out_of_bounds_is_refused(certificates: int) -> None:
    with pytest.raises(ValueError, match=f"{certificates} certificates: not from 50 to 1000000"):
        trade(certificates, 0)


def test_too_little_to_ship_is_refused() -> None:
    tables = Tables(TABLES.participants, {"BW": Amount(1, 1)}, {"AE": 10**9})
    with pytest.raises(ValueError, match="cannot be divided"):
        trade(50, 0, tables)


def test_world_with_a_single_importer_is_refused() -> None:
    participants = {
        code: Participant(code, listed_since=2003, is_producer=code == "BW")
        for code in ("AE", "NA", "RU")
    }
    tables = Tables(participants, {"NA": Amount(10**12, 10**12)}, {"RU": 10**12})
    with pytest.raises(ValueError, match="cannot send to itself"):
        trade(50, 0, tables)


def with_late_admission(code: str) -> Tables:
    late = Participant("Late", listed_since=2023, is_producer=True)
    participants = {**TABLES.participants, code: late}
    return Tables(participants, TABLES.production, TABLES.exports_carat_thousandths)


def test_participant_admitted_after_the_year_takes_no_part() -> None:
    assert "TG" not in trade(200, 0, with_late_admission("TG")).shipments.expected.own_origin()
    made = trade(2_000, 0, with_late_admission("IL"))
    issued = certificates_of([decode_envelope(one.envelope) for one in made.events])
    assert "IL" not in {one.destination for _, one in issued.values()}


@pytest.mark.parametrize("code", ["RU", "AE"])
def test_producer_or_exporter_admitted_after_the_year_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match=f"not in the scheme in 2022: {code}"):
        trade(200, 0, with_late_admission(code))
