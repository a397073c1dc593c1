"""An incident: what may happen thousands of times is said when it begins, and when it is over.

Whatever a stranger or a bad peer can bring about goes to the log this way, so that nobody can fill
the disk with it, nor hide among it what an operator has to see.
"""

import asyncio
import logging
import math
import time
from typing import Final

QUIET_S: Final = 60.0
"""An incident is over when it has not happened again for so long."""


class Incident:
    """One kind of trouble, as the log tells it; belongs to one event loop."""

    def __init__(self, log: logging.Logger, what: str, *, level: int = logging.WARNING) -> None:
        """Tell it there; ``what`` says in a few words what happens."""
        self._log = log
        self._what = what
        self._level = level
        self._times = 0
        self._first_s = self._last_s = 0.0

    def note(self, detail: object, error: Exception | None = None) -> None:
        """Count that it has happened; the first time, say so, with where an error comes from."""
        self._last_s = time.monotonic()
        self._times += 1
        if self._times > 1:
            return
        self._first_s = self._last_s
        self._log.log(self._level, "%s: %s", self._what, detail, exc_info=error)
        asyncio.get_running_loop().call_later(QUIET_S, self._look)

    def _look(self) -> None:
        quiet_s = time.monotonic() - self._last_s
        if quiet_s < QUIET_S:
            asyncio.get_running_loop().call_later(QUIET_S - quiet_s, self._look)
            return
        if self._times > 1:
            said = self._what, self._times, math.ceil(self._last_s - self._first_s)
            self._log.log(self._level, "%s: over; it happened %d times within %d s", *said)
        self._times = 0
