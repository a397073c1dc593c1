"""What running processes use of the machine, as Linux counts it (``proc(5)``)."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PARENT, _USER, _SYSTEM = 1, 11, 12
"""Fields of ``/proc/PID/stat`` behind the name, which may itself hold blanks."""


def _read_stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()


def find_children(pid: int) -> Iterator[int]:
    """Give the processes that descend from a process."""
    parents: dict[int, list[int]] = {}
    for found in Path("/proc").iterdir():
        if found.name.isdigit():
            with suppress(OSError):
                parents.setdefault(int(_read_stat(int(found.name))[_PARENT]), []).append(
                    int(found.name)
                )
    waiting = [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        waiting += children
        yield from children


def measure_cpu_s(pids: Iterable[int]) -> float:
    """Give the processor time that processes have used up to now, in seconds."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            stat = _read_stat(pid)
            ticks += int(stat[_USER]) + int(stat[_SYSTEM])
    return ticks / _TICKS_PER_S


def measure_memory_mb(pid: int, kind: str = "VmRSS") -> int:
    """Give the resident memory of a process, in mebibytes; 0 if it has ended.

    With ``RssAnon`` without the files that are mapped, which the system takes back when it needs
    memory: LevelDB maps the tables that it reads.
    """
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{kind}:"):
                return int(line.split()[1]) >> 10
    return 0


def count_descriptors(pid: int) -> int:
    """Count the open descriptors of a process; 0 if it has ended."""
    with suppress(OSError):
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return 0
