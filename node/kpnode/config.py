"""The node's configuration file: TOML in, frozen values out, and back.

Every key is checked while reading: unknown ones, wrong types and impossible values are refused with
the file, the key and what would be accepted. Only what one operator decides for one node stands
here. What all nodes must agree on (voters, keys, rules) is in the genesis file and in the ledger.
"""

import json
import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta, inspect

from kpledger.base.codec import reword
from kpledger.base.ids import NodeName
from kpledger.log.layout import DATABASE_DIRECTORY
from kpledger.reading import explain_toml, read_text
from kpnode.addresses import Address, AddressRange, OutsideWitness, SourceUrl
from kpnode.errors import SetupError

MAX_FILE_BYTES: Final = 1 << 20
MAX_PEERS: Final = 64
MAX_ADDRESS_RANGES: Final = 256
MAX_WITNESSES: Final = 16


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the sections have in common."""


class NodeSection(_Section, frozen=True, kw_only=True):
    """Who this node is."""

    name: NodeName
    """As the ledger's configuration names it."""
    directory: Path
    """What the node stores; nothing else may write there."""
    genesis: Path
    """The genesis file of the ledger."""

    @property
    def database(self) -> Path:
        """The directory of the database, inside the node's."""
        return self.directory / DATABASE_DIRECTORY


class ApiSection(_Section, frozen=True, kw_only=True):
    """The public face: HTTP for authorities, auditors and people."""

    listen: Address
    tls: bool
    """Serve HTTPS; false only behind a proxy that does, or on one machine."""
    keep_alive_s: Annotated[int, Meta(ge=5, le=600)] = 20
    """So long a connection may be idle between requests, and a request take to arrive."""
    max_body_bytes: Annotated[int, Meta(ge=1 << 10, le=64 << 20)] = 1 << 20
    """Largest request; a larger one is refused before it is read."""


class BlocksFor(StrEnum):
    """Who may read the blocks, and with them everything that was ever recorded."""

    ALL = "all"
    LISTED = "listed"


_Ranges = Annotated[tuple[AddressRange, ...], Meta(max_length=MAX_ADDRESS_RANGES)]


class AccessSection(_Section, frozen=True, kw_only=True):
    """Whom the API tells more than everybody: listed clients.

    Without this section nobody is one but who has a token: from where a client seems to come says
    nothing while a proxy on the same machine may stand in between.
    """

    addresses: _Ranges = ()
    """Clients that come from here are listed, with or without a token."""
    tokens: Path = Path("tokens")
    """The file of tokens' hashes (`kpnode token`); whoever has such a token is listed."""
    proxies: _Ranges = ()
    """Reverse proxies whose X-Forwarded-For or Forwarded is believed. Who sends one from
    elsewhere, or none from here, is listed by a token alone."""
    blocks: BlocksFor = BlocksFor.LISTED


class PeersSection(_Section, frozen=True, kw_only=True):
    """The other nodes, and where the stream between voters comes in."""

    listen: Address
    addresses: Annotated[dict[NodeName, Address], Meta(max_length=MAX_PEERS)] = {}
    """Where to find them. This node may be among them, so that all nodes can share one table: as
    the others reach it, which it tells them; without a line, it tells where it listens."""
    pinned: bool = False
    """Go by this table alone, and not by what nodes tell of themselves."""


class FollowSection(_Section, frozen=True, kw_only=True):
    """Where a node that does not vote gets blocks, besides the peers that it has addresses of."""

    sources: Annotated[tuple[SourceUrl, ...], Meta(max_length=MAX_PEERS)] = ()
    """The APIs of other nodes. Whatever comes from there is verified."""
    token: Path = Path("source.token")
    """A file with the token that they know; none is sent if it is not there."""


class WitnessSection(_Section, frozen=True, kw_only=True):
    """Who else cosigns checkpoints, on top of the nodes (C2SP tlog-witness)."""

    outside: Annotated[tuple[OutsideWitness, ...], Meta(max_length=MAX_WITNESSES)] = ()
    """Asked for what is sealed while this node leads; the same on all voters, or what they have
    cosigned is there by chance."""


