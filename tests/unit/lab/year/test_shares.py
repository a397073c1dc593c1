import pytest
from hypothesis import given, strategies as st
from lab.year.shares import divide

WEIGHTS = st.lists(st.integers(min_value=1, max_value=10**12), min_size=1, max_size=30)


@given(
    spare=st.integers(min_value=0, max_value=10**14),
    weights=WEIGHTS,
    least=st.integers(min_value=0, max_value=9),
)
def test_parts_add_up_and_each_is_its_share_to_rounding(
    spare: int, weights: list[int], least: int
) -> None:
    total = spare + least * len(weights)
    parts = divide(total, weights, least=least)
    assert sum(parts) == total
    assert min(parts) >= least
    for part, weight in zip(parts, weights, strict=True):
        whole = spare * weight // sum(weights)
        assert part - least in {whole, whole + 1}


def test_largest_remainder_gains_and_the_earlier_of_equals() -> None:
    assert divide(10, [1, 1, 1]) == [4, 3, 3]
    assert divide(10, [26, 35, 39]) == [3, 3, 4]


def test_part_without_weight_gets_the_least() -> None:
    assert divide(5, [0, 1], least=1) == [1, 4]


@pytest.mark.parametrize(
    ("total", "weights", "least"), [(2, [1, 1, 1], 1), (1, [], 0), (5, [0, 0], 1)]
)
def test_what_cannot_be_divided_is_refused(total: int, weights: list[int], least: int) -> None:
    with pytest.raises(ValueError, match=f"{total} cannot be divided into {len(weights)} parts"):
        divide(total, weights, least=least)
