"""What a node can do with an input, found by running the real core; once for each pair of the two.

Where the core leaves something to its surroundings (when the driver saves, when it hears of it, how
long ago the leader spoke), every manner is tried. The only thing for which it looks at the order of
names is the choice among equal successors when a leader was removed. There every order is tried, so
that a step of the renamed node is always the renamed step, and renaming loses nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from lab.explorer.acts import PLAIN, Act, Deliver, Flush, Manner, Restart
from lab.explorer.bounds import Bounds, Budget
from lab.explorer.local import Local
from lab.explorer.pieces import NodePiece, Pieces, Renaming
from lab.explorer.rules import Rules
from lab.explorer.view import View
from lab.invariants.catalogue import Invariant, ViolationError

from kpnode.pump import Pumped
from kpnode.raft import (
    Entry,
    InvariantError,
    PreVoteRequest,
    VoteRequest,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a node and an input."""

    node: bytes
    """Key of the node afterwards."""
    sent: tuple[bytes, ...]
    """Keys of the messages that left."""
    manner: Manner = PLAIN
    costs: tuple[Budget, ...] = ()
    """What this manner uses up."""
    violation: ViolationError | None = None

    @property
    def identity(self) -> tuple[bytes, tuple[bytes, ...], bool]:
        """What makes it different from another outcome."""
        return self.node, self.sent, self.violation is None


class Steps:
    """Runs the core."""

    def __init__(self, bounds: Bounds, pieces: Pieces, rules: Rules) -> None:
        self.runs = 0
        """How often the real core was run."""
        self._pieces = pieces
        self._rules = rules
        self._late = (False, True) if bounds.late else (False,)
        self._held = (False, True) if bounds.held else (False,)
        self._renamings: tuple[Renaming, ...] = tuple(permutations(range(bounds.nodes)))

    def outcomes(self, node: NodePiece, act: Act) -> tuple[Outcome, ...]:
        """Return everything that can come of it, each in its cheapest manner."""
        unchanged = (node.key, (), True)
        found: dict[object, Outcome] = {}
        for manner in self._manners(node.view, act):
            for outcome in self._run(node, act, manner):
                if outcome.identity != unchanged:
                    found.setdefault(outcome.identity, outcome)
        return tuple(found.values())

    def _manners(self, view: View, act: Act) -> Iterator[Manner]:
        if isinstance(act, Restart):
            yield Manner()
            return
        asks = isinstance(act, Deliver) and isinstance(
            act.message.body, PreVoteRequest | VoteRequest
        )
        held = (False,) if isinstance(act, Flush) else self._held
        for is_held in held:
            for is_late in (False,) if is_held or view.kept else self._late:
                for is_silent in (False, True) if asks and not view.leads else (False,):
                    yield Manner(held=is_held, late=is_late, silent=is_silent)

    def _run(self, node: NodePiece, act: Act, manner: Manner) -> Iterator[Outcome]:
        outcome = self._run_once(node, act, manner)
        yield outcome
        if not node.view.leads or self._pieces.nodes[outcome.node].view.leads:
            return
        for renaming in self._renamings:
            back = tuple(renaming.index(place) for place in range(len(renaming)))
            other = self._pieces.nodes[self._pieces.rename_node(node.key, renaming)]
            renamed = self._run_once(other, self._pieces.rename_act(act, renaming), manner)
            yield Outcome(
                self._pieces.rename_node(renamed.node, back),
                tuple(sorted(self._pieces.rename_message(key, back) for key in renamed.sent)),
                manner,
                renamed.costs,
                renamed.violation,
            )

    def _run_once(self, node: NodePiece, act: Act, manner: Manner) -> Outcome:
        self.runs += 1
        local = Local.thaw(node.plain)
        costs = [Budget.HELD] if manner.held else []
        violation = None
        try:
            pumped = local.step(act, manner)
            key = self._pieces.node(local)
            sent = tuple(sorted(self._pieces.body(message) for message in pumped.outgoing))
        except InvariantError as error:
            wrong = ViolationError(Invariant.NoInternalError, str(error))
            return Outcome(node.key, (), manner, (*costs,), wrong)
        after = self._pieces.nodes[key].view
        if manner.late and after.kept:
            costs.append(Budget.LATE)
        try:
            self._judge(node.view, after, act, pumped)
        except ViolationError as error:
            violation = error
        return Outcome(key, sent, manner, (*costs,), violation)

    def _judge(self, before: View, after: View, act: Act, pumped: Pumped[Entry]) -> None:
        self._rules.step(before, after, act, pumped)
        self._rules.alone(after)
