"""The frozen table of countries is what the library says, and nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from kpledger.scheme.v1.ids import COUNTRIES

ROOT = Path(__file__).parents[4]


def test_table_is_what_the_library_says() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "countries.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("code", ["BW", "NA", "NO", "TW", "HK", "GL", "CF", "CD"])
def test_country_is_in_the_table(code: str) -> None:
    assert code in COUNTRIES


@pytest.mark.parametrize("code", ["ZR", "YU", "CS", "AN", "SU", "TP", "BU", "DD", "RH"])
def test_country_that_was_is_in_the_table(code: str) -> None:
    assert code in COUNTRIES


@pytest.mark.parametrize("code", ["EU", "UN", "UK", "XK", "XX", "ZZ", "EZ", "QO", "FX"])
def test_what_is_no_country_is_not_in_the_table(code: str) -> None:
    assert code not in COUNTRIES


def test_table_holds_codes_of_two_capital_letters_alone() -> None:
    assert all(len(code) == 2 and code.isascii() and code.isupper() for code in COUNTRIES)
    assert len(COUNTRIES) > 249
