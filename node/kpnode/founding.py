"""Founding a network on one machine: keys for everybody, a genesis file, a directory for each node.

For development and demonstration only: all keys lie in one place. Real authorities each make their
own (``kpnode init``) and agree on a genesis file.
"""

import csv
import io
import random
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from kpledger.api.addresses import is_here
from kpledger.base.errors import GenesisError, LedgerError, MalformedError
from kpledger.base.ids import parse_node_name, parse_participant
from kpledger.base.keys import SigningKey
from kpledger.log.genesis import (
    GENESIS_FORMAT,
    MAX_GENESIS_BYTES,
    MAX_GENESIS_VOTERS,
    RULES_VERSION,
    Genesis,
    GenesisFile,
    GenesisNode,
    GenesisParticipant,
    GenesisPolicy,
    GenesisRecovery,
    format_genesis,
    parse_genesis,
)
from kpledger.reading import read_text
from kpledger.scheme.v1.events.governance import ParticipantKind
from kpledger.scheme.v1.territories import tell_home
from kpnode.addresses import LOOPBACK, Address
from kpnode.config import (
    AccessSection,
    ApiSection,
    BooksSection,
    BooksStart,
    FollowSection,
    KeysSection,
    NodeConfig,
    NodeSection,
    PeersSection,
    format_config,
)
from kpnode.errors import SetupError
from kpnode.keyfile import load_seed, write_new_seed
from kpnode.process import close_to_others
from kpnode.storage.leveldb import LevelStorage

GENESIS_NAME: Final = "genesis.json"
CONFIG_NAME: Final = "node.toml"
KEYS_NAME: Final = "keys"
ORIGIN: Final = "kp.example/devnet"
PEER_PORT_OFFSET: Final = 100
KNOWN_TO_REPLICA: Final = 3
"""So many others a replica of such a network knows when it starts."""

HOST: Final = "127.0.0.1"
"""Where the nodes of such a network listen."""
_WARNING: Final = """\
DEVELOPMENT KEYS. Each file is the seed of an Ed25519 private key in hexadecimal.
Whoever can read this directory can speak for every participant of this network. Never use a key
from here for anything real.
"""
_MAX_CSV_BYTES: Final = 1 << 20
_NODE_PARTICIPANTS: Final = ("BW", "ZA", "AE", "IN", "EU", "CA", "AO", "CN", "US")
"""Who runs the first node, the second, and so on, where they are among the participants."""


@dataclass(frozen=True, slots=True)
class Member:
    """A participant as the CSV file names it."""

    code: str
    name: str
    kind: ParticipantKind


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """A node and where it will listen."""

    name: str
    participant: str
    api: Address
    peers: Address
    follows: tuple[str, ...] = ()
    """The nodes that it knows and gets blocks from, by name; a voter follows nobody."""


