"""kpnode.raft: the consensus core, free of input, output, clocks and chance.

A core is driven through three methods, `handle`, `take_ready` and `status`; `kpnode.pump` holds
the only correct order of what follows from a `Ready`. What the core promises, and what its driver
must do, is its contract: `docs/core.md`. The log it replicates is never compacted, so there are no
snapshots. Payloads are opaque here, save for the voters of a CONFIG entry.

Not here: signatures, encodings of messages, storage. Their place is around the core.
"""

from kpnode.raft.core import RaftCore
from kpnode.raft.interface import (
    ConfigProposed,
    Dropped,
    DropReason,
    Input,
    PeerStatus,
    Persisted,
    Proposed,
    ReadGrant,
    ReadRequested,
    Ready,
    Received,
    Role,
    RoleChange,
    Status,
    Tick,
    TransferRequested,
    Unreachable,
)
from kpnode.raft.log import LogReader, take_bytes
from kpnode.raft.membership import (
    InvalidConfigurationError,
    decode_configuration,
    encode_configuration,
)
from kpnode.raft.messages import (
    AppendReply,
    AppendRequest,
    HeartbeatReply,
    HeartbeatRequest,
    Message,
    MessageBody,
    PreVoteReply,
    PreVoteRequest,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from kpnode.raft.types import (
    Configuration,
    Entry,
    EntryKind,
    HardState,
    Index,
    InvariantError,
    NodeId,
    RaftConfig,
    Recovered,
    Term,
)

__all__ = [
    "AppendReply",
    "AppendRequest",
    "ConfigProposed",
    "Configuration",
    "DropReason",
    "Dropped",
    "Entry",
    "EntryKind",
    "HardState",
    "HeartbeatReply",
    "HeartbeatRequest",
    "Index",
    "Input",
    "InvalidConfigurationError",
    "InvariantError",
    "LogReader",
    "Message",
    "MessageBody",
    "NodeId",
    "PeerStatus",
    "Persisted",
    "PreVoteReply",
    "PreVoteRequest",
    "Proposed",
    "RaftConfig",
    "RaftCore",
    "ReadGrant",
    "ReadRequested",
    "Ready",
    "Received",
    "Recovered",
    "Role",
    "RoleChange",
    "Status",
    "Term",
    "Tick",
    "TimeoutNow",
    "TransferRequested",
    "Unreachable",
    "VoteReply",
    "VoteRequest",
    "decode_configuration",
    "encode_configuration",
    "take_bytes",
]
