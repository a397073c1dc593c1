"""The network of the demonstration: what is said where none starts."""

import asyncio
import socket
from pathlib import Path

import pytest
from lab.demo.network import Network, NetworkError

PARTICIPANTS = Path(__file__).parents[4] / "config" / "data" / "participants.csv"


def test_ports_that_are_taken_are_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        start = Network.start(tmp_path / "net", participants=PARTICIPANTS, voters=1, port=port)
        with pytest.raises(NetworkError, match=f"ports from {port} on; choose others by --port"):
            asyncio.run(start)