class RaftSection(_Section, frozen=True, kw_only=True):
    """Pace of the consensus; the same on all voters, or elections are unfair."""

    tick_ms: Annotated[int, Meta(ge=5, le=10_000)] = 100
    """One step of logical time."""
    election_ticks: Annotated[int, Meta(ge=2, le=1_000)] = 10
    """Without a leader for so long, up to twice as long, a node calls an election."""
    heartbeat_ticks: Annotated[int, Meta(ge=1, le=500)] = 2
    """So often a leader is heard; below `election_ticks`."""
    window: Annotated[int, Meta(ge=1, le=1_024)] = 16
    """Appends under way to one voter."""
    max_append_bytes: Annotated[int, Meta(ge=1 << 10, le=16 << 20)] = 256 << 10
    """Blocks in one append; a larger block travels alone."""

    def __post_init__(self) -> None:
        if self.heartbeat_ticks >= self.election_ticks:
            ticks = f"{self.heartbeat_ticks} is not below election_ticks = {self.election_ticks}"
            raise ValueError(f"heartbeat_ticks = {ticks}")


class KeysSection(_Section, frozen=True, kw_only=True):
    """Files with the node's private keys."""

    consensus: Path
    """Signs blocks, votes and acknowledgements."""
    tls: Path
    """Opens connections to other nodes; a key of its own."""


class LimitsSection(_Section, frozen=True, kw_only=True):
    """What this node takes on at once."""

    queue: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    """Events under way to a block; an author may have a third, more are turned away for now."""
    batch_events: Annotated[int, Meta(ge=1, le=10_000)] = 256
    """Events in one block."""
    gather_ms: Annotated[int, Meta(ge=0, le=1_000)] = 0
    """So long after a block a leader gathers events for the next one. Each block costs every node
    about as much as four events do, and whoever waits for an event waits longer."""
    request_bytes: Annotated[int, Meta(ge=1 << 20, le=1 << 30)] = 32 << 20
    """Of all requests whose body is being read or waits for its answer."""
    skew_ms: Annotated[int, Meta(ge=1, le=3_600_000)] = 10_000
    """How far the time of a new block may be from this node's clock, either way."""


class BooksStart(StrEnum):
    """When the process that keeps the books is started."""

    ALWAYS = "always"
    ASKED = "asked"


class BooksSection(_Section, frozen=True, kw_only=True):
    """The tables from which the node answers what people ask."""

    start: BooksStart = BooksStart.ALWAYS
    """`asked`: with the first question that needs them, which may have to wait until they are
    built; a node that nobody asks saves a process."""


class NodeConfig(_Section, frozen=True, kw_only=True):
    """All of the file."""

    node: NodeSection
    api: ApiSection
    peers: PeersSection
    keys: KeysSection
    access: AccessSection = AccessSection()
    raft: RaftSection = RaftSection()
    limits: LimitsSection = LimitsSection()
    books: BooksSection = BooksSection()
    follow: FollowSection = FollowSection()
    witness: WitnessSection = WitnessSection()

    def resolve(self, base: Path) -> Self:
        """Return the same with its relative paths taken from a directory."""
        node, keys, access = self.node, self.keys, self.access
        return msgspec.structs.replace(
            self,
            node=msgspec.structs.replace(
                node, directory=base / node.directory, genesis=base / node.genesis
            ),
            keys=msgspec.structs.replace(
                keys, consensus=base / keys.consensus, tls=base / keys.tls
            ),
            access=msgspec.structs.replace(access, tokens=base / access.tokens),
            follow=msgspec.structs.replace(self.follow, token=base / self.follow.token),
        )


def load_config(source: Path) -> NodeConfig:
    """Read a configuration file; relative paths in it start at its own directory.

    Raises:
        SetupError: it cannot be read, or says something impossible.
    """
    try:
        text = read_text(source, max_bytes=MAX_FILE_BYTES)
    except OSError as error:
        why = error.strerror or error
        raise SetupError(f"{source}: cannot be read: {why}") from error
    return parse_config(text, source).resolve(source.parent)


