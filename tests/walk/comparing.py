"""What the ledger's records and the model must have in common: everything the model remembers."""

from collections.abc import Callable

from naive.tables import CLOSED
from naive.world import Affair, Case, House, Key, Paper, World

from kpledger.base.state import Record, StateReader, read_record
from kpledger.scheme.v1.records import (
    SCHEME_KEY,
    AuthorityRecord,
    BodyRecord,
    CaseRecord,
    CertificateRecord,
    KeyRecord,
    ParticipantRecord,
    ProceedingRecord,
    RangesRecord,
    ReportRecord,
    SchemeRecord,
    SubmissionRecord,
)
from kpledger.scheme.v1.subjects import Subject
from kpledger.scheme.version import RULES_KEY, RulesRecord


class Difference(AssertionError):  # noqa: N818
    """The ledger and the model remember different things."""


def look_up(state: StateReader, key: bytes, kind: type[Record]) -> Record:
    record = read_record(state, key, kind)
    if record is None:
        raise Difference(f"the ledger has no {key!r}")
    return record


def equate(what: object, found: object, expected: object) -> None:
    if found != expected:
        raise Difference(f"{what}:\n  ledger {found}\n  model  {expected}")


def compare_subject(state: StateReader, world: World, subject: str) -> None:
    """Compare what both know of the subject of an event."""
    tellers: tuple[tuple[dict[str, object], Callable[..., None]], ...] = (
        (world.papers, compare_paper),  # type: ignore[assignment]
        (world.cases, compare_case),
        (world.affairs, compare_affair),
    )
    for things, compare in tellers:
        if subject in things:
            compare(state, subject, things[subject])


def compare_paper(state: StateReader, number: str, paper: Paper) -> None:
    record = look_up(state, CertificateRecord.key_for(number), CertificateRecord)
    assert isinstance(record, CertificateRecord)
    says, found = paper.says, record.found
    equate(
        number,
        (
            (record.state, record.head, set(record.marks), record.lost, record.holder),
            (record.issuer, record.authority, record.destination, record.kind, record.case),
            (record.issued_on, record.expires_on, record.expiry, record.recorded_at),
            (record.exported_on, record.arrived_on, record.replaces, record.replaced_by),
            (record.exporter, record.importer, record.origins, record.lines, record.sources),
            (record.parcels, record.carat_thousandths, record.value_usd_cents),
            found and (found.parcels, found.carat_thousandths, found.value_usd_cents),
        ),
        (
            (paper.state, paper.head, paper.marks, paper.lost, paper.holder),
            (paper.issuer, paper.office, says.destination, says.kind, says.case),
            (says.issued_on, says.expires_on, paper.expiry, paper.issued_at),
            (paper.exported_on, paper.arrived_on, paper.replaces, paper.replaced_by),
            (says.exporter, says.importer, says.origin.countries, says.lines, says.sources),
            (says.parcels, says.carat_thousandths, says.value_usd_cents),
            paper.found,
        ),
    )


def compare_case(state: StateReader, name: str, case: Case) -> None:
    record = look_up(state, CaseRecord.key_for(name), CaseRecord)
    assert isinstance(record, CaseRecord)
    equate(
        name,
        (record.kind, record.state, record.head, record.holder, record.number, record.returned_to),
        (case.kind, case.state, case.head, case.holder, case.number, case.returned_to),
    )


def compare_affair(state: StateReader, name: str, affair: Affair) -> None:
    record = look_up(state, ProceedingRecord.key_for(name), ProceedingRecord)
    assert isinstance(record, ProceedingRecord)
    asked = {one.name: one.status for one in record.recommendations}
    equate(
        name,
        (record.kind, record.state, record.head, record.participant, record.opened_by, asked),
        (
            affair.kind,
            affair.state,
            affair.head,
            affair.participant,
            affair.opened_by,
            affair.recommendations,
        ),
    )


