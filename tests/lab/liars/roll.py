"""Who votes in a life, with which keys; and every signature of it, verified once."""

from collections.abc import Mapping
from typing import Final

from lab.simulator.founded import make_genesis, signing_key
from lab.simulator.node import name_nodes

from kpledger.base.keys import SigningKey
from kpledger.log.statements import Electorate, verifies
from kpnode.raft import Configuration, NodeId

MAX_VOTERS: Final = 8


class Roll:
    """The voters, and what was found out about signatures: nodes share it, to save time.

    Attributes:
        names: the voters, ascending.
        genesis: names them and their keys.
        electorate: the same, as statements are judged by it.
        keys: with which they sign.
    """

    def __init__(self, voters: int) -> None:
        self.names: tuple[NodeId, ...] = name_nodes(voters)
        self.genesis = make_genesis(self.names)
        self.electorate = Electorate.of(self.genesis)
        self.keys: Mapping[NodeId, SigningKey] = {
            name: signing_key(f"{name}/consensus") for name in self.names
        }
        self.configuration = Configuration(self.names)
        self.checked = 0
        """How many signatures anybody asked about."""
        self._verdicts: dict[tuple[bytes, bytes, bytes], bool] = {}

    @property
    def overlap(self) -> int:
        """How many voters two majorities have in common at least: as many must lie for a fork."""
        return 2 * self.electorate.majority - len(self.names)

    def check(self, key: bytes, message: bytes, signature: bytes) -> bool:
        """Tell whether a key signed a message (:data:`kpledger.log.statements.SignatureCheck`)."""
        self.checked += 1
        asked = key, message, signature
        verdict = self._verdicts.get(asked)
        if verdict is None:
            verdict = self._verdicts[asked] = verifies(key, message, signature)
        return verdict
