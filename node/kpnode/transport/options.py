"""Limits and timeouts of the peer transport, and what it counts."""

from dataclasses import dataclass

from kpnode.transport.wire import MAX_FRAME_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportOptions:
    """Settings of one transport."""

    max_queued_frames: int = 4096
    """Frames waiting for one peer; further ones are dropped."""
    max_queued_bytes: int = 2 * MAX_FRAME_BYTES
    """Their bytes; room for the largest frame at least."""
    connect_s: float = 10.0
    """To connect, from the first packet to the WebSocket."""
    ping_s: float = 10.0
    """A ping after so much silence; half of that without any answer ends a connection."""
    closing_s: float = 1.0
    """How long to wait for the other side's farewell."""
    first_pause_s: float = 0.05
    """Before the second attempt to connect; each further pause is twice as long."""
    longest_pause_s: float = 3.0


@dataclass(slots=True)
class Counts:
    """What a transport has seen since it was made; for metrics and tests."""

    connected: int = 0
    """Outgoing connections that came up."""
    disconnected: int = 0
    """Outgoing connections that ended, and attempts that failed."""
    accepted: int = 0
    """Incoming connections that came up."""
    sent: int = 0
    received: int = 0
    dropped_unconnected: int = 0
    """Frames for a peer to which there was no connection."""
    dropped_full: int = 0
    """Frames for a peer that reads too slowly."""
    dropped_queued: int = 0
    """Frames that were waiting when the connection ended."""
    refused_peers: int = 0
    """Connections whose other side is not who it should be; failed handshakes do not get so far."""
    refused_frames: int = 0
    """Incoming frames that made us close the connection."""
