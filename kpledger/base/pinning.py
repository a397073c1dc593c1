"""TLS certificates as mere carriers of pinned keys.

The genesis file and the configuration blocks name each node's TLS key: 32 bytes of Ed25519, nothing
else. TLS libraries however speak X.509, so this module wraps such a key in the least X.509 they
accept. It is not a public key infrastructure: there is no authority, no revocation and no expiry.

How the parts fit:

* A node's TLS certificate is signed by the very key it carries, and names as its issuer not the
  node but the key itself ("O=kpledger TLS key, CN=<64 hexadecimal digits>").
* Whoever has pinned that key builds an *anchor* under that issuer name from the 32 bytes alone.
  Nobody checks the signature on an anchor (a trust anchor is a name and a key, RFC 5280, section
  6.1.1 (d)), so those who do not hold the private key can build it.
* OpenSSL then finds the anchor by its name and verifies the TLS certificate with the anchor's key.
  It passes only if the pinned private key signed it.
* The holder of a pinned key could still sign a TLS certificate for another key. Therefore both
  sides also compare `public_key_of` what the peer presented with the pin, after the handshake.

Everything here is a function of its arguments: Ed25519 signatures are deterministic (RFC 8032), and
serial numbers and dates are constants.
"""

import datetime as dt
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from kpledger.base.errors import MalformedError, OversizedError

MAX_TLS_CERTIFICATE_BYTES: Final = 4096
"""Ours have some 350 bytes; whatever is far longer is not ours."""

MAX_NODE_NAME_LENGTH: Final = 64
"""The upper bound of a common name (RFC 5280, appendix A.1, ub-common-name)."""

# The widest span X.509 can say, for those TLS libraries which insist on dates. The end is the value
# that stands for "no well-defined expiration" (RFC 5280, section 4.1.2.5).
_NOT_BEFORE: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NOT_AFTER: Final = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)

_ANCHOR_SERIAL: Final = 1
_NODE_SERIAL: Final = 2

# An anchor needs some signature to be well formed; this key is public and signs nothing of value.
_NOBODY: Final = Ed25519PrivateKey.from_private_bytes(bytes(32))


def build_tls_certificate(private_key: Ed25519PrivateKey, node: str) -> bytes:
    """Return the PEM of the TLS certificate with which a node shows that it holds its TLS key.

    Raises:
        MalformedError: If `node` is not 1 to 64 printable ASCII characters.
    """
    if not (1 <= len(node) <= MAX_NODE_NAME_LENGTH and node.isascii() and node.isprintable()):
        raise MalformedError("node name", f"{node!r} is not 1 to 64 printable ASCII characters")
    public_key = private_key.public_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node)])
    tls_certificate = _build(_NODE_SERIAL, public_key, subject).sign(private_key, None)
    return tls_certificate.public_bytes(Encoding.PEM)


def build_anchor(public_key: bytes) -> bytes:
    """Return the DER of the trust anchor that stands for a pinned key.

    Load it (`load_verify_locations(cadata=...)`; several may be concatenated) into a TLS context
    that trusts nothing else, accepts an anchor which is no root (`X509_V_FLAG_PARTIAL_CHAIN`) and
    verifies neither dates (`X509_V_FLAG_NO_CHECK_TIME`) nor host names. After the handshake compare
    `public_key_of` the peer with the pin.

    Raises:
        MalformedError: If `public_key` is not an Ed25519 public key of 32 bytes.
    """
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
    except ValueError as error:
        raise MalformedError("TLS key", f"{public_key.hex()} is not Ed25519") from error
    builder = _build(_ANCHOR_SERIAL, key, _name_of(key))
    limits = x509.BasicConstraints(ca=True, path_length=0)
    anchor = builder.add_extension(limits, critical=True).sign(_NOBODY, None)
    return anchor.public_bytes(Encoding.DER)


def public_key_of(tls_certificate: bytes) -> bytes:
    """Return the 32 bytes of the Ed25519 key in a TLS certificate (DER), to be compared with a pin.

    It reads and does not verify: that the peer holds the private key is what the handshake proves.

    Raises:
        OversizedError: If there are more than 4096 bytes.
        MalformedError: If the bytes are no X.509, or hold a key of another kind.
    """
    size = len(tls_certificate)
    if size > MAX_TLS_CERTIFICATE_BYTES:
        raise OversizedError("TLS certificate", size=size, limit=MAX_TLS_CERTIFICATE_BYTES)
    try:
        key = x509.load_der_x509_certificate(tls_certificate).public_key()
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise MalformedError("TLS certificate", tls_certificate.hex()) from error
    if not isinstance(key, Ed25519PublicKey):
        raise MalformedError("TLS certificate", f"its key is not Ed25519: {tls_certificate.hex()}")
    return key.public_bytes_raw()


def _name_of(key: Ed25519PublicKey) -> x509.Name:
    """Name a key: by this name OpenSSL leads from the TLS certificate to the anchor."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "kpledger TLS key"),
            x509.NameAttribute(NameOID.COMMON_NAME, key.public_bytes_raw().hex()),
        ]
    )


def _build(serial: int, key: Ed25519PublicKey, subject: x509.Name) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .serial_number(serial)
        .subject_name(subject)
        .issuer_name(_name_of(key))
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .public_key(key)
    )
