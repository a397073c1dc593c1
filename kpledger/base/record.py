"""What all records have in common."""

from typing import ClassVar

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record of the state; a subclass names its kind, the first part of its key."""

    KIND: ClassVar[str] = ""
