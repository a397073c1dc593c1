"""Planted fraud is found and honest trade left alone, over a year that the real rules record."""

from pathlib import Path

import pytest
from lab.year.flags_report import HONEST_FLAGGED_MAX_PPM, Report, measure_year, write_year

from kpledger.books.flags.search import Finding

pytestmark = pytest.mark.slow

CERTIFICATES = 3_000
EXPECTED_CERTIFICATES_MIN = 2_900


def report_on(directory: Path, *, fraud: bool) -> tuple[Report, list[Finding]]:
    write_year(directory, certificates=CERTIFICATES, seed=2022, fraud=fraud)
    return measure_year(directory)


def test_every_planted_case_is_found_and_few_honest_certificates_are_flagged(
    tmp_path: Path,
) -> None:
    report, _ = report_on(tmp_path / "year", fraud=True)
    assert report.missed == ()
    assert report.honest > EXPECTED_CERTIFICATES_MIN
    assert report.honest_flagged_ppm <= HONEST_FLAGGED_MAX_PPM
    assert min(kind.cases for kind in report.by_kind) >= 2


def test_an_honest_year_is_nearly_silent(tmp_path: Path) -> None:
    """The same flags that find every planted case say little where nothing was planted."""
    report, findings = report_on(tmp_path / "year", fraud=False)
    assert report.honest == report.certificates > EXPECTED_CERTIFICATES_MIN
    assert report.honest_flagged_ppm <= HONEST_FLAGGED_MAX_PPM
    assert len(findings) * 50 < report.certificates
