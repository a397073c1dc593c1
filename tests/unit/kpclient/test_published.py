"""What was published about a year: part of the package, and the same as in config/data."""

from importlib import resources
from pathlib import Path

import pytest

from kpclient.output.published import OTHERS, Production, load_published

ROOT = Path(__file__).parents[3]
FILES = ("production_2022.csv", "exports_2022.csv")


@pytest.mark.parametrize("name", FILES)
def test_the_package_holds_the_tables_of_the_project(name: str) -> None:
    """Read as a package's files are, so that a wheel without them fails here."""
    packaged = (resources.files("kpclient.output.published") / name).read_bytes()
    assert packaged == (ROOT / "config" / "data" / name).read_bytes()


def test_figures_are_thousandths_of_a_carat_and_cents() -> None:
    published = load_published("2022")
    assert published is not None
    assert published.production["NA"] == Production(2_054_000_000, 123_400_000_000)
    assert published.production[OTHERS].carat_thousandths == 728_000_000
    assert published.exports_carat_thousandths["AE"] == 89_400_000_000
    total = sum(one.carat_thousandths for one in published.production.values())
    assert total == 121_470_000_000


@pytest.mark.parametrize("year", ["2021", "", "../2022"])
def test_of_other_years_there_is_nothing(year: str) -> None:
    assert load_published(year) is None
