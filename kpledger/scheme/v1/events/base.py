"""What the bodies of several events are made of: texts and references to documents."""

from typing import Annotated

from msgspec import Meta

from kpledger.base.ids import Digest32

Text = Annotated[str, Meta(min_length=1, max_length=256)]
"""A line of free text, NFC, never empty."""

LongText = Annotated[str, Meta(max_length=2000)]
"""Free text, NFC, possibly empty."""

Reference = Annotated[str, Meta(min_length=1, max_length=128)]
"""The name of a document outside the ledger: a decision, a law, a file number."""

DocumentHash = Digest32
"""SHA-256 of a document that stays outside the ledger (data class C)."""
