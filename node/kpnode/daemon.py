"""One node: put together from its configuration, and run until it is told to stop.

:class:`NodeService` is what takes part in consensus: storage, ledger, core, runtime and links.
:func:`run_node` adds the books, the HTTP API and the signals.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kpledger.base.errors import GenesisError
from kpledger.base.keys import SigningKey
from kpledger.log.genesis import MAX_GENESIS_BYTES, Genesis, parse_genesis
from kpledger.log.statements import Electorate, StatementSigner
from kpledger.reading import read_text, say_trouble
from kpnode.api.access import AccessControl
from kpnode.api.app import build_app
from kpnode.api.client import AddressRanges
from kpnode.api.http import HttpServer
from kpnode.api.served import ApiLimits
from kpnode.books.supervisor import BooksSupervisor, run_process
from kpnode.config import LOOPBACK, NodeConfig
from kpnode.docket import Docket
from kpnode.engine import Engine
from kpnode.errors import SetupError
from kpnode.headers import OwnHeaders
from kpnode.keyfile import load_seed
from kpnode.ledger import Ledger
from kpnode.listening.connections import ConnectionLimits
from kpnode.listening.descriptors import raise_limit, share_descriptors
from kpnode.machine import Machine
from kpnode.notary import Notary
from kpnode.process import call_on_stop, close_to_others, rest_collector
from kpnode.raft import Configuration, Index, NodeId, RaftConfig, RaftCore, Recovered
from kpnode.runtime import Node
from kpnode.standing import Cause
from kpnode.step import Loss
from kpnode.storage.database import OPEN_FILES_MAX
from kpnode.storage.errors import ShortageError, is_shortage
from kpnode.storage.leveldb import LevelStorage
from kpnode.tokens import TokenRegister
from kpnode.transport.link import Peer
from kpnode.transport.relay import PeerLinks
from kpnode.transport.tls import public_server_context

COSIGNING_NAME: Final = "cosigning.seed"
"""The file of the cosigning key; it lies beside the consensus key's."""

_LOOK_S: Final = 1.0
"""How often it is looked whether the node has stopped taking part."""

_log = logging.getLogger(__name__)


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


class NodeService:
    """A node with its storage and its links; start, serve, stop.

    Attributes:
        alarms: what its configuration lacks, in sentences for its operator.
    """

    def __init__(self, config: NodeConfig, genesis: Genesis, keys: NodeKeys) -> None:
        """Open the storage, verify the end of the chain and take in what follows it.

        Must be called in the event loop that will run the node.

        Raises:
            StorageError: the directory cannot be used; says why.
            LedgerError: what is stored does not follow from the genesis file.
        """
        self._peers = config.peers
        self.alarms = _find_missing_addresses(config, genesis)
        self._storage = LevelStorage(config.node.database, chain=genesis.chain, create=False)
        try:
            self.node = _build_node(config, genesis, keys.consensus, self._storage)
        except BaseException:
            self._storage.close()
            raise
        self._links = PeerLinks(self.node, keys.tls)

    async def start(self, limits: ConnectionLimits) -> None:
        """Listen to peers, connect to them, and begin to take part.

        ``limits`` is how many connections the port for peers takes.

        Raises:
            OSError: the address for peers cannot be used.
        """
        genesis, listen = self.node.genesis, self._peers.listen
        for alarm in self.alarms:
            _log.error("%s", alarm)
        await self._links.transport.listener.start(listen.host, listen.port, limits)
        await self._links.transport.set_peers(
            {
                NodeId(name): Peer(address, bytes.fromhex(genesis.node(name).tls_key))
                for name, address in self._peers.addresses.items()
            }
        )
        await self.node.start(self._links)

    async def stop(self) -> None:
        """Stop taking part, close every connection and the storage."""
        await self._links.close()
        await self.node.stop()
        await self._links.transport.close()
        self._storage.close()


def _find_missing_addresses(config: NodeConfig, genesis: Genesis) -> tuple[str, ...]:
    known = {config.node.name, *config.peers.addresses}
    missing = [voter for voter in genesis.file.voters if voter not in known]
    if not missing:
        return ()
    alarm = (
        f"This node sends nothing to {', '.join(missing)}: [peers.addresses] of its configuration"
        f' holds no line such as {missing[0]} = "host:7700". Nodes that do not hear'
        " of most others have no leader. Add the lines, then start the node again."
    )
    return (alarm,)


