"""The garbage collector, put to rest in a process that serves."""

import gc
from typing import Final

GARBAGE_THRESHOLD: Final = 20_000
"""Objects more than were freed before the collector looks at them; Python's own 700 is reached
every few events."""


def rest_collector() -> None:
    """Let the collector rest; called when everything is loaded that stays."""
    # To look through what stays took 100 ms each time.
    gc.collect()
    gc.freeze()
    # What serves one request dies with it, nearly all of it by counting references.
    gc.set_threshold(GARBAGE_THRESHOLD)
