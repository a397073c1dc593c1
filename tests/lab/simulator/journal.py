"""What happened in a life, line by line: for people, and as one hash to compare two lives by."""

from collections.abc import Callable
from hashlib import sha256


class Journal:
    """Takes lines; writes them nowhere unless asked to, since most lives are never looked at."""

    def __init__(self, *, kept: bool, trace: Callable[[str], None] | None = None) -> None:
        """Keep a hash of all lines if `kept` or `trace`; show each line to `trace`."""
        self.kept = kept or trace is not None
        self.now = 0
        """The tick that every line begins with."""
        self._hash = sha256()
        self._trace = trace

    def note(self, text: str) -> None:
        """Take a line."""
        line = f"{self.now} {text}"
        self._hash.update(line.encode())
        if self._trace is not None:
            self._trace(line)

    def digest(self) -> str:
        """Return the hash of all lines so far."""
        return self._hash.hexdigest()
