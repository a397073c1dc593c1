"""Where nodes are asked: the URLs that people type, or keep in ``KPLEDGER_NODE``, read in one way.

A node may stand behind a proxy, under a path and behind a password of the proxy's. Whoever has read
an address here sees and shows its URL alone, in which no password stands.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from kpledger.base.errors import MalformedError
from kpledger.base.text import clean, shorten

NODE_URL: Final = "http://HOST:PORT or https://HOST:PORT, also with a path"
"""What is accepted."""
NODE_VARIABLE: Final = "KPLEDGER_NODE"
"""The environment variable that holds addresses, for every command that asks nodes."""
_BETWEEN: Final = re.compile(r"[,\s]+")
_NO_HOST: Final = re.compile(r"[^\w.:%-]")
_PASSWORD: Final = re.compile(r"^([A-Za-z0-9+.-]*://)?.*@", re.DOTALL)


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where one node is asked."""

    url: str
    """What the paths of routes are put behind: no password, no query, no slash at the end."""
    login: str = field(default="", repr=False)
    """The value of the header ``Authorization`` (RFC 7617), or empty."""


def parse_addresses(texts: Sequence[str]) -> tuple[NodeAddress, ...]:
    """Read addresses, each text one or several, separated by commas or spaces; none twice.

    Raises:
        MalformedError: one of them is no URL of a node; repeats no password.
    """
    typed = (one for text in texts for one in _BETWEEN.split(text) if one)
    found: dict[str, NodeAddress] = {}
    for one in map(_parse, typed):
        found.setdefault(one.url, one)
    return tuple(found.values())


def _parse(text: str) -> NodeAddress:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        why = "its port is no number up to 65535, or an IPv6 address does not stand in [brackets]"
        raise _malformed(text, why) from None
    if parts.scheme not in {"http", "https"} or not text[len(parts.scheme) :].startswith("://"):
        raise _malformed(text, "it does not begin with http:// or https://")
    if port == 0:
        raise _malformed(text, "there is no port 0")
    if not parts.hostname or _NO_HOST.search(parts.hostname):
        raise _malformed(text, "it names no host")
    if "?" in text or "#" in text:
        raise _malformed(text, "it ends with a query or a fragment, where a route has to follow")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = host if port is None else f"{host}:{port}"
    return NodeAddress(f"{parts.scheme}://{place}{parts.path.rstrip('/')}", _login(parts))


def _login(parts: SplitResult) -> str:
    if parts.username is None:
        return ""
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def _malformed(text: str, why: str) -> MalformedError:
    shown = shorten(clean(_PASSWORD.sub(r"\1", text)))
    return MalformedError("address", f"{shown!r} is not the URL of a node: {why}")


def is_here(url: str) -> bool:
    """Tell whether a URL leads to this very machine, so that nobody else reads what is sent."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
