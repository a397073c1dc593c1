"""Who a client is: the address that it comes from, and whether the operator has listed it.

The one place that decides it, once for each request (:func:`identify_clients`). What is counted for
each client, such as its share of what the node takes on, is counted by :attr:`Client.site`. What a
reverse proxy says of whom it speaks for is believed only of the proxies in the configuration; and
the address of a proxy never lists anybody, since all the world may stand behind it.
"""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from kpnode.addresses import AddressRange
from kpnode.config import AccessSection
from kpnode.fairness import Slices
from kpnode.incident import Incident
from kpnode.sites import IPAddress, Site, read_address, site_of

_X_FORWARDED_FOR: Final = "X-Forwarded-For"
_FORWARDED: Final = "Forwarded"
_FORWARDED_FOR: Final = re.compile(r'(?:^|;)\s*for\s*=\s*("[^"]*"|[^;]*)', re.IGNORECASE)
_WITH_PORT: Final = re.compile(r"\[(?P<v6>[^\]]+)\](:\d+)?|(?P<v4>[\d.]+)(:\d+)?")
_NOWHERE: Final = IPv6Address("::")
"""Stands for a client without an IP address, as on a Unix socket."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Client:
    """Who has sent a request."""

    site: Site
    """What is counted as one client: an IPv4 address, or the /64 of an IPv6 one; behind proxies
    that are believed, where those say."""
    is_listed: bool
    """Whether the operator has listed it, by its address or by a token."""


_KEY: Final = web.RequestKey("client", Client)


class AddressRanges:
    """Addresses in some ranges."""

    def __init__(self, ranges: Iterable[AddressRange]) -> None:
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(one.network for one in ranges)

    def __contains__(self, address: IPAddress) -> bool:
        """Tell whether one of them holds an address."""
        return any(address in network for network in self._networks)


def identify_clients(access: AccessSection, has_token: Callable[[web.Request], bool]) -> Middleware:
    """Make the middleware that finds out who sends each request.

    Args:
        access: whom the operator lists.
        has_token: tells whether a request carries a token of this node; raises the problem if it
            carries another one.
    """
    unnamed = Incident(_log, "a client was not taken as listed")
    listed, proxies = AddressRanges(access.addresses), AddressRanges(access.proxies)

    # Each connection asks many times.
    @lru_cache(maxsize=1024)
    def locate(remote: str, claims: tuple[str, ...] | None) -> Client:
        address = read_address(remote) if remote else _NOWHERE
        is_proxy = address in proxies
        if is_proxy:
            address = _follow(address, claims or (), proxies)
        # A header from elsewhere, or none from a proxy: nobody knows who stands behind.
        is_known = address not in proxies if is_proxy else claims == ()
        if not is_proxy and not is_known and address in listed:
            sent = f"{_X_FORWARDED_FOR} or {_FORWARDED}"
            unnamed.note(f"{address} sends {sent}, and is none of the proxies in [access]")
        return Client(site_of(address), is_listed=is_known and address in listed)

    @web.middleware
    async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
        client = locate(request.remote or "", _forwarded_for(request))
        request[_KEY] = replace(client, is_listed=True) if has_token(request) else client
        return await handler(request)

    return identify


def identify_members(find: Callable[[web.Request], str]) -> Middleware:
    """Make the middleware for the port for peers, where each sender is known by its key.

    ``find`` names the node that has sent a request, or ends it.
    """

    @web.middleware
    async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[_KEY] = Client(Site(f"node {find(request)}"), is_listed=True)
        return await handler(request)

    return identify


def take_turns(begins: Slices) -> Middleware:
    """Make the middleware that lets a few requests of each client begin in one turn of the loop.

    However many come at once, those of others begin as well.
    """

    @web.middleware
    async def begin(request: web.Request, handler: Handler) -> web.StreamResponse:
        await begins.next(client_of(request).site)
        return await handler(request)

    return begin


def client_of(request: web.Request) -> Client:
    """Give who has sent a request that the application was given."""
    return request[_KEY]


def _forwarded_for(request: web.Request) -> tuple[str, ...] | None:
    """Give for whom proxies say that they speak, the nearest last; None if that is not known.

    A proxy writes one of the two headers and passes on what its client has put into the other, so
    that of two none can be believed.
    """
    plain = request.headers.getall(_X_FORWARDED_FOR, ())
    standard = request.headers.getall(_FORWARDED, ())
    if not plain and not standard:
        return ()
    if plain and standard:
        return None
    if plain:
        return tuple(one.strip() for one in ",".join(plain).split(","))
    found = [_FORWARDED_FOR.search(one) for one in ",".join(standard).split(",")]
    return tuple("" if one is None else one[1].strip().strip('"') for one in found)


def _follow(proxy: IPAddress, claims: Sequence[str], proxies: AddressRanges) -> IPAddress:
    """Go back from proxy to proxy as far as they are believed; gives the last one known."""
    address = proxy
    for claim in reversed(claims):
        match = _WITH_PORT.fullmatch(claim)
        try:
            address = read_address((match["v6"] or match["v4"]) if match else claim)
        except ValueError:
            return address
        if address not in proxies:
            break
    return address
