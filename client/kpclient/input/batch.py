"""The rows of a file to submit: each line is a signed envelope, or the draft of an event.

A line that starts an envelope (DSSE JSON) is taken as it is. Any other is a draft,
``{"type": ..., "subject": ..., "body": {...}}``, with ``occurred_at`` (Unix milliseconds, or as
``2004-07-09T12:00:00Z``) and ``prev`` (hexadecimal) if they are to be something else than now and
the newest event, and ``keys`` if others sign it than the command says. Bodies are read as
:mod:`kpclient.input.forms` says.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpclient.errors import UsageError
from kpclient.input.documents import parse_json
from kpclient.input.forms import find_type, read_struct
from kpclient.net.heads import FOLLOWING
from kpledger.base.errors import LedgerError, MalformedError
from kpledger.base.ids import EventId
from kpledger.base.units import TimeMs
from kpledger.reading import drop_mark, open_file
from kpledger.scheme.envelope import decode_envelope, parse_envelope_json, verify_envelope
from kpledger.scheme.event import MAX_SIGNATURES, Body, SignedEvent
from kpledger.scheme.v1.events.certificate import CertificateIssued, CertificateReplaced
from kpledger.scheme.v1.events.importing import ImportRefusedReturned
from kpledger.scheme.v1.events.life import OpeningWithdrawn
from kpledger.scheme.v1.ids import parse_number

MAX_LINE_BYTES: Final = 256 * 1024
MAX_LINES: Final = 10_000_000


class _RowDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A draft as it stands in a line."""

    type: str
    subject: str
    body: dict[str, object]
    occurred_at: TimeMs | None = None
    """Now if left out."""
    prev: EventId | None = None
    """Id of the event that it follows; the newest on its subject if left out."""
    keys: Annotated[tuple[str, ...], Meta(max_length=MAX_SIGNATURES)] = ()
    """Names in the keystore: the first is the author's, the others sign with it."""


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event that is not signed yet."""

    subject: str
    body: Body
    occurred_at: int | None
    prev: bytes | None
    keys: tuple[str, ...] = ()
    """Who signs, the author first; empty: whoever the command says."""

    @property
    def follows(self) -> bool:
        """Whether it has to name the newest event on its subject, and does not yet."""
        return self.body.TYPE in FOLLOWING and self.prev is None


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A line of the file, read."""

    number: int
    text: str
    """SHA-256 of the line, hexadecimal."""
    content: SignedEvent | EventDraft | LedgerError
    """The error, if it cannot be understood."""

    @property
    def subjects(self) -> tuple[str, ...]:
        """What it is about; a replacement is about two certificates."""
        match self.content:
            case SignedEvent():
                subject = self.content.header.subject
            case EventDraft():
                subject = self.content.subject
            case _:
                return ()
        if isinstance(self.content.body, CertificateReplaced):
            return subject, self.content.body.certificate.number
        return (subject,)

    @property
    def relies_on(self) -> tuple[str, ...]:
        """Certificates besides its own that have to be as they should before it is sent."""
        if isinstance(self.content, LedgerError):
            return ()
        match self.content.body:
            case CertificateIssued(certificate=one) | CertificateReplaced(certificate=one):
                return (*(source.number for source in one.sources), *filter(None, (one.case,)))
            case ImportRefusedReturned(technical_certificate=str(number)):
                return (number,)
        return ()

    @property
    def governs(self) -> bool:
        """Whether later rows may depend on it, whatever they are about."""
        named = any(not _is_number(subject) for subject in self.subjects)
        # A certificate whose seizure is withdrawn goes on from where it stood.
        return named or isinstance(getattr(self.content, "body", None), OpeningWithdrawn)


def count_rows(path: Path) -> int:
    """Count the lines of a file.

    Raises:
        UsageError: the file cannot be read, a line is too long, or there are too many.
    """
    return sum(1 for _ in _read_lines(path))


def read_rows(path: Path, *, now_ms: int) -> Iterator[BatchRow]:
    """Read the lines of a file that are not blank.

    Raises:
        UsageError: the file cannot be read, a line is too long, or there are too many.
    """
    for number, text in _read_lines(path):
        if text.strip():
            digest = hashlib.sha256(text.strip()).hexdigest()
            yield BatchRow(number, digest, _read_line(text, now_ms))


def _read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with open_file(path) as file:
            for number in range(1, MAX_LINES + 2):
                text = file.readline(MAX_LINE_BYTES + 1)
                if not text:
                    return
                if len(text) > MAX_LINE_BYTES or number > MAX_LINES:
                    problem = f"line {number} is too long, or there are too many"
                    accepted = f"at most {MAX_LINES} lines of {MAX_LINE_BYTES} bytes"
                    raise UsageError("FILE", problem, accepted)
                yield number, drop_mark(text, path) if number == 1 else text
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}"
        raise UsageError("FILE", problem, "a file with a JSON object on each line") from None


def _read_line(text: bytes, now_ms: int) -> SignedEvent | EventDraft | LedgerError:
    try:
        found = parse_json(text, what="line")
        if "payloadType" in found:
            event = decode_envelope(parse_envelope_json(text))
            verify_envelope(event)
            return event
        return _read_draft(found, now_ms)
    except LedgerError as error:
        return error


def _read_draft(found: Mapping[str, object], now_ms: int) -> EventDraft:
    row = read_struct(_RowDraft, found)
    return EventDraft(
        subject=row.subject,
        body=read_struct(
            find_type(row.type), row.body, within="body", time_ms=row.occurred_at or now_ms
        ),
        occurred_at=row.occurred_at,
        prev=row.prev,
        keys=row.keys,
    )


def _is_number(text: str) -> bool:
    try:
        parse_number(text)
    except MalformedError:
        return False
    return True
