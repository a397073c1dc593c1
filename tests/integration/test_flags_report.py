"""Planted fraud is found and honest trade left alone, over a year that the real rules record."""

from pathlib import Path

import pytest
from lab.year.flags_report import (
    HONEST_FLAGGED_MAX_PPM,
    Report,
    explain_misses,
    main,
    measure_year,
    write_year,
)

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
    assert explain_misses(report, CERTIFICATES) == []
    assert min(kind.cases for kind in report.by_kind) >= 2


def test_an_honest_year_is_nearly_silent(tmp_path: Path) -> None:
    """The same flags that find every planted case say little where nothing was planted."""
    report, findings = report_on(tmp_path / "year", fraud=False)
    assert report.honest == report.certificates > EXPECTED_CERTIFICATES_MIN
    assert report.honest_flagged_ppm <= HONEST_FLAGGED_MAX_PPM
    assert len(findings) * 50 < report.certificates


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["scripts/flags-report", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_small_year_says_what_was_not_found_and_is_not_taken_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ("--directory", str(tmp_path / "year"))
    assert run(monkeypatch, "--certificates", "600", *place) == 1
    troubles = capsys.readouterr().err.splitlines()
    assert "not found: silent producer by F17, 2 cases" in troubles
    assert troubles[-1].endswith("; all is found from 1500 on")
    for option, value in (("--certificates", "700"), ("--seed", "7")):
        assert run(monkeypatch, option, value, *place) == 2
        assert f"{option}: {tmp_path / 'year'} has a year of" in capsys.readouterr().err
    assert run(monkeypatch, *place) == 1


@pytest.mark.parametrize("certificates", ["300", "-1", "many", "1000001"])
def test_a_year_of_another_size_is_refused_in_a_line(
    certificates: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--certificates", certificates) == 2
    assert f"{certificates} is not a number from 600 to 1000000" in capsys.readouterr().err
