"""Refusals that a leader keeps to itself until nothing can contradict them.

A refusal speaks of everything that was recorded before. A leader that is cut off judges by a log
beyond which the others may have gone, and what it has proposed itself may be lost. So a refusal is
said only when a round begun after the judgement has proven that this node still led (Raft thesis
6.4), and when the newest block that was looked at is committed. If that does not come about, the
event may pass after all, and is tried again.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from kpnode.raft import Dropped, Index, ReadGrant, Term
from kpnode.submission import Refused, Retry


@dataclass(slots=True)
class _Held:
    refused: tuple[Refused, ...]
    term: Term
    grounds: Index
    proposal: int | None
    is_proven: bool = False


class HeldRefusals:
    """Refusals on their way, each batch under the ticket of its round."""

    def __init__(self) -> None:
        """Start empty."""
        self._held: dict[int, _Held] = {}

    @property
    def tickets(self) -> frozenset[int]:
        """The rounds that are under way for them."""
        return frozenset(self._held)

    def hold(
        self,
        ticket: int,
        refused: Iterable[Refused],
        *,
        term: Term,
        grounds: Index,
        proposal: int | None,
    ) -> None:
        """Keep what the leader of a term refuses.

        Args:
            ticket: that of the round which proves that it leads.
            refused: what is refused, and why.
            term: the leader's.
            grounds: the newest block that was looked at.
            proposal: its ticket, if that block is proposed just now, and may not be taken.
        """
        self._held[ticket] = _Held(tuple(refused), term, grounds, proposal)

    def withdraw(self, event_ids: Collection[bytes]) -> None:
        """Forget what was refused and has passed since, when it was sent again."""
        for held in self._held.values():
            held.refused = tuple(one for one in held.refused if one.event_id not in event_ids)

    def settle(
        self,
        granted: Iterable[ReadGrant],
        dropped: Iterable[Dropped],
        leads_in: Term | None,
        applied: Index,
    ) -> list[tuple[bytes, Refused | Retry]]:
        """Give what can be said now, by event id.

        Args:
            granted: rounds that have proven what they were begun for; others' as well.
            dropped: what came to nothing; others' as well.
            leads_in: the term in which this node leads now, None if it does not.
            applied: how far blocks are committed.
        """
        for grant in granted:
            if grant.ticket in self._held:
                self._held[grant.ticket].is_proven = True
        vain = {one.ticket for one in dropped}
        answers: list[tuple[bytes, Refused | Retry]] = []
        for ticket, held in list(self._held.items()):
            is_final = held.is_proven and held.grounds <= applied
            if is_final or {ticket, held.proposal} & vain or held.term != leads_in:
                answers += [(one.event_id, one if is_final else Retry()) for one in held.refused]
                held.refused = ()
                if held.is_proven or ticket in vain or held.term != leads_in:
                    del self._held[ticket]  # else its round is under way, and nobody else's
        return answers
