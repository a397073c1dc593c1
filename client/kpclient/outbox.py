"""The outbox: events that are signed but not on the ledger yet, one file for each.

Sign now, send when a node can be reached. An envelope leaves the outbox only when the ledger has
it, or when a rule refused it; sending one twice is harmless, because the ledger knows it by its id.
What was refused is kept beside, for the person who has to look at it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kpclient.files import make_private_directory, read_bounded, sync_directory, write_durably
from kpledger.scheme.envelope import MAX_ENVELOPE_BYTES, decode_envelope
from kpledger.scheme.event import SignedEvent

MAX_WAITING: Final = 100_000
_WAITING: Final = ".envelope"
_REFUSED: Final = ".refused"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event in the outbox."""

    event: SignedEvent
    path: Path


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

    def waiting(self) -> tuple[Waiting, ...]:
        """Give the events that wait, oldest first, at most :data:`MAX_WAITING`.

        Raises:
            LedgerError: a file holds no event.
            UnreadableError: a file cannot be read.
        """
        paths = sorted(self._directory.glob(f"*{_WAITING}"))[:MAX_WAITING]
        return tuple(
            Waiting(decode_envelope(read_bounded(path, max_bytes=MAX_ENVELOPE_BYTES)), path)
            for path in paths
        )

    def remove(self, waiting: Waiting) -> None:
        """Forget an event that is on the ledger."""
        waiting.path.unlink(missing_ok=True)
        sync_directory(self._directory)

    def set_aside(self, waiting: Waiting) -> Path:
        """Keep an event that was refused, but send it no more."""
        refused = waiting.path.with_suffix(_REFUSED)
        waiting.path.replace(refused)
        sync_directory(self._directory)
        return refused
