"""Where nodes are: what the operator has configured, and what each has told of itself.

Of each node of the genesis file the newest record is kept, on disk too, and told on. Whom a node
asks is said by its configuration and the list of voters; here is only where those are.
"""

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta

from kpledger.api.address_record import MAX_ADDRESS_NUMBER, AddressRecord
from kpledger.api.answers import AddressAnswer
from kpledger.base.codec import decode, encode
from kpledger.base.errors import LedgerError
from kpledger.base.keys import SigningKey
from kpledger.log.genesis import Genesis
from kpledger.reading import say_trouble
from kpnode.addresses import Address, Place
from kpnode.config import NodeConfig, PeersSection
from kpnode.process import replace_file

ADDRESSES_NAME: Final = "addresses"
"""The file of the records, in the directory of a node."""
_PAUSE_S: Final = 5.0
"""Between two writes: a node can tell new addresses of itself without end."""
_MAX_FILE_BYTES: Final = 1 << 20
_log: Final = logging.getLogger(__name__)


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file holds."""

    records: Annotated[tuple[AddressRecord, ...], Meta(max_length=1024)]


class AddressBook:
    """Where the nodes of one ledger are; one thread at a time may change it.

    Attributes:
        places: where each node may be, by name.
        records: the newest record of each, by name.
    """

    def __init__(
        self,
        genesis: Genesis,
        peers: PeersSection,
        file: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Know what the configuration says, and what was told until the last stop."""
        self._clock = clock
        self._not_before_s = -math.inf
        self._genesis = genesis
        self._is_pinned = peers.pinned
        self._file = file
        self._own: tuple[str, str, SigningKey] | None = None
        names = (*(node.name for node in genesis.file.nodes), *peers.addresses)
        self.places = {name: Place(peers.addresses.get(name)) for name in names}
        self.records: dict[str, AddressRecord] = {}
        self._load()
        self._is_changed = False

    @classmethod
    def open(cls, config: NodeConfig, genesis: Genesis, key: SigningKey) -> Self:
        """Open that of a node, and tell where the node is itself, with its cosigning key."""
        book = cls(genesis, config.peers, config.node.directory / ADDRESSES_NAME)
        name, listen = config.node.name, config.peers.listen
        address = config.peers.addresses.get(name, listen)
        # Nobody reaches 0.0.0.0 or [::].
        if genesis.find_node(name) is not None and address.host.strip("0.:"):
            book.tell(name, str(address), key)
        return book

    def tell(self, name: str, address: str, key: SigningKey) -> None:
        """Tell from now on where this node is: by a new record, if that has changed."""
        self._own, known = (name, address, key), self.records.get(name)
        if known is None or known.peers != address:
            self._renew(0 if known is None else known.number)
            self.save()

    def take(self, record: AddressRecord) -> bool:
        """Take what a node tells of itself; tells whether anything is new.

        Raises:
            LedgerError: it is no node's, or not by the node itself.
        """
        record.verify(self._genesis)
        known = self.records.get(record.node)
        if known is not None and record.rank <= known.rank:
            return False
        if self._own is not None and record.node == self._own[0]:
            # It was told before a disk was lost, or by whoever else has the key.
            return record.number < MAX_ADDRESS_NUMBER and self._renew(record.number)
        self._keep(record)
        return True

    def answers(self) -> dict[str, AddressAnswer]:
        """Say of each node where it is, as far as anybody has said."""
        answers = {}
        for name, place in sorted(self.places.items()):
            configured, record = place.configured and str(place.configured), self.records.get(name)
            told, since_ms = (None, None) if record is None else (record.peers, record.number)
            answers[name] = AddressAnswer(configured=configured, told=told, since_ms=since_ms)
        return answers

    def _renew(self, number: int) -> bool:
        """Sign where this node is, by a number above another one."""
        if self._own is not None:
            name, address, key = self._own
            number = min(max(number + 1, time.time_ns() // 1_000_000), MAX_ADDRESS_NUMBER)
            self._keep(AddressRecord.sign(self._genesis, name, address, number, key))
        return True

    def _keep(self, record: AddressRecord) -> None:
        self.records[record.node] = record
        self._is_changed = True
        if not self._is_pinned:
            self.places[record.node].told = Address(record.peers)

    def _load(self) -> None:
        try:
            with self._file.open("rb") as file:
                data = file.read(_MAX_FILE_BYTES + 1)
            kept = decode(data, _Kept, what="file of addresses", max_bytes=_MAX_FILE_BYTES)
            for record in kept.records:
                record.verify(self._genesis)
                self._keep(record)
        except FileNotFoundError:
            return
        except (OSError, LedgerError) as error:
            _log.warning("%s is of no use (%s): addresses are told anew", self._file, error)

    def save(self) -> None:
        """Have all that was taken outlast a restart; where there is much, a little later."""
        if not self._is_changed or self._clock() < self._not_before_s:
            return
        self._is_changed, self._not_before_s = False, self._clock() + _PAUSE_S
        try:
            replace_file(self._file, encode(_Kept(records=tuple(self.records.values()))))
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._file, say_trouble(error))
