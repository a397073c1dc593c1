"""Signing keys: which keys a participant's offices, officers and observers have, and had."""

from typing import Final

import msgspec

from kpledger.base.ids import KPCS
from kpledger.books.database import Books
from kpledger.books.query import Query, ask_participant, select_rows
from kpledger.scheme.v1.events.governance import RevocationReason

_KEYS: Final = """
SELECT lower(hex(key)) AS key, authority, officer, valid_from, revoked_at, reason, suspect_since
FROM keys
WHERE participant = :participant AND known_until IS NULL AND (:past OR revoked_at IS NULL)
ORDER BY authority, valid_from, key
"""


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
    if question.participant != KPCS:
        ask_participant(books, question.participant)
    asked = {"participant": question.participant, "past": question.past}
    return KeysAnswer(keys=tuple(select_rows(books, RegisteredKey, _KEYS, asked)))


SIGNING_KEYS: Final = Query(
    path="keys",
    summary="The keys that sign for a participant, and from when until when",
    question=KeysQuestion,
    answer=KeysAnswer,
    respond=_respond,
)
