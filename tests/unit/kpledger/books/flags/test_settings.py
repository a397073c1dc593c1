"""Thresholds are read from text, and a stricter one never finds more."""

import re

import pytest
from flagging import Trader
from hypothesis import given, strategies as st

from kpledger.books.flags.settings import FlagSettings, parse_settings
from kpledger.books.question import QuestionError


def test_what_is_not_named_keeps_its_default() -> None:
    assert parse_settings("") == FlagSettings()
    assert parse_settings("").of_flag("F8") == {"seals": True}
    settings = parse_settings(" F1.days = 45, f8.seals=false ,stock.US=250000")
    assert settings.of_flag("F1") == {"days": 45}
    assert settings.of_flag("F8") == {"seals": False}
    assert settings.stock == {"US": 250_000}
    assert settings.of_flag("F3") == FlagSettings().of_flag("F3")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("F1", "'F1' is not NAME=VALUE"),
        ("F1.days", "'F1.days' is not NAME=VALUE"),
        ("percent=5", "'percent' does not say of which flag it is; accepted: FLAG.NAME=VALUE"),
        ("F99.days=1", "F99.days: there is no flag 'F99'; accepted: F1 to F19, or stock"),
        ("__class__.x=1", "there is no flag '__class__'; accepted: F1 to F19, or stock"),
        ("F16.dais=1", "F16.dais: there is no such setting; accepted: F16.days"),
        ("F1.days=1e3", "F1.days: '1e3'; accepted: a whole number from 0 to 3660"),
        ("F1.days=4.0", "F1.days: '4.0'; accepted: a whole number from 0 to 3660"),
        ("F1.days=soon", "F1.days: 'soon'; accepted: a whole number from 0 to 3660"),
        ("F2.ppm=99", "F2.ppm: '99'; accepted: a whole number from 100"),
        ("F8.seals=2", "F8.seals: '2'; accepted: true or false"),
        ("stock.bw=2", "stock.bw: 'bw' is not"),
        ("stock.BW=-1", "stock.BW: '-1'; accepted: a whole number from 0"),
        ("x" * 4_001, "4001 characters"),
    ],
)
def test_a_wrong_threshold_is_refused(text: str, says: str) -> None:
    with pytest.raises(QuestionError, match=f"settings: .*{re.escape(says)}"):
        parse_settings(text)


@pytest.fixture(scope="module")
def busy() -> Trader:
    """Give a ledger with something for most flags."""
    trader = Trader()
    sent = [trader.draw_up("2026-03-02", cents=4_500_000 + 40_000 * number) for number in range(24)]
    sent += [trader.draw_up("2026-03-02", cents=cents) for cents in (500_000, 90_000_000)]
    for certificate in sent:
        trader.issue(certificate)
    trader.issue(trader.draw_up("2026-03-02", serial=40))
    for number, certificate in enumerate(sent[:20]):
        trader.arrive(certificate, f"2026-03-{3 + number // 4:02d}")
    for number, certificate in enumerate(sent[:20]):
        found = 100_000 - 5 * number
        trader.confirm(certificate, f"2026-03-{10 + number}", carat_thousandths=found)
    return trader


LOOSER_FIRST = {
    "F1.days": st.integers(0, 200),
    "F2.ppm": st.integers(100, 1_000),
    "F2.thousandths": st.integers(0, 100),
    "F3.z_tenths": st.integers(10, 100),
    "F3.ratio_percent": st.integers(100, 1_000),
    "F3.sourced_percent": st.integers(0, 100),
    "F7.gap_days": st.integers(0, 100),
    "F9.grace_days": st.integers(0, 20),
}


@pytest.mark.parametrize("name", LOOSER_FIRST)
def test_a_stricter_threshold_never_finds_more(busy: Trader, name: str) -> None:
    flag = name.partition(".")[0]

    @given(st.tuples(LOOSER_FIRST[name], LOOSER_FIRST[name]))
    def compare(pair: tuple[int, int]) -> None:
        loose, strict = (
            set(busy.subjects(flag, "2026-06-15", f"{name}={value}")) for value in sorted(pair)
        )
        assert strict <= loose

    compare()
    assert busy.subjects(flag, "2026-06-15", f"{name}={_least(name)}")


def _least(name: str) -> int:
    return {"F2.ppm": 100, "F3.z_tenths": 10, "F3.ratio_percent": 100}.get(name, 0)
