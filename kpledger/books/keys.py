"""Signing keys: whose a key is, and which keys a participant's offices have, and had."""

from typing import Final

import msgspec

from kpledger.base.ids import KPCS
from kpledger.books.database import Books
from kpledger.books.query import NotOnLedgerError, Query, read_participant, select_rows
from kpledger.books.question import Hex, Question, Side
from kpledger.scheme.v1.events.governance import RevocationReason


class KeyQuestion(Question, frozen=True, kw_only=True):
    """Which key."""

    key: Hex
    """Ed25519, hexadecimal."""


class KeysQuestion(Question, frozen=True, kw_only=True):
    """Whose keys."""

    participant: Side
    """A participant, or ``KPCS`` for the scheme's own."""
    past: bool = False
    """Those as well that were revoked, or whose office was closed."""


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
    office_closed_at: int | None = None
    """Block time at which its office was closed, which ends what it may say."""


class KeyAnswer(RegisteredKey, frozen=True, kw_only=True):
    """A key, and whose it is."""

    participant: str


class KeysAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Keys by office, those of each in the order of their validity."""

    keys: tuple[RegisteredKey, ...]


def _respond_one(books: Books, question: KeyQuestion) -> KeyAnswer:
    asked = {"key": bytes.fromhex(question.key)}
    for found in select_rows(books, KeyAnswer, "key.sql", asked):
        return found
    raise NotOnLedgerError(f"key {question.key} is not registered")


def _respond_all(books: Books, question: KeysQuestion) -> KeysAnswer:
    if question.participant != KPCS:
        read_participant(books, question.participant)
    asked = {"participant": question.participant, "past": question.past}
    return KeysAnswer(keys=select_rows(books, RegisteredKey, "keys.sql", asked))


KEY: Final = Query(
    "keys/{key}",
    "Whose a key is, and from when until when its signatures count",
    _respond_one,
    is_small=True,
    may_find_none=True,
)
SIGNING_KEYS: Final = Query(
    "keys",
    "The keys that sign for a participant, and from when until when",
    _respond_all,
    is_small=True,
)
