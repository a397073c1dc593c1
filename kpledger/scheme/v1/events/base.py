"""What every event has in common: the header around a typed body.

An event is one statement by one authority. Its header says for which ledger, of which type, by
whom, when, about what, and after what; the body is a Struct of its own for each type.
"""

from typing import Annotated, ClassVar, Final

import msgspec
from msgspec import Meta

from kpledger.base.ids import AuthorCode, AuthorityId, Digest32, EventId
from kpledger.base.units import TimeMs

MAX_EVENT_BYTES: Final = 48 * 1024
"""The largest payload of an event. With its signatures it fits a C2SP entry bundle (65,535)."""

MAX_SIGNATURES: Final = 16
"""The most signatures an envelope may carry."""

Text = Annotated[str, Meta(min_length=1, max_length=256)]
"""A line of free text, NFC, never empty."""

LongText = Annotated[str, Meta(max_length=2000)]
"""Free text, NFC, possibly empty."""

Reference = Annotated[str, Meta(min_length=1, max_length=128)]
"""The name of a document outside the ledger: a decision, a law, a file number."""


DocumentHash = Digest32
"""SHA-256 of a document that stays outside the ledger (data class C)."""


class Author(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The office that makes a statement."""

    participant: AuthorCode
    """The participant it belongs to, or ``KPCS`` for the Chair."""
    authority: AuthorityId
    """The office: ``root`` for the participant itself, ``chair`` under ``KPCS``."""

    def __str__(self) -> str:
        """Write it as people do, ``BW/gaborone``."""
        return f"{self.participant}/{self.authority}"


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of an event that differs by type. A subclass names its type and version."""

    TYPE: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1


class EventHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event as it is encoded; the body stays raw until its type is known."""

    chain: Digest32
    """The ledger it is meant for: the hash of the genesis file."""
    type: Annotated[str, Meta(pattern=r"^[a-z]+(_[a-z]+)*\Z", max_length=64)]
    """The event's type, for instance ``certificate_issued``."""
    version: Annotated[int, Meta(ge=1, le=255)]
    """The version of the body's form."""
    author: Author
    """Who says so."""
    nonce: Annotated[bytes, Meta(min_length=16, max_length=16)]
    """Random: two equal statements made twice are two events."""
    occurred_at: TimeMs
    """When it happened, by the author's clock; Unix milliseconds."""
    subject: Annotated[str, Meta(pattern=r"^[A-Za-z0-9/-]{1,80}\Z", max_length=80)]
    """What it is about: a certificate number, a participant, an authority, a key, a case, a
    proceeding (:mod:`kpledger.scheme.v1.subjects` spells them)."""
    prev: EventId | None
    """The newest event on the subject that the author had seen (optimistic lock)."""
    body: msgspec.Raw
    """The body, as encoded."""
