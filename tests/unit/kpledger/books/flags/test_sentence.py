"""Sentences write amounts as people do, count things, and leave out what is unknown."""

import pytest

from kpledger.books.flags.sentence import Value, columns_in, count_of, write_sentence

ROW: dict[str, Value] = {
    "found": 12_345,
    "price": 4_500,
    "gap": 123_456,
    "fall": -20_000,
    "z": 41,
    "name": "BW",
}


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{found:carats} ct at US$ {price:usd}", "12.345 ct at US$ 45.00"),
        ("{gap:percent}, {fall:change}, {gap:change}", "12.34 %, -2.00 %, +12.34 %"),
        ("{z:tenths} for {name}", "4.1 for BW"),
        ("{found:working day}", "12345 working days"),
    ],
)
def test_columns_are_written_as_their_forms_say(template: str, sentence: str) -> None:
    assert write_sentence(template, ROW) == sentence


def test_what_stands_in_brackets_needs_its_columns() -> None:
    template = "mined[ {mined:carats} ct][ nothing{never}], {days:day} ago"
    assert write_sentence(template, {"mined": 5, "never": None, "days": 1}) == (
        "mined 0.005 ct, 1 day ago"
    )
    assert write_sentence(template, {"mined": None, "never": "", "days": 2}) == (
        "mined nothing, 2 days ago"
    )


def test_the_columns_of_a_template() -> None:
    assert columns_in("{a} of {b:carats}[, {c:day}]") == {"a", "b", "c"}


def test_words_count_one_and_many() -> None:
    assert [count_of(number, "day") for number in (0, 1, 2)] == ["0 days", "1 day", "2 days"]
