"""Whom a client talks to over TLS: holders of a pinned key, and nobody else."""

import asyncio
import datetime as dt
import gc
import socket
import ssl
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from founding import make_genesis
from lab.listening import answering, conversing
from scripted_node import STATUS

from kpclient.net.connections import NodeConnections, NotTrustworthyError
from kpclient.net.ledger_client import LedgerClient
from kpclient.net.node_client import NodeClient, NodeUnreachableError
from kpledger.base.hashing import sha256
from kpledger.base.pinning import build_tls_certificate

GENESIS = make_genesis()
PATIENCE_S = 60.0


def tls_key(name: str) -> Ed25519PrivateKey:
    """Give the private half of what the genesis file pins (``founding.signing_key``)."""
    return Ed25519PrivateKey.from_private_bytes(sha256(b"kpledger test key " + name.encode()))


def pem_of(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def delegate(holder: Ed25519PrivateKey, other: Ed25519PrivateKey) -> bytes:
    """Sign a TLS certificate for another key, as whoever holds a pinned key could."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "kpledger TLS key"),
            x509.NameAttribute(NameOID.COMMON_NAME, holder.public_key().public_bytes_raw().hex()),
        ]
    )
    return (
        x509.CertificateBuilder()
        .serial_number(7)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2040, 1, 1, tzinfo=dt.UTC))
        .public_key(other.public_key())
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bw-1")]))
        .issuer_name(name)
        .sign(holder, None)
        .public_bytes(Encoding.PEM)
    )


@asynccontextmanager
async def served(
    directory: Path,
    key: Ed25519PrivateKey,
    tls_certificate: bytes,
    asked: list[str],
    *,
    speaks_tls: bool = True,
    scheme: str = "https",
    timeout_s: float = 5,
) -> AsyncIterator[LedgerClient]:
    """Serve a status over TLS under a key, or without, and give a line to it."""
    (directory / "node.pem").write_bytes(tls_certificate + pem_of(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "node.pem")

    async def status(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(body=msgspec.json.encode(STATUS))

    async with answering(status, context if speaks_tls else None) as port:
        url = f"{scheme}://127.0.0.1:{port}"
        async with NodeClient(GENESIS, [url], timeout_s=timeout_s, observe=lambda *_: None) as line:
            yield LedgerClient(GENESIS, line)


async def test_the_holder_of_a_pinned_key_is_asked(tmp_path: Path) -> None:
    key = tls_key("bw-1/tls")
    async with served(tmp_path, key, build_tls_certificate(key, "bw-1"), []) as ledger:
        assert (await ledger.status()).node == "bw-1"


@pytest.mark.skipif(sys.version_info >= (3, 12, 8), reason="aiohttp leaves it to the loop there")
def test_a_node_that_does_not_end_tls_leaves_no_connection_open(tmp_path: Path) -> None:
    key = tls_key("bw-1/tls")
    (tmp_path / "node.pem").write_bytes(build_tls_certificate(key, "bw-1") + pem_of(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "node.pem")
    is_done = threading.Event()

    def answer_and_be_silent(listener: socket.socket) -> None:
        taken, _ = listener.accept()
        with context.wrap_socket(taken, server_side=True) as line:
            line.recv(1 << 16)
            line.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            is_done.wait(PATIENCE_S)

    async def ask(port: int) -> int:
        connections = NodeConnections([key.public_key().public_bytes_raw()], lambda _: {}, "--node")
        url = f"https://127.0.0.1:{port}"
        async with connections.send(url, "GET", "/", None, PATIENCE_S) as response:
            await response.read()
        await connections.close()
        return response.status

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        answering = pool.submit(answer_and_be_silent, listener)
        try:
            assert asyncio.run(ask(listener.getsockname()[1])) == HTTPStatus.OK
            gc.collect()  # what was left open is found here
        finally:
            is_done.set()
        answering.result(PATIENCE_S)


async def test_the_holder_of_another_key_is_not_asked(tmp_path: Path) -> None:
    key, asked = tls_key("stranger"), list[str]()
    async with served(tmp_path, key, build_tls_certificate(key, "bw-1"), asked) as ledger:
        with pytest.raises(NotTrustworthyError, match="TLS key"):
            await ledger.status()
    assert asked == []


async def test_a_key_that_a_pinned_one_has_signed_for_is_not_asked(tmp_path: Path) -> None:
    key, asked = tls_key("stranger"), list[str]()
    tls_certificate = delegate(tls_key("bw-1/tls"), key)
    async with served(tmp_path, key, tls_certificate, asked) as ledger:
        with pytest.raises(NotTrustworthyError, match="TLS key"):
            await ledger.status()
    assert asked == []


@pytest.mark.parametrize(
    ("speaks_tls", "scheme", "says"),
    [
        (False, "https", "it does not speak TLS there; is it http://?"),
        (True, "http", "it closed the connection without an answer; does it speak TLS, and is it"),
    ],
)
async def test_a_url_of_the_wrong_kind_is_told_in_words(
    tmp_path: Path, *, speaks_tls: bool, scheme: str, says: str
) -> None:
    key = tls_key("bw-1/tls")
    shown = build_tls_certificate(key, "bw-1")
    how = served(tmp_path, key, shown, [], speaks_tls=speaks_tls, scheme=scheme, timeout_s=1.0)
    async with how as node:
        with pytest.raises(NodeUnreachableError) as caught:
            await node.status()
    assert says in str(caught.value)
    assert "object at" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"\x15\x03\x03\x00\x02\x02\x46", "it speaks no TLS 1.3, which is asked for"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "it refuses the TLS handshake: handshake failure"),
        (b"\x15\x03\x03\x00\x02\x02\x70", "it refuses the TLS handshake: unrecognized name"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "it does not speak TLS there"),
        (b"", "it closed the connection before anything was asked"),
    ],
    ids=["protocol version", "handshake failure", "unrecognized name", "SSH", "nothing"],
)
async def test_a_handshake_that_fails_is_told_by_its_cause(said: bytes, told: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(5)
        writer.write(said)

    async with (
        conversing(answer) as port,
        NodeClient(
            GENESIS, [f"https://127.0.0.1:{port}"], timeout_s=1.0, observe=lambda *_: None
        ) as line,
    ):
        with pytest.raises(NodeUnreachableError) as caught:
            await LedgerClient(GENESIS, line).status()
    assert told in str(caught.value)
