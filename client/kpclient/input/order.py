"""Order: the lists of what people write, as the ledger lists them (rule E5).

The ledger knows one spelling of each list, the ascending one; people write theirs in any order.
What is named twice stays, for a rule to say so.
"""

from typing import Final, TypeVar

import msgspec

from kpledger.scheme.v1.events.certificate import Origin

S = TypeVar("S", bound=msgspec.Struct)

_AS_TOLD: Final = frozenset({"keys", "seals", "shares", "transit"})
"""Lists whose order says something, or that the ledger takes in any."""


def put_in_order(value: S) -> S:
    """Give a Struct with all its lists in ascending order; rows by what tells them apart.

    A Struct names that in its first fields. The shares of an origin go with its countries.
    """
    found = msgspec.structs.asdict(value)
    if isinstance(value, Origin) and len(value.shares) == len(value.countries):
        pairs = sorted(zip(value.countries, value.shares, strict=True))
        found["shares"] = tuple(share for _, share in pairs)
    ordered = {name: _put_in_order(name, one) for name, one in found.items()}
    return msgspec.structs.replace(value, **ordered)


def _put_in_order(name: str, value: object) -> object:
    if isinstance(value, msgspec.Struct):
        return put_in_order(value)
    if not isinstance(value, tuple) or name in _AS_TOLD:
        return value
    return tuple(sorted((_put_in_order("", one) for one in value), key=_place_of))


def _place_of(item: object) -> tuple[object, ...]:
    if isinstance(item, msgspec.Struct):
        return tuple(map(str, msgspec.structs.astuple(item)))
    return (item,)
