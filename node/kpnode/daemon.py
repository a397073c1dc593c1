"""What every node does: keys, books, the HTTP API and the signals, until it is told to stop.

What keeps the ledger is a service of its own: a voter's (:mod:`kpnode.voter`), or that of a node
which does not vote (:mod:`kpnode.follower`).
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Final

from kpledger.base.errors import GenesisError
from kpledger.log.genesis import MAX_GENESIS_BYTES, Genesis, parse_genesis
from kpledger.log.policy import policy_of
from kpledger.reading import read_text, say_trouble
from kpnode.addresses import LOOPBACK
from kpnode.api.access import AccessControl
from kpnode.api.app import NodeApi
from kpnode.api.client import AddressRanges, identify_members
from kpnode.api.http import HttpServer
from kpnode.api.served import ApiLimits, ServedNode
from kpnode.books.supervisor import BooksSupervisor, run_process
from kpnode.config import NodeConfig
from kpnode.errors import SetupError
from kpnode.follower import ReplicaService
from kpnode.gossip.final_chain import FinalChain
from kpnode.gossip.rounds import Gossip
from kpnode.keyring import NodeKeys, load_keys
from kpnode.listening.connections import ConnectionLimits
from kpnode.listening.descriptors import raise_limit, share_descriptors
from kpnode.process import call_on_stop, close_to_others, end_tasks, rest_collector
from kpnode.raft import NodeId
from kpnode.sealing.cosigner import COSIGNED_NAME, OwnCosigner
from kpnode.sealing.final_tree import FinalTree
from kpnode.sealing.published import PublishedCheckpoints
from kpnode.sealing.seals import Seals
from kpnode.standing import Cause
from kpnode.storage.database import OPEN_FILES_MAX, lock_directory
from kpnode.storage.errors import ShortageError, is_shortage
from kpnode.tokens import TokenRegister
from kpnode.transport.tls import public_server_context
from kpnode.voter import VoterService

_LOOK_S: Final = 1.0
"""How often it is looked whether the node has stopped taking part."""

_log = logging.getLogger(__name__)


NodeService = VoterService | ReplicaService
"""What keeps the ledger of a node: start, serve, hand over, stop."""


Work = Callable[[], Coroutine[None, None, None]]
"""What goes on until it is cancelled."""


def _limits_of(config: NodeConfig) -> ApiLimits:
    max_body = config.api.max_body_bytes
    return ApiLimits(
        max_body_bytes=max_body,
        max_submissions=config.limits.queue,
        request_bytes=max(config.limits.request_bytes, 2 * max_body),
        request_s=config.api.keep_alive_s,
    )


def _open_seals(config: NodeConfig, node: ServedNode, keys: NodeKeys) -> Seals:
    """Take up what this node has cosigned.

    Raises:
        SetupError: the file of that cannot be used.
    """
    genesis, tree = node.genesis, FinalTree(node.ledger)
    cosigner = OwnCosigner(
        config.keys.consensus.with_name(COSIGNED_NAME),
        name=f"{genesis.file.origin}/{node.name}",
        key=keys.cosigning,
        logs=policy_of(genesis).logs,
        tree=tree,
    )
    witnesses = [one.key for one in config.witness.outside]
    log_key = keys.consensus if node.name in genesis.file.voters else None
    return Seals(cosigner, PublishedCheckpoints(genesis, tree, witnesses), log_key)


def _build_server(
    service: NodeService,
    books: BooksSupervisor,
    config: NodeConfig,
    keys: NodeKeys,
    access: AccessControl,
) -> tuple[HttpServer, tuple[Work, ...]]:
    """Give what serves everybody, and what gossips and seals; have the service serve other nodes.

    Raises:
        SetupError: the file of what this node has cosigned cannot be used.
    """
    limits, seals = _limits_of(config), _open_seals(config, service.node, keys)

    def find_alarms() -> tuple[str, ...]:
        lost = seals.cosigner.alarm
        return service.alarms if lost is None else (*service.alarms, lost)

    published, chain = seals.published, FinalChain(service.node.ledger, service.headers)
    node, book = service.node, service.addresses
    gossip = Gossip(node, chain, published.tree, published, service.contacts, addresses=book)
    api = NodeApi(service.node, books, gossip, seals=seals, limits=limits, alarms=find_alarms)
    work = gossip.run, service.seal(seals).run
    listener, genesis = service.listener, service.node.genesis
    if listener is not None:
        others = (node for node in genesis.file.nodes if node.name != config.node.name)
        pins = {NodeId(node.name): bytes.fromhex(node.tls_key) for node in others}
        app = api.build_for_members(identify_members(listener.find_member))
        listener.serve_members(app, pins)
    return HttpServer(api.build_public(access), request_s=limits.request_s), work


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


async def _wait_for_end(node: ServedNode, stopping: asyncio.Event) -> None:
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


def _make_service(config: NodeConfig, genesis: Genesis, keys: NodeKeys) -> NodeService:
    """Make what keeps the ledger of this node: whoever votes is named by the genesis file."""
    if config.node.name in genesis.file.voters:
        return VoterService(config, genesis, keys)
    return ReplicaService(config, genesis, keys)


async def run_node(config: NodeConfig, on_listening: Callable[[str], None]) -> None:
    """Run a node until it is told to stop.

    Args:
        config: the node's configuration, with paths resolved.
        on_listening: told the URL of the API when the node answers there.

    Raises:
        ShortageError: it has no descriptors or memory, and is to be started again.
        SetupError: it may have too few files open, or a file or address cannot be used.
        StorageError: its directory cannot be used, or another node runs with its keys.
        LedgerError: what is stored does not follow from the genesis file.
    """
    genesis = read_genesis(config.node.genesis)
    keys = load_keys(config, genesis)
    _close_directories(config)
    access = AccessControl(config.access, TokenRegister(config.access.tokens))
    for_api, for_peers = share_descriptors(
        raise_limit(),
        peers=len({node.name for node in genesis.file.nodes} - {config.node.name}),
        database=OPEN_FILES_MAX,
    )
    service = _make_service(config, genesis, keys)
    # Two processes with the same keys contradict each other, whatever else they share.
    lock = lock_directory(config.keys.consensus.parent)
    stopping = asyncio.Event()
    call_on_stop(stopping.set)
    api, directory = config.api, config.node.directory
    run = run_process(config.node.genesis, directory)
    books = BooksSupervisor(service.node, directory, run, start=config.books.start)
    server, work = _build_server(service, books, config, keys, access)
    tasks: list[asyncio.Task[None]] = []
    try:
        try:
            await service.start(for_peers)
            await books.start()
            await _serve_api(server, config, keys, for_api)
        except OSError as error:
            if is_shortage(error):
                raise
            raise SetupError(f"cannot listen: {say_trouble(error)}") from None
        tasks += [asyncio.create_task(one()) for one in work]
        rest_collector()
        on_listening(f"{'https' if api.tls else 'http'}://{api.listen}")
        await _wait_for_end(service.node, stopping)
        _log.info("stopping")
        await service.hand_over()
    finally:
        await server.stop()
        await end_tasks(tasks)
        await books.stop()
        await service.stop()
        lock.close()