def compare_all(state: StateReader, world: World) -> None:
    """Compare everything that both remember."""
    for number, paper in world.papers.items():
        compare_paper(state, number, paper)
    for name, case in world.cases.items():
        compare_case(state, name, case)
    for name, affair in world.affairs.items():
        compare_affair(state, name, affair)
    for key, known in world.keys.items():
        compare_key(state, key, known)
    for office, house in world.houses.items():
        compare_house(state, office, house)
    for code in world.members:
        compare_member(state, world, code)
    compare_scheme(state, world)
    compare_filings(state, world)


def compare_key(state: StateReader, key: bytes, known: Key) -> None:
    record = look_up(state, KeyRecord.key_for(key), KeyRecord)
    assert isinstance(record, KeyRecord)
    equate(
        key.hex(),
        (
            (record.participant, record.authority),
            (record.valid_from, record.revoked_at, record.officer, record.height),
        ),
        (known.owner, (known.start, known.end, known.officer, known.height)),
    )


def compare_house(state: StateReader, office: tuple[str, str], house: House) -> None:
    record = look_up(state, AuthorityRecord.key_for(*office), AuthorityRecord)
    assert isinstance(record, AuthorityRecord)
    equate(
        office,
        (set(record.roles), record.territory, record.closed_at is not None),
        (house.roles, house.territory, house.closed),
    )


def compare_member(state: StateReader, world: World, code: str) -> None:
    record = look_up(state, ParticipantRecord.key_for(code), ParticipantRecord)
    assert isinstance(record, ParticipantRecord)
    member = world.members[code]
    equate(
        code,
        (record.kind, record.authority_count, record.standing_at(world.now)),
        (member.kind, member.offices, world.standing(code)),
    )
    runs = world.runs.get(code, [])
    if runs:
        ranges = look_up(state, RangesRecord.key_for(code), RangesRecord)
        assert isinstance(ranges, RangesRecord)
        equate(
            f"numbers of {code}",
            [(one.authority, one.range, one.retired_at is not None) for one in ranges.ranges],
            [(run.office, run.range, run.retired) for run in runs],
        )


def compare_scheme(state: StateReader, world: World) -> None:
    scheme = look_up(state, SCHEME_KEY, SchemeRecord)
    rules = look_up(state, RULES_KEY, RulesRecord)
    assert isinstance(scheme, SchemeRecord)
    assert isinstance(rules, RulesRecord)
    equate(
        "the scheme",
        (scheme.chair, scheme.vice_chair, scheme.year, rules.versions[-1].version),
        (world.chair, world.vice_chair, world.year, world.rules),
    )


def compare_filings(state: StateReader, world: World) -> None:
    for subject, edition in world.editions.items():
        code, kind, period = subject.split("/")
        record = look_up(
            state, SubmissionRecord.key_for(code, Subject(kind), period), SubmissionRecord
        )
        assert isinstance(record, SubmissionRecord)
        equate(subject, record.editions[-1].edition, edition)
    for subject, heights in world.reports.items():
        code, _, year = subject.split("/")
        filed = look_up(state, ReportRecord.key_for(code, int(year)), ReportRecord)
        assert isinstance(filed, ReportRecord)
        equate(subject, list(filed.heights), heights)
    for name, alive in world.bodies.items():
        body = look_up(state, BodyRecord.key_for(name), BodyRecord)
        assert isinstance(body, BodyRecord)
        equate(name, body.dissolved, not alive)


class Archive:
    """What closed certificates looked like when they closed: they never change again."""

    def __init__(self) -> None:
        self.closed: dict[str, bytes | None] = {}

    def check(self, state: StateReader, world: World) -> None:
        """Compare every closed certificate with what it was, byte by byte."""
        for number, paper in world.papers.items():
            if paper.state in CLOSED:
                encoded = state.get(CertificateRecord.key_for(number))
                equate(f"closed {number}", encoded, self.closed.setdefault(number, encoded))
