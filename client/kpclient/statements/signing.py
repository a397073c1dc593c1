"""Signing: the keys that a command opens, and the events it writes with them."""

import os
import secrets
import sys
from pathlib import Path
from typing import Final

import typer

from kpclient.clock import now_ms
from kpclient.errors import UsageError
from kpclient.files import read_bounded
from kpclient.input.options import SignerOptions
from kpclient.keystore import MAX_PASSPHRASE_BYTES, Keystore
from kpclient.session import Session
from kpledger.base.keys import SigningKey
from kpledger.log.genesis import Genesis
from kpledger.scheme.envelope import decode_envelope, sign_event
from kpledger.scheme.event import Author, Body, SignedEvent, encode_event

VARIABLE: Final = "KPLEDGER_PASSPHRASE"
"""The environment variable that may hold the passphrase."""
_NONCE_BYTES: Final = 16


class EventSigner:
    """An opened key: makes signed events of one author for one ledger."""

    def __init__(self, genesis: Genesis, author: Author, keys: tuple[SigningKey, ...]) -> None:
        """Write for this ledger as this author under these keys."""
        self._genesis = genesis
        self.author = author
        self._keys = keys

    def write(
        self, body: Body, *, subject: str, prev: bytes | None, occurred_at: int | None = None
    ) -> SignedEvent:
        """Make and sign an event; it occurred now unless it is said when.

        Raises:
            LedgerError: it is no event that a ledger would take.
        """
        payload = encode_event(
            chain=self._genesis.chain,
            author=self.author,
            nonce=secrets.token_bytes(_NONCE_BYTES),
            occurred_at=now_ms() if occurred_at is None else occurred_at,
            subject=subject,
            prev=prev,
            body=body,
        )
        return decode_envelope(sign_event(payload, self._keys))


class Keyring:
    """The signers of one command: every key is opened once, and its passphrase asked for once."""

    def __init__(self, session: Session, signer: SignerOptions) -> None:
        """Open nothing before it is needed."""
        self._session = session
        self._signer = signer
        self._keys: dict[str, SigningKey] = {}
        self._signers: dict[tuple[str, ...], EventSigner] = {}

    def signer(self, names: tuple[str, ...] = ()) -> EventSigner:
        """Give the signer with these keys, the author's first; none: the key of the command.

        Raises:
            UsageError: no key is named.
            KeystoreError: a key cannot be found or opened.
        """
        wanted = names or ((self._signer.key,) if self._signer.key else ())
        if not wanted:
            raise UsageError("--key", "no key is named", "a name that `kpledger keys list` shows")
        if wanted not in self._signers:
            author = open_keystore(self._session.home).entry(wanted[0]).author
            keys = tuple(self.key(name) for name in wanted)
            self._signers[wanted] = EventSigner(self._session.genesis, author, keys)
        return self._signers[wanted]

    def key(self, name: str) -> SigningKey:
        """Open a key.

        Raises:
            KeystoreError: it cannot be found or opened.
        """
        if name not in self._keys:
            phrase = read_passphrase(self._signer.passphrase_file, f"Passphrase of {name}")
            self._keys[name] = open_keystore(self._session.home).open(name, phrase)
        return self._keys[name]


def open_signer(
    session: Session, signer: SignerOptions, *, cosigners: tuple[str, ...] = ()
) -> EventSigner:
    """Open the keys that are asked for; the first one says who the author is.

    Raises:
        UsageError: no key is named.
        KeystoreError: a key cannot be found or opened.
    """
    named = (signer.key, *cosigners) if signer.key else ()
    return Keyring(session, signer).signer(named)


def open_keystore(home: Path) -> Keystore:
    """Give the keys in a home."""
    return Keystore(home.expanduser() / "keys")


def read_passphrase(file: Path | None, prompt: str, *, confirm: bool = False) -> bytes:
    """Give a passphrase: from a file, the environment, or the terminal.

    Raises:
        UsageError: there is none of the three.
        UnreadableError: the file cannot be read.
    """
    if file is not None:
        return read_bounded(file, max_bytes=MAX_PASSPHRASE_BYTES + 1).partition(b"\n")[0]
    given = os.environ.get(VARIABLE)
    if given is not None:
        return given.encode()
    if not sys.stdin.isatty():
        accepted = f"--passphrase-file FILE, or {VARIABLE} in the environment"
        raise UsageError("passphrase", "there is no terminal to ask for it on", accepted)
    answer: str = typer.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True)
    return answer.encode()
