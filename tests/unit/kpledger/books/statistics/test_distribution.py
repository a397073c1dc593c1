"""Exact distribution over weights."""

import pytest
from hypothesis import given, strategies as st

from kpledger.base.units import MAX_AMOUNT
from kpledger.books.projections.trade import distribute

WEIGHTS = st.lists(st.integers(1, MAX_AMOUNT), min_size=1, max_size=3)


@given(amount=st.integers(1, MAX_AMOUNT), weights=WEIGHTS)
def test_parts_sum_to_the_amount_and_lie_within_one_of_their_share(
    amount: int, weights: list[int]
) -> None:
    parts = distribute(amount, weights)
    whole = sum(weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * whole - amount * weight) < whole


@given(weights=WEIGHTS)
def test_their_own_sum_gives_the_weights_back(weights: list[int]) -> None:
    assert distribute(sum(weights), weights) == tuple(weights)


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        pytest.param(10, [1, 1, 1], (4, 3, 3), id="of equal remainders the first is rounded up"),
        pytest.param(1, [1, 1, 1], (1, 0, 0), id="less than there are parts"),
        pytest.param(99_999, [40_000, 60_000], (40_000, 59_999), id="the larger remainder"),
        pytest.param(7, [5], (7,), id="one line takes all"),
    ],
)
def test_what_is_left_goes_to_the_largest_remainders(
    amount: int, weights: list[int], parts: tuple[int, ...]
) -> None:
    assert distribute(amount, weights) == parts
