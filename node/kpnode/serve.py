"""Running one node until it is told to stop: service, HTTP API, signals."""

import asyncio
import logging
import signal
from collections.abc import Callable

from aiohttp import web

from kpledger.errors import GenesisError, LedgerError
from kpledger.genesis import Genesis, parse_genesis
from kpnode.api.app import build_app
from kpnode.config import NodeConfig
from kpnode.gossip.tls import public_server_context
from kpnode.keyfile import KeyFileError, load_signing_key, load_tls_key
from kpnode.raft import NodeId
from kpnode.service import NodeKeys, NodeService
from kpnode.storage.errors import StorageError

_KEEPALIVE_S = 75.0
_SHUTDOWN_S = 2.0
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
    """Read the node's keys, and see that they are those of the genesis file.

    Raises:
        StartError: a file cannot be used, or holds another key.
    """
    try:
        known = genesis.node(config.node.name)
        keys = NodeKeys(load_signing_key(config.keys.consensus), load_tls_key(config.keys.tls))
    except (KeyFileError, GenesisError) as error:
        raise StartError(str(error)) from None
    for path, found, expected in (
        (config.keys.consensus, keys.consensus.public_key.hex(), known.consensus_key),
        (config.keys.tls, keys.tls.public_key().public_bytes_raw().hex(), known.tls_key),
    ):
        if found != expected:
            raise StartError(
                f"{path} holds the key {found}; the genesis file names {expected}"
                f" for {config.node.name}"
            )
    return keys


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
    try:
        service = NodeService.open(config, genesis, keys)
    except (StorageError, LedgerError) as error:
        raise StartError(str(error)) from None
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    runner = web.AppRunner(
        build_app(service.node, max_body_bytes=config.api.max_body_bytes),
        access_log=None,
        keepalive_timeout=_KEEPALIVE_S,
        shutdown_timeout=_SHUTDOWN_S,
    )
    try:
        await _start(service, runner, keys)
        scheme = "https" if config.api.tls else "http"
        on_ready(f"{scheme}://{config.api.listen}")
        await stopping.wait()
        _log.info("stopping")
    finally:
        await runner.cleanup()
        await service.stop()


async def _start(service: NodeService, runner: web.AppRunner, keys: NodeKeys) -> None:
    config = service.config
    listen = config.api.listen
    context = public_server_context(keys.tls, NodeId(config.node.name)) if config.api.tls else None
    await runner.setup()
    try:
        await web.TCPSite(runner, listen.host, listen.port, ssl_context=context).start()
        await service.start()
    except OSError as error:
        raise StartError(f"cannot listen: {error}") from None
