"""Versions: the small tables, whose rows say from when until when they were known.

A record of the state is spread out into the rows that it means. Where it changes, rows that it
means no more are closed, and new ones are added. The columns are those of ``schema.sql``: the first
ones say what a row is about and stand in the record's key, the last three when it was known.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

import msgspec

from kpledger.base.ids import KPCS
from kpledger.base.state import Record
from kpledger.books.projections.rows import Rows, SqlRow, SqlValue
from kpledger.scheme.v1 import records
from kpledger.scheme.v1.ids import CHAIR
from kpledger.scheme.v1.subjects import Subject
from kpledger.scheme.version import RulesRecord

_NETWORK: Final = records.PolicyRecord.key_for("network")
_KNOWN: Final = 3
"""So many columns at the end: ``event_index``, ``known_from`` and ``known_until``."""
_KEYS_OF_OFFICE: Final = """
SELECT key FROM keys
WHERE participant = ? AND authority = ? AND known_until IS NULL AND revoked_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class _Table:
    """How one small table follows from the records of a kind."""

    kind: type[Record]
    name: str
    about: int = 1
    """So many columns say what a row is about."""
    each: str = ""
    """The list in the record that gives a row for each item; the record itself is one without."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """Where a column is found whose name is not that of an attribute."""
    spread: Callable[[Record], Iterable[SqlRow]] | None = None
    """Gives the rows, where attributes do not: all columns but for ``about``."""


def _policies(record: Record) -> Iterator[SqlRow]:
    history = record.history if isinstance(record, records.PolicyRecord) else ()
    for position, one in enumerate(history):
        values = msgspec.to_builtins(one.values)
        settled = {name: value for name, value in values.items() if value is not None}
        text = msgspec.json.encode(settled).decode()
        yield position, one.effective_from, one.decision, text


def _reports(record: Record) -> Iterator[SqlRow]:
    if isinstance(record, records.ReportRecord):
        filed = zip(record.documents, record.filed_at, strict=True)
        for edition, (document, filed_at) in enumerate(filed, 1):
            yield edition, document, filed_at


def _corrections(record: Record) -> Iterator[SqlRow]:
    if isinstance(record, records.CorrectionRecord):
        for position, correction in enumerate(record.corrections):
            yield correction, position


_SET_BY: Final = {"event_id": "event"}
_RUN: Final = ("prefix", "width", "first", "last", "use_from", "use_until")
_OF_RUN: Final = {column: f"range.{column}" for column in _RUN}
_TABLES: Final = (
    _Table(records.ParticipantRecord, "participants"),
    _Table(records.ParticipantRecord, "standings", each="standings", paths=_SET_BY),
    _Table(records.AuthorityRecord, "offices", about=2),
    _Table(records.KeyRecord, "keys"),
    _Table(records.RecoveryRecord, "recoveries", about=2),
    _Table(records.RangesRecord, "number_ranges", each="ranges", paths=_OF_RUN),
    _Table(records.FormatsRecord, "formats", each="formats"),
    _Table(records.RestrictionsRecord, "restrictions", each="restrictions", paths=_SET_BY),
    _Table(records.ApprovalRecord, "approvals", about=3),
    _Table(records.PolicyRecord, "policies", spread=_policies),
    _Table(records.DecisionRecord, "decisions"),
    _Table(records.PositionsRecord, "positions", each="positions", paths=_SET_BY),
    _Table(records.SchemeRecord, "presidencies", about=0),
    _Table(RulesRecord, "rule_versions", about=0, each="versions"),
    _Table(records.BodyRecord, "bodies"),
    _Table(records.ProceedingRecord, "proceedings"),
    _Table(records.ProceedingRecord, "recommendations", each="recommendations"),
    _Table(records.ReportRecord, "reports", about=2, spread=_reports),
    _Table(records.CorrectionRecord, "corrections", spread=_corrections),
    _Table(
        records.CountersignaturesRecord,
        "countersignatures",
        each="countersignatures",
        paths={"countersigned_by": "event"},
    ),
    _Table(records.CaseRecord, "cases"),
)
_SUBJECTS: Final[Mapping[str, str]] = {
    "standings": "{participant}",
    "offices": "{participant}/{authority}",
    "keys": "{key}",
    "number_ranges": "{participant}/{authority}",
    "formats": "{participant}",
    "restrictions": f"{{participant}}/{Subject.RESTRICTION}/{{restriction}}",
    "policies": f"{{participant}}/{Subject.POLICY}",
    "presidencies": f"{KPCS}/{CHAIR}",
    "reports": f"{{participant}}/{Subject.REPORT}/{{year}}",
    "cases": "{subject}",
}
"""How events name what a row of a table is about, from its columns. The other tables are written by
events on the very subject alone, or tell nothing of its life."""
_TABLES_OF: Final = {
    kind: tuple(table for table in _TABLES if table.kind is kind)
    for kind in dict.fromkeys(table.kind for table in _TABLES)
}
VERSIONED: Final[Mapping[str, type[Record]]] = {
    **{kind.KIND: kind for kind in _TABLES_OF},
    records.HouseRecord.KIND: records.HouseRecord,
}
"""The records that have versions, and the one kind of the genesis file's that has none, by kind."""


