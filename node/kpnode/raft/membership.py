"""Who votes and who did, in the bytes of entries and in a log, and what a majority agrees on.

A change is active from the moment its entry is in the log, and until it is committed every quorum
is needed in the old *and* the new configuration. That is Raft's joint consensus (thesis 4.3)
without its second entry: the commit of the new configuration is what ends the joint phase. It
allows arbitrary replacements in one step. Since at most one change may be pending at the leader,
and truncation takes entries away again, a list of (index, configuration) is all there is to keep.

Majorities are counted in each configuration by itself, never in their union: a union lets the new
voters alone outvote the old ones (the "election quorum tally" bug of CCF).
"""

import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from kpnode.raft.types import Configuration, Entry, EntryKind, Index, NodeId

_VERSION: Final = 1
_HEAD: Final = struct.Struct(">BB")
_LENGTH: Final = struct.Struct(">I")


class InvalidConfigurationError(ValueError):
    """The bytes are not a configuration in its one spelling."""


def encode_configuration(configuration: Configuration) -> bytes:
    """Return the payload of a CONFIG entry: version, voter count, then length-prefixed fields."""
    voters = [voter.encode() for voter in configuration.voters]
    return _encode_fields(len(voters), (*voters, configuration.attachment))


def encode_opening(votes: Mapping[NodeId, bytes]) -> bytes:
    """Return the payload of the NOOP that opens a term by signed votes, ascending by voter.

    Version, vote count, then the length-prefixed votes; they say themselves whose they are.
    """
    return _encode_fields(len(votes), [votes[voter] for voter in sorted(votes)])


def _encode_fields(count: int, texts: Collection[bytes]) -> bytes:
    parts = [_HEAD.pack(_VERSION, count)]
    for text in texts:
        parts += (_LENGTH.pack(len(text)), text)
    return b"".join(parts)


def decode_configuration(payload: bytes) -> Configuration:
    """Return the configuration a CONFIG entry holds.

    Raises:
        InvalidConfigurationError: The payload is cut, too long, not UTF-8, of another version, or
            holds voters that are no configuration.
    """
    try:
        version, count = _HEAD.unpack_from(payload)
        fields, end = [], _HEAD.size
        for _ in range(count + 1):
            (length,) = _LENGTH.unpack_from(payload, end)
            start = end + _LENGTH.size
            end = start + length
            fields.append(payload[start:end])
        configuration = Configuration(tuple(NodeId(f.decode()) for f in fields[:-1]), fields[-1])
    except (struct.error, ValueError) as error:
        raise InvalidConfigurationError(str(error)) from error
    if (version, end) != (_VERSION, len(payload)):
        raise InvalidConfigurationError(
            f"version {version}, {len(payload)} bytes where {end} are announced"
        )
    return configuration


@dataclass(slots=True)
class Membership:
    """The configurations of one log: the newest committed one and all above it."""

    base: Configuration
    """In force at the commit index."""
    pending: list[tuple[Index, Configuration]] = field(default_factory=list)
    """Those above the commit index, ascending. A leader has at most one, a follower may have more
    because it learns of commits late."""

    @property
    def active(self) -> tuple[Configuration, ...]:
        """Every configuration in which a quorum is needed."""
        return (self.base, *(configuration for _, configuration in self.pending))

    @property
    def newest(self) -> Configuration:
        """The configuration that will remain if nothing is rolled back."""
        return self.active[-1]

    @property
    def members(self) -> tuple[NodeId, ...]:
        """Every voter of an active configuration, ascending."""
        return tuple(sorted(dict.fromkeys(v for config in self.active for v in config.voters)))

    def is_voter(self, node: NodeId) -> bool:
        """Tell whether the node is a voter of any active configuration."""
        return any(node in configuration.voters for configuration in self.active)

    def append(self, entry: Entry) -> None:
        """Activate the configuration in an entry that was added to the log, if it holds one."""
        if entry.kind is EntryKind.CONFIG:
            self.pending.append((entry.index, decode_configuration(entry.payload)))

    def truncate(self, first: Index) -> None:
        """Roll back the configurations at and after an index that is being overwritten."""
        self.pending = [(index, config) for index, config in self.pending if index < first]

    def commit(self, index: Index) -> bool:
        """Retire what a commit up to `index` replaced; tell whether anything was."""
        done = [configuration for at, configuration in self.pending if at <= index]
        if not done:
            return False
        self.base = done[-1]
        self.pending = self.pending[len(done) :]
        return True


def is_quorum(configurations: tuple[Configuration, ...], nodes: Collection[NodeId]) -> bool:
    """Tell whether the nodes include a majority of each configuration."""
    return quorum_value(configurations, dict.fromkeys(nodes, 1)) == 1


def quorum_value(configurations: tuple[Configuration, ...], values: Mapping[NodeId, int]) -> int:
    """Return the highest value that a majority of each configuration has reached."""
    # In descending order, what stands in the middle is reached by more than half.
    return min(
        sorted((values.get(voter, 0) for voter in one.voters), reverse=True)[len(one.voters) // 2]
        for one in configurations
    )
