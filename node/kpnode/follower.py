"""A node that does not vote: its storage, the nodes from which it gets blocks, and its listener."""

import asyncio
import logging
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

from kpledger.api.routes import BEARER_TOKEN
from kpledger.log.genesis import Genesis
from kpledger.reading import read_text
from kpnode.config import NodeConfig
from kpnode.errors import SetupError
from kpnode.gossip.seal_follower import SealFollower
from kpnode.keyring import NodeKeys
from kpnode.listening.connections import ConnectionLimits
from kpnode.process import end_tasks
from kpnode.raft import NodeId
from kpnode.replica.replica import Replica
from kpnode.sealing.seals import Seals
from kpnode.storage.leveldb import LevelStorage
from kpnode.transport.contact import Contact
from kpnode.transport.link import Peer
from kpnode.transport.listener import Listener
from kpnode.transport.options import Counts, TransportOptions

_MAX_TOKEN_BYTES: Final = 1024
_OTHERS: Final = 0o077

_log = logging.getLogger(__name__)


class ReplicaService:
    """A node that follows, with its storage and its sources; start, serve, stop.

    Attributes:
        node: what answers.
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
        self.contacts = tuple(_find_contacts(config, genesis, keys))
        self.alarms = () if self.contacts else (_NO_SOURCE,)
        self._seals: SealFollower | None = None
        self._sealing: asyncio.Task[NoReturn] | None = None
        self._storage = LevelStorage(config.node.database, chain=genesis.chain, create=False)
        try:
            self.node = Replica(genesis, config.node.name, self._storage, self.contacts)
        except BaseException:
            self._storage.close()
            raise
        self.headers = self.node.headers

    def seal(self, seals: Seals) -> None:
        """Ask others for what they have sealed, and cosign it, once this node is started."""
        self._seals = SealFollower(seals, self.contacts, cosigns=self.listener is not None)

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
        if self._seals is not None:
            self._sealing = asyncio.create_task(self._seals.run(), name="seals")

    async def hand_over(self) -> None:
        """Do nothing: nobody waits for a node that leads nobody."""

    async def stop(self) -> None:
        """Stop following, close every connection and the storage."""
        if self._sealing is not None:
            await end_tasks([self._sealing])
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


def _find_contacts(config: NodeConfig, genesis: Genesis, keys: NodeKeys) -> Iterator[Contact]:
    """Give the peers that know this node by its key, and those of whom there is a URL."""
    own = config.node.name
    if genesis.find_node(own) is not None:
        for name, address in config.peers.addresses.items():
            if name != own:
                peer = Peer(address, bytes.fromhex(genesis.node(name).tls_key))
                yield Contact.member(NodeId(own), keys.tls, NodeId(name), peer)
    token = _load_token(config.follow.token)
    pins = {NodeId(one.name): bytes.fromhex(one.tls_key) for one in genesis.file.nodes}
    for source in config.follow.sources:
        yield Contact.public(source.address, token, pins)


def _load_token(path: Path) -> str | None:
    """Read the token that sources know; None if there is no such file.

    Raises:
        SetupError: it cannot be read, others may read it, or it holds no token.
    """
    try:
        token = read_text(path, max_bytes=_MAX_TOKEN_BYTES).strip()
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SetupError(f"{path}: cannot be read: {error.strerror}") from None
    if mode & _OTHERS:
        raise SetupError(f"{path}: others may read it (mode {stat.S_IMODE(mode):o}): chmod 600")
    if BEARER_TOKEN.fullmatch(token) is None:
        raise SetupError(f"{path} holds no token; accepted: one alone, as kpnode token add prints")
    return token
