"""Totals with their past."""

import pytest
from hypothesis import given, strategies as st

from kpledger.analysis.statistics.totals import (
    NOTHING,
    Total,
    add_to_history,
    day_number,
    parse_known_at,
    read_history,
    total_at,
)
from kpledger.base.errors import MalformedError
from kpledger.base.units import MAX_AMOUNT, bound_amount

AMOUNTS = st.integers(-(2**100), 2**100)
CHANGES = st.builds(Total, AMOUNTS, AMOUNTS, st.integers(-(10**12), 10**12))
STEPS = st.lists(st.tuples(st.integers(0, 3), CHANGES), max_size=20)


@given(steps=STEPS, asked=st.integers(-1, 70))
def test_a_total_as_known_at_a_day_is_the_sum_of_what_was_recorded_by_then(
    steps: list[tuple[int, Total]], asked: int
) -> None:
    history: bytes | None = None
    day, told = 0, list[tuple[int, Total]]()
    for later, change in steps:
        day += later
        history = add_to_history(history, change, day)
        told.append((day, change))
    assert total_at(history, asked) == sum(
        (change for when, change in told if when <= asked), NOTHING
    )
    assert total_at(history, None) == sum((change for _, change in told), NOTHING)
    days = [when for when, _ in read_history(history)]
    assert days == sorted({when for when, _ in told})


def test_a_day_has_one_entry() -> None:
    once = add_to_history(None, Total(1, 2, 3), 7)
    assert len(add_to_history(once, Total(1, 2, 3), 7)) == len(once)
    assert list(read_history(add_to_history(once, Total(1, 2, 3), 7))) == [(7, Total(2, 4, 6))]


def test_the_largest_weights_again_and_again_do_not_overflow() -> None:
    history: bytes | None = None
    for _ in range(3000):
        history = add_to_history(history, Total(MAX_AMOUNT, MAX_AMOUNT, 1), 1)
    total = total_at(history, None)
    assert total == Total(3000 * MAX_AMOUNT, 3000 * MAX_AMOUNT, 3000)
    assert bound_amount(total.carat_thousandths) == MAX_AMOUNT
    assert bound_amount(-total.carat_thousandths) == -MAX_AMOUNT


def test_known_at_is_a_day_of_the_calendar() -> None:
    assert parse_known_at("") is None
    assert parse_known_at("1970-01-03") == 2 == day_number(2 * 86_400_000)
    with pytest.raises(MalformedError):
        parse_known_at("2022-02-30")
