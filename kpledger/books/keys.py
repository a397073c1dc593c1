"""Signing keys: which keys a participant's offices, officers and observers have, and had."""

from typing import Final

import msgspec

from kpledger.base.ids import KPCS
from kpledger.books.database import Books
from kpledger.books.query import Query, ask_participant
from kpledger.scheme.v1.events.governance import RevocationReason
from kpledger.scheme.v1.records import KeyRecord


class KeysQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose keys."""

    participant: str = ""
    """A participant, or ``KPCS`` for the scheme's own."""
    past: bool = False
    """Those as well that were revoked."""


class RegisteredKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key, and from when until when signatures by it count."""

    key: str
    """Ed25519, hexadecimal."""
    authority: str
    officer: str | None
    """Whose it is among the office's people, for rules that want several."""
    valid_from: int
    """Unix milliseconds of block time."""
    revoked_at: int | None
    reason: RevocationReason | None
    suspect_since: int | None
    """Since when its signatures may be somebody else's; Unix milliseconds."""


class KeysAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Keys by office, those of each in the order of their validity."""

    keys: tuple[RegisteredKey, ...]


def _respond(books: Books, question: KeysQuestion) -> KeysAnswer:
    """List the keys of a participant.

    Raises:
        QuestionError: the ledger knows no such participant.
    """
    if question.participant != KPCS:
        ask_participant(books, question.participant)
    prefix = KeyRecord.key_for(b"")
    found = (
        RegisteredKey(
            key=key.removeprefix(prefix).decode(),
            authority=record.authority,
            officer=record.officer,
            valid_from=record.valid_from,
            revoked_at=record.revoked_at,
            reason=record.reason,
            suspect_since=record.suspect_since,
        )
        for key, record in books.records(prefix, KeyRecord)
        if record.participant == question.participant
        and (question.past or record.revoked_at is None)
    )
    return KeysAnswer(keys=tuple(sorted(found, key=lambda one: (one.authority, one.valid_from))))


SIGNING_KEYS: Final = Query(
    path="keys",
    summary="The keys that sign for a participant, and from when until when",
    question=KeysQuestion,
    answer=KeysAnswer,
    respond=_respond,
)
