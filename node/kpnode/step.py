"""What goes into one step of a node besides events, and what it comes to."""

from dataclasses import dataclass
from typing import Final

from kpledger.log.chain import ExecutedBlock
from kpnode.docket import Exhibit
from kpnode.punctuality import ClockDoubt
from kpnode.raft import Dropped, Index, Input, Message, NodeId, ReadGrant, Status, Term
from kpnode.submission import Committed, Refused, Retry

MAX_REFUSED_BLOCKS: Final = 100


@dataclass(frozen=True, slots=True)
class RefusedBlock:
    """A block, or what else of consensus this node would not let in, and who sent it."""

    leader: NodeId
    term: Term
    problem: str


@dataclass(frozen=True, slots=True)
class Loss:
    """Entries that this node had acknowledged, and that its disk does not hold any more."""

    last_index: Index
    """Where the log ended when that was noticed."""
    lost_up_to: Index


@dataclass(frozen=True, slots=True)
class Step:
    """What one step came to."""

    outgoing: tuple[Message, ...]
    """May be sent now: what they promise is durable."""
    applied: tuple[ExecutedBlock, ...]
    reads: tuple[ReadGrant, ...]
    dropped: tuple[Dropped, ...]
    answers: tuple[tuple[bytes, Committed | Refused | Retry], ...]
    """Event ids and what is known about them; a refusal among them is final."""
    proposed: tuple[int, tuple[bytes, ...]] | None
    """The ticket of a block that was proposed, and its events."""
    refused: tuple[RefusedBlock, ...]
    loss: Loss | None
    """News that the disk has lost something."""
    doubt: ClockDoubt | None
    """What the newest block says about clocks, if it is nothing good."""
    newest_ms: int
    """The time of the newest block that this node knows of, taken or not."""
    held: int
    """So much of what is known to be final is in this node's log."""
    vain: tuple[NodeId, ...]
    """Who has sent messages that were not let in, once for each."""
    exhibits: tuple[Exhibit, ...]
    """Evidence that is new to this node."""
    status: Status


@dataclass(frozen=True, slots=True)
class ShownEvidence:
    """A peer has shown evidence, which this node has judged; it is as good as it is."""

    exhibit: Exhibit


@dataclass(frozen=True, slots=True)
class LeaderStalled:
    """A leader is heard, and makes nothing final although there is something to be done."""

    leader: NodeId
    term: Term
    ticks: int
    """For so long it was waited for, and it is set aside for as long."""


EngineInput = Input | ShownEvidence | LeaderStalled
"""Everything a step takes besides events."""
