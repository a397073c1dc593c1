"""Lies of leaders: two blocks in one place, blocks that break rules, silence."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Final

import msgspec
from lab.liars.blocks import Block, follow, seal
from lab.liars.branch import Branch
from lab.liars.liar import Liar, attach, attached_to
from lab.simulator.founded import make_event

from kpledger.base.codec import decode
from kpledger.base.errors import LedgerError
from kpledger.log.block import BlockHeader
from kpledger.log.statements import MAX_STATEMENT_BYTES, Acknowledgement
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Entry,
    EntryKind,
    HeartbeatRequest,
    Index,
    Message,
    NodeId,
    PreVoteReply,
    VoteReply,
)

if TYPE_CHECKING:
    from lab.liars.node import Voter
    from lab.liars.world import World


_CHANGES: Final = 1 / 30
"""Per tick."""
_BOTH: Final = 1 / 15
"""Per message."""


class Equivocate(Liar):
    """Leads two halves of the voters along two branches, and acknowledges both."""

    leads = True

    def __init__(self, voter: "Voter", world: "World", prng: Random) -> None:
        super().__init__(voter, world, prng)
        self._branch: Branch | None = None
        self._misled: frozenset[NodeId] = frozenset()

    def tick(self) -> Sequence[Message]:
        """Show the other branch to others now and then, also to those that know the first."""
        if self.prng.random() < _CHANGES:
            self._draw_misled()
        return ()

    def _draw_misled(self) -> None:
        others = [one for one in self.peers if one not in self.accomplices]
        count = self.prng.randint(1, max(1, len(others) - 1))
        self._misled = frozenset(self.prng.sample(others, count))

    def _find_branch(self) -> Branch | None:
        """Give the branch of this term, if this voter leads it."""
        if not self.voter.leads:
            return None
        if self._branch is None or self._branch.term != self.voter.core.term:
            self._branch = Branch(self.voter)
            self._draw_misled()
        return self._branch

    def outgoing(self, message: Message) -> Sequence[Message]:
        """Show one half the branch."""
        branch = self._find_branch()
        body = message.body
        if (
            branch is None
            or message.recipient not in self._misled
            or not isinstance(body, AppendRequest | HeartbeatRequest)
            or body.term != branch.term
        ):
            return (message,)
        attached = msgspec.structs.replace(attached_to(message), commit=branch.encoded)
        body = replace(body, commit=branch.final)
        if isinstance(body, AppendRequest):
            retold = branch.retell(body.entries)
            self.lies += retold != body.entries
            body = replace(body, entries=retold)
        told = attach(replace(message, body=body), attached)
        return (message, told) if self.prng.random() < _BOTH else (told,)

    def incoming(self, message: Message) -> Message | None:
        """Count what the other half acknowledges; the core may believe it as well."""
        branch, body = self._find_branch(), message.body
        if branch is None or not isinstance(body, AppendReply) or not body.accepted:
            return message
        said = _read_acknowledgement(message)
        accomplices = [self.world.voters[name] for name in self.accomplices]
        running = [one for one in accomplices if one.runs]
        if said is None or not branch.gather(said, running):
            return message
        self.voter.believe(message)
        return None


class PartAndLeave(Equivocate):
    """Shows two branches in a term, or in each of two, and is never heard again."""

    def __init__(self, voter: "Voter", world: "World", prng: Random) -> None:
        super().__init__(voter, world, prng)
        self._parted: set[int] = set()
        self._terms = prng.choice((1, 1, 2))
        self._patience = prng.randint(0, 6)
        self._leaves_at: int | None = None

    def outgoing(self, message: Message) -> Sequence[Message]:
        """Show one half the branch; say nothing a few ticks after the other was shown."""
        if self._leaves_at is not None and self.world.now >= self._leaves_at:
            return ()
        said = super().outgoing(message)
        body, told = message.body, said[-1].body
        if isinstance(told, AppendRequest) and told != body and told.entries:
            self._parted.add(told.term)
            if self._leaves_at is None and len(self._parted) >= self._terms:
                self._leaves_at = self.world.now + self._patience
        return said


class BreakRules(Liar):
    """Signs blocks whose headers are wrong, each in another way."""

    leads = True

    def __init__(self, voter: "Voter", world: "World", prng: Random) -> None:
        super().__init__(voter, world, prng)
        self._bad: dict[bytes, Entry] = {}

    def outgoing(self, message: Message) -> Sequence[Message]:
        """Replace every block of this leader by a bad one."""
        body = message.body
        if not isinstance(body, AppendRequest) or not self.voter.leads:
            return (message,)
        entries = tuple(self._spoil(entry, body.term) for entry in body.entries)
        return (replace(message, body=replace(body, entries=entries)),)

    def _spoil(self, entry: Entry, term: int) -> Entry:
        own = self.voter.machine.at(entry.index)
        if entry.kind is not EntryKind.BLOCK or entry.term != term or own is None:
            return entry
        if own.head not in self._bad:
            self.lies += 1
            before = self.voter.machine.blocks[entry.index - 1]
            self._bad[own.head] = self._forge(own, before).entry
        return self._bad[own.head]

    def _forge(self, own: Block, before: Block) -> Block:
        header, events = own.header, own.events
        match self.prng.randrange(7):
            case 0:
                header = _change(header, payload_root=bytes(32))
            case 1:
                header = _change(header, event_count=header.event_count + 1)
            case 2:
                header = _change(header, time_ms=before.header.time_ms - 1)
            case 3:
                header = _change(header, prev_head=bytes(32))
            case 4:
                header = _change(header, tree_size=header.tree_size + 1)
            case 5:
                header = _change(header, tree_root=bytes(32))
            case _:
                header = _change(header, leader=self.prng.choice(self.peers))
        return seal(header, own.tree, events, self.voter.key)


class ForkForOne(Liar):
    """Shows a client blocks of its own, on top of its log, and nobody else."""

    def tick(self) -> Sequence[Message]:
        """Answer a client that asks for the newest block."""
        if self.prng.random() < 1 / 10:
            self.lies += 1
            before = self.voter.machine.top
            number = self.prng.randrange(20_000, 30_000)
            events = (make_event(self.world.roll.genesis, number).encoded,)
            term = max(1, self.voter.core.term)
            header, tree = follow(before, self.name, term, before.header.time_ms, events)
            self.world.auditor.see_header(seal(header, tree, events, self.voter.key).shown)
        return ()


class Withhold(Liar):
    """Sends heartbeats, and nothing that helps: no blocks, no acknowledgements, no votes."""

    def outgoing(self, message: Message) -> Sequence[Message]:
        """Drop what helps."""
        match message.body:
            case AppendRequest(entries=entries) if entries:
                pass
            case AppendReply() | VoteReply(granted=True) | PreVoteReply(granted=True):
                pass
            case _:
                return (message,)
        self.lies += 1
        return ()


class AskAgain(Liar):
    """Refuses every append, to get every block again and again."""

    def outgoing(self, message: Message) -> Sequence[Message]:
        """Turn every acknowledgement into a refusal."""
        body = message.body
        if not isinstance(body, AppendReply) or not body.accepted:
            return (message,)
        self.lies += 1
        refusal = AppendReply(body.term, accepted=False, index=Index(max(1, body.index)))
        return (replace(message, body=refusal),)


def _read_acknowledgement(message: Message) -> Acknowledgement | None:
    try:
        statement = attached_to(message).statement or b""
        return decode(
            statement, Acknowledgement, what="acknowledgement", max_bytes=MAX_STATEMENT_BYTES
        )
    except LedgerError:
        return None


def _change(header: BlockHeader, **fields: object) -> BlockHeader:
    changed: BlockHeader = msgspec.structs.replace(header, **fields)
    return changed
