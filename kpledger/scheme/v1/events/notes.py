"""Notes and corrections: the catalogue's events A1 and A2.

A note says something about anything and changes nothing. A correction says that an earlier event
of the same participant should have read otherwise; the earlier one stays.
"""

from typing import Annotated

from msgspec import Meta

from kpledger.base.ids import EventId
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.base import DocumentHash, LongText


class NoteFiled(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Anybody with a key, observers included, files a note about any subject."""

    text: LongText
    """The note."""
    references: Annotated[tuple[EventId, ...], Meta(max_length=50)]
    """Events that it is about; ascending, each once."""
    document: DocumentHash | None
    """Hash of a paper behind it."""


class CorrectionMade(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant corrects a statement of its own that moved nothing by its contents.

    What moved a certificate is corrected by the events made for it: an endorsed amendment, a
    replacement, a resolved discrepancy, a further edition.
    """

    event: EventId
    """The event that is corrected; its subject is this event's subject."""
    body: Annotated[bytes, Meta(min_length=1, max_length=16 * 1024)]
    """The body as it should have read: canonical MessagePack of the same type."""
    reason: LongText
    """Why."""
