"""The sockets of one attempt to connect, so that none of them closes what is somebody else's.

uvloop 0.23 closes the descriptor of a connection that is reset while it begins, and does not tell
the socket object that it was given (``Loop.create_connection``, which attaches it too late). When
the collector finds that object it closes whatever has the number by then: another peer's
connection, or a file of the database.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aiohttp import AddrInfoType


class Sockets:
    """Makes sockets for a connector, and knows what they were."""

    def __init__(self) -> None:
        """Have made none."""
        self._made: list[tuple[socket.socket, int]] = []

    def make(self, address: AddrInfoType) -> socket.socket:
        """Make one (a ``socket_factory`` of :class:`aiohttp.TCPConnector`)."""
        family, kind, protocol, _, _ = address
        made = socket.socket(family, kind, protocol)
        self._made.append((made, os.fstat(made.fileno()).st_ino))
        return made

    @contextmanager
    def watched(self) -> Iterator[None]:
        """At the end, take from each socket a descriptor that is not its own any more."""
        try:
            yield
        finally:
            self.settle()

    def settle(self) -> None:
        """Take from each socket a descriptor that is not its own any more, and forget it."""
        mine = []
        for made, inode in self._made:
            if _holds(made.fileno(), inode):
                mine.append((made, inode))
            else:
                made.detach()
        self._made = mine


def _holds(descriptor: int, inode: int) -> bool:
    with suppress(OSError):
        return os.fstat(descriptor).st_ino == inode
    return False
