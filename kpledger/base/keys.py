"""Ed25519 by libsodium's rule, through PyNaCl alone, so that one library decides everywhere.

Accepted is a signature with canonical A, no A or R of small order, s below the group order, and
the cofactorless equation; other libraries differ at these edges, and a signature that only some
nodes accept would split the ledger. A public key is also its own key id.

Versions of one library differ as well, in which points they take for a key. So what a key is does
not rest on libsodium's own test alone, and :mod:`kpledger.base.selftest` asks at every start
whether all of it still holds.
"""

from dataclasses import dataclass, field
from typing import Final, Self

from nacl import bindings
from nacl.exceptions import BadSignatureError as _NaClBadSignatureError

from kpledger.base.errors import BadSignatureError, UnacceptableKeyError

SEED_BYTES: Final = 32
PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""L, the order of the subgroup that the base point generates (RFC 8032 section 5.1)."""
_BELOW_ORDER: Final = (_ORDER - 1).to_bytes(PUBLIC_KEY_BYTES, "little")
_SIGN_BIT: Final = 0x80


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key in memory. It never shows itself in a ``repr``."""

    public_key: bytes
    _secret: bytes = field(repr=False, compare=False)

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Derive the key pair of a 32-byte seed (RFC 8032 section 5.1.5).

        Raises:
            UnacceptableKeyError: the seed has another length.
        """
        if len(seed) != SEED_BYTES:
            raise UnacceptableKeyError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
        public_key, secret = bindings.crypto_sign_seed_keypair(seed)
        return cls(public_key, secret)

    def sign(self, message: bytes) -> bytes:
        """Sign a message; 64 bytes."""
        return bindings.crypto_sign(message, self._secret)[:SIGNATURE_BYTES]


def check_public_key(public_key: bytes) -> None:
    """Refuse a key that must never be registered.

    Raises:
        UnacceptableKeyError: not 32 bytes, not canonical, of small order, or outside the prime
            order subgroup.
    """
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise UnacceptableKeyError(
            f"a public key has {PUBLIC_KEY_BYTES} bytes, not {len(public_key)}"
        )
    if not (bindings.crypto_core_ed25519_is_valid_point(public_key) and _has_order(public_key)):
        raise UnacceptableKeyError(
            f"{public_key.hex()} is not a canonical point of the prime order subgroup"
        )


def _has_order(point: bytes) -> bool:
    """Tell whether a point that libsodium calls valid has order L.

    libsodium before 1.0.21 only looks whether x of [L]P is 0, which is so as well if P is the sum
    of a point Q of order L and the point T of order 2 (CVE-2025-69277). Since L - 1 is even,
    [L-1](Q + T) = -Q, which is not -(Q + T); and -P is P with the other sign of x.
    """
    negative = point[:-1] + bytes([point[-1] ^ _SIGN_BIT])
    try:
        return bindings.crypto_scalarmult_ed25519_noclamp(_BELOW_ORDER, point) == negative
    except RuntimeError:  # later versions refuse such a point as a factor
        return False


def verify_signature(public_key: bytes, message: bytes, signature: bytes, *, what: str) -> None:
    """Verify a signature, whatever a stranger may have sent for it or for the key.

    Raises:
        BadSignatureError: it does not verify; ``what`` names the statement.
    """
    if len(signature) != SIGNATURE_BYTES or len(public_key) != PUBLIC_KEY_BYTES:
        raise BadSignatureError(what, public_key)
    try:
        bindings.crypto_sign_open(signature + message, public_key)
    except _NaClBadSignatureError:
        raise BadSignatureError(what, public_key) from None
