"""How well the flags tell planted fraud from honest trade; prints a table and one JSON object.

A synthetic year with fraud is recorded by the real rules, its books are written, and the very code
behind ``kpledger flags`` looks at them with its default settings. A finding is *true* if its
subject is one that a planted case concerns; a case is *found* by a flag if the flag has a finding
on one of its subjects. An honest certificate is *flagged* if any flag has a finding on it.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from lab.year.books import write_books
from lab.year.days import FOUNDED_ON
from lab.year.files import PLANTED_NAME, write_planted
from lab.year.planted import Fraud, PlantedCase
from lab.year.tables import load_tables
from lab.year.year import CERTIFICATES_MAX, CERTIFICATES_MIN, make_year

from kpledger.books.database import Books, open_books
from kpledger.books.flags.catalogue import read_flags
from kpledger.books.flags.search import Finding, FlagsQuestion, find_flags, prepare_search

BOOKS_NAME: Final = "books.sqlite"
YEAR_NAME: Final = "year.json"
CERTIFICATES: Final = 3_000
COMPLETE_FROM: Final = 1_500
"""From so many certificates on, every planted case stands out enough to be found."""
SEED: Final = 2022
HONEST_FLAGGED_MAX_PPM: Final = 10_000
_MILLION: Final = 1_000_000
_PER_CENT: Final = 100


class FlagScore(msgspec.Struct, frozen=True, kw_only=True):
    """How one flag did."""

    flag: str
    findings: int
    true: int
    """On a subject that a planted case concerns."""
    cases: int
    """Planted cases that it has to find."""
    found: int
    honest: int
    """Honest certificates that it flags."""
    seconds: float


class KindScore(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of fraud was seen."""

    kind: str
    flags: tuple[str, ...]
    cases: int
    found: int
    """By every flag that has to."""
    by_any: int
    """By any flag at all."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The measure of one year."""

    events: int
    certificates: int
    honest: int
    honest_flagged: int
    by_flag: tuple[FlagScore, ...]
    by_kind: tuple[KindScore, ...]
    missed: tuple[str, ...]
    """Case and flag of what was not found, ``CIRCULAR-2 F15``."""

    @property
    def honest_flagged_ppm(self) -> int:
        """Part of the honest certificates that are flagged, in millionths."""
        return self.honest_flagged * _MILLION // max(1, self.honest)


@dataclass(frozen=True, slots=True)
class _Truth:
    """Which cases each subject belongs to."""

    subjects: dict[str, set[str]]

    @classmethod
    def of(cls, cases: Iterable[PlantedCase]) -> "_Truth":
        subjects: dict[str, set[str]] = {}
        for case in cases:
            for subject in case.subjects:
                subjects.setdefault(subject, set()).add(case.case)
        return cls(subjects)

    def cases_of(self, finding: Finding) -> set[str]:
        """Give the cases that a finding is about: by its subject, or either of a pair."""
        exact = self.subjects.get(finding.subject)
        if exact is not None:
            return exact
        pair = finding.subject.split("-")
        if len(pair) == len(("A", "B")) and set(pair) == {finding.participant, finding.partner}:
            return {case for code in pair for case in self.subjects.get(code, ())}
        return set()


