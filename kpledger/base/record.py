"""What all records have in common."""

import functools
from typing import ClassVar, Final

import msgspec

_KEYS: Final = 4096
"""How many keys are kept."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record of the state. Its kind is the first part of its key, on every ledger.

    ``CaseCountRecord`` is of the kind ``casecount``: renaming a record renames what is stored.
    """

    KIND: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        """Take the kind from the name of the class."""
        cls.KIND = cls.__name__.removesuffix("Record").lower()

    @classmethod
    def key_for(cls, *parts: str | int | bytes) -> bytes:
        """Give the key of a record: its kind, then its parts; bytes in hexadecimal."""
        return _join(cls.KIND, parts)


@functools.lru_cache(maxsize=_KEYS)
def _join(kind: str, parts: tuple[str | int | bytes, ...]) -> bytes:
    # Rules name the same participants, offices and keys some twenty times an event.
    texts = (part.hex() if isinstance(part, bytes) else str(part) for part in parts)
    return "/".join((kind, *texts)).encode()
