"""The ``kpnode`` command: make a node, run it, run a network on one machine, ask how it is."""

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import aiohttp
import typer
import uvloop
from rich import box
from rich.console import Console
from rich.table import Column, Table

from kpledger.base.errors import LedgerError
from kpnode.config import Address, ConfigError, load_config
from kpnode.daemon import StartError, run_node
from kpnode.devnet import DevnetError, open_network, run_network
from kpnode.founding import FoundingError, init_node, read_members
from kpnode.keyfile import KeyFileError
from kpnode.process import set_up_logging
from kpnode.storage.errors import StorageError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A node of the kpledger network.",
)
_out = Console()
_err = Console(stderr=True, highlight=False)

_TROUBLE = (
    ConfigError,
    DevnetError,
    FoundingError,
    KeyFileError,
    LedgerError,
    StartError,
    StorageError,
)
_STATUS_S = 5.0
_DEFAULT_CSV = Path(__file__).parents[2] / "config" / "data" / "participants.csv"


def _stop(problem: object) -> typer.Exit:
    _err.print(f"kpnode: {problem}", markup=False, soft_wrap=True)
    return typer.Exit(2)


def _print_json(value: Mapping[str, object], *, err: bool = False) -> None:
    # Nothing is left in a buffer: whoever started us may wait for this line.
    typer.echo(json.dumps(value), err=err)


@app.command(epilog="Example: kpnode init /srv/kp --name bw-1 --participant BW")
def init(
    directory: Annotated[Path, typer.Argument(help="The node's directory.")],
    name: Annotated[str, typer.Option(help="The node's name in the ledger's configuration.")],
    participant: Annotated[str, typer.Option(help="Code of the participant who runs it.")],
    *,
    genesis: Annotated[
        Path | None, typer.Option(help="The genesis file, once the participants agreed on it.")
    ] = None,
    api: Annotated[str, typer.Option(help="Where to serve the API.")] = "127.0.0.1:7600",
    peers: Annotated[str, typer.Option(help="Where to listen for other nodes.")] = "0.0.0.0:7700",
) -> None:
    """Make the keys of a node and print their public halves; with --genesis, found its ledger.

    Run it once to get the entry that belongs into the genesis file, and again with the finished
    file. Keys that are there already are kept.
    """
    try:
        entry = init_node(
            directory, name, participant, genesis=genesis, api=Address(api), peers=Address(peers)
        )
    except (*_TROUBLE, OSError, ValueError) as error:
        raise _stop(error) from None
    _print_json(entry)


@app.command(epilog="Example: kpnode run --config /srv/kp/node.toml")
def run(
    config: Annotated[Path, typer.Option(help="The node's configuration (TOML).")],
    verbose: Annotated[bool, typer.Option(help="Log everything.")] = False,  # noqa: FBT002 (a flag)
) -> None:
    """Run a node until SIGTERM or Ctrl-C. Prints one JSON line when it answers."""
    set_up_logging(verbose=verbose)
    try:
        loaded = load_config(config)
        ready = {"node": loaded.node.name, "ready": True}
        uvloop.run(run_node(loaded, lambda url: _print_json(ready | {"api": url})))
    except _TROUBLE as error:
        raise _stop(error) from None


@app.command(epilog="Example: kpnode devnet /tmp/net --voters 4 --port 7600")
def devnet(
    directory: Annotated[Path, typer.Argument(help="Where the network lives; made if missing.")],
    voters: Annotated[int, typer.Option(help="Nodes, each a process, all voting.")] = 4,
    port: Annotated[
        int, typer.Option(help="First API port; peers use those 100 above. 0 takes free ones.")
    ] = 7600,
    participants: Annotated[
        Path, typer.Option(help="CSV file with the columns code, name, kind.")
    ] = _DEFAULT_CSV,
    api_tls: Annotated[bool, typer.Option(help="Serve the API over TLS as well.")] = False,  # noqa: FBT002 (a flag)
) -> None:
    """Run a whole network on this machine, for development and demonstration.

    Writes a genesis file and keys (all in one place, so never for real use), starts one process for
    each node, prints one JSON object when a leader exists, and stops all of them on Ctrl-C. A
    directory that holds a network already is started again.
    """
    try:
        place = directory.absolute()
        genesis = open_network(
            place, lambda: read_members(participants), voters=voters, port=port, tls=api_tls
        )
        report = partial(_print_json, err=True)
        asyncio.run(run_network(place, genesis, on_ready=_print_json, on_ended=report))
    except (*_TROUBLE, OSError, ValueError) as error:
        raise _stop(error) from None


