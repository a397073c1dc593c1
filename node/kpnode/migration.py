"""A node of an earlier version, from before voters signed what they say, made one of this."""

from typing import Final

from kpnode.config import NodeConfig
from kpnode.daemon import read_genesis
from kpnode.storage.earlier import convert_ledger

_FAR: Final = 100
"""Blocks that voters which were stopped together hardly lie apart."""


def migrate_node(config: NodeConfig, until: int | None) -> tuple[str, ...]:
    """Convert the ledger of a node in place, and tell its operator in sentences what was done.

    Args:
        config: the node's configuration, with paths resolved.
        until: the greatest height that any voter told; None to leave that which the ledger has.

    Raises:
        SetupError: the genesis file cannot be used.
        StorageError: the ledger cannot be converted; says why.
    """
    genesis = read_genesis(config.node.genesis)
    done = convert_ledger(config.node.database, chain=genesis.chain, until=until)
    height = done.unsigned_until
    what = "is one of this version now" if done.converted else "was one of this version already"
    told = [f"{config.node.database}: the ledger {what}. Its last block is {done.last}."]
    if height:
        told.append(f"Up to block {height}, blocks that open a term may show no votes.")
        told.append(
            "That height has to be the same on every voter before the first of them starts. If"
            " another one tells a greater height, run this again with --until and that height."
        )
    if height > done.last + _FAR:
        told.append(
            f"Warning: it is {height - done.last} blocks above the last one here, and up to it this"
            " node takes terms to which nobody was elected. If no other voter told it, run this"
            " again with --until and the right height."
        )
    return tuple(told)
