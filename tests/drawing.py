"""Hypothesis strategies for any Struct of the library, drawn from the limits its types declare."""

import unicodedata
from typing import TypeVar

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from kpledger.base.codec import UNASSIGNED

S = TypeVar("S", bound=msgspec.Struct)

_MAX_ITEMS = 4
"""Longer lists find nothing more and take long to draw."""

_TEXT = st.characters(exclude_categories=["Cs"]).filter(lambda one: UNASSIGNED.search(one) is None)


def structs(kind: type[S]) -> st.SearchStrategy[S]:
    """Draw values of a Struct class that its decoder accepts."""
    info = inspect.type_info(kind)
    if not isinstance(info, inspect.StructType):
        raise TypeError(f"{kind} is no Struct")
    return st.builds(kind, **{field.name: _values(field.type) for field in info.fields})


def _values(info: inspect.Type) -> st.SearchStrategy[object]:
    drawn: st.SearchStrategy[object]
    match info:
        case inspect.StructType():
            drawn = structs(info.cls)
        case inspect.EnumType():
            drawn = st.sampled_from(list(info.cls))
        case inspect.UnionType():
            drawn = st.one_of([_values(member) for member in info.types])
        case inspect.NoneType():
            drawn = st.none()
        case inspect.BoolType():
            drawn = st.booleans()
        case inspect.IntType():
            lowest = info.ge if info.ge is not None else (info.gt or 0) + 1
            drawn = st.integers(lowest, info.le if info.le is not None else (info.lt or 2**53) - 1)
        case inspect.StrType():
            drawn = _texts(info)
        case inspect.BytesType():
            drawn = st.binary(min_size=info.min_length or 0, max_size=info.max_length or 40)
        case inspect.VarTupleType():
            most = min(info.max_length or _MAX_ITEMS, _MAX_ITEMS)
            drawn = st.lists(_values(info.item_type), min_size=info.min_length or 0, max_size=most)
            drawn = drawn.map(tuple)
        case _:
            raise TypeError(f"nothing is drawn for {info}")
    return drawn


def _texts(info: inspect.StrType) -> st.SearchStrategy[str]:
    lowest, highest = info.min_length or 0, info.max_length or 40
    if info.pattern is not None:
        # In ASCII, as the digits of a pattern are: every pattern of the library is.
        drawn = st.from_regex(info.pattern, alphabet=st.characters(max_codepoint=127))
    else:
        drawn = st.text(_TEXT, min_size=lowest, max_size=min(highest, 40)).map(
            lambda text: unicodedata.normalize("NFC", text)
        )
    return drawn.filter(lambda text: lowest <= len(text) <= highest)


@st.composite
def variations(draw: st.DrawFn, value: S) -> S:
    """Draw values that differ from the given one in a few fields, at any depth."""
    drawn = draw(structs(type(value)))
    changes: dict[str, object] = {}
    for name in value.__struct_fields__:
        field: object = getattr(value, name)
        if isinstance(field, msgspec.Struct):
            changes[name] = draw(variations(field))
        elif draw(st.integers(0, 4)) == 0:
            changes[name] = getattr(drawn, name)
    return msgspec.structs.replace(value, **changes)