def measure(books: Books, cases: Sequence[PlantedCase]) -> tuple[Report, list[Finding]]:
    """Look with every flag; gives the report, and the findings that are not true."""
    truth = _Truth.of(cases)
    numbers = {number for (number,) in books.connection.execute("SELECT number FROM certificates")}
    (events,) = books.connection.execute("SELECT count(*) FROM events").fetchone()
    honest = numbers - truth.subjects.keys()
    search = prepare_search(books, FlagsQuestion(from_day=FOUNDED_ON))
    found: dict[str, set[str]] = {}
    flagged: set[str] = set()
    false: list[Finding] = []
    scores = []
    for flag in read_flags():
        started = time.perf_counter()
        findings = list(find_flags(search, (flag,)))
        seconds = time.perf_counter() - started
        true = 0
        for finding in findings:
            concerned = truth.cases_of(finding)
            true += bool(concerned)
            found.setdefault(flag, set()).update(concerned)
            if not concerned:
                false.append(finding)
        mine = {one.subject for one in findings} & honest
        flagged |= mine
        wanted = [case.case for case in cases if flag in case.flags]
        hits = found.get(flag, set())
        scores.append(
            FlagScore(
                flag=flag,
                findings=len(findings),
                true=true,
                cases=len(wanted),
                found=sum(case in hits for case in wanted),
                honest=len(mine),
                seconds=round(seconds, 3),
            )
        )
    report = Report(
        events=events,
        certificates=len(numbers),
        honest=len(honest),
        honest_flagged=len(flagged),
        by_flag=tuple(scores),
        by_kind=tuple(_score_kinds(cases, found)),
        missed=tuple(
            f"{case.case} {flag}"
            for case in cases
            for flag in case.flags
            if case.case not in found.get(flag, set())
        ),
    )
    return report, false


def write_year(directory: Path, *, certificates: int, seed: int, fraud: bool = True) -> None:
    """Write the books of a year into a directory, and what was planted."""
    directory.mkdir(parents=True, exist_ok=True)
    year = make_year(load_tables(), certificates=certificates, seed=seed, fraud=fraud)
    write_books(year, directory / BOOKS_NAME)
    write_planted(directory / PLANTED_NAME, year.cases.listed())
    # Last, because its presence says that the rest is complete.
    described = msgspec.json.encode({"certificates": certificates, "seed": seed})
    (directory / YEAR_NAME).write_bytes(described)


def measure_year(directory: Path) -> tuple[Report, list[Finding]]:
    """Measure what :func:`write_year` has written."""
    cases = msgspec.json.decode((directory / PLANTED_NAME).read_bytes(), type=list[PlantedCase])
    connection = open_books(str(directory / BOOKS_NAME))
    with closing(connection), Books(connection).reading() as books:
        return measure(books, cases)


def _score_kinds(cases: Sequence[PlantedCase], found: dict[str, set[str]]) -> Iterable[KindScore]:
    anywhere = set().union(*found.values())
    for kind in Fraud:
        mine = [case for case in cases if case.kind == kind.name]
        yield KindScore(
            kind=kind.name,
            flags=kind.flags,
            cases=len(mine),
            found=sum(
                all(case.case in found.get(flag, set()) for flag in case.flags) for case in mine
            ),
            by_any=sum(case.case in anywhere for case in mine),
        )


def _percent(part: int, whole: int) -> str:
    return "-" if whole == 0 else f"{part * _PER_CENT / whole:.1f} %"


def format_markdown(report: Report) -> str:
    """Write the tables of `docs/flags.md`."""
    lines = [
        (
            f"{report.certificates} certificates in {report.events} events;"
            f" {sum(one.cases for one in report.by_kind)} planted cases;"
            f" {report.honest_flagged} of {report.honest} honest certificates flagged"
            f" ({_percent(report.honest_flagged, report.honest)})."
        ),
        "",
        "| kind of fraud | must be seen by | cases | found | recall |",
        "|---|---|---|---|---|",
        *(
            f"| {one.kind.lower().replace('_', ' ')} | {', '.join(one.flags)} | {one.cases}"
            f" | {one.found} | {_percent(one.found, one.cases)} |"
            for one in report.by_kind
        ),
        "",
        (
            "| flag | findings | on planted cases | precision | cases to find | recall"
            " | honest certificates flagged |"
        ),
        "|---|---|---|---|---|---|---|",
        *(
            f"| {one.flag} | {one.findings} | {one.true} | {_percent(one.true, one.findings)}"
            f" | {one.cases} | {_percent(one.found, one.cases)} | {one.honest} |"
            for one in report.by_flag
        ),
    ]
    return "\n".join(lines)