@app.command(epilog="Example: kpnode status --node http://127.0.0.1:7600")
def status(
    node: Annotated[list[str], typer.Option(help="URL of a node's API; may be repeated.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002 (a flag)
) -> None:
    """Ask nodes how they are. Exit code 2 if one of them does not answer."""
    for url in node:
        if not _is_url(url):
            raise _stop(f"--node: {url!r} is no URL of a node; http(s)://host:port would be one")
    found = asyncio.run(_ask_all(node))
    if as_json:
        _print_json({"nodes": found})
    else:
        _print_nodes([urlsplit(url).netloc for url in node], found)
    if any("error" in one for one in found):
        raise typer.Exit(2)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _print_nodes(addresses: Sequence[str], answers: Sequence[Mapping[str, object]]) -> None:
    """Print a row for each node, and below them what is wrong; that would not fit into a row."""
    titles = ("role", "term", "leader", "height", "events")
    table = Table(
        *(Column(title, no_wrap=True) for title in ("node", *titles)),
        Column("books", no_wrap=True),
        Column("head", overflow="ellipsis"),
        box=box.SIMPLE_HEAD,
    )
    troubles: list[str] = []
    for address, one in zip(addresses, answers, strict=True):
        name = str(one.get("node", address))
        values = (
            *map(one.get, ("role", "term", "leader", "height", "tree_size")),
            _describe_books(one.get("books")),
            one.get("head"),
        )
        table.add_row(name, *("-" if value is None else str(value)[:16] for value in values))
        alarms = one.get("alarms")
        said = alarms if isinstance(alarms, list) else []
        troubles += [f"{name}: {problem}" for problem in (one.get("error"), *said) if problem]
    _out.print(table)
    for trouble in troubles:
        _out.print(trouble, markup=False, highlight=False, soft_wrap=True)


def _describe_books(found: object) -> str | None:
    """Say in a word how far the books are."""
    if not isinstance(found, dict) or found.get("height") is None:
        return None
    return f"{found['height']}{' (building)' if found.get('building') else ''}"


async def _ask_all(urls: list[str]) -> list[dict[str, object]]:
    timeout = aiohttp.ClientTimeout(total=_STATUS_S)
    # What a status page says is believed by nobody: `kpledger audit` is for that.
    connector = aiohttp.TCPConnector(ssl=False)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        return list(await asyncio.gather(*(_ask(session, url) for url in urls)))


async def _ask(session: aiohttp.ClientSession, url: str) -> dict[str, object]:
    try:
        async with session.get(f"{url.rstrip('/')}/v1/status") as response:
            if response.status != HTTPStatus.OK:
                return {"error": f"does not answer (HTTP status {response.status})"}
            found = await response.json()
    except (aiohttp.ContentTypeError, ValueError):
        return {"error": "its answer makes no sense (no JSON)"}
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return {"error": f"does not answer ({_reason(error)})"}
    return found if isinstance(found, dict) else {"error": "its answer makes no sense (no object)"}


def _reason(error: aiohttp.ClientError | OSError) -> str:
    """Say in a few words why nothing came."""
    if isinstance(error, TimeoutError):
        return f"nothing within {_STATUS_S:g} s"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "no such host"
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number).lower() if number else str(error) or "the connection broke off"


def main() -> None:
    """Run the command."""
    app()
