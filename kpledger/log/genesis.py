"""The genesis file: the one thing an auditor has to trust.

It is JSON, so that people can read what they pin: who takes part, under which root keys, which
nodes keep the ledger, what the network has settled where the scheme is silent. The chain id is the
hash of the file's exact bytes; whoever changes a byte founds another ledger.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kpledger.base.codec import DECODE_ERRORS, encode, find_denormal_text, malformed
from kpledger.base.errors import (
    GenesisError,
    LedgerError,
    MalformedError,
    NotCanonicalError,
    OversizedError,
    UnacceptableKeyError,
)
from kpledger.base.hashing import Digest, Domain, hash_with_domain
from kpledger.base.ids import NodeName, ParticipantCode
from kpledger.base.keys import check_public_key
from kpledger.base.state import ChangeSet, StateReader
from kpledger.base.units import TimeMs
from kpledger.log.note import KeyType, NoteKey
from kpledger.scheme.rulebook import RELEASED, Rulebook
from kpledger.scheme.v1.events.base import Text
from kpledger.scheme.v1.events.decisions import MAX_QUOTA, Quota
from kpledger.scheme.v1.events.governance import ParticipantKind
from kpledger.scheme.version import Founder, Founding

GENESIS_FORMAT: Final = "kpledger-genesis/1"
RULES_VERSION: Final = max(RELEASED.versions)
"""The newest rules of this release: new ledgers begin with them."""

MAX_GENESIS_BYTES: Final = 1024 * 1024
"""Room for 400 participants and as many nodes, and still a file that people can read."""

MAX_GENESIS_VOTERS: Final = 9
"""Nine survive four failures; each further voter makes every commit wait for more disks."""

_RECOVERY_KEY_NEEDED: Final = (
    "found a ledger with the public half of a second Ed25519 key of each participant as"
    " recovery_key, and keep its private half off line: with the root key alone, a thief could take"
    " the participant for ever. A ledger that was founded without such keys is of an earlier"
    " version; this one cannot continue it"
)

HexKey = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z", max_length=64)]
"""An Ed25519 public key as 64 lower-case hexadecimal digits."""


class GenesisParticipant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant that is there from the beginning."""

    code: ParticipantCode
    name: Text
    kind: ParticipantKind
    root_key: HexKey
    """The key that speaks for the participant itself."""
    recovery_key: HexKey
    """Signs with it where its own keys change; kept off line."""


class GenesisNode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server of the network, under three keys that are never shared."""

    name: NodeName
    participant: ParticipantCode
    """Who runs it."""
    consensus_key: HexKey
    """Signs blocks."""
    cosigning_key: HexKey
    """Signs checkpoints."""
    tls_key: HexKey
    """Authenticates its connections; pinned by its peers."""


class GenesisPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the scheme leaves open (see :mod:`kpledger.scheme.v1.policy`)."""

    max_validity_days: Annotated[int, Meta(ge=1, le=3660)] = 60
    carat_tolerance_ppm: Annotated[int, Meta(ge=0, le=100_000)] = 1_000
    carat_tolerance_thousandths: Annotated[int, Meta(ge=0, le=1_000)] = 10
    value_tolerance_ppm: Annotated[int, Meta(ge=0, le=1_000_000)] = 20_000
    value_tolerance_usd_cents: Annotated[int, Meta(ge=0, le=100_000)] = 100
    signed_supports: Annotated[int, Meta(ge=0, le=100)] = 0
    clock_skew_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 10_000
    trade_quota: Quota = 2_500
    statistics_quota: Quota = 100
    governance_quota: Quota = 2_000
    notes_quota: Quota = 100
    quota_offices: Annotated[int, Meta(ge=1, le=100)] = 4


NO_QUOTAS: Final = GenesisPolicy(
    trade_quota=MAX_QUOTA,
    statistics_quota=MAX_QUOTA,
    governance_quota=MAX_QUOTA,
    notes_quota=MAX_QUOTA,
)
"""For a ledger that takes in years within minutes of block time: quotas that nobody reaches."""


