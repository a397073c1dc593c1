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
    """Read the keys of a node, and see that they are those that the genesis file names, if any.

    Raises:
        SetupError: a file cannot be used, or holds another key.
    """
    known, files = genesis.find_node(config.node.name), config.keys
    names = (
        (None,) * 3 if known is None else (known.consensus_key, known.cosigning_key, known.tls_key)
    )
    places = files.consensus, files.consensus.with_name(COSIGNING_NAME), files.tls
    consensus, cosigning, tls = map(_load_seed, places, names)
    return NodeKeys(
        consensus=SigningKey.from_seed(consensus),
        cosigning=SigningKey.from_seed(cosigning),
        tls=Ed25519PrivateKey.from_private_bytes(tls),
    )


def _load_seed(file: Path, expected: str | None) -> bytes:
    seed = load_seed(file)
    found = SigningKey.from_seed(seed).public_key.hex()
    if expected not in (None, found):
        raise SetupError(f"{file} holds the key {found}; the genesis file names {expected}")
    return seed
