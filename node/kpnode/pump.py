"""The one order in which effects happen: save, let messages out, apply, acknowledge.

Nothing leaves the core except through here, and messages exist for the outside only as the return
value, after the save they depend on. The wrong order cannot be written. Not here: sending, time,
threads; those belong to the driver.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from kpnode.ports import StateMachine, Storage
from kpnode.raft import Dropped, Message, Persisted, RaftCore, ReadGrant, RoleChange

AppliedT = TypeVar("AppliedT")


@dataclass(frozen=True, slots=True)
class Pumped(Generic[AppliedT]):
    """Everything that came out while there was something to do, each in order."""

    outgoing: tuple[Message, ...]
    """May be sent now: what they promise is durable."""
    applied: tuple[AppliedT, ...]
    reads: tuple[ReadGrant, ...]
    dropped: tuple[Dropped, ...]
    roles: tuple[RoleChange, ...]


def pump(core: RaftCore, storage: Storage, machine: StateMachine[AppliedT]) -> Pumped[AppliedT]:
    """Save, collect what may leave, apply, acknowledge; until there is nothing left.

    Any exception is final for the node: the core has already handed out work that was not done.
    """
    outgoing: list[Message] = []
    applied: list[AppliedT] = []
    reads: list[ReadGrant] = []
    dropped: list[Dropped] = []
    roles: list[RoleChange] = []
    while ready := core.take_ready():
        if ready.hard_state or ready.entries:
            storage.save(ready.hard_state, ready.entries)
        if ready.entries:
            machine.stage(ready.entries)
        outgoing += ready.messages
        applied += [machine.apply(entry) for entry in ready.committed]
        reads += ready.reads
        dropped += ready.dropped
        roles += [ready.role] if ready.role else []
        if ready.entries:
            core.handle(Persisted(ready.entries[-1].index, ready.entries[-1].term))
        elif not ready.committed:
            # Only what is durable now, or applied, can have more work follow.
            break
    return Pumped(tuple(outgoing), tuple(applied), tuple(reads), tuple(dropped), tuple(roles))
