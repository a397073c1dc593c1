"""Whom a client talks to over TLS: holders of a pinned key, and nobody else."""

import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from founding import make_genesis
from scripted_node import STATUS

from kpclient.net.ledger_client import LedgerClient
from kpclient.net.node_client import NodeClient, NotTrustworthyError
from kpledger.base.hashing import sha256
from kpledger.base.pinning import build_tls_certificate

GENESIS = make_genesis()


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
    directory: Path, key: Ed25519PrivateKey, tls_certificate: bytes, asked: list[str]
) -> AsyncIterator[LedgerClient]:
    """Serve a status over TLS under a key, and give a line to it."""
    (directory / "node.pem").write_bytes(tls_certificate + pem_of(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "node.pem")

    async def status(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(body=msgspec.json.encode(STATUS))

    app = web.Application()
    app.router.add_get("/v1/status", status)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with NodeClient(GENESIS, [url], timeout_s=5, observe=lambda *_: None) as line:
            yield LedgerClient(GENESIS, line)
    finally:
        await runner.cleanup()


async def test_the_holder_of_a_pinned_key_is_asked(tmp_path: Path) -> None:
    key = tls_key("bw-1/tls")
    async with served(tmp_path, key, build_tls_certificate(key, "bw-1"), []) as ledger:
        assert (await ledger.status()).node == "bw-1"


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
