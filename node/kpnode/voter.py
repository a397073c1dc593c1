"""A node that votes: storage, ledger, core, runtime and links, put together."""

import logging
import time

from kpledger.base.keys import SigningKey
from kpledger.log.genesis import Genesis
from kpledger.log.statements import Electorate, StatementSigner
from kpnode.config import NodeConfig
from kpnode.docket import Docket
from kpnode.engine import Engine
from kpnode.gossip.addresses import AddressBook
from kpnode.gossip.sealer import Sealer
from kpnode.headers import LoggedHeaders, OwnHeaders
from kpnode.keyring import NodeKeys
from kpnode.ledger import Ledger
from kpnode.listening.connections import ConnectionLimits
from kpnode.machine import Machine
from kpnode.notary import Notary
from kpnode.raft import Configuration, Index, NodeId, RaftConfig, RaftCore, Recovered
from kpnode.runtime import Node
from kpnode.sealing.seals import Seals
from kpnode.step import Loss
from kpnode.storage.leveldb import LevelStorage
from kpnode.transport.contact import Contact
from kpnode.transport.link import Peer
from kpnode.transport.listener import Listener
from kpnode.transport.relay import PeerLinks

_log = logging.getLogger(__name__)


class VoterService:
    """A voter with its storage and its links; start, serve, stop.

    Attributes:
        addresses: where nodes are.
        headers: the headers of its log.
        contacts: the other voters, as they are asked.
    """

    def __init__(self, config: NodeConfig, genesis: Genesis, keys: NodeKeys) -> None:
        """Open the storage, verify the end of the chain and take in what follows it.

        Must be called in the event loop that will run the node.

        Raises:
            StorageError: the directory cannot be used; says why.
            LedgerError: what is stored does not follow from the genesis file.
        """
        self._listen = config.peers.listen
        self._keys = keys
        self._storage = LevelStorage(config.node.database, chain=genesis.chain, create=False)
        try:
            self.node = _build_node(config, genesis, keys.consensus, self._storage)
            self.addresses = AddressBook.open(config, genesis, keys.cosigning)
        except BaseException:
            self._storage.close()
            raise
        places, others = self.addresses.places, {*config.peers.addresses, *genesis.file.voters}
        self._peers = {
            NodeId(name): Peer(places[name], bytes.fromhex(genesis.node(name).tls_key))
            for name in sorted(others - {config.node.name})
        }
        self._links = PeerLinks(self.node, keys.tls)
        self._voters = {
            name: Contact.member(NodeId(self.node.name), keys.tls, name, peer)
            for name, peer in self._peers.items()
            if name in genesis.file.voters
        }
        self._outside = {
            one.key.name: Contact(one.key.name, one.url, None, {}) for one in config.witness.outside
        }
        self.contacts = tuple(self._voters.values())
        self.headers = LoggedHeaders(genesis, self._storage)
        self._sealer: Sealer | None = None

    @property
    def alarms(self) -> tuple[str, ...]:
        """What its configuration lacks, and what is not sealed, in sentences for its operator."""
        return (*self._find_lacks(), *(() if self._sealer is None else self._sealer.alarms))

    def _find_lacks(self) -> tuple[str, ...]:
        missing = [name for name in self._voters if self._peers[name].place.address is None]
        if not missing:
            return ()
        alarm = (
            f"This node sends nothing to {', '.join(missing)}: [peers.addresses] of its"
            f' configuration holds no line such as {missing[0]} = "host:7700". Nodes that do not'
            " hear of most others have no leader. Add the lines, then start the node again."
        )
        return (alarm,)

    def seal(self, seals: Seals) -> Sealer:
        """Give what has checkpoints sealed while this node leads."""
        self._sealer = Sealer(
            lambda: self.node.raft.leader == self.node.name and self.node.stopped is None,
            seals,
            self._keys.consensus,
            voters=self._voters,
            outside=self._outside,
        )
        return self._sealer

    @property
    def listener(self) -> Listener:
        """The port for peers."""
        return self._links.transport.listener

    async def start(self, limits: ConnectionLimits) -> None:
        """Listen to peers, connect to them, and begin to take part.

        ``limits`` is how many connections the port for peers takes.

        Raises:
            OSError: the address for peers cannot be used.
        """
        for alarm in self._find_lacks():
            _log.error("%s", alarm)
        await self.listener.start(self._listen.host, self._listen.port, limits)
        await self._links.transport.set_peers(self._peers)
        await self.node.start(self._links)

    async def hand_over(self) -> None:
        """See that stopping this node keeps nobody waiting."""
        await self.node.hand_over()

    async def stop(self) -> None:
        """Stop taking part, close every connection and the storage."""
        for contact in (*self.contacts, *self._outside.values()):
            await contact.close()
        await self._links.close()
        await self.node.stop()
        await self._links.transport.close()
        self._storage.close()


def _build_node(
    config: NodeConfig, genesis: Genesis, key: SigningKey, storage: LevelStorage
) -> Node:
    raft, limits, name = config.raft, config.limits, config.node.name
    ledger = Ledger(genesis, storage)
    machine = Machine(
        genesis, name, key, ledger, skew_ms=limits.skew_ms, voteless_up_to=storage.unsigned_until
    )
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
            fixed_voters=True,
            signed=True,
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
    note = machine.signatures.note_statement
    signer = StatementSigner(Electorate.of(genesis), name, key, storage.generation, note)
    engine = _build_engine(config, core, storage, machine, signer)
    return Node(
        genesis,
        name,
        ledger,
        engine,
        tick_s=raft.tick_ms / 1000,
        election_s=raft.election_ticks * raft.tick_ms / 1000,
        max_block_events=limits.batch_events,
        gather_s=limits.gather_ms / 1000,
        max_queue=limits.queue,
        loss=Loss(last, Index(applied)) if applied > last else None,
    )


def _build_engine(
    config: NodeConfig,
    core: RaftCore,
    storage: LevelStorage,
    machine: Machine,
    signer: StatementSigner,
) -> Engine:
    raft, check = config.raft, machine.signatures.check_statement
    notary = Notary(
        core,
        signer,
        OwnHeaders(machine, storage),
        storage,
        election_ticks=raft.election_ticks,
        check=check,
        voteless_up_to=storage.unsigned_until,
    )
    return Engine(
        core,
        storage,
        machine,
        notary,
        Docket(signer.electorate, storage, check),
        now_ms=lambda: time.time_ns() // 1_000_000,
        election_ticks=raft.election_ticks,
        max_block_events=config.limits.batch_events,
        max_block_bytes=raft.max_append_bytes,
    )
