"""Counters of what is rare: a simulator in which nothing happens would never find anything."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from lab.invariants import Checker
from lab.simulator.disk import SimDisk
from lab.simulator.machine import Applied
from lab.simulator.node import Answer

from kpnode.raft import (
    AppendReply,
    ConfigProposed,
    Dropped,
    EntryKind,
    Index,
    Input,
    Message,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    ReadGrant,
    ReadRequested,
    Role,
    Status,
    Term,
    TimeoutNow,
    TransferRequested,
)

REQUIRED: Final = (
    "blocks refused by a node",
    "changes of voters under way",
    "changes of voters committed",
    "clients that gave up",
    "commits by a removed leader",
    "commits of inherited entries",
    "configurations rolled back",
    "crashes",
    "crashes inside a save, the batch kept",
    "crashes inside a save, the batch lost",
    "disks rolled back",
    "disks that came back empty",
    "elections decided",
    "elections decided in a joint configuration",
    "events refused by a rule",
    "hand-overs by a removed leader",
    "leaders deposed by their quorum check",
    "lives with the whole ledger",
    "losses noticed",
    "messages copied",
    "messages lost",
    "partitions: bridge",
    "partitions: halves",
    "partitions: one direction",
    "partitions: one link",
    "partitions: one way",
    "partitions: ring",
    "pauses longer than an election timeout",
    "pre-votes refused because a leader is heard",
    "reads granted",
    "reads refused",
    "refusals that pass over more than one term",
    "retries answered as duplicate",
    "retries through another node",
    "saves that took many ticks",
    "stops at a full disk",
    "transfers that succeeded",
    "transfers that timed out",
    "truncations",
    "truncations of more than one term",
    "two leaders at a time",
)
"""What must have happened at least once in as many lives as are run before every merge."""


class Coverage(Checker):
    """Counts; it never objects."""

    def __init__(self, counts: Counter[str], disks: Mapping[NodeId, SimDisk]) -> None:
        self._counts = counts
        self._disks = disks
        self._status: dict[NodeId, Status] = {}
        self._asked: dict[NodeId, tuple[Index, Term, Term]] = {}
        """The end of a pre-candidate's log, and the term it asks about."""
        self._handed_over: dict[Term, NodeId] = {}
        self._inherited: dict[tuple[NodeId, Term], Index] = {}
        self._reads: set[int] = set()
        self._committed = Index(0)

    def on_start(self, node: NodeId, disk: SimDisk, stored: Applied) -> None:
        """Forget what it was."""
        del disk, stored
        self._status.pop(node, None)

    def on_wish(self, node: NodeId, wish: Input) -> None:
        """Count wishes."""
        del node
        self._counts["transfers asked for"] += isinstance(wish, TransferRequested)
        self._counts["changes of voters asked for"] += isinstance(wish, ConfigProposed)
        if isinstance(wish, ReadRequested):
            self._reads.add(wish.ticket)

    def on_save(self, node: NodeId, disk: SimDisk) -> None:
        """Count what was overwritten."""
        del node
        if disk.truncated:
            self._counts["truncations"] += 1
            self._counts["truncations of more than one term"] += (
                len({entry.term for entry in disk.truncated}) > 1
            )
            self._counts["configurations rolled back"] += any(
                entry.kind is EntryKind.CONFIG for entry in disk.truncated
            )

    def on_status(self, node: NodeId, ticks: int, status: Status, disk: SimDisk) -> None:
        """Count what leaders come to."""
        del ticks
        last = self._status.get(node)
        self._status[node] = status
        joint = len(status.configurations) > 1
        self._counts["losses noticed"] += bool(status.lost_up_to and not (last and last.lost_up_to))
        if status.role is Role.LEADER:
            self._count_lead(node, status, last, disk, joint=joint)
        elif last is not None and (last.role, last.term) == (Role.LEADER, status.term):
            removed = node not in status.configurations[0].voters
            self._counts["leaders deposed by their quorum check"] += not removed

    def _count_lead(
        self, node: NodeId, status: Status, last: Status | None, disk: SimDisk, *, joint: bool
    ) -> None:
        if last is None or (last.role, last.term) != (Role.LEADER, status.term):
            self._counts["elections decided"] += 1
            self._counts["elections decided in a joint configuration"] += joint
            self._inherited[node, status.term] = disk.last_index()
            self._counts["two leaders at a time"] += any(
                other.role is Role.LEADER and other.node != node for other in self._status.values()
            )
            giver = self._handed_over.get(Term(status.term - 1))
            self._counts["transfers that succeeded"] += giver is not None
        elif status.commit > last.commit:
            self._counts["commits of inherited entries"] += any(
                disk.term_at(Index(index)) != status.term
                for index in range(last.commit + 1, status.commit + 1)
            )
            self._counts["commits by a removed leader"] += (
                node not in status.configurations[-1].voters
            )
        self._counts["changes of voters under way"] += joint and (
            last is None or len(last.configurations) == 1
        )

    def on_applied(self, node: NodeId, term: Term, applied: Applied) -> None:
        """Count what is committed, once."""
        del node, term
        self._counts["applications"] += 1
        if applied.entry.index > self._committed:
            self._committed = applied.entry.index
            self._counts["events committed"] += len(applied.events)
            self._counts["changes of voters committed"] += applied.entry.kind is EntryKind.CONFIG

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """Count what is said."""
        body, node = message.body, message.sender
        match body:
            case TimeoutNow():
                status = self._status[node]
                removed = node not in status.configurations[0].voters
                name = "hand-overs by a removed leader" if removed else "transfers begun"
                self._counts[name] += 1
                if not removed:
                    self._handed_over[body.term] = node
            case PreVoteRequest():
                self._asked[node] = body.last_index, body.last_term, body.term
            case PreVoteReply(granted=False) if message.recipient in self._asked:
                last_index, last_term, term = self._asked[message.recipient]
                own = (disk.term_at(disk.last_index()) or 0, disk.last_index())
                self._counts["pre-votes refused because a leader is heard"] += (
                    disk.hard_state.term < term and (last_term, last_index) >= own
                )
            case AppendReply(accepted=False) if body.term == disk.hard_state.term:
                self._count_refusal(message.recipient, body)
            case _:
                pass

    def _count_refusal(self, leader: NodeId, refusal: AppendReply) -> None:
        log = self._disks[leader].log[refusal.hint_index : refusal.index]
        passed = len({entry.term for entry in log}) > 1
        self._counts["refusals"] += 1
        self._counts["refusals that pass over more than one term"] += passed

    def on_read(self, node: NodeId, grant: ReadGrant) -> None:
        """Count reads."""
        del node, grant
        self._counts["reads granted"] += 1

    def on_dropped(self, dropped: Dropped) -> None:
        """Count refusals."""
        self._counts[f"dropped: {dropped.reason.value}"] += 1
        self._counts["reads refused"] += dropped.ticket in self._reads
        self._counts["transfers that timed out"] += dropped.reason.value == "transfer timed out"

    def on_answer(self, node: NodeId, answer: Answer) -> None:
        """Count what clients hear."""
        del node
        self._counts["events acknowledged"] += answer.index is not None
        self._counts["events refused by a rule"] += answer.refused


def never_happened(counts: Mapping[str, int], required: Sequence[str] = REQUIRED) -> list[str]:
    """Return what should have happened and did not."""
    return [name for name in required if not counts.get(name)]
