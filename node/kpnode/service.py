"""One node put together from its configuration: storage, ledger, core, runtime and links.

Not here: the HTTP API that serves it, and the command line that starts it.
"""

import time
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kpledger.base.keys import SigningKey
from kpledger.log.genesis import Genesis
from kpnode.config import NodeConfig
from kpnode.engine import Engine, Loss
from kpnode.ledger import Ledger
from kpnode.machine import Machine
from kpnode.raft import Configuration, Index, NodeId, RaftConfig, RaftCore, Recovered
from kpnode.runtime import Node
from kpnode.storage.leveldb import LevelStorage
from kpnode.transport.link import Peer
from kpnode.transport.options import TransportOptions
from kpnode.transport.peers import PeerTransport
from kpnode.transport.relay import PeerLinks


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """The private keys of a node."""

    consensus: SigningKey
    """Signs blocks."""
    tls: Ed25519PrivateKey
    """Authenticates its connections."""


class NodeService:
    """A node with its storage and its links; start, serve, stop."""

    def __init__(
        self,
        config: NodeConfig,
        node: Node,
        storage: LevelStorage,
        links: PeerLinks,
        transport: PeerTransport,
    ) -> None:
        """Take over the parts; only :meth:`open` calls this."""
        self.config = config
        self.node = node
        self._storage = storage
        self._links = links
        self._transport = transport

    @classmethod
    def open(cls, config: NodeConfig, genesis: Genesis, keys: NodeKeys) -> Self:
        """Open the storage, verify the end of the chain and take in what follows it.

        Must be called in the event loop that will run the node.

        Raises:
            StorageError: the directory cannot be used; says why.
            LedgerError: what is stored does not follow from the genesis file.
        """
        storage = LevelStorage(config.node.database, chain=genesis.chain, create=False)
        try:
            node = _build_node(config, genesis, keys.consensus, storage)
        except BaseException:
            storage.close()
            raise
        links = PeerLinks()
        transport = PeerTransport(
            NodeId(config.node.name),
            keys.tls,
            on_frame=links.on_frame,
            on_unreachable=links.on_unreachable,
            options=TransportOptions(),
        )
        links.join(node, transport)
        return cls(config, node, storage, links, transport)

    async def start(self) -> None:
        """Listen to peers, connect to them, and begin to take part.

        Raises:
            OSError: the address for peers cannot be used.
        """
        genesis = self.node.genesis
        listen = self.config.peers.listen
        await self._transport.start(listen.host, listen.port)
        await self._transport.set_peers(
            {
                NodeId(name): Peer(address, bytes.fromhex(genesis.node(name).tls_key))
                for name, address in self.config.peers.addresses.items()
            }
        )
        await self.node.start(self._links)

    async def stop(self) -> None:
        """Stop taking part, close every connection and the storage."""
        await self._links.close()
        await self.node.stop()
        await self._transport.close()
        self._storage.close()


def _build_node(
    config: NodeConfig, genesis: Genesis, key: SigningKey, storage: LevelStorage
) -> Node:
    raft, limits, name = config.raft, config.limits, config.node.name
    ledger = Ledger(genesis, storage)
    machine = Machine(genesis, name, key, ledger, skew_ms=limits.skew_ms)
    applied, last = ledger.tip.height, storage.last_index()
    machine.recover(storage)
    voters = tuple(NodeId(voter) for voter in genesis.file.voters)
    core = RaftCore(
        RaftConfig(
            node=NodeId(name),
            election_ticks=raft.election_ticks,
            heartbeat_ticks=raft.heartbeat_ticks,
            # Nodes draw different timeouts by their names; the chain makes networks differ.
            seed=int.from_bytes(genesis.chain[:4], "big"),
            window=raft.window,
            max_append_bytes=raft.max_append_bytes,
        ),
        Recovered(
            hard_state=storage.hard_state,
            configuration=Configuration(voters=voters),
            applied=Index(ledger.tip.height),
            # No rule changes the voters yet, so what is applied need not be read again for that.
            configuration_index=Index(ledger.tip.height),
            lost_up_to=Index(applied),
        ),
        storage,
    )
    engine = Engine(
        core,
        storage,
        machine,
        now_ms=lambda: time.time_ns() // 1_000_000,
        election_ticks=raft.election_ticks,
        max_block_events=limits.batch_events,
        max_block_bytes=raft.max_append_bytes,
    )
    return Node(
        genesis,
        name,
        ledger,
        engine,
        tick_s=raft.tick_ms / 1000,
        election_s=raft.election_ticks * raft.tick_ms / 1000,
        max_block_events=limits.batch_events,
        max_queue=limits.queue,
        loss=Loss(last, Index(applied)) if applied > last else None,
    )
