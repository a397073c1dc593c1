"""Drafts: a certificate as people write it, turned into the one the ledger knows.

A draft is a mapping, from a JSON or TOML file or from options. Weights are carats and values are
US$, in decimals; what can be worked out may be left out: totals, the day of issue, the day of
expiry. Decimals in a file are kept as text on their way, so that 0.1 carat is 0.1 carat. Here it is
only decided whether a draft can be understood; whether it is acceptable is for the rules.
"""

import json
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from kpclient.files import read_bounded
from kpclient.input.forms import explain
from kpledger.base.errors import MalformedError
from kpledger.base.ids import ParticipantCode, parse_hex32
from kpledger.base.units import add_days, format_time, parse_carats, parse_percent, parse_usd
from kpledger.scheme.v1.events.certificate import (
    Certificate,
    CertificateKind,
    GoodsLine,
    HsCode,
    Origin,
    OriginKind,
    Party,
    Source,
)
from kpledger.scheme.v1.ids import CertificateNumber
from kpledger.scheme.v1.quantities import Day

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")

DEFAULT_VALIDITY_DAYS: Final = 60
MAX_DRAFT_BYTES: Final = 1024 * 1024
_MAX_DECIMALS: Final = 40

Decimals = Annotated[
    Annotated[str, Meta(min_length=1, max_length=_MAX_DECIMALS)] | int,
    Meta(description="a decimal number, as 12.34"),
]
"""A decimal number as text, or a whole number."""


class LineDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of a shipment under one HS code."""

    hs: HsCode
    carats: Decimals
    value_usd: Decimals


class PartyDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An exporter or importer."""

    name: str
    address: str
    licence: str = ""


class SourceDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An earlier certificate that goods of a re-export came in under."""

    number: CertificateNumber
    carats: Decimals


class CertificateDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate as people write it."""

    number: CertificateNumber
    destination: ParticipantCode
    exporter: PartyDraft
    importer: PartyDraft
    lines: Annotated[tuple[LineDraft, ...], Meta(min_length=1, max_length=3)]
    parcels: int = 1
    origin: tuple[ParticipantCode, ...] = ()
    """The countries of origin; exactly one: single origin, otherwise mixed."""
    kind: CertificateKind = CertificateKind.NORMAL
    languages: tuple[str, ...] = ("en",)
    carats: Decimals | None = None
    """The total; the sum of the lines if left out."""
    value_usd: Decimals | None = None
    """Likewise."""
    issued_on: Day | None = None
    """Today, UTC, if left out."""
    expires_on: Day | None = None
    """Sixty days after the day of issue if left out."""
    validated_at: int | msgspec.UnsetType | None = msgspec.UNSET
    """Unix milliseconds; now if left out, null where it is validated later."""
    seals: tuple[str, ...] = ()
    sources: tuple[SourceDraft, ...] = ()
    remarks: str = ""
    shares: tuple[Decimals, ...] = ()
    """For a mixed origin: the share of each country in the weight, in per cent."""
    zones: tuple[str, ...] = ()
    """Mining zones or operations, as ``CF/berberati``."""
    case: str = ""
    """For a technical certificate: the case or certificate whose goods it moves."""
    photos: tuple[str, ...] = ()
    """Hashes of photographs, hexadecimal."""
    declaration: str | None = None
    """Hash of the exporter's declaration, hexadecimal."""


def load_draft(path: Path) -> Mapping[str, object]:
    """Read a draft from a file: TOML if it is called so, otherwise JSON.

    Raises:
        MalformedError: it is neither.
        UnreadableError: it cannot be read.
    """
    content = read_bounded(path, max_bytes=MAX_DRAFT_BYTES)
    if path.suffix == ".toml":
        return parse_toml_draft(content)
    return parse_json_draft(content, what=str(path))


def parse_toml_draft(content: bytes) -> Mapping[str, object]:
    """Read a draft written in TOML; its dates may be TOML's own.

    Raises:
        MalformedError: it is not TOML.
    """
    try:
        found = tomllib.loads(content.decode(), parse_float=str)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError("draft", str(error)) from None
    return {name: _days_as_text(value) for name, value in found.items()}


