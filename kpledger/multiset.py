"""The state digest: a hash over a set of (key, value) pairs that is cheap to change, pair by pair.

LtHash with 1024 lanes of 16 bits (Lewi, Kim, Maykov, Weis: "Securing Update Propagation with
Homomorphic Hashing", IACR ePrint 2019/227; over 200 bits of collision resistance). Each pair is
expanded to 2048 bytes, read as 1024 numbers; the accumulator is their sum, lane by lane, modulo
2^16. A sum does not depend on order and a summand can be taken away again, so a block costs as
much as it changes, however large the state is, and a snapshot gives the same digest from scratch.

It is no proof of membership, and it counts modulo 2^16: it is meant for a map, where a pair is in
the state once or not at all. Removing what was never added is not noticed here but ends in a
digest that no honest state has.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final, Self

from kpledger.errors import MalformedError
from kpledger.hashing import Digest, Domain, hash_with_domain

ACCUMULATOR_BYTES: Final = 2048

_LANE_BITS: Final = 16
_KEY_LENGTH_BYTES: Final = 4

# Two big integers hold the even and the odd lanes, each lane in the lower half of a 32-bit slot.
# One addition then adds 512 lanes at once: the carry of a lane falls into the upper half of its
# own slot, and one mask clears it.
_LANES: Final = int.from_bytes(b"\xff\xff\x00\x00" * (ACCUMULATOR_BYTES // 4), "little")
_BORROW: Final = int.from_bytes(b"\x00\x00\x01\x00" * (ACCUMULATOR_BYTES // 4), "little")

_ELEMENT: Final = hashlib.shake_128(Domain.STATE.prefix)


@dataclass(frozen=True, slots=True)
class MultisetHash:
    """The sum over a set of pairs: a value, so keeping an earlier one costs nothing.

    Made by ``empty`` or ``decode``, then by ``add`` and ``remove``.
    """

    _even: int = field(repr=False)
    _odd: int = field(repr=False)
    _digest: Digest | None = field(default=None, init=False, compare=False)

    @classmethod
    def empty(cls) -> Self:
        """Give the hash of no pairs."""
        return cls(0, 0)

    def add(self, key: bytes, value: bytes) -> "MultisetHash":
        """Give the hash with one pair more."""
        element = _expand(key, value)
        return MultisetHash(
            (self._even + (element & _LANES)) & _LANES,
            (self._odd + (element >> _LANE_BITS & _LANES)) & _LANES,
        )

    def remove(self, key: bytes, value: bytes) -> "MultisetHash":
        """Give the hash with one pair less; the pair must have been added."""
        element = _expand(key, value)
        # The borrowed bit above each lane keeps a difference below zero inside its own slot.
        return MultisetHash(
            (self._even + _BORROW - (element & _LANES)) & _LANES,
            (self._odd + _BORROW - (element >> _LANE_BITS & _LANES)) & _LANES,
        )

    def digest(self) -> Digest:
        """Give the 32 bytes that stand for the whole state in a block header; calculated once."""
        if self._digest is None:
            digest = hash_with_domain(Domain.STATE, self.encode())
            # The one write to a frozen value: a memo that no comparison sees.
            object.__setattr__(self, "_digest", digest)
            return digest
        return self._digest

    def encode(self) -> bytes:
        """Encode as the 1024 lanes in order, little-endian."""
        return (self._even | self._odd << _LANE_BITS).to_bytes(ACCUMULATOR_BYTES, "little")

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Decode what ``encode`` gave.

        Raises:
            MalformedError: not exactly 2048 bytes.
        """
        if len(data) != ACCUMULATOR_BYTES:
            problem = f"it has {len(data)} bytes, not {ACCUMULATOR_BYTES}"
            raise MalformedError("multiset accumulator", problem)
        lanes = int.from_bytes(data, "little")
        return cls(lanes & _LANES, lanes >> _LANE_BITS & _LANES)


def _expand(key: bytes, value: bytes) -> int:
    """Expand a pair to 1024 lanes; the length in front of the key keeps key and value apart."""
    state = _ELEMENT.copy()
    state.update(len(key).to_bytes(_KEY_LENGTH_BYTES, "big") + key + value)
    return int.from_bytes(state.digest(ACCUMULATOR_BYTES), "little")