class GenesisRecovery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who gives back what a thief took, or somebody lost. No event changes it: a thief would."""

    witnesses: Annotated[int, Meta(ge=1, le=12)] = 2
    """How many participants sign with the Chair that another one gets new keys, if it has none."""
    chair_quorum: Annotated[int, Meta(ge=2, le=12)] = 5
    """How many participants sign that Chair and secretariat get new keys."""


class GenesisFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of the genesis file."""

    format: str
    """Always :data:`GENESIS_FORMAT`."""
    origin: Annotated[str, Meta(pattern=r"^[a-z0-9./-]+\Z", min_length=3, max_length=128)]
    """The name of the log, a URL without scheme; first line of every checkpoint."""
    created_at: TimeMs
    """Time of the block before the first one; Unix milliseconds."""
    rules_version: Annotated[int, Meta(ge=1, le=RULES_VERSION)]
    """The rules the ledger begins with."""
    policy: GenesisPolicy
    recovery: GenesisRecovery = GenesisRecovery()
    chair_key: HexKey
    """Signs for the Chair."""
    secretariat_key: HexKey
    """Signs for the secretariat."""
    participants: Annotated[tuple[GenesisParticipant, ...], Meta(min_length=1, max_length=400)]
    nodes: Annotated[tuple[GenesisNode, ...], Meta(min_length=1, max_length=400)]
    voters: Annotated[tuple[NodeName, ...], Meta(min_length=1, max_length=MAX_GENESIS_VOTERS)]
    """The nodes that decide on blocks, in alphabetical order."""


