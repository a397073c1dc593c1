"""The wall clock of a process whose path begins with this directory, as a file says it.

Python imports a module of this name when it starts. The file that ``KP_WALL_CLOCK`` names holds the
milliseconds by which the wall clock is wrong, and is read at every look at it, so that the
processes of a network see it move together. The monotonic clock stays true.
"""

import os
import time
from pathlib import Path

_file = Path(os.environ["KP_WALL_CLOCK"])
_look = time.time_ns


def _time_ns() -> int:
    return _look() + int(_file.read_text(encoding="ascii")) * 1_000_000


def _time() -> float:
    return _time_ns() / 1e9


time.time_ns = _time_ns
time.time = _time
