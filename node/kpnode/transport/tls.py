"""TLS between nodes: version 1.3, both sides known by pinned keys.

How a key becomes something TLS can check is told in `kpledger.base.pinning`; here are the contexts
made of it. Dates are never checked: an expired TLS certificate must not stop a consortium, and a
key is withdrawn by a configuration block, not by a calendar.
"""

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kpledger.base.errors import LedgerError
from kpledger.base.pinning import build_anchor, build_tls_certificate, public_key_of
from kpnode.raft import NodeId

Pins = Mapping[NodeId, bytes]
"""Each node's TLS key: 32 bytes of Ed25519."""

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h; the ssl module has no name for it.
_NO_CHECK_TIME: Final = ssl.VerifyFlags(0x200000)


class UnknownPeerError(Exception):
    """The other side of a connection holds no pinned key.

    Attributes:
        key: what it holds instead, empty if it showed nothing readable.
    """

    def __init__(self, key: bytes) -> None:
        super().__init__(f"no node has the TLS key {key.hex() or '(none shown)'}")
        self.key = key


def server_context(private_key: Ed25519PrivateKey, node: NodeId, pins: Pins) -> ssl.SSLContext:
    """Return what a listener for peers needs: it shows its own key and asks for a pinned one."""
    context = public_server_context(private_key, node)
    context.verify_mode = ssl.CERT_REQUIRED
    trust(context, pins)
    return context


def client_context(private_key: Ed25519PrivateKey, node: NodeId, pins: Pins) -> ssl.SSLContext:
    """Return what a connection to peers needs: it shows its own key and asks for a pinned one."""
    context = pinned_context(pins)
    _load_key(context, private_key, node)
    return context


def pinned_context(pins: Pins) -> ssl.SSLContext:
    """Return what a connection to a node's API needs: it asks for a pinned key, and shows none."""
    context = _start_context(ssl.PROTOCOL_TLS_CLIENT)
    # The peer is who holds the key, at whatever address that may be.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    trust(context, pins)
    return context


def public_server_context(private_key: Ed25519PrivateKey, node: NodeId) -> ssl.SSLContext:
    """Return what a listener for everybody needs: it shows its own key and asks for none."""
    context = _start_context(ssl.PROTOCOL_TLS_SERVER)
    # A resumed session would skip the proof of the key (RFC 8446, section 2.2).
    context.num_tickets = 0
    _load_key(context, private_key, node)
    return context


def trust(context: ssl.SSLContext, pins: Pins) -> None:
    """Let a context accept more keys; none is ever taken back, which is why `peer_of` decides."""
    if pins:
        context.load_verify_locations(cadata=b"".join(map(build_anchor, pins.values())))


def peer_of(tls: ssl.SSLObject | None, pins: Pins) -> NodeId:
    """Return the node at the other side, after the handshake.

    The handshake alone is not enough: it also lets a key pass for which a pinned one has signed.

    Args:
        tls: the connection; None if it has no TLS at all.
        pins: the keys of those who may be at the other side.

    Raises:
        UnknownPeerError: It is none of them.
    """
    tls_certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    try:
        key = public_key_of(tls_certificate or b"")
    except LedgerError as error:
        raise UnknownPeerError(b"") from error
    for node, pin in pins.items():
        if pin == key:
            return node
    raise UnknownPeerError(key)


def _start_context(protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    return context


def _load_key(context: ssl.SSLContext, private_key: Ed25519PrivateKey, node: NodeId) -> None:
    """Give a context its key; the ssl module reads files only, so it gets one without a disk."""
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.memfd_create("kpnode-tls", os.MFD_CLOEXEC)
    try:
        path = Path(f"/proc/self/fd/{descriptor}")
        path.write_bytes(build_tls_certificate(private_key, node) + pem)
        context.load_cert_chain(path)
    finally:
        os.close(descriptor)
