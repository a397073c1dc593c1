"""Amounts, instants and days: exact, bounded, one spelling each."""

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given, strategies as st

from kpledger.base.errors import MalformedError
from kpledger.base.units import (
    DAY_MS,
    MAX_AMOUNT,
    MAX_TIME_MS,
    add_days,
    end_of_day_ms,
    format_carats,
    format_time,
    format_usd,
    parse_carats,
    parse_day,
    parse_time,
    parse_usd,
    start_of_day_ms,
)

amounts = st.integers(1, MAX_AMOUNT)


@given(amounts)
def test_amounts_survive_being_written_and_read(amount: int) -> None:
    assert parse_carats(format_carats(amount)) == amount
    assert parse_usd(format_usd(amount)) == amount


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (parse_carats, "1", 1_000),
        (parse_carats, "0.001", 1),
        (parse_carats, "12.5", 12_500),
        (parse_carats, "007", 7_000),
        (parse_usd, "0.01", 1),
        (parse_usd, "1234567.8", 123_456_780),
        (parse_carats, "9007199254740.991", MAX_AMOUNT),
    ],
)
def test_amount_may_leave_out_trailing_zeros(
    parse: Callable[[str], int], text: str, expected: int
) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".5",
        "5.",
        "-1",
        "+1",
        "1e3",
        "9e999999",
        "NaN",
        "Infinity",
        "1_0",
        " 1",
        "1\n",
        "1,5",
        "\u0661",
        "0",
        "0.000",
        "0.0001",
        "9007199254740.992",
        "99999999999999999",
        # Twenty-eight digits and more: decimal arithmetic would round this to 1.000.
        "1.0000000000000000000000000000000001",
    ],
)
def test_amount_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="carat weight is malformed"):
        parse_carats(text)


def test_value_finer_than_a_cent_is_refused() -> None:
    with pytest.raises(MalformedError, match=r"'1\.001' is not a decimal number with up to 2"):
        parse_usd("1.001")


def test_amount_out_of_range_is_told_the_range() -> None:
    with pytest.raises(MalformedError, match=r"'0' is not from 0\.001 to 9007199254740\.991"):
        parse_carats("0")
    with pytest.raises(MalformedError, match=r"'0' is not from 0\.01 to 90071992547409\.91"):
        parse_usd("0")


@given(st.dates())
def test_days_survive_being_written_and_read(day: date) -> None:
    assert parse_day(day.isoformat()) == day


@pytest.mark.parametrize(
    "text", ["2026-02-29", "2026-13-01", "0000-01-01", "20260101", "2026-W01-1", "", "2026-1-1"]
)
def test_day_that_is_not_in_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="day is malformed"):
        parse_day(text)


@given(st.dates(max_value=date(9999, 12, 30)))
def test_day_ends_a_millisecond_before_the_next_begins(day: date) -> None:
    text = day.isoformat()
    assert end_of_day_ms(text) + 1 == start_of_day_ms(add_days(text, 1))
    assert end_of_day_ms(text) - start_of_day_ms(text) == DAY_MS - 1


def test_day_after_the_last_is_refused() -> None:
    with pytest.raises(MalformedError, match="leaves the calendar"):
        add_days("9999-12-31", 1)


@pytest.mark.parametrize(
    ("time_ms", "expected"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (start_of_day_ms("2026-03-02") + 1, "2026-03-02T00:00:00.001Z"),
        (end_of_day_ms("2026-03-02"), "2026-03-02T23:59:59.999Z"),
        (MAX_TIME_MS, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_instant_is_written_in_utc(time_ms: int, expected: str) -> None:
    assert format_time(time_ms) == expected


@given(st.integers(0, MAX_TIME_MS))
def test_instants_survive_being_written_and_read(time_ms: int) -> None:
    assert parse_time(format_time(time_ms)) == time_ms


def test_instant_may_leave_out_milliseconds() -> None:
    assert parse_time("2004-07-09T12:30:01Z") == 1_089_376_201_000


@pytest.mark.parametrize(
    "text",
    [
        "2004-07-09",
        "2004-07-09T12:30:01",
        "2004-07-09 12:30:01Z",
        "2004-07-09T24:00:00Z",
        "2004-07-09T12:60:00Z",
        "2004-07-09T12:00:60Z",
        "2004-02-30T12:00:00Z",
        "2004-07-09T12:00:00.1Z",
    ],
)
def test_instant_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_time(text)


@pytest.mark.parametrize("text", ["x" * 7000, "\u0662" * 7000])
def test_a_long_text_that_is_no_day_is_shown_in_part(text: str) -> None:
    with pytest.raises(MalformedError, match="is not a calendar day") as caught:
        parse_day(text)
    assert len(str(caught.value)) < 200


def test_an_instant_beyond_the_calendar_is_written_as_a_number() -> None:
    assert format_time(MAX_TIME_MS) == "9999-12-31T23:59:59.999Z"
    assert format_time(10**30) == f"{10**30} ms"
