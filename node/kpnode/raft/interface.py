"""What goes into the core and what comes out of it.

The driver's loop is: `handle` any number of inputs, then `take_ready`, save, send, apply. That
order is written down once, in `kpnode.pump`; this module only names the things that pass.
"""

from dataclasses import dataclass
from enum import Enum

from kpnode.raft.messages import Message
from kpnode.raft.types import NO_INDEX, Configuration, Entry, HardState, Index, NodeId, Term


class Role(Enum):
    """A node's part in its current term."""

    FOLLOWER = "follower"
    PRE_CANDIDATE = "pre-candidate"
    CANDIDATE = "candidate"
    LEADER = "leader"


class DropReason(Enum):
    """Why a proposal, a read or a transfer will not happen."""

    NOT_LEADER = "not leader"
    """Ask the leader named beside it, if any. Also said of reads when leadership ends."""
    OVERWRITTEN = "overwritten"
    """The entry was accepted, and another one is committed in its place."""
    TRANSFERRING = "transferring"
    """Leadership is on its way to another node."""
    TRANSFER_TIMED_OUT = "transfer timed out"
    BAD_TARGET = "bad target"
    """Leadership can only go to another voter of the newest configuration."""
    TOO_MUCH_UNCOMMITTED = "too much uncommitted"
    TOO_MANY_READS = "too many reads"
    CONFIG_PENDING = "config pending"
    """An earlier configuration is not committed yet."""
    TERM_NOT_OPEN = "term not open"
    """No entry of the leader's own term is committed yet."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One step of logical time."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message arrived; the transport has authenticated its sender and checked its recipient."""

    message: Message


@dataclass(frozen=True, slots=True)
class Proposed:
    """The driver wants a BLOCK entry."""

    ticket: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Persisted:
    """Entries of a `Ready` up to this one are durable."""

    index: Index
    term: Term
    """The slot may have been overwritten meanwhile; the index alone would not tell."""


@dataclass(frozen=True, slots=True)
class VoteSigned:
    """The vote of this candidate for itself is durable and signed (only with `signed`)."""

    term: Term
    attached: bytes
    """The signed vote, as those of the others arrive in `VoteReply.attached`."""


@dataclass(frozen=True, slots=True)
class Certified:
    """A majority signed that it holds this leader's log up to here (only with `signed`)."""

    index: Index
    term: Term
    """In which this node leads, and the entry was made (thesis 3.6.2)."""


@dataclass(frozen=True, slots=True)
class ReadRequested:
    """The driver wants an index at which a read is linearizable."""

    ticket: int


@dataclass(frozen=True, slots=True)
class TransferRequested:
    """The driver wants another node to lead.

    The ticket is answered by `Dropped` if the transfer is refused or times out; otherwise the
    answer is the end of this node's leadership.
    """

    ticket: int
    target: NodeId


@dataclass(frozen=True, slots=True)
class ConfigProposed:
    """The driver wants a CONFIG entry; it takes effect as soon as it is in the log."""

    ticket: int
    config: Configuration


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The transport lost the peer, and with it perhaps what was in flight."""

    peer: NodeId


DriverRequest = Proposed | ConfigProposed | ReadRequested | TransferRequested
"""What only a leader can do for the driver; each is answered under its ticket."""

Input = Tick | Received | Persisted | VoteSigned | Certified | Unreachable | DriverRequest
"""Everything `RaftCore.handle` takes."""


@dataclass(frozen=True, slots=True)
class ReadGrant:
    """The read may be answered once the state machine has applied `index`."""

    ticket: int
    index: Index


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was asked for under this ticket will not happen."""

    ticket: int
    reason: DropReason
    leader: NodeId | None
    """Whom to ask instead, as far as this node knows."""


@dataclass(frozen=True, slots=True)
class RoleChange:
    """Where the node stands now; for people and metrics only."""

    role: Role
    term: Term
    leader: NodeId | None


@dataclass(frozen=True, slots=True)
class Ready:
    """Work for the driver, in the order it must be done; falsy when there is none."""

    hard_state: HardState | None = None
    """To be saved before any message leaves; None if unchanged."""
    entries: tuple[Entry, ...] = ()
    """To be saved in the same batch; any stored entry from `entries[0].index` on is discarded."""
    messages: tuple[Message, ...] = ()
    """To be sent, but only once the above is on disk."""
    committed: tuple[Entry, ...] = ()
    """To be applied in this order; over all Readies there is no gap and no repeat."""
    reads: tuple[ReadGrant, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    role: RoleChange | None = None

    def __bool__(self) -> bool:
        return self != _NOTHING


_NOTHING = Ready()


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """How far one peer is, as its leader sees it."""

    node: NodeId
    match: Index
    """The peer is known to hold the leader's log up to here."""
    next: Index
    in_flight: int
    probing: bool
    """The leader is still looking for the place where the two logs agree."""
    recently_active: bool
    """It answered since the last quorum check."""


@dataclass(frozen=True, slots=True)
class Status:
    """A picture of the core for the API, the status page and the simulator."""

    node: NodeId
    role: Role
    term: Term
    leader: NodeId | None
    voted_for: NodeId | None
    commit: Index
    applied: Index
    """The last committed entry handed out (or the position at start)."""
    persisted: Index
    """The log is known to be durable up to here."""
    last_index: Index
    last_term: Term
    configurations: tuple[Configuration, ...]
    """The active ones: the newest committed one, then those above the commit index."""
    peers: tuple[PeerStatus, ...]
    """Ascending by name; empty unless this node leads."""
    transfer_target: NodeId | None
    lost_up_to: Index = NO_INDEX
    """The disk lost entries this node had acknowledged or applied, up to here; 0 if none that it
    knows of. Until the leader has brought them back it does not stand for election."""
