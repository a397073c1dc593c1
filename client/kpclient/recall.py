"""What nodes answered last about a subject: on this a statement is made where there is no line.

It is only remembered, by the paths that were asked, each in one of a few thousand places, so that
it stays small. Nothing rests on it: what the ledger then holds is judged by the ledger.
"""

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from kpclient.clock import now_ms
from kpclient.errors import ClientError, FileError
from kpclient.files import make_private_directory, read_bounded, write_durably
from kpledger.base.codec import DECODE_ERRORS

_MAX_BYTES: Final = 12 << 20
_PLACE_DIGITS: Final = 3
"""Of the hash of a path in hexadecimal: 4,096 places."""


class Recalled(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, and when it was given."""

    path: str
    at_ms: int
    content: bytes


class Recall:
    """The answers about one ledger that are remembered.

    Attributes:
        used_at_ms: when the oldest was given of those that were used; None if none was.
        silence: why no node answers, if none does; then none is asked again by this command.
    """

    def __init__(self, directory: Path, *, answers: bool) -> None:
        """Look at a directory, made when the first answer is kept; it ``answers`` if it may."""
        self._directory = directory
        self._answers = answers
        self.used_at_ms: int | None = None
        self.silence: ClientError | None = None

    def keep(self, path: str, content: bytes) -> None:
        """Remember an answer; a home that cannot be written remembers none."""
        kept = Recalled(path=path, at_ms=now_ms(), content=content)
        with suppress(FileError, OSError):
            make_private_directory(self._directory)
            write_durably(self._place_of(path), msgspec.json.encode(kept), replace=True)

    def find(self, path: str) -> Recalled | None:
        """Give the last answer, if it is remembered."""
        try:
            content = read_bounded(self._place_of(path), max_bytes=_MAX_BYTES)
            found = msgspec.json.decode(content, type=Recalled)
        except (FileError, *DECODE_ERRORS):
            return None
        return found if found.path == path else None

    def use(self, path: str) -> bytes | None:
        """Give it likewise where no node does, for a statement to be made on it."""
        found = self.find(path) if self._answers else None
        if found is None:
            return None
        self.used_at_ms = min(self.used_at_ms or found.at_ms, found.at_ms)
        return found.content

    def keep_head(self, subject: str, event_id: bytes) -> None:
        """Remember the newest event on a subject."""
        self.keep(f"head {subject}", event_id)

    def use_head(self, subject: str) -> bytes | None:
        """Give it where no node does."""
        return self.use(f"head {subject}")

    def _place_of(self, path: str) -> Path:
        return self._directory / hashlib.sha256(path.encode()).hexdigest()[:_PLACE_DIGITS]
