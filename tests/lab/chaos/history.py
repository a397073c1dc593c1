"""What the clients did and were told: one record a call, one JSON line a record.

All times are seconds of one monotonic clock, that of the process which runs the clients. A call
whose outcome is ``unknown`` may or may not have had its effect.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import msgspec


class Outcome(StrEnum):
    """What a call came to."""

    OK = "ok"
    REFUSED = "refused"
    """A rule said no: the event is not on the ledger, and this attempt will not bring it there."""
    UNKNOWN = "unknown"


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where an event stands."""

    height: int
    index: int


class _Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="record"):
    """What the records have in common."""


class Submission(_Record, frozen=True, kw_only=True, tag="submission"):
    """One attempt to bring an event onto the ledger."""

    client: str
    node: str
    event: str
    invoked_s: float
    returned_s: float
    outcome: Outcome
    place: Place | None = None
    """Promised, if the outcome is ok."""
    detail: str = ""
    """The answer or the error, if it is not."""


class Read(_Record, frozen=True, kw_only=True, tag="read"):
    """One question about an event, asked for itself or by its certificate."""

    client: str
    node: str
    event: str
    linearizable: bool
    invoked_s: float
    returned_s: float
    outcome: Outcome
    seen: bool = False
    """The answer shows the event, or the state that it leads to."""
    place: Place | None = None
    """Where the answer says that the event stands, if it does."""
    as_of: int | None = None
    """The height that the answer names, if it names one."""
    detail: str = ""


class Note(_Record, frozen=True, kw_only=True, tag="note"):
    """Something else that happened, for people: a fault begins or ends, a leader is agreed on."""

    at_s: float
    what: str
    detail: str = ""


Record = Submission | Read | Note

_decoder = msgspec.json.Decoder(Record)
_encoder = msgspec.json.Encoder()


class History:
    """Keeps the records of a run, in memory and in a file.

    Attributes:
        records: all of them, in the order in which the calls returned.
        listeners: told each record as it comes.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Write to this file."""
        self.records: list[Record] = []
        self.listeners: list[Callable[[Record], None]] = []
        self._file = file

    def add(self, record: Record) -> None:
        """Keep a record."""
        self.records.append(record)
        self._file.write(_encoder.encode(record) + b"\n")
        for listener in self.listeners:
            listener(record)


def load_history(file: Path) -> list[Record]:
    """Read a file that :class:`History` has written.

    Raises:
        OSError: it cannot be read.
        msgspec.DecodeError: it holds something else.
    """
    with file.open("rb") as stream:
        return [_decoder.decode(line) for line in stream]


def submissions(records: Iterable[Record]) -> list[Submission]:
    """Choose the submissions."""
    return [record for record in records if isinstance(record, Submission)]


def reads(records: Iterable[Record]) -> list[Read]:
    """Choose the reads that were answered."""
    return [
        record for record in records if isinstance(record, Read) and record.outcome is Outcome.OK
    ]