class _Voter(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    consensus_key: bytes


class _Configuration(msgspec.Struct, frozen=True, kw_only=True):
    voters: tuple[_Voter, ...]


@dataclass(frozen=True)
class Genesis:
    """A parsed and checked genesis file."""

    file: GenesisFile
    encoded: bytes
    """The exact bytes of the file."""

    @cached_property
    def chain(self) -> Digest:
        """The chain id."""
        return hash_with_domain(Domain.GENESIS, self.encoded)

    @cached_property
    def consensus_keys(self) -> dict[str, bytes]:
        """The consensus key of each voter."""
        keys = {node.name: bytes.fromhex(node.consensus_key) for node in self.file.nodes}
        return {voter: keys[voter] for voter in self.file.voters}

    @cached_property
    def config_hash(self) -> Digest:
        """The hash of the voters and their keys, which every block header names."""
        voters = tuple(
            _Voter(name=name, consensus_key=key) for name, key in self.consensus_keys.items()
        )
        return hash_with_domain(Domain.CONFIG, encode(_Configuration(voters=voters)))

    @cached_property
    def note_keys(self) -> dict[NoteKey, str]:
        """Whose each key is under which checkpoints of the ledger are signed.

        Voters sign as the log itself, with their consensus keys; all nodes cosign. Each node has a
        name of its own for that, ``ORIGIN/NODE``.
        """
        origin = self.file.origin
        logs = {
            NoteKey(origin, KeyType.NOTE, key): name for name, key in self.consensus_keys.items()
        }
        cosigners = {
            NoteKey(
                f"{origin}/{one.name}", KeyType.COSIGNATURE, bytes.fromhex(one.cosigning_key)
            ): one.name
            for one in self.file.nodes
        }
        return logs | cosigners

    def node(self, name: str) -> GenesisNode:
        """Give the node of this name.

        Raises:
            GenesisError: there is none.
        """
        found = self.find_node(name)
        if found is not None:
            return found
        known = ", ".join(node.name for node in self.file.nodes)
        raise GenesisError(f"the genesis file has no node {name!r}; it has {known}")

    def find_node(self, name: str) -> GenesisNode | None:
        """Give the node of this name; None if there is none."""
        return next((node for node in self.file.nodes if node.name == name), None)

    def seed_state(self, base: StateReader, rules: Rulebook = RELEASED) -> ChangeSet:
        """Give the state before the first block, as changes over an empty one.

        Raises:
            UnknownRulesError: the ledger begins with rules that this program does not have.
        """
        file, changes = self.file, ChangeSet(base)
        founding = Founding(
            created_at=file.created_at,
            policy=msgspec.structs.asdict(file.policy),
            witnesses=file.recovery.witnesses,
            chair_quorum=file.recovery.chair_quorum,
            chair_key=bytes.fromhex(file.chair_key),
            secretariat_key=bytes.fromhex(file.secretariat_key),
            participants=tuple(
                Founder(
                    one.code,
                    one.name,
                    one.kind,
                    bytes.fromhex(one.root_key),
                    bytes.fromhex(one.recovery_key),
                )
                for one in file.participants
            ),
        )
        rules.found(file.rules_version, founding, changes)
        return changes


def format_genesis(file: GenesisFile) -> bytes:
    """Write a genesis file, indented for people."""
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"


def parse_genesis(encoded: bytes) -> Genesis:
    """Read and check a genesis file.

    Raises:
        GenesisError: it cannot found a ledger; says which field and why.
    """
    try:
        if len(encoded) > MAX_GENESIS_BYTES:
            raise OversizedError("genesis file", size=len(encoded), limit=MAX_GENESIS_BYTES)
        file = msgspec.json.decode(encoded, type=GenesisFile)
        _check_text(file)
        _check_names(file)
        for key in _all_keys(file):
            check_public_key(bytes.fromhex(key))
    except DECODE_ERRORS as error:
        missing = "`recovery_key`" in str(error)
        why = f"; {_RECOVERY_KEY_NEEDED}" if missing else ""
        raise GenesisError(f"{malformed('genesis file', error)}{why}") from None
    except UnacceptableKeyError as error:
        raise GenesisError(
            f"the genesis file contains a key that cannot be used: {error}"
        ) from None
    except LedgerError as error:
        raise GenesisError(str(error)) from None
    return Genesis(file, encoded)


def _check_text(file: GenesisFile) -> None:
    if file.format != GENESIS_FORMAT:
        raise MalformedError(
            "genesis file", f"{file.format!r} is not {GENESIS_FORMAT}", field="format"
        )
    # What stands here goes into records, and those are canonical.
    denormal = find_denormal_text(file)
    if denormal is not None:
        raise NotCanonicalError(f"genesis file contains text that is not NFC: {denormal!r}")


def _check_names(file: GenesisFile) -> None:
    nodes = [node.name for node in file.nodes]
    codes = [participant.code for participant in file.participants]
    for field, names in (("nodes", nodes), ("participants", codes), ("voters", file.voters)):
        if len(set(names)) != len(names):
            raise MalformedError("genesis file", "a name is used twice", field=field)
    if list(file.voters) != sorted(file.voters):
        raise MalformedError("genesis file", "not in alphabetical order", field="voters")
    for voter in file.voters:
        if voter not in nodes:
            raise MalformedError("genesis file", f"{voter} is not one of the nodes", field="voters")
    for node in file.nodes:
        if node.participant not in codes:
            problem = f"{node.participant} is not one of the participants"
            raise MalformedError("genesis file", problem, field=f"nodes.{node.name}")
    _check_recovery(file)
    keys = _all_keys(file)
    if len(set(keys)) != len(keys):
        raise MalformedError("genesis file", "one key is used twice", field="keys")


def _check_recovery(file: GenesisFile) -> None:
    """Refuse a file by which nobody could help whoever loses its keys."""
    states = sum(one.kind is not ParticipantKind.ENTITY for one in file.participants)
    asked = {
        "recovery.witnesses": file.recovery.witnesses + 1,
        "recovery.chair_quorum": file.recovery.chair_quorum,
    }
    for field, needed in asked.items():
        if needed > states:
            problem = f"needs {needed} participants that are no ENTITY; there are {states}"
            raise MalformedError("genesis file", problem, field=field)


def _all_keys(file: GenesisFile) -> list[str]:
    keys = [file.chair_key, file.secretariat_key]
    for participant in file.participants:
        keys += [participant.root_key, participant.recovery_key]
    for node in file.nodes:
        keys += [node.consensus_key, node.cosigning_key, node.tls_key]
    return keys
