"""Where the books of a node lie, and where their process is asked, in the node's directory."""

import os
import socket
from pathlib import Path
from typing import Final

BOOKS_NAME: Final = "books.sqlite"
"""The file of the books."""
SOCKET_NAME: Final = "books.sock"
"""Where questions reach the process that keeps them."""

_BACKLOG: Final = 128
_PRIVATE: Final = 0o600


class BooksSocket:
    """A Unix socket in the node's directory on which the books listen.

    It stays while the process that accepts on it is started again, so that a question that comes in
    between waits. The address of a Unix socket has room for 107 bytes; a directory may have a
    longer name, so the socket is reached through the open directory.

    Attributes:
        path: where to connect, in this process alone.
        listener: what to accept on.
    """

    def __init__(self, directory: Path) -> None:
        """Listen in a directory; what an earlier process has left there is replaced.

        Raises:
            OSError: nothing can be made there.
        """
        (directory / SOCKET_NAME).unlink(missing_ok=True)
        self._directory = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.path = f"/proc/self/fd/{self._directory}/{SOCKET_NAME}"
        self.listener = socket.socket(socket.AF_UNIX)
        try:
            self.listener.bind(self.path)
            # Nobody can connect before the next line but one.
            Path(self.path).chmod(_PRIVATE)
            self.listener.listen(_BACKLOG)
        except BaseException:
            self.listener.close()
            os.close(self._directory)
            raise

    def close(self) -> None:
        """Listen no more."""
        Path(self.path).unlink(missing_ok=True)
        self.listener.close()
        os.close(self._directory)


def identify_books(file: Path) -> tuple[tuple[int, int], ...]:
    """Tell which files lie where the books are; others in their place are told apart.

    Raises:
        OSError: one is missing.
    """
    found = (one.stat() for one in _files_of(file))
    return tuple((one.st_dev, one.st_ino) for one in found)


def remove_books(file: Path) -> None:
    """Delete the books, to build them anew: they follow from the blocks."""
    for one in _files_of(file):
        one.unlink(missing_ok=True)


def _files_of(file: Path) -> list[Path]:
    return [file.with_name(file.name + suffix) for suffix in ("", "-wal", "-shm")]