class Versions:
    """Writes the small tables, at once: a later event may change what an earlier one has."""

    def __init__(self, rows: Rows) -> None:
        self._connection = rows.connection
        self._columns: dict[str, tuple[str, ...]] = {}

    def write(self, key: bytes, record: Record, *, event: int | None, now: int) -> set[str]:
        """Close the rows that a record means no more, and add what it means now.

        Args:
            key: of the record.
            record: as it is now; of a kind without versions, nothing is written.
            event: the event that wrote it; None for the genesis file.
            now: block time.

        Returns:
            The subjects whose life this is an event of.
        """
        touched: set[str] = set()
        for table in _TABLES_OF.get(type(record), ()):
            columns = self._columns_of(table.name)
            about, stated = columns[: table.about], columns[table.about :]
            subject = _subject(key, about)
            wanted = Counter(_spread(table, record, stated))
            where = "".join(f" AND {column} = ?" for column in about)
            known = self._connection.execute(
                f"SELECT rowid, {', '.join(stated)} FROM {table.name}"
                f" WHERE known_until IS NULL{where}",
                subject,
            ).fetchall()
            changed: list[SqlRow] = []
            for rowid, *row in known:
                if wanted[tuple(row)] > 0:
                    wanted[tuple(row)] -= 1
                else:
                    close = f"UPDATE {table.name} SET known_until = ? WHERE rowid = ?"
                    self._connection.execute(close, (now, rowid))
                    changed.append(tuple(row))
            changed += wanted.elements()
            if table.name in _SUBJECTS:
                touched |= {_spell(table.name, columns, (*subject, *row)) for row in changed}
            if changed and table.name == "offices":
                # An office that is closed takes what its keys could say with it.
                keys = self._connection.execute(_KEYS_OF_OFFICE, subject)
                touched |= {one.hex() for (one,) in keys}
            marks = ", ".join("?" * (len(columns) + 2))
            self._connection.executemany(
                f"INSERT INTO {table.name} VALUES ({marks}, NULL)",
                [(*subject, *row, event, now) for row in wanted.elements()],
            )
        return touched

    def _columns_of(self, table: str) -> tuple[str, ...]:
        columns = self._columns.get(table)
        if columns is None:
            found = self._connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
            columns = tuple(name for (name,) in found.fetchall()[:-_KNOWN])
            self._columns[table] = columns
        return columns


def _subject(key: bytes, about: tuple[str, ...]) -> SqlRow:
    """Read what a record is about out of its key."""
    if key == _NETWORK:
        return ("",)
    parts = key.decode().split("/", len(about))[1:]
    return tuple(
        bytes.fromhex(part) if column in ("key", "event_id") else part
        for column, part in zip(about, parts, strict=True)
    )


def _spell(table: str, columns: tuple[str, ...], row: SqlRow) -> str:
    """Spell the subject of a row as events do; what is of no participant is the scheme's."""
    plain = (one.hex() if isinstance(one, bytes) else one or KPCS for one in row)
    return _SUBJECTS[table].format(**dict(zip(columns, plain, strict=True)))


def _spread(table: _Table, record: Record, columns: tuple[str, ...]) -> Iterable[SqlRow]:
    """Give the rows that a record means, without what they are about."""
    if table.spread is not None:
        return table.spread(record)
    items = attrgetter(table.each)(record) if table.each else (record,)
    return [
        tuple(
            position
            if column == "position"
            else _plain(column, attrgetter(table.paths.get(column, column))(item))
            for column in columns
        )
        for position, item in enumerate(items)
    ]


def _plain(column: str, value: SqlValue | tuple[str, ...]) -> SqlValue:
    if isinstance(value, tuple):
        return ("/" if column == "approver" else ",").join(value)
    # Of an enumeration only its text is stored, and compared with what is.
    return str(value) if isinstance(value, str) else value
