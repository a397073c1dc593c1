"""A node that does not vote: its storage, the nodes from which it gets blocks, and its listener."""

import logging
import os
from collections.abc import Iterator
from typing import Final

from kpledger.log.genesis import Genesis
from kpnode.config import NodeConfig
from kpnode.gossip.addresses import AddressBook
from kpnode.gossip.seal_follower import SealFollower
from kpnode.keyring import NodeKeys
from kpnode.listening.connections import ConnectionLimits
from kpnode.raft import NodeId
from kpnode.replica.replica import Replica
from kpnode.sealing.seals import Seals
from kpnode.storage.leveldb import LevelStorage
from kpnode.tokens import load_token
from kpnode.transport.contact import Contact
from kpnode.transport.link import Peer
from kpnode.transport.listener import Listener
from kpnode.transport.options import Counts, TransportOptions

_log = logging.getLogger(__name__)


class ReplicaService:
    """A node that follows, with its storage and its sources; start, serve, stop.

    Attributes:
        node: what answers.
        addresses: where nodes are.
        listener: the port for peers; None of a node that the genesis file does not name.
        headers: the headers of its log.
        contacts: the nodes that it asks.
        alarms: what its configuration lacks, in sentences for its operator.
    """

    def __init__(self, config: NodeConfig, genesis: Genesis, keys: NodeKeys) -> None:
        """Open the storage, and take up where it ends.

        Must be called in the event loop that will run the node.

        Raises:
            SetupError: the token for sources cannot be used.
            StorageError: the directory cannot be used; says why.
            LedgerError: what is stored does not follow from the genesis file.
        """
        self._listen = config.peers.listen
        self.listener = _make_listener(config, genesis, keys)
        self._storage = LevelStorage(config.node.database, chain=genesis.chain, create=False)
        try:
            self.addresses = AddressBook.open(config, genesis, keys.cosigning)
            self.contacts = tuple(_find_contacts(config, genesis, keys, self.addresses))
            self.node = Replica(genesis, config.node.name, self._storage, self.contacts)
        except BaseException:
            self._storage.close()
            raise
        self.alarms = () if self.contacts else (_NO_SOURCE,)
        self.headers = self.node.headers

    def seal(self, seals: Seals) -> SealFollower:
        """Give what asks others for what they have sealed, and cosigns it."""
        return SealFollower(seals, self.contacts, cosigns=self.listener is not None)

    async def start(self, limits: ConnectionLimits) -> None:
        """Listen to other nodes, if they know this one, and begin to follow.

        ``limits`` is how many connections the port for peers takes.

        Raises:
            OSError: the address for peers cannot be used.
        """
        if self.listener is not None:
            await self.listener.start(self._listen.host, self._listen.port, limits)
        for alarm in self.alarms:
            _log.error("%s", alarm)
        self.node.start()

    async def hand_over(self) -> None:
        """Do nothing: nobody waits for a node that leads nobody."""

    async def stop(self) -> None:
        """Stop following, close every connection and the storage."""
        if self.listener is not None:
            await self.listener.close()
        await self.node.stop()
        for contact in self.contacts:
            await contact.close()
        self._storage.close()


_NO_SOURCE: Final = (
    "This node has nobody to get blocks from: its configuration names no peers in"
    " [peers.addresses] and no URL in [follow] sources. Add some, then start the node again."
)


def _make_listener(config: NodeConfig, genesis: Genesis, keys: NodeKeys) -> Listener | None:
    """Make what other nodes ask; they send no frames to one that does not vote."""
    if genesis.find_node(config.node.name) is None:
        return None
    return Listener(
        NodeId(config.node.name),
        keys.tls,
        options=TransportOptions(),
        counts=Counts(),
        on_frame=lambda _, __: 0,
    )


def _find_contacts(
    config: NodeConfig, genesis: Genesis, keys: NodeKeys, book: AddressBook
) -> Iterator[Contact]:
    """Give the peers that know this node by its key, and those of whom there is a URL."""
    own = config.node.name
    if genesis.find_node(own) is not None:
        for name in config.peers.addresses:
            if name != own:
                peer = Peer(book.places[name], bytes.fromhex(genesis.node(name).tls_key))
                yield Contact.member(NodeId(own), keys.tls, NodeId(name), peer)
    token = load_token(config.follow.token) if os.path.lexists(config.follow.token) else None
    pins = {NodeId(one.name): bytes.fromhex(one.tls_key) for one in genesis.file.nodes}
    for source in config.follow.sources:
        yield Contact.public(source.address, token, pins)
