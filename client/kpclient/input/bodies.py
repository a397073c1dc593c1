"""Bodies: the body of an event as JSON or TOML writes it, turned into the one the ledger knows.

The fields are the ledger's own, in its units: weights in thousandths of a carat, values in US
cents, times in Unix milliseconds. What holds bytes (keys, hashes, ids of events) is hexadecimal,
and a time may be written as people do (``2004-07-09T12:00:00Z``); which fields those are follows
from the types. Only a certificate may be written as people do altogether
(:mod:`kpclient.input.drafts`).
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import inspect

from kpclient.input.drafts import convert_draft, read_certificate_draft
from kpclient.input.forms import may_be_null
from kpledger.base.errors import MalformedError
from kpledger.base.units import MAX_TIME_MS, parse_time
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events import BODIES

_PEOPLES_CERTIFICATE: Final = "carat_thousandths"
"""The field that a certificate in the ledger's units must have, and one of people's has not."""


def known_type(kind: str) -> type[Body]:
    """Give the Struct of an event type, version 1.

    Raises:
        MalformedError: there is no such type.
    """
    known = BODIES.get((kind, 1))
    if known is None:
        accepted = ", ".join(sorted(name for name, version in BODIES if version == 1))
        raise MalformedError(
            "draft", f"there is no event type {kind!r}; known are {accepted}", field="type"
        )
    return known


def read_body_draft(kind: str, body: object) -> Body:
    """Turn the JSON of a body into the body of an event of this type, version 1.

    Raises:
        MalformedError: there is no such type, or the body is not of it; names the field.
    """
    known = known_type(kind)
    if not isinstance(body, dict):
        raise MalformedError("draft", "it is not an object", field="body")
    plain = _read_text(body, inspect.type_info(known), "body")
    return convert_draft(plain, known, within="body.")


def expand_certificate(body: object, *, now_ms: int) -> object:
    """Turn a certificate that is written as people do into the ledger's fields.

    Raises:
        MalformedError: it cannot be understood; names the field.
    """
    if not isinstance(body, dict):
        return body
    draft = body.get("certificate")
    if not isinstance(draft, dict) or _PEOPLES_CERTIFICATE in draft:
        return body
    certificate = read_certificate_draft(draft, now_ms=now_ms)
    return body | {"certificate": msgspec.to_builtins(certificate, builtin_types=(bytes,))}


def read_time(text: str, field: str) -> int:
    """Read an instant, for instance ``2004-07-09T12:00:00Z``.

    Raises:
        MalformedError: it is none; names the field.
    """
    try:
        return parse_time(text)
    except MalformedError as error:
        raise MalformedError("draft", error.problem, field=field) from None


def _read_text(value: object, kind: inspect.Type, field: str) -> object:
    """Read the text wherever the type holds bytes or an instant; leave everything else."""
    match kind:
        case inspect.IntType(le=le) if isinstance(value, str) and le == MAX_TIME_MS:
            return read_time(value, field)
        case inspect.BytesType() if isinstance(value, str):
            return _from_hex(value, field)
        case inspect.UnionType() if value is not None:
            only = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
            return _read_text(value, only[0], field) if len(only) == 1 else value
        case inspect.VarTupleType() if isinstance(value, list | tuple):
            items = enumerate(value)
            return [_read_text(one, kind.item_type, f"{field}[{n}]") for n, one in items]
        case inspect.StructType() if isinstance(value, dict):
            return _read_struct(value, kind, field)
    return value


def _read_struct(
    value: Mapping[str, object], kind: inspect.StructType, field: str
) -> dict[str, object]:
    """Read each field; one that may be null may be left out, since TOML has no null."""
    absent = {one.name: None for one in kind.fields if one.required and may_be_null(one.type)}
    value = absent | dict(value)
    types = {one.name: one.type for one in kind.fields}
    return {
        name: _read_text(one, types[name], f"{field}.{name}") if name in types else one
        for name, one in value.items()
    }


def _from_hex(text: str, field: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise MalformedError("draft", "not hexadecimal", field=field) from None
