"""Signing: the keys that a command opens, and the events it writes with them."""

import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import typer

from kpclient.clock import now_ms
from kpclient.errors import UsageError
from kpclient.files import check_private, expand, read_bounded, read_text_bounded
from kpclient.input.documents import naming
from kpclient.input.options import SignerOptions
from kpclient.keystore import Keystore
from kpclient.session import Session
from kpledger.base.keys import SigningKey
from kpledger.scheme.envelope import (
    MAX_ENVELOPE_JSON_BYTES,
    decode_envelope,
    parse_envelope_json,
    sign_event,
    verify_envelope,
)
from kpledger.scheme.event import Author, Body, SignedEvent, encode_event

VARIABLE: Final = "KPLEDGER_PASSPHRASE"
"""The environment variable that may hold the passphrase."""
_NONCE_BYTES: Final = 16
_MAX_FILE_BYTES: Final = 4096


class Keyring:
    """The keys of one command: each is opened once, and its passphrase asked for once."""

    def __init__(self, session: Session, signer: SignerOptions) -> None:
        self._session = session
        self._signer = signer
        self._opened: dict[str, tuple[Author, SigningKey]] = {}

    def open(self, name: str = "") -> tuple[Author, SigningKey]:
        """Open a key, that of the command if none is named; gives whom it signs for, and the key.

        Raises:
            UsageError: no key is named at all.
            KeystoreError: it cannot be found or opened.
        """
        name = name or self._signer.key
        if name not in self._opened:
            author = author_of(self._session.home, name)
            phrase = read_passphrase(self._signer.passphrase_file, f"Passphrase of {name}")
            self._opened[name] = author, open_keystore(self._session.home).open(name, phrase)
        return self._opened[name]

    def write(
        self,
        body: Body,
        *,
        keys: Sequence[str] = ("",),
        subject: str,
        prev: bytes | None,
        occurred_at: int | None = None,
    ) -> SignedEvent:
        """Make an event and sign it with keys, the author's first; it occurred now if not said.

        Raises:
            UsageError: no key is named.
            KeystoreError: a key cannot be found or opened.
            LedgerError: it is no event that a ledger would take.
        """
        opened = [self.open(name) for name in keys]
        payload = encode_event(
            chain=self._session.genesis.chain,
            author=opened[0][0],
            nonce=secrets.token_bytes(_NONCE_BYTES),
            occurred_at=now_ms() if occurred_at is None else occurred_at,
            subject=subject,
            prev=prev,
            body=body,
        )
        return decode_envelope(sign_event(payload, [key for _, key in opened]))


def read_signed(file: Path) -> SignedEvent:
    """Read an event that others have signed, as ``--offline`` writes it; its signatures hold.

    Raises:
        UnreadableError: the file cannot be read.
        MalformedError: it is no event.
        BadSignatureError: a signature does not hold.
    """
    content = read_text_bounded(file, max_bytes=MAX_ENVELOPE_JSON_BYTES).encode()
    with naming(file):
        event = decode_envelope(parse_envelope_json(content))
        verify_envelope(event)
    return event


def author_of(home: Path, key: str) -> Author:
    """Give the office that a key signs for.

    Raises:
        UsageError: no key is named.
        KeystoreError: it cannot be found.
    """
    if not key:
        raise UsageError("--key", "no key is named", "a name that `kpledger keys list` shows")
    return open_keystore(home).entry(key).author


def open_keystore(home: Path) -> Keystore:
    """Give the keys in a home."""
    return Keystore(expand("--home", home) / "keys")


def read_passphrase(file: Path | None, prompt: str, *, confirm: bool = False) -> bytes:
    """Give a passphrase as it stands in a file, the environment, or on the terminal.

    Raises:
        UsageError: there is none of the three.
        UnreadableError: the file cannot be read.
        TooOpenError: others may read it.
    """
    if file is not None:
        if file.is_file():  # and no pipe
            check_private(file)
        return read_bounded(file, max_bytes=_MAX_FILE_BYTES)
    given = os.environ.get(VARIABLE)
    if given is not None:
        return os.fsencode(given)
    if not sys.stdin.isatty():
        accepted = f"--passphrase-file FILE, or {VARIABLE} in the environment"
        raise UsageError("passphrase", "there is no terminal to ask for it on", accepted)
    answer: str = typer.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True)
    return os.fsencode(answer)
