"""A node of an earlier version, from before voters signed what they say, made one of this."""

from kpnode.config import NodeConfig
from kpnode.daemon import read_genesis
from kpnode.storage.earlier import convert_ledger


def migrate_node(config: NodeConfig, until: int) -> tuple[str, ...]:
    """Convert the ledger of a node in place, and tell its operator in sentences what was done.

    Args:
        config: the node's configuration, with paths resolved.
        until: the greatest height that any voter told, if it is known already.

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
    return tuple(told)
