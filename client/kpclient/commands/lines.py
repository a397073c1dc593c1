"""The lines of a file to submit: each is a signed envelope, or the draft of an event.

A line that starts an envelope (DSSE JSON) is taken as it is. Any other is a draft,
``{"type": ..., "subject": ..., "body": {...}}``, with ``occurred_at`` (Unix milliseconds) and
``prev`` (hexadecimal) if they are to be something else than now and the newest event. The body is
in the ledger's own fields; only a certificate may also be written as people do (`kpclient.drafts`).
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from kpclient.drafts import parse_json_draft, read_body_draft, read_certificate_draft
from kpclient.errors import UsageError
from kpledger.envelope import SignedEvent, decode_envelope, parse_envelope_json, verify_envelope
from kpledger.errors import LedgerError, MalformedError
from kpledger.events import Body
from kpledger.events.certificate import CertificateReplaced
from kpledger.ids import parse_hex32, parse_number
from kpledger.lifecycle import TRANSITIONS

MAX_LINE_BYTES: Final = 256 * 1024
MAX_LINES: Final = 10_000_000

FOLLOWING: Final = frozenset(kind for steps in TRANSITIONS.values() for kind in steps)
"""The types of events that follow another one on the same certificate."""

_DRAFT_FIELDS: Final = frozenset({"type", "subject", "body", "occurred_at", "prev"})


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event that is not signed yet."""

    subject: str
    body: Body
    occurred_at: int | None
    prev: bytes | None

    @property
    def follows(self) -> bool:
        """Whether it has to name the newest event on its subject, and does not yet."""
        return self.body.TYPE in FOLLOWING and self.prev is None


@dataclass(frozen=True, slots=True)
class Line:
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
    def governs(self) -> bool:
        """Whether later lines may depend on it, whatever they are about."""
        return any(not _is_number(subject) for subject in self.subjects)


def read_lines(path: Path, *, now_ms: int) -> Iterator[Line]:
    """Read the lines of a file that are not blank.

    Raises:
        UsageError: the file cannot be read, a line is too long, or there are too many.
    """
    try:
        with path.open("rb") as file:
            for number in range(1, MAX_LINES + 2):
                text = file.readline(MAX_LINE_BYTES + 1)
                if not text:
                    return
                if len(text) > MAX_LINE_BYTES or number > MAX_LINES:
                    limits = f"{MAX_LINES} lines of {MAX_LINE_BYTES} bytes"
                    raise UsageError("FILE", f"line {number} is too much", f"at most {limits}")
                if text.strip():
                    digest = hashlib.sha256(text.strip()).hexdigest()
                    yield Line(number, digest, _read_line(text, now_ms))
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}"
        raise UsageError("FILE", problem, "a file of lines of JSON") from None


def _read_line(text: bytes, now_ms: int) -> SignedEvent | EventDraft | LedgerError:
    try:
        found = parse_json_draft(text, what="line")
        if "payloadType" in found:
            event = decode_envelope(parse_envelope_json(text))
            verify_envelope(event)
            return event
        return _read_draft(found, now_ms)
    except LedgerError as error:
        return error


def _read_draft(found: Mapping[str, object], now_ms: int) -> EventDraft:
    for name in found:
        if name not in _DRAFT_FIELDS:
            accepted = ", ".join(sorted(_DRAFT_FIELDS))
            raise MalformedError("draft", f"unknown; known are {accepted}", field=name)
    kind, subject, body = found.get("type"), found.get("subject"), found.get("body")
    occurred_at, prev = found.get("occurred_at"), found.get("prev")
    if not isinstance(kind, str):
        raise MalformedError("draft", "it is missing or no text", field="type")
    if not isinstance(subject, str):
        raise MalformedError("draft", "it is missing or no text", field="subject")
    if occurred_at is not None and not isinstance(occurred_at, int):
        raise MalformedError("draft", "not a whole number of milliseconds", field="occurred_at")
    return EventDraft(
        subject=subject,
        body=read_body_draft(kind, _expand_certificate(body, occurred_at or now_ms)),
        occurred_at=occurred_at,
        prev=None if prev is None else parse_hex32(str(prev), "prev"),
    )


def _expand_certificate(body: object, now_ms: int) -> object:
    """Turn a certificate that is written as people do into the ledger's fields."""
    if not isinstance(body, dict):
        return body
    draft = body.get("certificate")
    if not isinstance(draft, dict) or "carat_thousandths" in draft:
        return body
    certificate = read_certificate_draft(draft, now_ms=now_ms)
    return body | {"certificate": msgspec.to_builtins(certificate)}


def _is_number(text: str) -> bool:
    try:
        parse_number(text)
    except MalformedError:
        return False
    return True
