"""What a node answers, read as the Structs that are declared for its routes.

Fields that this version does not know are ignored, so that a newer node can say more.
"""

import functools
from typing import TypeVar

import msgspec
from msgspec import inspect

A = TypeVar("A", bound=msgspec.Struct)


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
