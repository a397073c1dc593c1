"""Many years out of one: the rules accept all of them, and none repeats an event of another."""

from functools import cache

import pytest
from lab.year.blocks import cut_blocks, execute_block
from lab.year.repeated import YEARS_MAX, RepeatedYears, repeat_year
from lab.year.signer import TimedEvent
from lab.year.tables import load_tables

from kpledger.base.state import MemoryState
from kpledger.base.units import day_of
from kpledger.log.chain import execute_noop, genesis_tip
from kpledger.scheme.envelope import decode_envelope

TABLES = load_tables()
YEARS = 3
EVENTS = 7_600


def prepare() -> RepeatedYears:
    return repeat_year(TABLES, years=YEARS, events=EVENTS, seed=2022)


@cache
def lived() -> tuple[TimedEvent, ...]:
    return tuple(prepare().events())


def test_the_rules_accept_every_event_of_all_years() -> None:
    genesis = prepare().year.genesis
    state = MemoryState()
    seed = genesis.seed_state(MemoryState())
    state.apply(seed)
    opening = execute_noop(genesis, genesis_tip(genesis, seed), state, 1)
    state.apply(opening.changes)
    tip = opening.tip
    refusals: list[str] = []
    for block in cut_blocks(lived()):
        executed = execute_block(
            genesis, tip, state, block, lambda one, why: refusals.append(f"{one.type} {why}")
        )
        if executed is not None:
            state.apply(executed.changes)
            tip = executed.tip
    assert refusals == []
    assert tip.tree.size == len(lived()) > EVENTS


def test_every_event_is_another_and_says_its_own_id() -> None:
    assert len({one.event_id for one in lived()}) == len(lived())
    for one in lived()[::50]:
        decoded = decode_envelope(one.envelope)
        assert (decoded.event_id, decoded.header.subject) == (one.event_id, one.subject)


def test_time_never_goes_back_and_every_year_issues_as_many() -> None:
    times = [one.time_ms for one in lived()]
    assert times == sorted(times)
    issued = [day_of(one.time_ms)[:4] for one in lived() if one.type == "certificate_issued"]
    counts = {year: issued.count(year) for year in sorted(set(issued))}
    # The last ones of a year are sent back in the January after it.
    assert list(counts)[:YEARS] == ["2022", "2023", "2024"]
    assert min(counts[year] for year in ("2022", "2023", "2024")) > EVENTS // YEARS // 5


@pytest.mark.parametrize("years", [0, YEARS_MAX + 1])
def test_a_number_of_years_that_cannot_be_is_refused(years: int) -> None:
    with pytest.raises(ValueError, match=f"{years} years: not from 1 to {YEARS_MAX}"):
        repeat_year(TABLES, years=years, events=1_000_000, seed=1)


def test_too_few_events_for_so_many_years_are_refused() -> None:
    with pytest.raises(ValueError, match="23 certificates"):
        repeat_year(TABLES, years=20, events=2_000, seed=1)
