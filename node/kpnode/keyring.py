"""The private keys of a node, which are those that the genesis file names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kpledger.base.keys import SigningKey
from kpledger.log.genesis import Genesis
from kpnode.config import NodeConfig
from kpnode.errors import SetupError
from kpnode.keyfile import load_seed

COSIGNING_NAME: Final = "cosigning.seed"
"""The file of the cosigning key; it lies beside the consensus key's."""


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """The private keys of a node."""

    consensus: SigningKey
    """Signs blocks."""
    cosigning: SigningKey
    """Signs checkpoints."""
    tls: Ed25519PrivateKey
    """Authenticates its connections."""


def load_keys(config: NodeConfig, genesis: Genesis) -> NodeKeys:
    """Read the keys of a node, and see that the genesis file names them.

    Raises:
        GenesisError: it names no such node.
        SetupError: a file cannot be used, or holds another key.
    """
    known, files = genesis.node(config.node.name), config.keys
    cosigning_file = files.consensus.with_name(COSIGNING_NAME)
    return NodeKeys(
        consensus=SigningKey.from_seed(_load_seed_of(known.consensus_key, files.consensus)),
        cosigning=SigningKey.from_seed(_load_seed_of(known.cosigning_key, cosigning_file)),
        tls=Ed25519PrivateKey.from_private_bytes(_load_seed_of(known.tls_key, files.tls)),
    )


def _load_seed_of(expected: str, file: Path) -> bytes:
    seed = load_seed(file)
    found = SigningKey.from_seed(seed).public_key.hex()
    if found != expected:
        raise SetupError(f"{file} holds the key {found}; the genesis file names {expected}")
    return seed
