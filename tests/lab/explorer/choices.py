"""What may happen to a node in a state, besides the arrival of a message."""

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from lab.explorer.acts import Act, Beat, Expire, Flush, Lapse, Report, Restart, Timeout
from lab.explorer.bounds import Bounds, Budget
from lab.explorer.rules import History
from lab.explorer.view import View

from kpnode.raft import (
    ConfigProposed,
    Configuration,
    Message,
    Proposed,
    ReadRequested,
    TimeoutNow,
    TransferRequested,
)

_TIMEOUT: Final = Timeout()
_BEAT: Final = Beat()
_LAPSE: Final = Lapse()
_EXPIRE: Final = Expire()
_REPORT: Final = Report()
_FLUSH: Final = Flush()


class Choices:
    """All acts that the bounds leave open."""

    def __init__(self, bounds: Bounds) -> None:
        self._terms = bounds.terms
        self._names = bounds.names
        self._configurations = tuple(
            Configuration(voters)
            for count in range(1, bounds.nodes + 1)
            for voters in combinations(bounds.names, count)
        )

    def may_arrive(self, message: Message) -> bool:
        """Tell whether a message leads to no term beyond the last."""
        body = message.body
        return not isinstance(body, TimeoutNow) or body.term < self._terms

    def acts(
        self, node: View, history: History, budget: bytes
    ) -> Iterator[tuple[Act, Budget | None]]:
        """Yield what can happen to a node, and what it costs."""
        if node.held:
            yield _FLUSH, None
        if node.kept:
            yield _REPORT, None
        if node.leads:
            yield from self._acts_of_leader(node, history, budget)
        elif budget[Budget.TIMEOUTS] and node.term < self._terms:
            yield _TIMEOUT, Budget.TIMEOUTS
        if budget[Budget.CRASHES]:
            yield Restart(machine_kept=False, genesis=history.genesis), Budget.CRASHES
            if node.applied:
                yield Restart(machine_kept=True, genesis=history.genesis), Budget.CRASHES

    def _acts_of_leader(
        self, node: View, history: History, budget: bytes
    ) -> Iterator[tuple[Act, Budget | None]]:
        if budget[Budget.ENTRIES]:
            number = budget[Budget.ENTRIES]
            yield Proposed(number, b"%d" % number), Budget.ENTRIES
        if budget[Budget.CONFIGS]:
            newest = node.pending[-1][1] if node.pending else node.base
            changes = (c for c in self._configurations if c != newest)
            yield from ((ConfigProposed(0, change), Budget.CONFIGS) for change in changes)
        if budget[Budget.READS]:
            # The ticket says what the read must see.
            yield ReadRequested(len(history.committed)), Budget.READS
        if budget[Budget.BEATS]:
            yield _BEAT, Budget.BEATS
        if budget[Budget.LAPSES]:
            yield _LAPSE, Budget.LAPSES
        if budget[Budget.TRANSFERS]:
            targets = (name for name in self._names if name != node.node)
            yield from ((TransferRequested(0, target), Budget.TRANSFERS) for target in targets)
        if node.transfers:
            yield _EXPIRE, None
