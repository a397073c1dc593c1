"""Processes that work for this one, and what is said of trouble that this machine makes.

A child has nothing but pipes: it takes no thread, semaphore or file, and whoever waits for it sees
its output end when it ends, by itself or killed.
"""

import errno
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from kpledger.reading import say_trouble

Child = subprocess.Popen[bytes]
MEMORY_BYTES: Final = 256 << 20
"""What reading a copy takes at most; an honest one far less."""
_MEMORY: Final = "free memory, or raise its limit (ulimit -v, ulimit -d)"
_PLACE: Final = "make room in {}, or let TMPDIR name another directory that can be written"
_REMEDIES: Final = {
    os.strerror(errno.EMFILE): "raise the limit of open files (ulimit -n)",
    os.strerror(errno.EAGAIN): "end other processes, or raise their limit (ulimit -u)",
    os.strerror(errno.ENOSPC): _PLACE,
    os.strerror(errno.EROFS): _PLACE,
    "temporary directory": _PLACE,
    os.strerror(errno.ENOMEM): _MEMORY,
    "MemoryError": _MEMORY,
    "SIGKILL": f"{_MEMORY}: a machine without memory kills processes",
}
"""What to do, by the words that tell of a trouble."""


@contextmanager
def started(module: str, *arguments: str) -> Iterator[Child]:
    """Start one of our modules, which Ctrl-C does not reach, and end it at last.

    Raises:
        OSError: it cannot be started.
    """
    words, pipe = [sys.executable, "-m", module, *arguments], subprocess.PIPE
    child = Child(words, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    try:
        yield child
    finally:
        child.kill()
        with suppress(BrokenPipeError), child:  # which closes its pipes, and waits
            pass


def is_memory_limited() -> bool:
    """Tell whether this machine gives less memory than reading a copy may take."""
    space, data = (resource.getrlimit(one)[0] for one in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
    return space != resource.RLIM_INFINITY or 0 <= data < MEMORY_BYTES


def fail(child: Child, work: str) -> ChildProcessError:
    """Give the error to raise where the output of a process has ended too early; says why."""
    said = b"" if child.stderr is None else child.stderr.read()
    code = child.wait()
    how = said.decode(errors="replace").strip().rpartition("\n")[2] or f"exit code {code}"
    how = signal.Signals(-code).name if code < 0 else how
    return ChildProcessError(f"the process that {work} has ended: {how}")


def describe_trouble(error: Exception) -> str:
    """Say why nothing can be decided; where it is trouble of this machine, what to do as well."""
    if not isinstance(error, OSError | MemoryError):
        return str(error)
    told = say_trouble(error) if isinstance(error, OSError) else os.strerror(errno.ENOMEM)
    remedies = (remedy for words, remedy in _REMEDIES.items() if words in told)
    remedy = next(remedies, "try again; --jobs 0 starts the fewest processes")
    place = tempfile.tempdir or "one of them"
    return f"this machine hinders the audit: {told}; {remedy.format(place)}"
