"""Running one node until it is told to stop: service, books, HTTP API, signals."""

import asyncio
import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kpledger.base.errors import GenesisError, LedgerError
from kpledger.base.keys import SigningKey
from kpledger.log.genesis import Genesis, parse_genesis
from kpnode.api.app import build_app
from kpnode.api.http import HttpServer
from kpnode.api.served import ApiLimits
from kpnode.books.supervisor import BooksSupervisor, run_process
from kpnode.config import NodeConfig
from kpnode.garbage import rest_collector
from kpnode.keyfile import KeyFileError, load_signing_key, load_tls_key
from kpnode.raft import NodeId
from kpnode.service import NodeKeys, NodeService
from kpnode.storage.errors import StorageError
from kpnode.transport.tls import public_server_context

COSIGNING_NAME: Final = "cosigning.seed"
"""The file of the cosigning key."""

_log = logging.getLogger(__name__)


class StartError(Exception):
    """The node cannot start as it is configured; one line that says why."""


def load_genesis(config: NodeConfig) -> Genesis:
    """Read the genesis file of a configuration.

    Raises:
        StartError: it cannot be read or does not found a ledger.
    """
    try:
        return parse_genesis(config.node.genesis.read_bytes())
    except (OSError, GenesisError) as error:
        raise StartError(f"{config.node.genesis}: {error}") from None


def load_keys(config: NodeConfig, genesis: Genesis) -> NodeKeys:
    """Read the keys that the node takes part with, and see that the genesis file names them.

    Raises:
        StartError: a file cannot be used, or holds another key.
    """
    try:
        known = genesis.node(config.node.name)
        consensus = load_signing_key(config.keys.consensus)
        tls = load_tls_key(config.keys.tls)
    except (KeyFileError, GenesisError) as error:
        raise StartError(str(error)) from None
    _expect_key(config.keys.consensus, consensus.public_key, known.consensus_key)
    _expect_key(config.keys.tls, tls.public_key().public_bytes_raw(), known.tls_key)
    return NodeKeys(consensus, tls)


def load_cosigning_key(config: NodeConfig, genesis: Genesis) -> SigningKey:
    """Read the key that signs checkpoints; its file lies beside the consensus key's.

    Raises:
        StartError: the file cannot be used, or holds another key.
    """
    path = config.keys.consensus.with_name(COSIGNING_NAME)
    try:
        known = genesis.node(config.node.name)
        key = load_signing_key(path)
    except (KeyFileError, GenesisError) as error:
        raise StartError(str(error)) from None
    _expect_key(path, key.public_key, known.cosigning_key)
    return key


def _expect_key(path: Path, found: bytes, expected: str) -> None:
    if found.hex() != expected:
        raise StartError(f"{path} holds the key {found.hex()}; the genesis file names {expected}")


async def run_node(config: NodeConfig, on_ready: Callable[[str], None]) -> None:
    """Run a node until SIGTERM or SIGINT.

    Args:
        config: the node's configuration, with paths resolved.
        on_ready: told the URL of the API when the node takes part and answers.

    Raises:
        StartError: it cannot start.
    """
    genesis = load_genesis(config)
    keys = load_keys(config, genesis)
    cosigning_key = load_cosigning_key(config, genesis)
    try:
        service = NodeService.open(config, genesis, keys)
    except (StorageError, LedgerError) as error:
        raise StartError(str(error)) from None
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    limits = ApiLimits(
        max_body_bytes=config.api.max_body_bytes, max_submissions=config.limits.queue
    )
    directory = config.node.directory
    books = BooksSupervisor(service.node, directory, run_process(config.node.genesis, directory))
    app = build_app(service.node, books, cosigning_key=cosigning_key, limits=limits)
    server = HttpServer(app, request_s=limits.request_s)
    try:
        await _start(service, books, server, keys)
        rest_collector()
        scheme = "https" if config.api.tls else "http"
        on_ready(f"{scheme}://{config.api.listen}")
        await stopping.wait()
        _log.info("stopping")
        await service.node.hand_over()
    finally:
        await server.stop()
        await books.stop()
        await service.stop()


async def _start(
    service: NodeService, books: BooksSupervisor, server: HttpServer, keys: NodeKeys
) -> None:
    config = service.config
    listen = config.api.listen
    tls = public_server_context(keys.tls, NodeId(config.node.name)) if config.api.tls else None
    try:
        await service.start()
        await books.start()
        await server.start(listen.host, listen.port, tls)
    except OSError as error:
        raise StartError(f"cannot listen: {error}") from None