def parse_config(text: str, source: Path) -> NodeConfig:
    """Read the text of a configuration file; paths stay as they are written.

    Raises:
        SetupError: it is not TOML, or says something impossible.
    """
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also integers of thousands of digits
        raise SetupError(f"{source}: is not TOML: {explain_toml(error)}") from error
    try:
        return msgspec.convert(table, NodeConfig, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise _explain(source, str(error)) from error


def format_config(config: NodeConfig) -> str:
    """Write a configuration as TOML; :func:`parse_config` reads it back."""
    tables = msgspec.to_builtins(config, enc_hook=str)
    lines: list[str] = []
    for section, table in tables.items():
        lines += _format_table(section, table)
    return "\n".join(lines[1:]) + "\n"


def _format_table(name: str, table: dict[str, object]) -> list[str]:
    lines = ["", f"[{name}]"]
    nested: list[str] = []
    for key, value in table.items():
        if isinstance(value, dict):
            nested += _format_table(f"{name}.{key}", value)
        else:
            # A JSON string is a TOML string, but for the one control character JSON lets stand.
            literal = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
            lines.append(f"{key} = {literal}")
    return lines + nested


def _decode(kind: type, value: object) -> object:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text in quotes")
    if kind in (Address, AddressRange, SourceUrl, OutsideWitness):
        return kind(value)
    if not value or re.search(r"[\0-\x1f]", value):
        raise ValueError(f"{value!r} is not a path")
    return Path(value)


def _explain(source: Path, message: str) -> SetupError:
    """Add to msgspec's complaint, which ends in the path, what would be accepted there."""
    problem, _, path = message.partition(" - at `")
    keys = [key for key in re.sub(r"\[.*\]", "", path.strip("`")).split(".")[1:] if key]
    named = re.fullmatch(r"Object (?:contains unknown|missing required) field `(.*)`", problem)
    if named is not None:
        keys.append(named[1])
    verb = {"Object c": "is unknown", "Object m": "is missing"}.get(problem[:8], reword(problem))
    place = ": ".join(filter(None, (str(source), ".".join(keys))))
    return SetupError(f"{place}: {verb}; accepted: {_describe(keys)}")


_LISTS: Final[dict[type, str]] = {
    AddressRange: f'up to {MAX_ADDRESS_RANGES} ranges as ["10.1.0.0/16", "2001:db8::/32"]',
    SourceUrl: f'up to {MAX_PEERS} URLs as ["https://bw-1.example:7600"]',
    OutsideWitness: f'up to {MAX_WITNESSES} witnesses as ["VKEY https://witness.example"]',
}


def _describe(keys: list[str]) -> str:
    """Say what may stand under a key; for an unknown one, which keys there are."""
    match _kind_under(keys):
        case inspect.StructType(fields=fields):
            accepted = ", ".join(field.name for field in fields)
        case inspect.IntType(ge=low, le=high):
            accepted = f"an integer from {low} to {high}"
        case inspect.BoolType():
            accepted = "true or false"
        case inspect.StrType():
            accepted = "up to 32 lower-case letters and digits, hyphens between them"
        case inspect.DictType():
            accepted = f'up to {MAX_PEERS} lines as bw-1 = "bw-1.example:7001"'
        case inspect.VarTupleType(item_type=inspect.CustomType(cls=cls)):
            accepted = _LISTS[cls]
        case inspect.EnumType(cls=choices):
            accepted = ", ".join(f'"{one.value}"' for one in choices)
        case inspect.CustomType(cls=cls) if cls is Address:
            accepted = '"host:port", such as "127.0.0.1:7001"'
        case _:
            accepted = "a path in quotes"
    return accepted


def _kind_under(keys: list[str]) -> inspect.Type:
    kind: inspect.Type = inspect.type_info(NodeConfig)
    for key in keys:
        if isinstance(kind, inspect.StructType):
            kind = next((field.type for field in kind.fields if field.name == key), kind)
    return kind