def _build_node(
    config: NodeConfig, genesis: Genesis, key: SigningKey, storage: LevelStorage
) -> Node:
    raft, limits, name = config.raft, config.limits, config.node.name
    ledger = Ledger(genesis, storage)
    machine = Machine(
        genesis,
        name,
        key,
        ledger,
        skew_ms=limits.skew_ms,
        voteless_up_to=storage.unsigned_until,
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


def _limits_of(config: NodeConfig) -> ApiLimits:
    max_body = config.api.max_body_bytes
    return ApiLimits(
        max_body_bytes=max_body,
        max_submissions=config.limits.queue,
        request_bytes=max(config.limits.request_bytes, 2 * max_body),
        request_s=config.api.keep_alive_s,
    )


def _build_server(
    service: NodeService,
    books: BooksSupervisor,
    config: NodeConfig,
    keys: NodeKeys,
    access: AccessControl,
) -> HttpServer:
    limits = _limits_of(config)
    app = build_app(
        service.node,
        books,
        cosigning_key=keys.cosigning,
        limits=limits,
        access=access,
        alarms=service.alarms,
    )
    return HttpServer(app, request_s=limits.request_s)


async def _serve_api(
    server: HttpServer, config: NodeConfig, keys: NodeKeys, limits: ConnectionLimits
) -> None:
    """Listen where the configuration says; whom it names has some connections reserved.

    Raises:
        OSError: the address cannot be used.
    """
    api, access = config.api, config.access
    tls = public_server_context(keys.tls, NodeId(config.node.name)) if api.tls else None
    preferred = AddressRanges((*LOOPBACK, *access.addresses, *access.proxies))
    await server.start(
        api.listen.host, api.listen.port, tls, limits, is_preferred=preferred.__contains__
    )


def _close_directories(config: NodeConfig) -> None:
    """See that nobody else can use what the node stores.

    Nothing is done where there is no database: the directory may be a wrong one.

    Raises:
        SetupError: that cannot be seen to.
    """
    directory, database = config.node.directory, config.node.database
    if database.is_dir():
        try:
            close_to_others((directory, database))
        except OSError as error:
            problem = f"others may use files in {directory}, which cannot be changed"
            problem = f"{problem}: {say_trouble(error)}"
            raise SetupError(f"{problem}; accepted: modes 0700 and 0600") from None


async def _wait_for_end(node: Node, stopping: asyncio.Event) -> None:
    """Wait until a node is to stop.

    Raises:
        ShortageError: it has stopped by itself, and has to start again.
    """
    while not stopping.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await stopping.wait()
        failure = node.status().failure
        if failure is not None and failure.cause is Cause.SHORTAGE:
            raise ShortageError(failure.text)


def read_genesis(path: Path) -> Genesis:
    """Read a genesis file.

    Raises:
        SetupError: it cannot be used.
    """
    try:
        return parse_genesis(read_text(path, max_bytes=MAX_GENESIS_BYTES).encode())
    except (OSError, GenesisError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SetupError(f"{path}: {why}") from None


async def run_node(config: NodeConfig, on_listening: Callable[[str], None]) -> None:
    """Run a node until it is told to stop.

    Args:
        config: the node's configuration, with paths resolved.
        on_listening: told the URL of the API when the node answers there.

    Raises:
        ShortageError: it has no descriptors or memory, and is to be started again.
        SetupError: it may have too few files open, or a file or address cannot be used.
        StorageError: its directory cannot be used.
        LedgerError: what is stored does not follow from the genesis file.
    """
    genesis = read_genesis(config.node.genesis)
    keys = load_keys(config, genesis)
    _close_directories(config)
    access = AccessControl(config.access, TokenRegister(config.access.tokens))
    for_api, for_peers = share_descriptors(
        raise_limit(),
        peers=len(config.peers.addresses.keys() - {config.node.name}),
        database=OPEN_FILES_MAX,
    )
    service = NodeService(config, genesis, keys)
    stopping = asyncio.Event()
    call_on_stop(stopping.set)
    api, directory = config.api, config.node.directory
    run = run_process(config.node.genesis, directory)
    books = BooksSupervisor(service.node, directory, run, start=config.books.start)
    server = _build_server(service, books, config, keys, access)
    try:
        try:
            await service.start(for_peers)
            await books.start()
            await _serve_api(server, config, keys, for_api)
        except OSError as error:
            if is_shortage(error):
                raise
            raise SetupError(f"cannot listen: {say_trouble(error)}") from None
        rest_collector()
        on_listening(f"{'https' if api.tls else 'http'}://{api.listen}")
        await _wait_for_end(service.node, stopping)
        _log.info("stopping")
        await service.node.hand_over()
    finally:
        await server.stop()
        await books.stop()
        await service.stop()
