"""Periods, and which lie in which."""

from datetime import date, timedelta

import pytest

from kpledger.books.periods import Period, days_between, working_days
from kpledger.books.question import QuestionError
from kpledger.books.statistics import Annex3Question


@pytest.mark.parametrize(
    ("name", "quarters", "half_years", "days"),
    [
        ("2022Q2", ("2022Q2",), (), ("2022-04-01", "2022-06-30")),
        ("2022H2", ("2022Q3", "2022Q4"), ("2022H2",), ("2022-07-01", "2022-12-31")),
        (
            "2022",
            ("2022Q1", "2022Q2", "2022Q3", "2022Q4"),
            ("2022H1", "2022H2"),
            ("2022-01-01", "2022-12-31"),
        ),
    ],
)
def test_a_period_knows_what_is_in_it(
    name: str, quarters: tuple[str, ...], half_years: tuple[str, ...], days: tuple[str, str]
) -> None:
    period = Period(name)
    assert (period.quarters, period.half_years) == (quarters, half_years)
    assert (period.first_day, period.last_day) == days


@pytest.mark.parametrize(
    "name", ["", "2022Q5", "2022Q0", "2022H3", "22Q1", "2022-Q1", "9999", "0000", "2022Q1\n"]
)
def test_anything_else_is_no_period_that_can_be_asked_for(name: str) -> None:
    with pytest.raises(QuestionError, match="period: "):
        Annex3Question(participant="BW", period=name)


def test_working_days_are_those_from_monday_to_friday() -> None:
    start = date(2022, 3, 4)
    for ahead in range(30):
        days = [start + timedelta(days=one) for one in range(1, ahead + 1)]
        counted = sum(day.weekday() < 5 for day in days)
        end = (start + timedelta(days=ahead)).isoformat()
        assert working_days(start.isoformat(), end) == counted
        assert days_between(start.isoformat(), end) == ahead
    assert working_days("2022-03-04", "2022-03-01") == 0
