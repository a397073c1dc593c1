"""How a node is: a picture of one moment, why it stopped if it did, and what a person should do."""

from dataclasses import dataclass
from enum import Enum

from kpnode.engine import Loss, RefusedBlock
from kpnode.punctuality import ClockDoubt
from kpnode.raft import Status
from kpnode.storage.errors import StorageError, is_shortage


class Cause(Enum):
    """What kind of trouble ended a node's part in consensus."""

    STORAGE = "storage"
    """The disk is full, broken or holds something else than was written."""
    SHORTAGE = "shortage"
    """The system had no descriptor or no memory left for it; a new start may have them."""
    INTERNAL = "internal"
    """The program met a state that it knows to be impossible, or made a mistake."""
    STOPPING = "stopping"
    """It was asked to stop."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a node takes no part any more. It still answers questions from what it has."""

    cause: Cause
    text: str


STOPPING = Failure(Cause.STOPPING, "the node is stopping")


def explain_error(error: Exception) -> Failure:
    """Say what an error in a step of the node means."""
    if is_shortage(error):
        return Failure(Cause.SHORTAGE, str(error) or "out of memory")
    if isinstance(error, StorageError):
        return Failure(Cause.STORAGE, str(error))
    return Failure(Cause.INTERNAL, f"{type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A picture of the node for the API."""

    raft: Status
    """Where the core stood after its last step."""
    peers: tuple[str, ...]
    """Peers with a live link."""
    pending: int
    """Events that wait for admission."""
    failure: Failure | None
    """Why the node has stopped taking part; it still answers questions."""
    loss: Loss | None
    """What the disk was found to have lost since the start."""
    doubt: ClockDoubt | None
    """What the newest block says about clocks, if it is nothing good."""
    refused_blocks: tuple[RefusedBlock, ...]
    """The newest blocks of other leaders that broke a rule."""
    uptime_s: int

    @property
    def alarms(self) -> tuple[str, ...]:
        """What a person should look at, each in sentences of its own; empty as long as all is well.

        Sentences say what happened, what it means and what to do.
        """
        failed = () if self.failure is None else (_describe_failure(self.failure),)
        lost = () if self.loss is None else (_describe_loss(self.loss, self.raft),)
        doubted = () if self.doubt is None else (_describe_doubt(self.doubt, self.raft.node),)
        return (*failed, *lost, *doubted)


def _describe_failure(failure: Failure) -> str:
    match failure.cause:
        case Cause.STORAGE:
            advice = "Make room on the disk or replace it, then start the node again."
        case Cause.SHORTAGE:
            advice = "The disk is not to blame. The process ends, to be started again."
        case Cause.INTERNAL:
            advice = "Keep its log for those who maintain the program, then start the node again."
        case Cause.STOPPING:
            advice = "Nothing needs to be done."
    return f"The node has stopped taking part: {failure.text}. {advice}"


def _describe_loss(loss: Loss, status: Status) -> str:
    if status.lost_up_to:
        state = (
            f"The leader is sending them again; so far the log ends at {status.last_index}. Until"
            " they are back this node does not stand for election. If they do not come although"
            " the network works, start the node again."
        )
    else:
        state = "They have come back from the other nodes since."
    return (
        f"The disk has lost entries that this node had acknowledged: its log ended at"
        f" {loss.last_index}, and must have reached {loss.lost_up_to}. {state} Find out whether"
        " the disk was wiped, restored from an older copy or damaged; one that was damaged is to"
        " be replaced."
    )


def _describe_doubt(doubt: ClockDoubt, node: str) -> str:
    seconds = abs(doubt.block_ms - doubt.own_ms) / 1000
    side = "behind" if doubt.block_ms < doubt.own_ms else "ahead of"
    where = f"{seconds:.1f} s {side} this node's clock"
    if doubt.leader == node:
        where = f"the newest block is {where}, so blocks of this node carry its time until then"
    elif doubt.stands_still:
        where = f"blocks of {doubt.leader} carry one and the same time, the last of them {where}"
    else:
        where = f"a block of {doubt.leader} is {where}"
    return (
        f"A clock is wrong: {where}. Compare the clocks of both nodes with a source of time; if"
        " they are right, the leader stamps its blocks falsely. A node that catches up is told"
        " this as well; then nothing needs to be done."
    )
