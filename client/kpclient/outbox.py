"""The outbox: events that are signed but not on the ledger yet, one file for each.

Sign now, send when a node can be reached. An envelope leaves the outbox only when the ledger has
it, or when a rule refused it; sending one twice is harmless, because the ledger knows it by its id.
What was refused is kept beside, with the refusal, until the person who looks at it drops it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from kpclient.errors import FileError
from kpclient.files import make_private_directory, read_bounded, sync_directory, write_durably
from kpledger.api.answers import Problem
from kpledger.base.codec import DECODE_ERRORS
from kpledger.base.errors import LedgerError
from kpledger.scheme.envelope import MAX_ENVELOPE_BYTES, decode_envelope
from kpledger.scheme.event import SignedEvent

MAX_WAITING: Final = 100_000
_WAITING: Final = ".envelope"
_REFUSED: Final = ".refused"
_PROBLEM: Final = ".problem"
"""Stands beside what was refused, and says why; JSON."""
_NOW_MS: Final = 600_000
"""How far from when an event was signed an instant in it may lie that was left to the clock."""
_MAX_PROBLEM_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """An event in the outbox."""

    event: SignedEvent
    path: Path
    problem: Problem | None = None
    """Why it was refused, if it was and that is known."""


class Outbox:
    """The events that wait in one directory."""

    def __init__(self, directory: Path) -> None:
        """Look at a directory; it is made when the first event is put in."""
        self._directory = directory

    def put(self, event: SignedEvent) -> Path:
        """Keep an event durably; one that waits already is not kept twice."""
        make_private_directory(self._directory)
        # Names ascend in time: events on one certificate must be sent in the order they were made.
        name = f"{event.header.occurred_at:016d}-{event.event_id.hex()}"
        path = self._directory / f"{name}{_WAITING}"
        write_durably(path, event.encoded, replace=True)
        return path

    def find_same(self, event: SignedEvent) -> OutboxEntry | None:
        """Find what waits and states the same: whoever repeats a command means one event."""
        return next((one for one in self.waiting() if _content(one.event) == _content(event)), None)

    def waiting(self) -> tuple[OutboxEntry, ...]:
        """Give the events that wait, oldest first, at most :data:`MAX_WAITING`.

        Raises:
            FileError: a file holds no event, or cannot be read.
        """
        return tuple(OutboxEntry(_read(path), path) for path in self._paths(_WAITING))

    def refused(self) -> tuple[OutboxEntry, ...]:
        """Give the events that were refused, oldest first, at most :data:`MAX_WAITING`.

        Raises:
            FileError: a file does not hold what it should, or cannot be read.
        """
        return tuple(
            OutboxEntry(_read(path), path, _read_problem(path.with_suffix(_PROBLEM)))
            for path in self._paths(_REFUSED)
        )

    def remove(self, entry: OutboxEntry) -> None:
        """Forget an event that is on the ledger."""
        entry.path.unlink(missing_ok=True)
        sync_directory(self._directory)

    def set_aside(self, entry: OutboxEntry, problem: Problem) -> None:
        """Keep an event that was refused, and why, but send it no more."""
        reason = entry.path.with_suffix(_PROBLEM)
        write_durably(reason, msgspec.json.encode(problem), replace=True)
        entry.path.replace(entry.path.with_suffix(_REFUSED))
        sync_directory(self._directory)

    def drop(self, event_id: str) -> bool:
        """Forget an event, whatever became of it, even a damaged one; tells whether it was here."""
        found = [one for one in self._directory.glob("*") if _event_id_of(one) == event_id]
        for path in found:
            path.unlink()
        if found:
            sync_directory(self._directory)
        return bool(found)

    def _paths(self, suffix: str) -> list[Path]:
        return sorted(self._directory.glob(f"*{suffix}"))[:MAX_WAITING]


def _event_id_of(path: Path) -> str:
    return path.stem.partition("-")[2]


def _content(event: SignedEvent) -> tuple[object, ...]:
    """Give what an event states and who signed it, without when that was."""
    header = event.header
    body = _forget_now(msgspec.to_builtins(event.body, builtin_types=(bytes,)), header.occurred_at)
    return header.author, header.type, header.subject, header.prev, body, event.signers


def _forget_now(value: object, now_ms: int) -> object:
    """Leave out of a plain body the instants that the clock gave while it was written."""
    match value:
        case dict():
            return {name: _forget_now(one, now_ms) for name, one in value.items()}
        case list() | tuple():
            return [_forget_now(one, now_ms) for one in value]
        case int() if abs(value - now_ms) <= _NOW_MS:
            return None
    return value


def _read(path: Path) -> SignedEvent:
    try:
        return decode_envelope(read_bounded(path, max_bytes=MAX_ENVELOPE_BYTES))
    except LedgerError as error:
        advice = f"forget it with: kpledger outbox drop {_event_id_of(path)}"
        raise FileError(path, f"it holds no event ({error}); {advice}") from None


def _read_problem(path: Path) -> Problem | None:
    if not path.exists():
        return None
    try:
        content = read_bounded(path, max_bytes=_MAX_PROBLEM_BYTES)
        return msgspec.json.decode(content, type=Problem)
    except DECODE_ERRORS as error:
        raise FileError(path, f"it says of no event why it was refused: {error}") from None