def parse_json_draft(content: bytes, *, what: str = "draft") -> dict[str, object]:
    """Read a draft written in JSON.

    Raises:
        MalformedError: it is not JSON, not an object, or has a name twice.
    """
    try:
        found = json.loads(content, parse_float=str, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise MalformedError(what, str(error)) from None
    if not isinstance(found, dict):
        raise MalformedError(what, "it is not a JSON object")
    return found


def read_certificate_draft(draft: Mapping[str, object], *, now_ms: int) -> Certificate:
    """Turn a draft into a certificate.

    Raises:
        MalformedError: it cannot be understood; names the field.
    """
    found = convert_draft(draft, CertificateDraft)
    lines = tuple(_read_line(line, f"lines[{n}]") for n, line in enumerate(found.lines))
    today = format_time(now_ms)[: len("YYYY-MM-DD")]
    issued_on = found.issued_on or today
    certificate = Certificate(
        number=found.number,
        kind=found.kind,
        languages=found.languages,
        issued_on=issued_on,
        expires_on=found.expires_on or _default_expiry(issued_on),
        destination=found.destination,
        exporter=_read_party(found.exporter),
        importer=_read_party(found.importer),
        origin=Origin(
            kind=OriginKind.SINGLE if len(found.origin) == 1 else OriginKind.MIXED,
            countries=found.origin,
            shares=tuple(
                _read_percent(share, f"shares[{n}]") for n, share in enumerate(found.shares)
            ),
            zones=found.zones,
        ),
        parcels=found.parcels,
        carat_thousandths=(
            sum(line.carat_thousandths for line in lines)
            if found.carats is None
            else _read_carats(found.carats, "carats")
        ),
        value_usd_cents=(
            sum(line.value_usd_cents for line in lines)
            if found.value_usd is None
            else _read_usd(found.value_usd, "value_usd")
        ),
        lines=lines,
        validated_at=now_ms if found.validated_at is msgspec.UNSET else found.validated_at,
        seals=found.seals,
        sources=tuple(
            Source(number=one.number, carat_thousandths=_read_carats(one.carats, f"sources[{n}]"))
            for n, one in enumerate(found.sources)
        ),
        remarks=found.remarks,
        case=found.case,
        photos=tuple(_read_hash(photo, f"photos[{n}]") for n, photo in enumerate(found.photos)),
        declaration=(
            None if found.declaration is None else _read_hash(found.declaration, "declaration")
        ),
    )
    # A draft's types are wider than the ledger's: let the ledger's own have the last word.
    plain = msgspec.to_builtins(certificate, builtin_types=(bytes,))
    return convert_draft(plain, Certificate)


def convert_draft(value: object, kind: type[S], *, within: str = "") -> S:
    """Read plain values as a Struct; texts become NFC.

    Raises:
        MalformedError: they are not of that form; names the field, below ``within``.
    """
    if isinstance(value, dict):
        for name in sorted(map(str, set(value).difference(kind.__struct_fields__))):
            accepted = ", ".join(kind.__struct_fields__)
            problem = f"unknown; known are {accepted}"
            raise MalformedError("draft", problem, field=f"{within}{name}")
    try:
        return msgspec.convert(_to_nfc(value), kind, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        found = explain("draft", value, kind, error)
        field = f"{within}{found.field}" if found.field else within.rstrip(".")
        raise MalformedError("draft", found.problem, field=field) from None


def _to_nfc(value: object) -> object:
    # The ledger knows one spelling of each text; keyboards and files do not.
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        return {name: _to_nfc(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_to_nfc(one) for one in value]
    return value


def _read_line(line: LineDraft, field: str) -> GoodsLine:
    return GoodsLine(
        hs=line.hs,
        carat_thousandths=_read_carats(line.carats, f"{field}.carats"),
        value_usd_cents=_read_usd(line.value_usd, f"{field}.value_usd"),
    )


def _read_party(party: PartyDraft) -> Party:
    return Party(name=party.name, address=party.address, licence=party.licence)


def _read_carats(number: Decimals, field: str) -> int:
    return _read(parse_carats, str(number), field)


def _read_usd(number: Decimals, field: str) -> int:
    return _read(parse_usd, str(number), field)


def _read_percent(number: Decimals, field: str) -> int:
    return _read(parse_percent, str(number), field)


def _read_hash(text: str, field: str) -> bytes:
    return _read(lambda given: parse_hex32(given, "hash"), text, field)


def _read(parse: Callable[[str], T], text: str, field: str) -> T:
    try:
        return parse(text)
    except MalformedError as error:
        raise MalformedError("draft", error.problem, field=field) from None


def _default_expiry(issued_on: str) -> str:
    try:
        return add_days(issued_on, DEFAULT_VALIDITY_DAYS)
    except MalformedError as error:
        raise MalformedError("draft", error.problem, field="issued_on") from None


def _days_as_text(value: object) -> object:
    if isinstance(value, datetime):
        return value  # a day is asked for; the error will name the field
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _days_as_text(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_days_as_text(one) for one in value]
    return value


def _unique(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise MalformedError("draft", "it stands there twice", field=name)
        found[name] = value
    return found
