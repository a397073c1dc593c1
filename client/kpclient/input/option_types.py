"""What people give in options: days, weights, values, documents, in the forms they know."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from kpclient.clock import now_ms
from kpclient.errors import UsageError
from kpledger.base.errors import MalformedError
from kpledger.base.ids import parse_hex32
from kpledger.base.units import parse_carats, parse_usd, start_of_day_ms

T = TypeVar("T")
D = TypeVar("D", int, None)

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The certificate, as BW00001234.")]
Code = Annotated[str, typer.Argument(metavar="CODE", help="The participant, as BW.")]
Office = Annotated[str, typer.Argument(metavar="AUTHORITY", help="The office, as gaborone.")]
Shipment = Annotated[
    str,
    typer.Argument(metavar="NUMBER|CASE", help="The certificate, or the case, as BW00001234/1."),
]
OnDay = Annotated[str, typer.Option("--on", metavar="YYYY-MM-DD", help="[default: today, UTC]")]
FromDay = Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="[default: now]")]
Remarks = Annotated[str, typer.Option("--remarks", help="In words.")]
Law = Annotated[str, typer.Option("--law", help="Under which law or order.")]
Decision = Annotated[
    str, typer.Option("--decision", metavar="ID", help="The recorded decision, as AD-2026-1.")
]
Interim = Annotated[
    bool, typer.Option("--interim", help="By the Chair's notice alone: lapses unless ratified.")
]
Document = Annotated[
    str,
    typer.Option("--document", metavar="FILE|SHA256", help="The paper; only its hash is recorded."),
]

_HASH: Final = re.compile(r"[0-9a-f]{64}")


def read_instant(day: str, option: str) -> int:
    """Give the first moment of a day, or now if none is given.

    Raises:
        UsageError: it is no day.
    """
    return read_day(day, option, otherwise=now_ms())


def read_day(day: str, option: str, *, otherwise: D) -> int | D:
    """Give the first moment of a day; ``otherwise`` if none is given.

    Raises:
        UsageError: it is no day.
    """
    return _read(start_of_day_ms, day, option, "a day, as 2026-03-02") if day else otherwise


def read_carats(text: str, option: str, *, otherwise: D) -> int | D:
    """Read a weight; ``otherwise`` if none is given.

    Raises:
        UsageError: it is none.
    """
    return _read(parse_carats, text, option, "carats, as 12.345") if text else otherwise


def read_usd(text: str, option: str, *, otherwise: D) -> int | D:
    """Read a value; ``otherwise`` if none is given.

    Raises:
        UsageError: it is none.
    """
    return _read(parse_usd, text, option, "US$, as 1234.50") if text else otherwise


def read_key(text: str, option: str) -> bytes:
    """Read a public key or an id.

    Raises:
        UsageError: it is none.
    """
    return _read(lambda given: parse_hex32(given, option), text, option, "64 hexadecimal digits")


def read_document(text: str, option: str = "--document") -> bytes:
    """Give the hash of a file, or the hash that is given.

    Raises:
        UsageError: there is no such file.
    """
    if _HASH.fullmatch(text):
        return bytes.fromhex(text)
    try:
        with Path(text).open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise UsageError(option, f"{text}: {error.strerror}", "a file, or a SHA-256") from None


def read_documents(texts: list[str] | None, option: str) -> tuple[bytes, ...]:
    """Give the hashes of several files, in the order in which the ledger lists them.

    Raises:
        UsageError: there is no such file.
    """
    return tuple(sorted({read_document(text, option) for text in texts or ()}))


def _read(parse: Callable[[str], T], text: str, option: str, accepted: str) -> T:
    try:
        return parse(text)
    except MalformedError as error:
        raise UsageError(option, error.problem, accepted) from None
