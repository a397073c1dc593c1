"""Sockets of connections that are reset while they begin, on the loop that nodes use."""

import asyncio
import gc
import os
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kpnode.addresses import Address, Place
from kpnode.raft import NodeId
from kpnode.transport.link import Link, Peer
from kpnode.transport.options import Counts, TransportOptions
from kpnode.transport.sockets import Sockets
from kpnode.transport.tls import client_context

BW, NA = NodeId("bw-1"), NodeId("na-1")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PIN = KEY.public_key().public_bytes_raw()
RESET = struct.pack("ii", 1, 0)
"""`SO_LINGER`: what is closed is reset."""
ATTEMPTS = 300


@contextmanager
def resetting() -> Iterator[str]:
    """Listen, and reset every connection as soon as it is there, or has said something."""

    def serve() -> None:
        with suppress(OSError):
            for number in range(10 * ATTEMPTS):
                taken, _ = listener.accept()
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                if number % 3 == 0:
                    taken.recv(1)
                taken.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def collected_late() -> Iterator[None]:
    """Let the collector find nothing before the test has."""
    gc.disable()
    yield
    gc.enable()


async def connect_in_vain(address: str) -> None:
    counts = Counts()
    link = Link(
        NA,
        Peer(Place(Address(address)), PIN),
        context=client_context(KEY, BW, {NA: PIN}),
        options=TransportOptions(first_pause_s=0, longest_pause_s=0),
        counts=counts,
        on_unreachable=lambda _peer: None,
        on_met=lambda _peer, _address: None,
    )
    running = asyncio.create_task(link.run())
    async with asyncio.timeout(60):
        while counts.disconnected < ATTEMPTS:  # noqa: ASYNC110 (no event)
            await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.usefixtures("collected_late")
def test_no_socket_keeps_a_descriptor_that_is_not_its_own() -> None:
    known = find_sockets()
    with resetting() as address:
        uvloop.run(connect_in_vain(address))
    made = [one for one in find_sockets() if one not in known]
    held = Counter(one.fileno() for one in made if one.fileno() != -1)
    assert [descriptor for descriptor in held if not is_open(descriptor)] == []
    assert [descriptor for descriptor, count in held.items() if count > 1] == []


def find_sockets() -> list[socket.socket]:
    return [one for one in gc.get_objects() if isinstance(one, socket.socket)]


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_socket_keeps_the_descriptor_that_is_its_own() -> None:
    sockets = Sockets()
    with sockets.watched():
        made = sockets.make((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1)))
    assert is_open(made.fileno())
    made.close()


def test_socket_loses_a_descriptor_that_is_anothers() -> None:
    sockets = Sockets()
    with sockets.watched():
        made = sockets.make((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1)))
        os.close(descriptor := made.fileno())
        with socket.socket() as other:
            assert other.fileno() == descriptor
            other.detach()
    assert (made.fileno(), is_open(descriptor)) == (-1, True)
    os.close(descriptor)
