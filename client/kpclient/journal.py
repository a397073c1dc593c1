"""The journal of a submission: which line of a file became which event, and what became of it.

It stands beside the file and is written ahead: an event is on disk here before it is sent for the
first time. Whatever happens in between, the next run sends the very same bytes, and the ledger
knows them again; so nothing is submitted twice. A line that was torn by a crash was never synced,
hence never acted upon, and is cut off.
"""

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import msgspec
from msgspec import Meta

from kpclient.errors import FileError
from kpclient.files import PRIVATE_FILE, lock, sync_directory
from kpledger.api.answers import Problem
from kpledger.base.codec import DECODE_ERRORS
from kpledger.base.ids import HexDigest
from kpledger.reading import check_regular

MAX_JOURNAL_BYTES: Final = 8 * 1024**3
_MAX_LINE_BYTES: Final = 1 << 20

_LineNumber = Annotated[int, Meta(ge=1)]


class JournalError(FileError):
    """A journal that cannot be used."""


class _Opening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="open"):
    format: Literal["kpledger-progress/1"]
    chain: HexDigest


class Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="signed"):
    """An event that a line became, to be sent until it is decided."""

    line: _LineNumber
    text: HexDigest
    """SHA-256 of the line, to see when a file was changed between two runs."""
    event_id: HexDigest
    envelope: bytes


class Decided(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="done"):
    """What became of a line, for good."""

    line: _LineNumber
    text: HexDigest
    """SHA-256 of the line."""
    event_id: HexDigest | None
    """None if the line could not be made an event."""
    outcome: Literal["committed", "duplicate", "refused"]
    problem: Problem | None = None


_BECAME: Final = {
    "committed": "committed",
    "duplicate": "found on the ledger",
    "refused": "refused",
}
_decoder: Final = msgspec.json.Decoder(_Opening | Signed | Decided)


class Journal:
    """The journal of one file on one ledger; use it as a context manager.

    Attributes:
        signed: the events that are not decided yet, by line.
        decided: the lines that are.
    """

    def __init__(self, path: Path, chain: bytes) -> None:
        self._path = path
        self._chain = chain.hex()
        self.signed: dict[int, Signed] = {}
        self.decided: dict[int, Decided] = {}
        self._descriptor = -1

    def __enter__(self) -> Self:
        """Open the journal, or begin it, and take up where the last run ended.

        Raises:
            JournalError: in use, damaged, or of another ledger.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, PRIVATE_FILE)
        try:
            # Neither a device's mode nor its content is ours.
            check_regular(self._path, os.fstat(self._descriptor).st_mode)
            # One that was copied may be open to others; what it holds is signed, and not sent yet.
            os.fchmod(self._descriptor, PRIVATE_FILE)
            busy = JournalError(self._path, "another submission is using it")
            lock(self._descriptor, self._path, busy=busy)
            self._recover()
        except BaseException:
            os.close(self._descriptor)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close the journal and let others use it."""
        os.close(self._descriptor)

    def write(self, entries: Iterable[Signed | Decided]) -> None:
        """Write durably: events before any of them is sent, and what became of lines."""
        written = list(entries)
        self._append(written)
        for one in written:
            self._take(one)

    def check_text(self, line: int, text: str) -> None:
        """Refuse a line that is not what it was in an earlier run.

        Raises:
            FileError: the file was changed.
        """
        signed, done = self.signed.get(line), self.decided.get(line)
        known = signed or done
        if known is None or known.text == text:
            return
        became = "signed" if done is None else _BECAME[done.outcome]
        problem = f"line {line} was changed or moved since an earlier run, in which it was {became}"
        advice = "put it back, and what is new into another file"
        # The file that is submitted: the journal's name is its own and a suffix.
        raise FileError(self._path.with_suffix(""), f"{problem}; {advice}")

    def _recover(self) -> None:
        size = os.fstat(self._descriptor).st_size
        if size > MAX_JOURNAL_BYTES:
            raise JournalError(self._path, f"it has {size} bytes, which is too many for a journal")
        whole = 0
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            file.seek(0)
            lines = iter(partial(file.readline, _MAX_LINE_BYTES), b"")
            for number, text in enumerate(lines, start=1):
                if len(text) == _MAX_LINE_BYTES:
                    raise JournalError(self._path, f"line {number} is too long for a journal")
                if not text.endswith(b"\n"):
                    break
                self._read(number, text)
                whole += len(text)
        if whole < size:
            os.ftruncate(self._descriptor, whole)
        if whole == 0:
            self._append([_Opening(format="kpledger-progress/1", chain=self._chain)])
            sync_directory(self._path.absolute().parent)

    def _read(self, number: int, text: bytes) -> None:
        try:
            entry = _decoder.decode(text)
        except DECODE_ERRORS as error:
            raise JournalError(self._path, f"entry {number} is damaged: {error}") from None
        if isinstance(entry, _Opening) != (number == 1):
            raise JournalError(self._path, f"entry {number} is out of place")
        if not isinstance(entry, _Opening):
            self._take(entry)
        elif entry.chain != self._chain:
            raise JournalError(self._path, f"it belongs to ledger {entry.chain}")

    def _take(self, entry: Signed | Decided) -> None:
        if isinstance(entry, Signed):
            self.signed[entry.line] = entry
        else:
            self.decided[entry.line] = entry
            self.signed.pop(entry.line, None)

    def _append(self, entries: Iterable[_Opening | Signed | Decided]) -> None:
        content = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
        if not content:
            return
        view = memoryview(content)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
            os.fsync(self._descriptor)
        except OSError as error:
            problem = f"it cannot be written, so nothing more is sent: {error.strerror}"
            raise JournalError(self._path, problem) from None
