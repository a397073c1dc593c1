"""Who votes in a life, with which keys; and every signature of it, verified once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.simulator.founded import make_genesis, signing_key
from lab.simulator.node import name_nodes

from kpledger.base.keys import SigningKey
from kpledger.log.statements import Electorate, verifies
from kpnode.raft import Configuration, Entry, NodeId

if TYPE_CHECKING:
    from lab.liars.blocks import Block

_Asked = tuple[bytes, bytes, bytes]
"""Key, message and signature."""


@dataclass(frozen=True, slots=True)
class _RememberingKey(SigningKey):
    """Remembers what it has signed, so that nobody has to verify it."""

    verdicts: dict[_Asked, bool] = field(repr=False, compare=False)

    def sign(self, message: bytes) -> bytes:
        """Sign a message; 64 bytes."""
        signature = SigningKey.sign(self, message)
        self.verdicts[self.public_key, message, signature] = True
        return signature


class Roll:
    """The voters, and what was found out about signatures and blocks: nodes share it to save time.

    Attributes:
        names: the voters, ascending.
        genesis: names them and their keys.
        electorate: the same, as statements are judged by it.
        keys: with which they sign.
        blocks: those that were verified, by the head and the leader before them and their entry.
    """

    def __init__(self, voters: int) -> None:
        self.names: tuple[NodeId, ...] = name_nodes(voters)
        self.genesis = make_genesis(self.names)
        self.electorate = Electorate.of(self.genesis)
        self.blocks: dict[tuple[bytes, str, Entry], Block] = {}
        self._verdicts: dict[_Asked, bool] = {}
        self.keys: Mapping[NodeId, SigningKey] = {
            name: self._remember(signing_key(f"{name}/consensus")) for name in self.names
        }
        self.configuration = Configuration(self.names)

    def _remember(self, key: SigningKey) -> SigningKey:
        return _RememberingKey(key.public_key, key._secret, self._verdicts)

    @property
    def overlap(self) -> int:
        """How many voters two majorities have in common at least: as many must lie for a fork."""
        return 2 * self.electorate.majority - len(self.names)

    def check(self, key: bytes, message: bytes, signature: bytes) -> bool:
        """Tell whether a key signed a message (:data:`kpledger.log.statements.SignatureCheck`)."""
        asked = key, message, signature
        verdict = self._verdicts.get(asked)
        if verdict is None:
            verdict = self._verdicts[asked] = verifies(key, message, signature)
        return verdict
