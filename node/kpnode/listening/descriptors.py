"""Descriptors: how many connections a node can take, so that some are left for all else it does.

Each connection takes a descriptor. A database that gets none for its next file can write no more,
and stops the node.
"""

import resource
from typing import Final

from kpnode.errors import SetupError
from kpnode.listening.connections import ConnectionLimits

ENOUGH: Final = 8192
"""With more than that, a node takes no more connections: each costs memory as well."""
_OWN: Final = 96
"""Output, loop, listening sockets, 32 connections to the books, their pipes, and some to spare."""
_EACH_PEER: Final = 4
"""A connection each way, and one more while it takes the other's place."""
_UNKNOWN_PEERS: Final = 64
"""Connections to the port for peers of those who have not shown yet who they are."""
_API_MIN: Final = 64
_API_MAX: Final = 4096


def raise_limit() -> int:
    """Take as many descriptors as may be had, up to what is enough; gives how many there are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < ENOUGH:
        soft = min(ENOUGH, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


def share_descriptors(
    limit: int, *, peers: int, database: int
) -> tuple[ConnectionLimits, ConnectionLimits]:
    """Share out what a process may have open; gives what the API takes, and the port for peers.

    Args:
        limit: descriptors in all.
        peers: other nodes.
        database: files that the database may have open.

    Raises:
        SetupError: they are too few.
    """
    known = _EACH_PEER * peers
    api = limit - database - _OWN - known - _UNKNOWN_PEERS
    if api < _API_MIN:
        least = limit + _API_MIN - api
        raise SetupError(
            f"this process may have {limit} files and connections open, and a node with {peers}"
            f" peers needs {least} at least: set LimitNOFILE={ENOUGH} in its systemd unit, or"
            f" `ulimit -n {ENOUGH}` in the shell that starts it"
        )
    api = min(api, _API_MAX)
    return (
        ConnectionLimits(total=api, share=api // 4, reserved=api // 8),
        ConnectionLimits(total=known + _UNKNOWN_PEERS, share=_UNKNOWN_PEERS // 4, reserved=known),
    )
