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
    if known is None:
        _check_unnamed(config.node.name, consensus, genesis, files.consensus)
    return NodeKeys(
        consensus=SigningKey.from_seed(consensus),
        cosigning=SigningKey.from_seed(cosigning),
        tls=Ed25519PrivateKey.from_private_bytes(tls),
    )


def _check_unnamed(name: str, seed: bytes, genesis: Genesis, file: Path) -> None:
    """See that a node which the genesis file does not name is not one that it does.

    Raises:
        SetupError: its key is that of another: the name is mistyped, or the files are another's.
    """
    found = SigningKey.from_seed(seed).public_key.hex()
    owner = next((one.name for one in genesis.file.nodes if one.consensus_key == found), None)
    if owner is not None:
        problem = f"the genesis file names no node {name!r}"
        raise SetupError(f"{problem}, and gives the key in {file} to {owner}")


def _load_seed(file: Path, expected: str | None) -> bytes:
    seed = load_seed(file)
    found = SigningKey.from_seed(seed).public_key.hex()
    if expected not in (None, found):
        raise SetupError(f"{file} holds the key {found}; the genesis file names {expected}")
    return seed
