"""Versions: the small tables, whose rows say from when until when they were known.

A record of the state is spread out into the rows that it means. Where it changes, rows that it
means no more are closed, and new ones are added.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from kpledger.base.record import Record
from kpledger.scheme.v1.records import (
    ApprovalRecord,
    AuthorityRecord,
    BodyRecord,
    CaseRecord,
    CorrectionRecord,
    DecisionRecord,
    FormatsRecord,
    KeyRecord,
    ParticipantRecord,
    PolicyRecord,
    ProceedingRecord,
    RangesRecord,
    ReportRecord,
    RestrictionsRecord,
    SchemeRecord,
)
from kpledger.scheme.version import RulesRecord

SqlValue = str | int | bytes | None
VersionRow = tuple[SqlValue, ...]
R = TypeVar("R", bound=Record)

_NETWORK: Final = "network"


@dataclass(frozen=True, slots=True)
class VersionedTable:
    """One small table: its columns, of which the first ones say what a row is about."""

    name: str
    about: tuple[str, ...]
    columns: tuple[str, ...]
    spread: Callable[[bytes, Record], Iterable[VersionRow]]
    """Gives the rows that a record under a key means: ``about`` and ``columns``."""
    kind: type[Record]

    def write(
        self,
        connection: sqlite3.Connection,
        key: bytes,
        record: Record,
        *,
        event: int | None,
        now: int,
    ) -> None:
        """Close the rows that a record means no more, and add what it means now.

        Args:
            connection: to the books.
            key: of the record.
            record: as it is now.
            event: the event that wrote it; None for the genesis file.
            now: block time.
        """
        rows = [tuple(map(_plain, row)) for row in self.spread(key, record)]
        names = (*self.about, *self.columns)
        about = rows[0][: len(self.about)] if rows else (_name(key),)
        where = "".join(f" AND {name} = ?" for name in self.about)
        known = connection.execute(
            f"SELECT rowid, {', '.join(names)} FROM {self.name} WHERE known_until IS NULL{where}",
            about,
        ).fetchall()
        wanted = Counter(rows)
        closed = []
        for rowid, *row in known:
            if wanted[tuple(row)] > 0:
                wanted[tuple(row)] -= 1
            else:
                closed.append((now, rowid))
        connection.executemany(f"UPDATE {self.name} SET known_until = ? WHERE rowid = ?", closed)
        marks = ", ".join("?" * (len(names) + 2))
        connection.executemany(
            f"INSERT INTO {self.name} ({', '.join(names)}, event_index, known_from)"
            f" VALUES ({marks})",
            [(*row, event, now) for row in wanted.elements()],
        )


def _plain(value: SqlValue) -> SqlValue:
    # Of an enumeration only its text is stored; sqlite3 refuses subclasses of str.
    return str(value) if isinstance(value, str) else value


def _parts(key: bytes, count: int) -> VersionRow:
    return tuple(key.decode().split("/")[1 : count + 1])


def _name(key: bytes) -> str:
    """Give what stands behind the kind in a key."""
    return key.decode().partition("/")[2]


def _joined(values: Iterable[str]) -> str:
    return ",".join(values)


def _participant(_key: bytes, record: ParticipantRecord) -> Iterable[VersionRow]:
    yield (
        record.code,
        record.name,
        record.kind,
        record.authority_count,
        record.statistics_offices,
    )


def _standings(_key: bytes, record: ParticipantRecord) -> Iterable[VersionRow]:
    for position, one in enumerate(record.standings):
        yield (
            record.code,
            position,
            one.status,
            one.effective_from,
            one.lapses_at,
            one.decision,
            one.event,
        )


def _office(_key: bytes, record: AuthorityRecord) -> Iterable[VersionRow]:
    yield (
        record.participant,
        record.authority,
        record.title,
        record.place,
        record.contact,
        _joined(record.roles),
        record.territory,
        record.observer,
        record.closed_at,
    )


def _key(key: bytes, record: KeyRecord) -> Iterable[VersionRow]:
    yield (
        bytes.fromhex(_name(key)),
        record.participant,
        record.authority,
        record.officer,
        record.valid_from,
        record.revoked_at,
        record.reason,
        record.suspect_since,
    )


def _ranges(key: bytes, record: RangesRecord) -> Iterable[VersionRow]:
    for position, one in enumerate(record.ranges):
        run = one.range
        yield (
            _name(key),
            position,
            one.authority,
            run.prefix,
            run.width,
            run.first,
            run.last,
            run.use_from,
            run.use_until,
            one.retired_at,
        )


def _formats(key: bytes, record: FormatsRecord) -> Iterable[VersionRow]:
    for position, one in enumerate(record.formats):
        yield (
            _name(key),
            position,
            _joined(one.masks),
            one.specimen,
            one.features,
            one.valid_from,
        )


def _restrictions(key: bytes, record: RestrictionsRecord) -> Iterable[VersionRow]:
    for position, one in enumerate(record.restrictions):
        yield (
            _name(key),
            position,
            one.restriction,
            one.scope,
            one.mode,
            _joined(one.zones),
            None if one.approver is None else "/".join(one.approver),
            one.effective_from,
            one.effective_until,
            one.lapses_at,
            one.decision,
            one.event,
        )


def _approval(key: bytes, record: ApprovalRecord) -> Iterable[VersionRow]:
    yield (*_parts(key, 3), int(record.approved), record.carat_thousandths)


def _policy(key: bytes, record: PolicyRecord) -> Iterable[VersionRow]:
    name = _name(key)
    for position, one in enumerate(record.history):
        settled = {
            name: value
            for name, value in msgspec.to_builtins(one.values).items()
            if value is not None
        }
        yield (
            "" if name == _NETWORK else name,
            position,
            one.effective_from,
            one.decision,
            msgspec.json.encode(settled).decode(),
        )


def _decision(_key: bytes, record: DecisionRecord) -> Iterable[VersionRow]:
    yield (
        record.decision,
        record.title,
        record.document,
        record.procedure,
        record.decided_on,
        _joined(record.supports),
    )


def _presidency(_key: bytes, record: SchemeRecord) -> Iterable[VersionRow]:
    yield record.chair, record.vice_chair, record.year, record.key


def _rules(_key: bytes, record: RulesRecord) -> Iterable[VersionRow]:
    for one in record.versions:
        yield one.version, one.height


def _body(_key: bytes, record: BodyRecord) -> Iterable[VersionRow]:
    yield (
        record.name,
        record.title,
        record.kind,
        record.chair,
        _joined(record.members),
        _joined(record.observers),
        int(record.dissolved),
    )


def _proceeding(_key: bytes, record: ProceedingRecord) -> Iterable[VersionRow]:
    yield (
        record.subject,
        record.kind,
        record.state,
        record.participant,
        record.opened_by,
        record.opened_at,
        record.title,
        record.due_on,
    )


def _recommendations(_key: bytes, record: ProceedingRecord) -> Iterable[VersionRow]:
    for one in record.recommendations:
        yield record.subject, one.name, one.due_on, one.status


def _reports(_key: bytes, record: ReportRecord) -> Iterable[VersionRow]:
    filed = zip(record.documents, record.filed_at, strict=True)
    for edition, (document, filed_at) in enumerate(filed, 1):
        yield record.participant, record.year, edition, document, filed_at


def _corrections(key: bytes, record: CorrectionRecord) -> Iterable[VersionRow]:
    for position, correction in enumerate(record.corrections):
        yield bytes.fromhex(_name(key)), correction, position


def _case(_key: bytes, record: CaseRecord) -> Iterable[VersionRow]:
    yield (
        record.case,
        record.kind,
        record.state,
        record.number,
        record.holder,
        record.returned_to,
        record.carat_thousandths,
        record.opened_at,
    )


def _table(
    kind: type[R],
    name: str,
    about: str,
    columns: str,
    spread: Callable[[bytes, R], Iterable[VersionRow]],
) -> VersionedTable:
    def checked(key: bytes, record: Record) -> Iterable[VersionRow]:
        return spread(key, record) if isinstance(record, kind) else ()

    return VersionedTable(name, tuple(about.split()), tuple(columns.split()), checked, kind)


_TABLES: Final = (
    _table(
        ParticipantRecord,
        "participants",
        "participant",
        "name kind authority_count statistics_offices",
        _participant,
    ),
    _table(
        ParticipantRecord,
        "standings",
        "participant",
        "position status effective_from lapses_at decision event_id",
        _standings,
    ),
    _table(
        AuthorityRecord,
        "offices",
        "participant authority",
        "title place contact roles territory observer closed_at",
        _office,
    ),
    _table(
        KeyRecord,
        "keys",
        "key",
        "participant authority officer valid_from revoked_at reason suspect_since",
        _key,
    ),
    _table(
        RangesRecord,
        "number_ranges",
        "participant",
        "position authority prefix width first last use_from use_until retired_at",
        _ranges,
    ),
    _table(
        FormatsRecord,
        "formats",
        "participant",
        "position masks specimen features valid_from",
        _formats,
    ),
    _table(
        RestrictionsRecord,
        "restrictions",
        "participant",
        "position restriction scope mode zones approver effective_from effective_until lapses_at"
        " decision event_id",
        _restrictions,
    ),
    _table(
        ApprovalRecord,
        "approvals",
        "number participant restriction",
        "approved carat_thousandths",
        _approval,
    ),
    _table(
        PolicyRecord, "policies", "participant", "position effective_from decision settled", _policy
    ),
    _table(
        DecisionRecord,
        "decisions",
        "decision",
        "title document procedure decided_on supports",
        _decision,
    ),
    _table(SchemeRecord, "presidencies", "", "chair vice_chair year key", _presidency),
    _table(RulesRecord, "rule_versions", "", "version height", _rules),
    _table(BodyRecord, "bodies", "name", "title kind chair members observers dissolved", _body),
    _table(
        ProceedingRecord,
        "proceedings",
        "subject",
        "kind state participant opened_by opened_at title due_on",
        _proceeding,
    ),
    _table(ProceedingRecord, "recommendations", "subject", "name due_on status", _recommendations),
    _table(ReportRecord, "reports", "participant year", "edition document filed_at", _reports),
    _table(CorrectionRecord, "corrections", "event_id", "correction position", _corrections),
    _table(
        CaseRecord,
        "cases",
        "subject",
        "kind state number holder returned_to carat_thousandths opened_at",
        _case,
    ),
)

TABLES_OF: Final[dict[str, tuple[VersionedTable, ...]]] = {
    kind: tuple(table for table in _TABLES if kind == table.kind.KIND)
    for kind in dict.fromkeys(table.kind.KIND for table in _TABLES)
}
"""The tables that a record is spread out into, by the kind of record."""
