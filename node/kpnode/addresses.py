"""Addresses as operators write them: where to listen, whom to ask, and who is meant."""

import ipaddress
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Self

from kpledger.api.address_record import HOST_AND_PORT
from kpledger.api.addresses import NodeAddress, parse_addresses
from kpledger.base.errors import LedgerError, MalformedError
from kpledger.log.note import KeyType, NoteKey, parse_vkey


class Address(str):
    """Where something listens: `host:port`, with an IPv6 address in brackets."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Accept text as an address.

        Raises:
            ValueError: it is something else.
        """
        if re.match(HOST_AND_PORT, text) is None:
            raise ValueError(f"{text!r} is not host:port with a port from 1 to 65535")
        return super().__new__(cls, text)

    @property
    def host(self) -> str:
        """A name, an IPv4 address, or an IPv6 address without its brackets."""
        return self.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """A TCP port."""
        return int(self.rpartition(":")[2])


@dataclass(slots=True)
class Place:
    """Where another node may be: where it says itself, and where the operator has said.

    Each attempt that fails makes way for the other address, so that a false one costs an attempt.
    """

    configured: Address | None = None
    told: Address | None = None
    _failed: int = field(default=0, compare=False)

    @property
    def address(self) -> Address | None:
        """Where it is tried next; None if nobody has said where it is."""
        known = self._known()
        return known[self._failed % len(known)] if known else None

    def _known(self) -> list[Address]:
        return list(dict.fromkeys(filter(None, (self.told, self.configured))))

    def __str__(self) -> str:
        return " or ".join(self._known()) or "an unknown address"

    @contextmanager
    def tried(self) -> Iterator[str]:
        """Give the URL for an attempt; one that raises has failed.

        Raises:
            OSError: there is none.
        """
        address = self.address
        if address is None:
            raise OSError("nobody has said where it is")
        try:
            yield f"https://{address}"
        except Exception:
            # Of many attempts at once one is enough.
            self._failed += address == self.address
            raise


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
