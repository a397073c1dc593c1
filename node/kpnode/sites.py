"""Sites: what counts as one client, by the address that it comes from."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final, NewType

IPAddress = IPv4Address | IPv6Address
Site = NewType("Site", str)
"""What is counted as one client; a text, since it is looked up again and again."""

_SITE_BITS: Final = 64
"""Whoever has one IPv6 address commonly has all of its /64 (RFC 6177)."""


def site_of(address: IPAddress) -> Site:
    """Give what counts as one client: an IPv4 address, or the /64 of an IPv6 one."""
    if isinstance(address, IPv4Address):
        return Site(str(address))
    return Site(str(IPv6Network((int(address), _SITE_BITS), strict=False)))


def read_address(text: str) -> IPAddress:
    """Read an address as a socket gives it; an IPv4 one in IPv6 clothes is the IPv4 one it is.

    Raises:
        ValueError: it is none.
    """
    found = ip_address(text)
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