def read_members(path: Path) -> tuple[Member, ...]:
    """Read participants from a CSV file with the columns code, name and kind.

    The csv module keeps ``NA`` (Namibia) and ``NO`` (Norway) the strings they are.

    Raises:
        SetupError: it cannot be read; names the line.
    """
    try:
        text = read_text(path, max_bytes=_MAX_CSV_BYTES)
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except (OSError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SetupError(f"{path}: {why}") from None
    members = []
    for line, row in enumerate(rows, start=2):
        try:
            code, name = parse_participant(row["code"]), row["name"]
            members.append(Member(code, name, ParticipantKind(row["kind"])))
            if home := tell_home(code):
                raise SetupError(f"{path} line {line}{home}")
        except (KeyError, ValueError, MalformedError) as error:
            raise SetupError(f"{path} line {line}: {error}") from None
    if not members:
        raise SetupError(f"{path} has no participants")
    return tuple(members)


def plan_nodes(
    members: tuple[Member, ...], voters: int, port: int, *, replicas: int = 0
) -> tuple[PlannedNode, ...]:
    """Choose who runs a node, and on which ports: ``port`` and on for the API, 100 above for peers.

    The voters come first. A replica follows some of the nodes before it, drawn anew for each but
    alike in every network of this size: so whoever is followed hears the voters itself.

    Raises:
        SetupError: more nodes than there can be voters or participants.
    """
    codes = [member.code for member in members]
    order: list[str] = [code for code in _NODE_PARTICIPANTS if code in codes]
    order += [code for code in codes if code not in order]
    limit = min(MAX_GENESIS_VOTERS, len(order))
    if not 1 <= voters <= limit:
        raise SetupError(f"{voters} voters; from 1 to {limit} are possible here")
    limit = min(len(order), PEER_PORT_OFFSET) - voters
    if not 0 <= replicas <= limit:
        raise SetupError(f"{replicas} replicas; from 0 to {limit} are possible beside the voters")
    chosen = order[: voters + replicas]
    names = [f"{code.lower()}-{number}" for number, code in enumerate(chosen, start=1)]
    draw = random.Random(replicas)  # noqa: S311 (whom a node knows is no secret)
    return tuple(
        PlannedNode(
            name=names[place],
            participant=code,
            api=Address(f"{HOST}:{port + place}"),
            peers=Address(f"{HOST}:{port + PEER_PORT_OFFSET + place}"),
            follows=()
            if place < voters
            else tuple(draw.sample(names[:place], min(KNOWN_TO_REPLICA, place))),
        )
        for place, code in enumerate(chosen)
    )


def found_network(
    directory: Path,
    members: tuple[Member, ...],
    nodes: tuple[PlannedNode, ...],
    *,
    api_tls: bool,
    policy: GenesisPolicy = GenesisPolicy(),  # noqa: B008 (it is frozen)
) -> Genesis:
    """Write keys, genesis file and node directories of a new network.

    Raises:
        SetupError: it cannot be founded there, or a key is there already.
    """
    keys = directory / KEYS_NAME
    keys.mkdir(parents=True, exist_ok=True)
    (keys / "README").write_text(_WARNING, encoding="ascii")
    file = GenesisFile(
        format=GENESIS_FORMAT,
        origin=ORIGIN,
        created_at=time.time_ns() // 1_000_000,
        rules_version=RULES_VERSION,
        policy=policy,
        recovery=_choose_helpers(members),
        chair_key=_draw(keys / "chair.seed"),
        secretariat_key=_draw(keys / "secretariat.seed"),
        participants=tuple(
            GenesisParticipant(
                code=member.code,
                name=member.name,
                kind=member.kind,
                root_key=_draw(keys / f"root-{member.code}.seed"),
                recovery_key=_draw(keys / f"recovery-{member.code}.seed"),
            )
            for member in members
        ),
        nodes=tuple(_draw_node(directory / node.name, node) for node in nodes),
        voters=tuple(sorted(node.name for node in nodes if not node.follows)),
    )
    encoded = format_genesis(file)
    try:
        genesis = parse_genesis(encoded)
    except LedgerError as error:
        raise SetupError(str(error)) from None
    addresses = {node.name: node.peers for node in nodes}
    voters = tuple(node.name for node in nodes if not node.follows)
    for node in nodes:
        config = make_config(
            node,
            {name: addresses[name] for name in node.follows or voters},
            genesis=Path("..") / GENESIS_NAME,
            api_tls=api_tls,
            # Whoever is on this machine can read the keys of all participants anyway.
            access=AccessSection(addresses=LOOPBACK),
        )
        _write_node(directory / node.name, config, genesis)
    # Last, because its presence says that the network is complete.
    (directory / GENESIS_NAME).write_bytes(encoded)
    return genesis


def _choose_helpers(members: tuple[Member, ...]) -> GenesisRecovery:
    """Say who gives new keys to whoever lost them: as in large networks, or all that there are."""
    usual, states = (
        GenesisRecovery(),
        sum(one.kind is not ParticipantKind.ENTITY for one in members),
    )
    return GenesisRecovery(
        witnesses=max(min(usual.witnesses, states - 1), 1),
        chair_quorum=max(min(usual.chair_quorum, states), 2),
    )


def _draw(path: Path) -> str:
    seed = load_seed(path) if path.exists() else write_new_seed(path)
    return SigningKey.from_seed(seed).public_key.hex()


def _draw_node(directory: Path, node: PlannedNode) -> GenesisNode:
    return GenesisNode(
        name=node.name,
        participant=node.participant,
        consensus_key=_draw(directory / "consensus.seed"),
        cosigning_key=_draw(directory / "cosigning.seed"),
        tls_key=_draw(directory / "tls.seed"),
    )


def _write_node(directory: Path, config: NodeConfig, genesis: Genesis) -> None:
    """Write a node's configuration, and found its ledger; `kpnode run` misses one that is lost.

    Raises:
        StorageError: the ledger cannot be founded there.
    """
    (directory / CONFIG_NAME).write_text(format_config(config), encoding="utf-8")
    database = config.resolve(directory).node.database
    LevelStorage(database, chain=genesis.chain, create=True).close()


def make_config(
    node: PlannedNode,
    addresses: dict[str, Address],
    *,
    genesis: Path,
    api_tls: bool,
    access: AccessSection,
) -> NodeConfig:
    """Make the configuration of a node in its own directory; ``genesis`` is seen from there."""
    return NodeConfig(
        node=NodeSection(name=node.name, directory=Path(), genesis=genesis),
        api=ApiSection(listen=node.api, tls=api_tls),
        peers=PeersSection(listen=node.peers, addresses=addresses),
        keys=KeysSection(consensus=Path("consensus.seed"), tls=Path("tls.seed")),
        access=access,
        # Many stand on one machine, and few of them are asked.
        books=BooksSection(start=BooksStart.ASKED) if node.follows else BooksSection(),
    )


def init_node(directory: Path, node: PlannedNode, genesis: Path | None) -> dict[str, object]:
    """Make the keys of one node and give its entry for the genesis file; found it if there is one.

    Raises:
        MalformedError: the name or the participant's code has not its form.
        SetupError: there is a node already, the genesis file names other keys for it, or a key file
            cannot be used.
        GenesisError: the genesis file does not name the node.
        StorageError: the ledger cannot be founded in this directory.
        OSError: a file cannot be read or written.
    """
    name = parse_node_name(node.name)
    parse_participant(node.participant)
    _close_new(directory)
    entry = _draw_node(directory, node)
    if genesis is not None:
        if (directory / CONFIG_NAME).exists():
            raise SetupError(
                f"{directory / CONFIG_NAME} is there already. A node that has lost its ledger"
                " begins anew only while all other voters are up and have a leader: move that file"
                " away, and back afterwards (docs/operating.md)"
            )
        parsed = _read_genesis(genesis)
        if parsed.node(name) != entry:
            raise SetupError(f"{genesis} names other keys, or another participant, for {name}")
        (directory / GENESIS_NAME).write_bytes(parsed.encoded)
        config = make_config(
            node,
            {name: node.peers},
            genesis=Path(GENESIS_NAME),
            api_tls=True,
            access=AccessSection(),
        )
        _write_node(directory, config, parsed)
    return msgspec.structs.asdict(entry)


def _close_new(directory: Path) -> None:
    """Let nobody else use a directory that is new."""
    if directory.is_dir() and not any(directory.iterdir()):
        close_to_others((directory,))


def _read_genesis(path: Path) -> Genesis:
    encoded = read_text(path, max_bytes=MAX_GENESIS_BYTES).encode()
    try:
        return parse_genesis(encoded)
    except GenesisError as error:
        raise SetupError(f"{path}: {error}") from None


def init_replica(
    directory: Path,
    node: PlannedNode,
    genesis: Path | None,
    addresses: dict[str, Address],
    follow: FollowSection,
) -> dict[str, object]:
    """Make a node that does not vote, and give what it is called and its keys.

    The genesis file may name it or not; one that it does not name is known to no peer, and gets
    blocks from the APIs of others.

    Raises:
        MalformedError: the name has not its form.
        SetupError: there is a node already, the genesis file names other keys for it, it votes, or
            it has nobody to get blocks from.
        StorageError: the ledger cannot be founded in this directory.
        OSError: a file cannot be read or written.
    """
    if genesis is None or node.participant:
        raise SetupError("--replica goes with --genesis, and without --participant")
    parsed, config_file = _read_genesis(genesis), directory / CONFIG_NAME
    name = parse_node_name(node.name)
    known = parsed.find_node(name)
    if name in parsed.file.voters:
        raise SetupError(f"{name} votes: {genesis} says so; kpnode init without --replica makes it")
    if config_file.exists():
        raise SetupError(f"{config_file} is there already; kpnode run --config {config_file}")
    if known is None and not follow.sources:
        why = f"{genesis} does not name {name}, so that no peer knows its key"
        raise SetupError(f"{why}; accepted: --from with the URL of a node's API")
    for one in addresses:
        parsed.node(one)
    _close_new(directory)
    if known is not None:
        node = replace(node, participant=known.participant)
    entry = _draw_node(directory, node)
    if known not in (None, entry):
        raise SetupError(f"{genesis} names other keys for {name} than those in {directory}")
    (directory / GENESIS_NAME).write_bytes(parsed.encoded)
    # Nobody knows the key of a node that the genesis file does not name; on this machine none is
    # needed.
    tls = known is not None or not is_here(f"http://{node.api}")
    made = make_config(
        node, addresses, genesis=Path(GENESIS_NAME), api_tls=tls, access=AccessSection()
    )
    _write_node(directory, msgspec.structs.replace(made, follow=follow), parsed)
    return msgspec.structs.asdict(entry)
