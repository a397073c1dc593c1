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

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Self

from kpledger.base.errors import MalformedError
from kpledger.base.hashing import Digest, Domain, hash_with_domain

ACCUMULATOR_BYTES: Final = 2048

_LANE_BITS: Final = 16
_KEY_LENGTH_BYTES: Final = 4
_SUMMANDS: Final = 1 << _LANE_BITS
"""How many lanes can be added before the carries fill the upper half of a slot."""
_EXPANDED_PAIRS: Final = 4096
"""How many expanded pairs are kept; 2 KiB each."""

Pairs = Sequence[tuple[bytes, bytes]]
"""Keys and values."""

# Two big integers hold the even and the odd lanes, each lane in the lower half of a 32-bit slot.
# One addition then adds 512 lanes at once: the carry of a lane falls into the upper half of its
# own slot, and one mask clears it.
_LANES: Final = int.from_bytes(b"\xff\xff\x00\x00" * (ACCUMULATOR_BYTES // 4), "little")
_BORROW: Final = int.from_bytes(b"\x00\x00\x01\x00" * (ACCUMULATOR_BYTES // 4), "little")

_ELEMENT: Final = hashlib.shake_128(Domain.STATE.prefix)


@dataclass(frozen=True)
class MultisetHash:
    """The sum over a set of pairs: a value, so keeping an earlier one costs nothing.

    ``MultisetHash()`` is that of no pairs; others are made by ``decode`` and ``exchange``.
    """

    _even: int = field(default=0, repr=False)
    _odd: int = field(default=0, repr=False)

    def exchange(self, *, removed: Pairs, added: Pairs) -> "MultisetHash":
        """Give the hash with some pairs less, which must have been added, and others more."""
        even, odd = self._even, self._odd
        for sign, pairs in ((1, added), (-1, removed)):
            for start in range(0, len(pairs), _SUMMANDS):
                sum_even, sum_odd = _sum(pairs[start : start + _SUMMANDS])
                # The borrowed bit above a lane keeps a difference below zero inside its own slot.
                even = (even + _BORROW + sign * (sum_even & _LANES)) & _LANES
                odd = (odd + _BORROW + sign * (sum_odd & _LANES)) & _LANES
        return MultisetHash(even, odd)

    @cached_property
    def digest(self) -> Digest:
        """The 32 bytes that stand for the whole state in a block header."""
        return hash_with_domain(Domain.STATE, self.encode())

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


def _sum(pairs: Pairs) -> tuple[int, int]:
    """Add up the even and the odd lanes of some pairs, without clearing the carries in between."""
    total = even = 0
    for key, value in pairs:
        element = _expand(key, value)
        total += element
        even += element & _LANES
    # What is left are the odd lanes, each in the upper half of a slot: their carries overflow into
    # the slot above, where the shift makes room for them.
    return even, (total - even) >> _LANE_BITS


@functools.lru_cache(maxsize=_EXPANDED_PAIRS)
def _expand(key: bytes, value: bytes) -> int:
    """Expand a pair to 1024 lanes; the length in front of the key keeps key and value apart.

    What is removed was added before, most often not long ago: a certificate is confirmed days after
    it was issued.
    """
    state = _ELEMENT.copy()
    state.update(len(key).to_bytes(_KEY_LENGTH_BYTES, "big") + key + value)
    return int.from_bytes(state.digest(ACCUMULATOR_BYTES), "little")
