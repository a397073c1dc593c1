"""Free ports: outside of where outgoing connections get theirs, and really free."""

import socket
from pathlib import Path

import pytest

from kpnode import devnet
from kpnode.devnet import find_ports, is_free
from kpnode.errors import SetupError

HOST = "127.0.0.1"


def test_ports_found_are_none_that_a_connection_may_get() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    first = find_ports(HOST, (0, 1, 100, 101))
    assert devnet.LISTENING_PORTS.start <= first
    assert first + 101 < lowest


def test_port_somebody_listens_on_is_not_free() -> None:
    first = find_ports(HOST, (0,))
    assert is_free(HOST, first)
    with socket.socket() as taken:
        taken.bind((HOST, first))
        taken.listen()
        assert not is_free(HOST, first)
    assert is_free(HOST, first)


def test_no_ports_are_found_where_none_can_be_had() -> None:
    with pytest.raises(SetupError, match=r"no 2 free ports found on 192\.0\.2\.1"):
        find_ports("192.0.2.1", (0, 1))
