"""Tokens with which a client asks a node what is not for everybody, each for one operator's nodes.

A token is shown to nobody but the node that it is for: never over a connection that others can
read, and not to the nodes of another operator who happens to be named beside it.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from kpclient.errors import UsageError
from kpclient.files import check_private, expand, read_text_bounded
from kpledger.api.addresses import NodeAddress, is_here
from kpledger.api.routes import BEARER_TOKEN

TOKEN_VARIABLE: Final = "KPLEDGER_TOKEN"  # noqa: S105 (a name)
_OPTION: Final = "--token-file"
_MAX_FILE_BYTES: Final = 64 << 10
_EVERY_HOST: Final = ""


@dataclass(frozen=True, slots=True)
class AccessTokens:
    """Which token is for which node."""

    by_place: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By ``host`` or ``host:port``; under the empty name, that of the only host there is."""
    in_clear: bool = False
    """Whether they may travel where others can read them."""

    def check(self, addresses: Sequence[NodeAddress], named_by: str = "--node") -> None:
        """See that every token and password may be sent to the nodes that it is for.

        Args:
            addresses: the nodes.
            named_by: the option or variable that names them.

        Raises:
            UsageError: others could read it, or would get it, or a node would get both.
        """
        hosts = {urlsplit(one.url).hostname for one in addresses}
        if _EVERY_HOST in self.by_place and len(hosts) > 1:
            problem = f"one token for {len(hosts)} hosts: each operator has tokens of his own"
            raise UsageError(_OPTION, problem, "lines HOST TOKEN, one for each host")
        for url, login in ((one.url, one.login) for one in addresses):
            token = self.token_for(url)
            if token and login:
                problem = f"a token and a password for {url}: a request has room for one of them"
                raise UsageError(named_by, problem, "a proxy that asks for no password")
            is_private = url.startswith("https:") or is_here(url)
            if not self.in_clear and (token or login) and not is_private:
                secret = "token" if token else "password"
                problem = f"{url} is not encrypted, and others could read the {secret}"
                raise UsageError(named_by, problem, "https://, or --token-in-clear")

    def token_for(self, url: str) -> str | None:
        """Give the token for a node, or None."""
        host, place = urlsplit(url).hostname or "", urlsplit(url).netloc.lower()
        found = self.by_place.get(place) or self.by_place.get(host)
        return found or self.by_place.get(_EVERY_HOST)

    def headers_for(self, address: NodeAddress) -> dict[str, str]:
        """Give what a request to a node presents."""
        token = self.token_for(address.url)
        shown = address.login if token is None else f"Bearer {token}"
        return {"Authorization": shown} if shown else {}


NO_TOKENS: Final = AccessTokens()
"""Those of whoever has none."""


def load_tokens(file: Path | None, *, in_clear: bool) -> AccessTokens:
    """Read tokens from a file, or the one that the environment holds, or none.

    Raises:
        FileError: the file cannot be read, or others may read it.
        UsageError: it holds something else.
    """
    if file is None:
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
        return AccessTokens(_read_line(TOKEN_VARIABLE, token) if token else {}, in_clear)
    place = expand(_OPTION, file)
    content = read_text_bounded(place, max_bytes=_MAX_FILE_BYTES)
    check_private(place)
    found: dict[str, str] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        words = line.partition("#")[0].strip()
        if words:
            found |= _read_line(f"{file} line {number}", words)
    if not found:
        raise UsageError(str(file), "there is no token in it", "a token, or lines HOST TOKEN")
    return AccessTokens(found, in_clear)


def _read_line(where: str, text: str) -> dict[str, str]:
    *place, token = text.split()
    if len(place) > 1 or BEARER_TOKEN.fullmatch(token) is None:
        raise UsageError(where, "it is no token", "a token, or HOST TOKEN")
    return {place[0].lower() if place else _EVERY_HOST: token}
