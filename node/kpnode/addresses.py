"""Addresses as operators write them: where to listen, whom to ask, and who is meant."""

import ipaddress
import re
from typing import Final, Self

from kpledger.api.addresses import NodeAddress, parse_addresses
from kpledger.base.errors import LedgerError, MalformedError
from kpledger.log.note import KeyType, NoteKey, parse_vkey

_PORT_MAX: Final = 65535
_HOST: Final = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]"
_ADDRESS: Final = re.compile(rf"(?P<host>{_HOST}):(?P<port>[1-9][0-9]{{0,4}})")


class Address(str):
    """Where something listens: `host:port`, with an IPv6 address in brackets."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Accept text as an address.

        Raises:
            ValueError: it is something else.
        """
        match = _ADDRESS.fullmatch(text)
        if match is None or int(match["port"]) > _PORT_MAX:
            raise ValueError(f"{text!r} is not host:port with a port from 1 to {_PORT_MAX}")
        return super().__new__(cls, text)

    @property
    def host(self) -> str:
        """A name, an IPv4 address, or an IPv6 address without its brackets."""
        return self.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """A TCP port."""
        return int(self.rpartition(":")[2])


class AddressRange(str):
    """IP addresses that begin alike, in CIDR notation (RFC 4632), or a single one."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Accept text as a range of addresses.

        Raises:
            ValueError: it is something else.
        """
        first = ipaddress.ip_network(text).network_address
        if isinstance(first, ipaddress.IPv6Address) and first.ipv4_mapped is not None:
            # Clients are told apart by what they are: their IPv4 address.
            raise ValueError(f"{text!r} is a range of IPv4 addresses written as IPv6 ones")
        return super().__new__(cls, text)

    @property
    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """The addresses."""
        return ipaddress.ip_network(str(self))


class SourceUrl(str):
    """The URL of a node's API."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Accept text as the URL of one node.

        Raises:
            ValueError: it is something else.
        """
        try:
            found = parse_addresses([text])
        except MalformedError as error:
            raise ValueError(error.problem) from None
        if len(found) != 1:
            raise ValueError(f"{text!r} names {len(found)} nodes")
        return super().__new__(cls, text)

    @property
    def address(self) -> NodeAddress:
        """Where the node is asked."""
        return parse_addresses([self])[0]


class OutsideWitness(str):
    """A witness that takes no part in the ledger: its key as a vkey, a blank, its URL."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Accept text as a witness that can be asked.

        Raises:
            ValueError: it is something else.
        """
        vkey, _, url = text.partition(" ")
        try:
            key = parse_vkey(vkey)
        except LedgerError as error:
            raise ValueError(str(error)) from None
        if key.key_type is not KeyType.COSIGNATURE:
            raise ValueError(f"the key of {key.name} is not one that cosigns (type 0x04)")
        if not re.fullmatch(r"https?://[!-~]+", url):
            raise ValueError(f"{url!r} is not the URL of a witness")
        return super().__new__(cls, text)

    @property
    def key(self) -> NoteKey:
        """Under which it cosigns."""
        return parse_vkey(self.partition(" ")[0])

    @property
    def url(self) -> str:
        """What its paths follow."""
        return self.partition(" ")[2].rstrip("/")


LOOPBACK: Final = (AddressRange("127.0.0.0/8"), AddressRange("::1/128"))
