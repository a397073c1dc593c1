"""What ``kpnode status`` asks nodes, and how it prints what they say."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

import aiohttp
import msgspec
import typer
from rich import box
from rich.table import Column, Table
from rich.text import Text

from kpledger.api.addresses import NodeAddress
from kpledger.api.routes import STATUS
from kpledger.api.strangers import explain_handshake, explain_status
from kpledger.base.text import check_json_depth, clean, shorten
from kpledger.command import open_console
from kpnode.transport.link import say_why

_STATUS_S: Final = 5.0
_MAX_STATUS_BYTES: Final = 1 << 20
_MAX_TROUBLES: Final = 100
_UNTOLD: Final = (
    "tells everybody no more than this, not its role and not what is wrong; to see all of it, give"
    " a token with --token-file FILE (kpnode token add makes one)"
)


async def ask_nodes(addresses: Sequence[NodeAddress], token: str | None) -> list[dict[str, object]]:
    """Ask nodes for their status; what stands in the way of an answer stands under ``error``."""
    timeout = aiohttp.ClientTimeout(total=_STATUS_S)
    # What a status page says is believed by nobody: `kpledger audit` is for that.
    connector = aiohttp.TCPConnector(ssl=False)
    # A proxy may compress all the same; it is unfolded piece by piece.
    headers = {"Accept-Encoding": "identity"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    async with aiohttp.ClientSession(
        timeout=timeout, connector=connector, headers=headers
    ) as session:
        return list(await asyncio.gather(*(_ask(session, one) for one in addresses)))


async def _ask(session: aiohttp.ClientSession, address: NodeAddress) -> dict[str, object]:
    login = {"Authorization": address.login} if address.login else {}
    try:
        async with session.get(
            f"{address.url}{STATUS.path}", headers=login, allow_redirects=False
        ) as response:
            if response.status != HTTPStatus.OK:
                to = response.headers.get("Location")
                told = explain_status(response.status, str(response.url), to)
                return {"error": f"does not answer (HTTP status {response.status}{told})"}
            content = await _read_all(response)
    except aiohttp.ClientPayloadError:
        return {"error": "its answer breaks off, or is compressed and cannot be read"}
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        slow = f"nothing within {_STATUS_S:g} s"
        reason = slow if isinstance(error, TimeoutError) else say_why(error)
        if isinstance(error, aiohttp.ClientConnectorSSLError):
            reason = explain_handshake(error.os_error)
        elif isinstance(error, aiohttp.ServerDisconnectedError) and address.url.startswith("http:"):
            reason += "; does it speak TLS, and is it https://?"
        return {"error": f"does not answer ({reason})"}
    if content is None:
        return {"error": f"its answer has more than {_MAX_STATUS_BYTES} bytes"}
    try:
        check_json_depth(content)
        return msgspec.json.decode(content, type=dict[str, object])
    except (ValueError, RecursionError) as error:
        return {"error": f"its answer is not a JSON object ({error})"}


async def _read_all(response: aiohttp.ClientResponse) -> bytes | None:
    """Read an answer; None if it is longer than any honest one."""
    content = bytearray()
    async for piece in response.content.iter_any():
        content += piece
        if len(content) > _MAX_STATUS_BYTES:
            return None
    return bytes(content)


def print_nodes(addresses: Sequence[str], answers: Sequence[Mapping[str, object]]) -> None:
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
        name = _show(one.get("node", address))
        values = (
            _describe_role(one),
            *map(one.get, ("term", "leader", "height", "tree_size")),
            _describe_books(one.get("books")),
            one.get("head"),
        )
        cells = (name, *("-" if value is None else _show(value)[:16] for value in values))
        table.add_row(*map(Text, cells))  # what a node says is no markup
        if _tells_little(one):
            troubles.append(f"{name}: {_UNTOLD}")
        alarms = one.get("alarms")
        said = alarms if isinstance(alarms, list) else []
        troubles += [
            f"{name}: {_show(problem)}" for problem in (one.get("error"), *said) if problem
        ]
    console = open_console(sys.stdout)
    with console.capture() as printed:
        console.print(table)
    typer.echo(printed.get(), nl=False)
    for trouble in troubles[:_MAX_TROUBLES]:
        typer.echo(trouble)


def _tells_little(one: Mapping[str, object]) -> bool:
    return "ready" in one and "role" not in one


def _describe_role(one: Mapping[str, object]) -> object:
    """Give the role of a node, or whether it works: more it does not say to everybody."""
    if not _tells_little(one):
        return one.get("role")
    return "ready" if one["ready"] is True else "not ready"


def _show(value: object) -> str:
    return clean(shorten(str(value)))


def _describe_books(found: object) -> str | None:
    """Say in a word how far the books are."""
    if not isinstance(found, dict) or found.get("height") is None:
        return None
    return f"{found['height']}{' (building)' if found.get('building') else ''}"