def explain_misses(report: Report, certificates: int) -> list[str]:
    """Say what was not found, kind by kind, and whether honest certificates stand out."""
    missed = Counter((one.rpartition("-")[0], one.split()[-1]) for one in report.missed)
    lines = [
        f"not found: {kind.lower().replace('_', ' ')} by {flag}, {count} cases"
        for (kind, flag), count in sorted(missed.items())
    ]
    if missed and certificates < COMPLETE_FROM:
        few = f"{certificates} certificates are few for flags that compare with what is usual"
        lines.append(f"{few}; all is found from {COMPLETE_FROM} on")
    if report.honest_flagged_ppm > HONEST_FLAGGED_MAX_PPM:
        most = f"at most {_percent(HONEST_FLAGGED_MAX_PPM, _MILLION)} should be"
        share = _percent(report.honest_flagged, report.honest)
        lines.append(f"too many honest certificates are flagged: {share}; {most}")
    return lines


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/flags-report",
        description="Measure how well the flags tell planted fraud from honest trade in a synthetic"
        " year; print tables and one JSON object. Exit code 1: a planted case was missed, or too"
        " many honest certificates are flagged.",
        epilog="example: scripts/flags-report --certificates 60000 --directory /var/tmp/year",
    )
    parser.add_argument(
        "--certificates",
        metavar="N",
        type=_read_certificates,
        help=f"how many, from {CERTIFICATES_MIN} to {CERTIFICATES_MAX}; all planted cases are found"
        f" from {COMPLETE_FROM} on (default: {CERTIFICATES})",
    )
    parser.add_argument("--seed", metavar="N", type=int, help=f"draws the year (default: {SEED})")
    parser.add_argument(
        "--directory", type=Path, help="where the books are, or will be kept (default: nowhere)"
    )
    parser.add_argument(
        "--false",
        metavar="N",
        type=int,
        default=0,
        help="print so many false findings a flag (default: 0)",
    )
    return parser


def _read_certificates(text: str) -> int:
    accepted = f"from {CERTIFICATES_MIN} to {CERTIFICATES_MAX}"
    if not text.isdecimal() or not CERTIFICATES_MIN <= int(text) <= CERTIFICATES_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not a number {accepted}")
    return int(text)


def _read_year(directory: Path) -> dict[str, int] | None:
    """Give of which year the books in a directory are; None where none are kept."""
    path = directory / YEAR_NAME
    return msgspec.json.decode(path.read_bytes(), type=dict[str, int]) if path.exists() else None


def main() -> None:
    """Build a year or reuse one, look, and print; exit code 1 if something was missed."""
    parser = _make_parser()
    chosen = parser.parse_args()
    wanted = {"certificates": chosen.certificates, "seed": chosen.seed}
    with ExitStack() as stack:
        directory = chosen.directory
        if directory is None:
            scratch = tempfile.TemporaryDirectory(prefix="kpledger-flags-")
            directory = Path(stack.enter_context(scratch))
        year = _read_year(directory)
        if year is None:
            year = {"certificates": CERTIFICATES, "seed": SEED} | {
                option: value for option, value in wanted.items() if value is not None
            }
            write_year(directory, certificates=year["certificates"], seed=year["seed"])
        for option, value in wanted.items():
            if value not in (None, year[option]):
                kept = f"{directory} has a year of {option} {year[option]}"
                parser.error(f"--{option}: {kept}; leave it out, or take another directory")
        report, false = measure_year(directory)
    shown: Counter[str] = Counter()
    for finding in false:
        shown[finding.flag] += 1
        if shown[finding.flag] <= chosen.false:
            sys.stderr.write(f"{finding.flag} {finding.subject} {finding.explanation}\n")
    print(format_markdown(report))  # noqa: T201 (a program for the command line)
    print(json.dumps(msgspec.to_builtins(report)))  # noqa: T201 (likewise)
    troubles = explain_misses(report, year["certificates"])
    sys.stderr.writelines(f"{trouble}\n" for trouble in troubles)
    sys.exit(1 if troubles else 0)


if __name__ == "__main__":
    main()
