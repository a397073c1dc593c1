"""HTTP/1.0, which nginx speaks to what is behind it unless it is told otherwise."""

import asyncio
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path

import pytest
from network import PATIENCE_S
from serving import Served

from kpledger.api import routes
from kpnode.ledger import Ledger
from kpnode.storage.errors import StorageError

ASKED = [
    "/v1/blocks",
    "/v1/blocks?from=4&limit=2",
    routes.GENESIS.path,
    routes.OPENAPI.path,
    routes.CHECKPOINT.path,
    "/v1/participants",
    "/v1/certificates",
    "/v1/calendar",
    "/v1/nothing",
]
HEADERS = [
    {},
    {"Host": "node", "Connection": "close"},
    {"Connection": "keep-alive"},
    {"Accept-Encoding": "gzip, br"},
    {"Range": "bytes=0-9"},
    {"Expect": "100-continue"},
    {"TE": "chunked"},
]


def ask(
    port: int, method: str, path: str, headers: dict[str, str], version: int = 10
) -> tuple[int, str | None, bytes]:
    """Give the status, the transfer encoding and the body."""
    line = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    # As http.client itself documents for what speaks HTTP/1.0.
    line._http_vsn = version  # type: ignore[attr-defined]
    line._http_vsn_str = f"HTTP/{version // 10}.{version % 10}"  # type: ignore[attr-defined]
    try:
        line.request(method, path, headers=headers)
        answer = line.getresponse()
        return answer.status, answer.getheader("Transfer-Encoding"), answer.read()
    finally:
        line.close()


@pytest.mark.parametrize("headers", HEADERS, ids=lambda one: ", ".join(one) or "none")
async def test_every_route_says_the_same_to_old_clients(
    served: Served, headers: dict[str, str]
) -> None:
    await served.open_trade()
    for path in ASKED:
        newer = await served.get(path)
        status, encoding, body = await asyncio.to_thread(ask, served.port, "GET", path, headers)
        assert (status, encoding, body) == (newer.status, None, newer.body), path
        status, _, body = await asyncio.to_thread(ask, served.port, "GET", path, headers, 11)
        assert (status, body) == (newer.status, newer.body), path
        for version in (10, 11):
            status, _, body = await asyncio.to_thread(
                ask, served.port, "HEAD", path, headers, version
            )
            assert (status, body) == (newer.status, b""), path


async def test_a_stream_keeps_no_old_connection_open_that_tells_its_end(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /v1/blocks HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert b"keep-alive" not in head.lower()


@pytest.mark.parametrize("error", [StorageError(Path("ledger"), "broken"), KeyError(4)], ids=repr)
@pytest.mark.parametrize("version", [10, 11])
async def test_a_stream_that_breaks_off_does_not_look_whole(
    served: Served, error: Exception, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await served.open_trade()
    block = Ledger.block

    def broken(ledger: Ledger, height: int) -> bytes | None:
        if height == 4:
            raise error
        return block(ledger, height)

    monkeypatch.setattr(Ledger, "block", broken)
    monkeypatch.setattr("kpnode.api.blocks._READ_BYTES", 1)
    with pytest.raises((ConnectionResetError, IncompleteRead)):
        await asyncio.to_thread(ask, served.port, "GET", "/v1/blocks", {}, version)
