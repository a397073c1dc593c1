"""Listening: free ports for a new network on one machine."""

import secrets
import socket
from collections.abc import Iterable
from typing import Final

LISTENING_PORTS: Final = range(16_384, 32_768)
"""Where to look for free ports.

Linux gives outgoing connections a port of 32768 and more (``ip_local_port_range``): one of those
may be free when it is looked at and taken by a neighbour's connection before its node listens.
"""
_TRIES: Final = 1_000


class NoPortsError(Exception):
    """No free ports were found."""


def find_ports(host: str, offsets: Iterable[int]) -> int:
    """Find a first port so that it and all at the offsets from it are free on a host's address.

    Raises:
        NoPortsError: there seem to be none.
    """
    wanted = tuple(offsets)
    for _ in range(_TRIES):
        first = LISTENING_PORTS.start + secrets.randbelow(len(LISTENING_PORTS) - max(wanted))
        if all(is_free(host, first + offset) for offset in wanted):
            return first
    raise NoPortsError(f"no {len(wanted)} free ports found on {host}")


def is_free(host: str, port: int) -> bool:
    """Tell whether a node could listen there."""
    with socket.socket() as probe:
        # As the node itself does; else a port would look taken for a minute after a stop.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
