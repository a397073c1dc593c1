"""TLS to a node: version 1.3, the node known by the key that the genesis file pins.

How a pinned key becomes something TLS can check is told in :mod:`kpledger.base.pinning`. Here are
the two halves for aiohttp: the context of the handshake, and the comparison that must follow it.
"""

import asyncio
import ssl
from typing import Final

from aiohttp import Fingerprint, ServerFingerprintMismatch

from kpledger.base.errors import LedgerError
from kpledger.base.pinning import build_anchor, public_key_of

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h; the ssl module has no name for it.
_NO_CHECK_TIME: Final = ssl.VerifyFlags(0x200000)
_NO_KEY: Final = bytes(32)


def build_context(pins: frozenset[bytes]) -> ssl.SSLContext:
    """Make a context that trusts the holders of these keys and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    # A node is who holds the key, at whatever address that may be, and pinned keys have no dates.
    context.check_hostname = False
    context.load_verify_locations(cadata=b"".join(map(build_anchor, sorted(pins))))
    return context


class PinnedKey(Fingerprint):
    """The comparison after the handshake, at the place where aiohttp compares fingerprints.

    It runs before a request is sent. It is needed because the holder of a pinned key could sign a
    TLS certificate for another key, and the handshake would let that pass.
    """

    def __init__(self, pins: frozenset[bytes]) -> None:
        super().__init__(_NO_KEY)
        self._pins = pins

    def check(self, transport: asyncio.Transport) -> None:
        """Compare the key of the other side with the pins.

        Raises:
            ServerFingerprintMismatch: it holds none of them.
        """
        tls = transport.get_extra_info("ssl_object")
        if tls is None:
            return
        try:
            key = public_key_of(tls.getpeercert(binary_form=True) or b"")
        except LedgerError:
            key = _NO_KEY
        if key not in self._pins:
            host, port, *_ = transport.get_extra_info("peername")
            raise ServerFingerprintMismatch(_NO_KEY, key, host, port)
