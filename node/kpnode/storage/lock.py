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
        self._file = (directory / LOCK_FILE).open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read(_PID_DIGITS_MAX)
            self._file.close()
            raise StorageLockedError(directory, int(holder) if holder.isdigit() else None) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Let others in; releasing twice is harmless."""
        self._file.close()
