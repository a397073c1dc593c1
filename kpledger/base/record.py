"""What all records have in common."""

from typing import ClassVar

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record of the state; a subclass names its kind, the first part of its key."""

    KIND: ClassVar[str] = ""

    @classmethod
    def key_for(cls, *parts: str | int | bytes) -> bytes:
        """Give the key of a record: its kind, then its parts; bytes in hexadecimal."""
        key = cls.KIND
        for part in parts:
            key += f"/{part.hex() if isinstance(part, bytes) else part}"
        return key.encode()
