"""What a node answers, read as the Structs that the library declares for its routes.

An answer is a claim. What can be verified about it is verified in
:mod:`kpclient.net.ledger_client`; the rest is what the node says, until an audit has replayed the
ledger. Fields that this version does not know are ignored, so that a newer node can say more.
"""

import functools
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from msgspec import inspect

from kpledger.api.answers import Problem
from kpledger.scheme.event import SignedEvent

A = TypeVar("A", bound=msgspec.Struct)

NO_PROBLEM = Problem(type="about:blank", title="", status=0, detail="")
"""Stands where a node gave none."""


@dataclass(frozen=True, slots=True)
class VerifiedEvent:
    """An event on the ledger; its id and its signatures are verified, its place is a claim."""

    event: SignedEvent
    height: int
    index: int
    block_time_ms: int
    countersigned: tuple[str, ...] = ()
    """Events by which others of its office are said to have signed it afterwards."""


def describe_problem(problem: Problem | None) -> dict[str, str]:
    """Give what a problem document says, name by name; what does not apply is empty."""
    known = problem or NO_PROBLEM
    return {
        "type": known.type,
        "rule": known.rule or "",
        "clause": known.clause or "",
        "field": known.field or "",
        "problem": known.detail,
        "accepted": known.accepted or "",
    }


def full_problem(problem: Problem | None) -> dict[str, object]:
    """Give a problem document with all its members; what does not apply is empty."""
    known = msgspec.structs.asdict(problem or NO_PROBLEM)
    return {name: "" if value is None else value for name, value in known.items()}


def read_answer(content: bytes, kind: type[A]) -> A:
    """Read an answer of a node; bytes are hexadecimal in JSON.

    Raises:
        msgspec.DecodeError: it is something else.
        ValueError: what should be bytes is not hexadecimal.
    """
    if not _holds_bytes(kind):
        return msgspec.json.decode(content, type=kind)
    plain = _from_hex(msgspec.json.decode(content), inspect.type_info(kind))
    return msgspec.convert(plain, kind, builtin_types=(bytes,))


def _from_hex(value: object, kind: inspect.Type) -> object:
    """Read bytes wherever the type has them, and leave out fields that it has not."""
    match kind, value:
        case inspect.BytesType(), str():
            return bytes.fromhex(value)
        case inspect.UnionType(types=types), _ if value is not None:
            (only, *_) = [one for one in types if not isinstance(one, inspect.NoneType)]
            return _from_hex(value, only)
        case inspect.VarTupleType(item_type=item), list():
            return [_from_hex(one, item) for one in value]
        case inspect.StructType(fields=fields), dict():
            types_of = {one.encode_name: one.type for one in fields}
            return {
                name: _from_hex(one, types_of[name])
                for name, one in value.items()
                if name in types_of
            }
    return value


@functools.cache
def _holds_bytes(kind: type[msgspec.Struct]) -> bool:
    waiting = [inspect.type_info(kind)]
    while waiting:
        match waiting.pop():
            case inspect.BytesType():
                return True
            case inspect.UnionType(types=types):
                waiting += types
            case inspect.VarTupleType(item_type=item):
                waiting.append(item)
            case inspect.StructType(fields=fields):
                waiting += [one.type for one in fields]
    return False
