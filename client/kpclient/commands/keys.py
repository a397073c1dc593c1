"""``kpledger keys``: the keys that this person signs with."""

from pathlib import Path
from typing import Final

import typer

from kpclient.commands.declared import command
from kpclient.errors import UsageError
from kpclient.files import read_text_bounded
from kpclient.input.forms import read_struct
from kpclient.input.options import LocalOptions, PassphraseOptions
from kpclient.keyfile import KeyEntry
from kpclient.keystore import make_seed
from kpclient.output.console import print_answer, print_json, print_line, print_table, print_trouble
from kpclient.session import read_typed
from kpclient.statements.signing import open_keystore, read_passphrase
from kpledger.base.errors import MalformedError
from kpledger.base.ids import parse_hex32
from kpledger.command import EXIT_REFUSED
from kpledger.log.note import KeyType, NoteKey, format_vkey
from kpledger.scheme.event import Author

_MAX_SEED_FILE_BYTES: Final = 4096


@command("keys new")
def new(
    *,
    author: str,
    local: LocalOptions,
    passphrase: PassphraseOptions,
    name: str = "",
    seed_file: Path | None = None,
) -> None:
    """Make a key and keep it under a passphrase."""
    office = parse_author(author)
    called = name or f"{office.participant}-{office.authority}"
    seed = make_seed() if seed_file is None else _load_seed(seed_file)
    secret = read_passphrase(passphrase.passphrase_file, f"Passphrase for {called}", confirm=True)
    entry = open_keystore(local.home).create(
        name=called, author=office, seed=seed, passphrase=secret
    )
    _print(entry, as_json=local.as_json)


@command("keys list")
def list_keys(local: LocalOptions) -> None:
    """List the keys in the home, and whom they sign for.

    Exit code 1: there is a file among them that cannot be used.
    """
    entries, problems = open_keystore(local.home).entries()
    if local.as_json:
        unusable = [error.describe() for error in problems]
        print_json({"keys": [_describe(entry) for entry in entries], "unusable": unusable})
    else:
        rows = [tuple(_describe(entry).values()) for entry in entries]
        print_table(("name", "author", "public key"), rows)
    for entry in entries:
        if entry.is_old:
            print_trouble(
                f"the file of key {entry.name} was written by an earlier version, and passphrases"
                f" are tried on it sooner; write it anew with: kpledger keys rewrite {entry.name}"
            )
    for error in problems:
        print_trouble(f"error: {error}")
    if problems:
        raise typer.Exit(EXIT_REFUSED)


@command("keys rewrite")
def rewrite(name: str, local: LocalOptions, passphrase: PassphraseOptions) -> None:
    """Write a key's file in the format of this version, under the same passphrase."""
    phrase = read_passphrase(passphrase.passphrase_file, f"Passphrase of {name}")
    entry = open_keystore(local.home).rewrite(name, phrase)
    _print(entry, as_json=local.as_json)


@command("keys export")
def export(
    name: str,
    local: LocalOptions,
    passphrase: PassphraseOptions,
    *,
    vkey: bool = False,
    secret: bool = False,
) -> None:
    """Print a public key in hexadecimal; the secret only when it is asked for."""
    keystore = open_keystore(local.home)
    entry = keystore.entry(name)
    if vkey and secret:
        raise UsageError("--vkey", "a secret is not a verifier key", "--vkey or --secret, not both")
    if secret:
        print_trouble(f"warning: this is the secret of {name}; whoever reads it can sign as you")
        phrase = read_passphrase(passphrase.passphrase_file, f"Passphrase of {name}")
        what, text = "seed", keystore.unseal(name, phrase).hex()
    elif vkey:
        note_name = f"kpledger/{entry.author}"
        what = "vkey"
        text = format_vkey(NoteKey(note_name, KeyType.NOTE, entry.public_key))
    else:
        what, text = "public_key", entry.public_key.hex()
    if local.as_json:
        print_json({"name": name, what: text})
    else:
        print_line(text)


def parse_author(text: str) -> Author:
    """Read ``BW/gaborone``.

    Raises:
        UsageError: it is not a code and an office.
    """
    code, _, authority = text.partition("/")
    try:
        return read_struct(Author, {"participant": code, "authority": authority})
    except MalformedError as error:
        raise UsageError("--author", error.problem, "CODE/AUTHORITY, such as BW/gaborone") from None


def _load_seed(path: Path) -> bytes:
    lines = read_text_bounded(path, max_bytes=_MAX_SEED_FILE_BYTES)
    # Comment lines say what a development key is; the seed is the one line that is none.
    seeds = [line.strip() for line in lines.splitlines() if line and not line.startswith("#")]
    if len(seeds) != 1:
        raise UsageError("--seed-file", f"{path} has {len(seeds)} lines with a seed", "one line")
    accepted = "a file with 64 hexadecimal digits"
    return read_typed(lambda text: parse_hex32(text, "seed"), seeds[0], "--seed-file", accepted)


def _print(entry: KeyEntry, *, as_json: bool) -> None:
    print_answer(_describe(entry), _describe(entry), as_json=as_json)


def _describe(entry: KeyEntry) -> dict[str, str]:
    return {"name": entry.name, "author": str(entry.author), "public_key": entry.public_key.hex()}
