"""What lasts is said once: F5, F6 and F17 tell of a deficit or a silence at its newest end."""

import pytest
from flagging import Trader

from kpledger.books.flags.search import Finding, FlagsQuestion, find_flags, prepare_search
from kpledger.scheme.v1.events.certificate import Origin, OriginKind

MIXED = Origin(kind=OriginKind.MIXED, countries=())
STRANGE = Origin(kind=OriginKind.SINGLE, countries=("RU",))


def find(trader: Trader, flags: str, at: str, first: str = "2026-01-01") -> list[Finding]:
    question = FlagsQuestion(from_day=first, until=at, at=at)
    return list(find_flags(prepare_search(trader.ledger.books, question), flags.split(",")))


def export(trader: Trader, *months: str, issuer: str = "EU", **changes: object) -> None:
    to = "BW" if issuer == "EU" else "EU"
    for month in months:
        trader.issue(trader.draw_up(f"{month}-03", issuer, to, carats=1_500_000, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("flag", "origin"), [("F5", MIXED), ("F6", STRANGE)], ids=["deficit", "strange origin"]
)
def test_a_hubs_deficit_is_said_once_and_grows(trader: Trader, flag: str, origin: Origin) -> None:
    measures = []
    for year in (2026, 2027):
        export(trader, f"{year}-07", f"{year}-12", origin=origin)
        [found] = find(trader, flag, f"{year + 1}-01-15")
        assert (found.subject, found.day) == ("EU", f"{year}-12-31")
        measures.append(found.measure)
    assert measures == [3_000, 6_000]


def test_a_deficit_that_ended_is_said_of_its_end(trader: Trader) -> None:
    export(trader, "2026-07", "2026-12", origin=MIXED)
    for at in ("2028-06-30", "2029-06-30"):
        found = find(trader, "F5", at)
        # The months looked back over end with September; the next quarter looks back on December.
        assert [(one.day, one.measure) for one in found] == [("2027-09-30", 3_000)]


def test_a_deficit_is_said_once_whatever_slices_are_looked_at(trader: Trader) -> None:
    export(trader, "2026-07", "2026-12", "2027-06", "2027-12", origin=MIXED)
    assert len(find(trader, "F5", "2028-01-15")) == 1
    # Whoever looks at a year of the past sees what there was to be seen then.
    [then] = find(trader, "F5", "2027-12-31", "2027-01-01")
    assert (then.day, then.measure) == ("2027-12-31", 6_000)


def test_a_producers_deficit_is_said_by_one_flag_once(trader: Trader) -> None:
    """F6 tells of own stones beyond what was mined, F5 of what it cannot tell."""
    for year, carats in (("2026", 3_000), ("2027", 6_000)):
        export(trader, f"{year}-07", f"{year}-12", issuer="BW")
        at = f"{int(year) + 1}-03-15"
        [found] = find(trader, "F5,F6", at)
        assert (found.flag, found.subject, found.day) == ("F6", "BW", f"{year}-12-31")
        assert f"exported {carats}.000 ct as its own" in found.explanation
        assert "F5" in found.explanation


def test_f5_still_tells_of_others_stones_beside_ones_own(trader: Trader) -> None:
    export(trader, "2026-07", "2026-12", issuer="BW")
    export(trader, "2026-12", issuer="BW", origin=MIXED)
    found = {one.flag: one.measure for one in find(trader, "F5,F6", "2027-03-15")}
    assert found == {"F5": 1_500, "F6": 3_000}
    alone = {one.flag for one in find(trader, "F5", "2027-03-15")}
    assert alone == {"F5"}


def test_f5_tells_of_own_stones_too_where_f6_does_not(trader: Trader) -> None:
    export(trader, "2026-07", "2026-12", issuer="BW")
    question = FlagsQuestion(
        from_day="2026-01-01", until="2027-03-15", at="2027-03-15", settings="F6.carats=5000"
    )
    found = list(find_flags(prepare_search(trader.ledger.books, question), ("F5", "F6")))
    assert [(one.flag, one.measure) for one in found] == [("F5", 3_000)]


def test_f17_goes_on_for_as_long_as_nothing_is_reported(trader: Trader) -> None:
    trader.issue(trader.draw_up("2026-07-06"))
    trader.mine("2027-02-01", "BW", "2026H2", 20_000)
    for at, day, quarters in (
        ("2027-09-15", "2027-06-30", 3),
        ("2028-09-15", "2028-06-30", 7),
        ("2031-09-15", "2031-06-30", 19),
    ):
        [found] = [one for one in find(trader, "F17", at) if one.subject == "BW"]
        assert (found.day, found.measure) == (day, quarters)
        assert "nothing was reported after 2026H2" in found.explanation
        assert f"for {quarters} quarters" in found.explanation


@pytest.mark.parametrize(("reported", "raised"), [(0, False), (20_000, True)])
def test_f17_a_report_of_none_ends_it(trader: Trader, reported: int, *, raised: bool) -> None:
    trader.issue(trader.draw_up("2026-07-06"))
    trader.mine("2027-02-01", "BW", "2026H2", 20_000)
    for half, day in (("2027H1", "2027-08-01"), ("2027H2", "2028-02-01")):
        trader.mine(day, "BW", half, reported)
    assert [one.subject for one in find(trader, "F17", "2029-09-15")] == ["BW"] * raised


def test_f17_each_silence_is_said_of_its_own_end(trader: Trader) -> None:
    trader.issue(trader.draw_up("2026-07-06"))
    for half, day in (("2026H2", "2027-02-01"), ("2027H1", "2027-08-01")):
        trader.mine(day, "BW", half, 20_000)
    trader.issue(trader.draw_up("2027-10-06"))
    found = find(trader, "F17", "2029-09-15")
    assert [(one.day, one.measure) for one in found] == [("2029-06-30", 6), ("2027-09-30", 4)]
