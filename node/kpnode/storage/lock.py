"""The lock that keeps a second process out of a database's directory.

LevelDB takes a lock of its own, but of the POSIX kind, which the kernel drops as soon as the owner
closes *any* descriptor of the file; a second, refused attempt to open the database inside one
process does that. `flock` belongs to the open file and has no such trap.
"""

import fcntl
import os
from pathlib import Path
from typing import Final

from kpnode.storage.errors import StorageLockedError

LOCK_FILE: Final = "kpnode.lock"
_PID_DIGITS_MAX: Final = 20


class DirectoryLock:
    """Holds a directory from its construction until :meth:`release` or the end of the process."""

    def __init__(self, directory: Path) -> None:
        """Take the lock and write down the process id, for the message others will see.

        Raises:
            StorageLockedError: another process, or another part of this one, holds it.
        """
        self._file = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, _PID_DIGITS_MAX)
            os.close(self._file)
            pid = int(holder) if holder.isdigit() else None
            raise StorageLockedError(directory, pid) from None
        os.truncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())

    def release(self) -> None:
        """Let others in."""
        os.close(self._file)
