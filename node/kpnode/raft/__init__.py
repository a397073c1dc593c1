"""kpnode.raft: the consensus core, free of input, output, clocks and chance.

A core is driven through three methods, `handle`, `take_ready` and `status`; `kpnode.pump` holds
the only correct order of what follows from a `Ready`. What the core promises, and what its driver
must do, is its contract: `docs/core.md`. The log it replicates is never compacted, so there are no
snapshots. Payloads are opaque here, save for the voters of a CONFIG entry.

Not here: signatures, encodings of messages, storage. Their place is around the core.
"""

from kpnode.raft.core import RaftCore as RaftCore
from kpnode.raft.interface import (
    Certified as Certified,
    ConfigProposed as ConfigProposed,
    Dropped as Dropped,
    DropReason as DropReason,
    Input as Input,
    PeerStatus as PeerStatus,
    Persisted as Persisted,
    Proposed as Proposed,
    ReadGrant as ReadGrant,
    ReadRequested as ReadRequested,
    Ready as Ready,
    Received as Received,
    Role as Role,
    RoleChange as RoleChange,
    Status as Status,
    Tick as Tick,
    TransferRequested as TransferRequested,
    Unreachable as Unreachable,
    VoteSigned as VoteSigned,
)
from kpnode.raft.log import LogReader as LogReader, take_bytes as take_bytes
from kpnode.raft.membership import (
    InvalidConfigurationError as InvalidConfigurationError,
    decode_configuration as decode_configuration,
    encode_configuration as encode_configuration,
)
from kpnode.raft.messages import (
    AppendReply as AppendReply,
    AppendRequest as AppendRequest,
    HeartbeatReply as HeartbeatReply,
    HeartbeatRequest as HeartbeatRequest,
    Message as Message,
    MessageBody as MessageBody,
    PreVoteReply as PreVoteReply,
    PreVoteRequest as PreVoteRequest,
    TimeoutNow as TimeoutNow,
    VoteReply as VoteReply,
    VoteRequest as VoteRequest,
)
from kpnode.raft.types import (
    Configuration as Configuration,
    Entry as Entry,
    EntryKind as EntryKind,
    HardState as HardState,
    Index as Index,
    InvariantError as InvariantError,
    NodeId as NodeId,
    RaftConfig as RaftConfig,
    Recovered as Recovered,
    Term as Term,
)
