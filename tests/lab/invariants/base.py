"""What a checker is, and the panel of all that watch one life."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from lab.invariants.catalogue import Invariant, ViolationError
from lab.simulator.disk import SimDisk
from lab.simulator.machine import Applied
from lab.simulator.node import Answer

from kpnode.raft import Dropped, Index, Input, Message, NodeId, ReadGrant, RoleChange, Status, Term


class Checker:
    """Sees everything and says nothing; each rule overrides what it needs.

    The hooks of one step come in the order in which they stand here from `on_inputs` on.
    """

    def violation(self, what: str, invariant: Invariant | None = None) -> ViolationError:
        """Return the error that says that this invariant, or another, was broken."""
        return ViolationError(invariant or Invariant[type(self).__name__], what)

    def on_start(self, node: NodeId, disk: SimDisk, stored: Applied) -> None:
        """See a node start."""

    def on_loss(self, node: NodeId) -> None:
        """See a stopped node's disk come back with less; what it promised no longer counts."""

    def on_invoke(self, event: bytes) -> None:
        """See a client send an event for the first time."""

    def on_request(self, ticket: int) -> None:
        """See a client or an operator ask for something under a ticket."""

    def on_wish(self, node: NodeId, wish: Input) -> None:
        """See a node be given what was asked for."""

    def on_inputs(self, node: NodeId, ticks: int, items: Sequence[Input]) -> None:
        """See what a node is given in a step that it begins after `ticks` ticks of its own."""

    def on_save(self, node: NodeId, disk: SimDisk) -> None:
        """See a disk after each step that changed it."""

    def on_role(self, node: NodeId, role: RoleChange, disk: SimDisk) -> None:
        """See a node change its role."""

    def on_status(self, node: NodeId, ticks: int, status: Status, disk: SimDisk) -> None:
        """See what a node says of itself after a step, and after how many ticks of its own."""

    def on_applied(self, node: NodeId, term: Term, applied: Applied) -> None:
        """See a node in `term` apply an entry."""

    def on_message(self, message: Message, disk: SimDisk) -> None:
        """See a message leave, with the disk of its sender at that moment."""

    def on_read(self, node: NodeId, grant: ReadGrant) -> None:
        """See a read granted."""

    def on_dropped(self, dropped: Dropped) -> None:
        """See a request refused."""

    def on_answer(self, node: NodeId, answer: Answer) -> None:
        """See a client hear what became of its event."""

    def on_value(self, node: NodeId, ticket: int, index: Index) -> None:
        """See a client's read answered from the state at `index`."""


Hook = TypeVar("Hook", bound=Callable[..., None])


class Panel:
    """All checkers of a life; each hook reaches only those that have something to say to it."""

    def __init__(self, checkers: Iterable[Checker]) -> None:
        self._checkers = tuple(checkers)
        self.on_start = self._choose(lambda one: one.on_start)
        self.on_loss = self._choose(lambda one: one.on_loss)
        self.on_invoke = self._choose(lambda one: one.on_invoke)
        self.on_request = self._choose(lambda one: one.on_request)
        self.on_wish = self._choose(lambda one: one.on_wish)
        self.on_inputs = self._choose(lambda one: one.on_inputs)
        self.on_save = self._choose(lambda one: one.on_save)
        self.on_role = self._choose(lambda one: one.on_role)
        self.on_status = self._choose(lambda one: one.on_status)
        self.on_applied = self._choose(lambda one: one.on_applied)
        self.on_message = self._choose(lambda one: one.on_message)
        self.on_read = self._choose(lambda one: one.on_read)
        self.on_dropped = self._choose(lambda one: one.on_dropped)
        self.on_answer = self._choose(lambda one: one.on_answer)
        self.on_value = self._choose(lambda one: one.on_value)

    def _choose(self, pick: Callable[[Checker], Hook]) -> tuple[Hook, ...]:
        """Return the hook of every checker that overrides it."""
        silent = pick(Checker())
        hooks = [pick(one) for one in self._checkers]
        return tuple(one for one in hooks if not _is_same_function(one, silent))


def _is_same_function(one: Callable[..., None], other: Callable[..., None]) -> bool:
    return getattr(one, "__func__", one) is getattr(other, "__func__", other)
