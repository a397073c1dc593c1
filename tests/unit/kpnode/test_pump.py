"""The order of effects: saved, then out; applied; acknowledged."""

import pytest
from memory_storage import MemoryStorage

from kpnode.pump import Pumped, pump
from kpnode.raft import (
    Configuration,
    Dropped,
    DropReason,
    Entry,
    EntryKind,
    HardState,
    Index,
    Message,
    NodeId,
    Proposed,
    RaftConfig,
    RaftCore,
    ReadGrant,
    ReadRequested,
    Received,
    Recovered,
    Role,
    RoleChange,
    Term,
    Tick,
    TransferRequested,
    VoteReply,
    VoteRequest,
)

A, B = NodeId("a"), NodeId("b")
NOOP = Entry(Index(1), Term(1), EntryKind.NOOP, b"")
BLOCK = Entry(Index(2), Term(1), EntryKind.BLOCK, b"x")


class Journal(MemoryStorage):
    """Storage and state machine in one, which writes down what it is asked to do."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.fails = False

    def save(self, hard_state: HardState | None, entries: tuple[Entry, ...]) -> None:
        self.lines.append(f"save {[entry.index for entry in entries]}")
        if self.fails:
            raise OSError("no space left")
        super().save(hard_state, entries)

    def stage(self, entries: tuple[Entry, ...]) -> None:
        self.lines.append(f"stage {[entry.index for entry in entries]}")

    def apply(self, entry: Entry) -> Index:
        self.lines.append(f"apply {entry.index}")
        return entry.index


def build(journal: Journal, *voters: NodeId) -> RaftCore:
    recovered = Recovered(HardState(Term(0), None), Configuration(voters), Index(0))
    return RaftCore(RaftConfig(A), recovered, journal)


def elect(core: RaftCore) -> None:
    while core.status().role is not Role.LEADER:
        core.handle(Tick())


def test_entries_are_saved_then_staged_then_applied() -> None:
    journal = Journal()
    core = build(journal, A)
    elect(core)
    core.handle(Proposed(1, b"x"))
    core.handle(ReadRequested(2))
    core.handle(TransferRequested(3, B))
    pumped = pump(core, journal, journal)
    assert journal.lines == ["save [1, 2]", "stage [1, 2]", "apply 1", "apply 2"]
    assert pumped == Pumped(
        outgoing=(),
        applied=(Index(1), Index(2)),
        reads=(ReadGrant(2, Index(2)),),
        dropped=(Dropped(3, DropReason.BAD_TARGET, A),),
        roles=(RoleChange(Role.LEADER, Term(1), A),),
    )
    assert journal.log == [NOOP, BLOCK]
    assert journal.hard_state == HardState(Term(1), A)


def test_vote_is_saved_before_it_comes_out() -> None:
    journal = Journal()
    core = build(journal, A, B)
    request = VoteRequest(Term(1), Index(0), Term(0), transfer=False)
    core.handle(Received(Message(B, A, request)))
    pumped = pump(core, journal, journal)
    assert journal.hard_state == HardState(Term(1), B)
    assert pumped.outgoing == (Message(A, B, VoteReply(Term(1), granted=True)),)


def test_nothing_comes_out_if_saving_fails() -> None:
    journal = Journal()
    core = build(journal, A)
    elect(core)
    journal.fails = True
    with pytest.raises(OSError, match="no space left"):
        pump(core, journal, journal)
    assert journal.lines == ["save [1]"]


def test_nothing_is_saved_if_nothing_changed() -> None:
    journal = Journal()
    core = build(journal, A, B)
    core.handle(Tick())
    assert pump(core, journal, journal) == Pumped((), (), (), (), ())
    assert journal.lines == []
