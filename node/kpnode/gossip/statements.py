"""What voters said in consensus: of each the newest of the last terms, and who was elected in them.

Voters hear each other's statements over their own links, and find what contradicts in them. Here
those are compared that were said to different nodes, which have nothing else to do with each other.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from kpledger.base.codec import encode
from kpledger.log.certificates import LeaderCertificate
from kpledger.log.evidence import MAX_PATH_HEADERS, Evidence
from kpledger.log.findings import (
    find_amnesia,
    find_double_acknowledgement,
    find_double_votes,
    find_stale_generation,
)
from kpledger.log.path import ShownHeader
from kpledger.log.statements import (
    Acknowledgement,
    BindingStatement,
    Electorate,
    SignatureCheck,
    Vote,
    verify_statement,
)

_TERMS: Final = 4
"""Of each voter; and of all elections."""


class OwnBlocks(Protocol):
    """The headers of the chain that is final here."""

    def head_at(self, index: int) -> bytes | None:
        """Give the head of a block; None beyond the end."""

    def shown(self, first: int, last: int) -> tuple[ShownHeader, ...]:
        """Give headers from one height to another, both included."""


class Statements:
    """The statements that one node has heard of.

    Attributes:
        found: evidence that was found since somebody took it from here.
    """

    def __init__(self, electorate: Electorate, chain: OwnBlocks, check: SignatureCheck) -> None:
        """Know none; ``check`` verifies a signature."""
        self._electorate = electorate
        self._chain = chain
        self._check = check
        self._said: dict[str, dict[tuple[int, type[BindingStatement]], BindingStatement]] = {}
        """By voter; by term and kind."""
        self._openings: dict[int, LeaderCertificate] = {}
        """By term."""
        self.found: list[Evidence] = []

    def __iter__(self) -> Iterator[BindingStatement | LeaderCertificate]:
        """Give all."""
        for said in self._said.values():
            yield from said.values()
        yield from self._openings.values()

    def take(self, statement: BindingStatement) -> bool:
        """Take what a voter said; tells whether it is kept.

        Raises:
            LedgerError: it is no voter's, or not by whom it names.
        """
        verify_statement(statement, self._electorate, self._check)
        self.compare((statement,))
        said = self._said.setdefault(statement.voter, {})
        place = statement.term, type(statement)
        known = said.get(place)
        if known is not None and _rank(statement) <= _rank(known):
            return False
        said[place] = statement
        terms = sorted({term for term, _ in said}, reverse=True)[:_TERMS]
        self._said[statement.voter] = {at: one for at, one in said.items() if at[0] in terms}
        return statement.term in terms

    def take_opening(self, opening: LeaderCertificate) -> bool:
        """Take who was elected in a term; tells whether it is kept.

        Raises:
            LedgerError: nobody was, by these votes.
        """
        opening.verify(self._electorate, self._check)
        self.compare(opening.votes)
        known = self._openings.get(opening.term)
        if known is not None:
            votes = *known.votes, *opening.votes
            self.found += find_double_votes(self._electorate, votes, check=self._check)
            if opening.encoded <= known.encoded:
                return False
        self._openings[opening.term] = opening
        while len(self._openings) > _TERMS:
            del self._openings[min(self._openings)]
        return opening.term in self._openings

    def compare(self, statements: Iterable[BindingStatement]) -> None:
        """Compare statements, which were verified, with what else their voters said."""
        for one in statements:
            for other in self._said.get(one.voter, {}).values():
                if one != other:
                    self.found += self._find(one, other)

    def _find(self, one: BindingStatement, other: BindingStatement) -> Iterator[Evidence]:
        electorate, check = self._electorate, self._check
        stale = find_stale_generation(electorate, one, other, check=check)
        double = amnesia = None
        match one, other:
            case Vote(), Vote():
                yield from find_double_votes(electorate, (one, other), check=check)
            case Acknowledgement(), Acknowledgement():
                shown = self._show(one, other)
                double = find_double_acknowledgement(
                    electorate, one, other, shown=shown, check=check
                )
            case (Acknowledgement(), Vote()):
                amnesia = find_amnesia(electorate, one, other, check=check)
            case (Vote(), Acknowledgement()):
                amnesia = find_amnesia(electorate, other, one, check=check)
        yield from (found for found in (stale, double, amnesia) if found is not None)

    def _show(self, one: Acknowledgement, other: Acknowledgement) -> tuple[ShownHeader, ...]:
        """Give what shows that one block is not below the other, if it is here."""
        lower, higher = sorted((one, other), key=lambda each: each.index)
        is_near = lower.index < higher.index <= lower.index + MAX_PATH_HEADERS
        if one.term != other.term or not is_near:
            return ()
        if self._chain.head_at(higher.index) != higher.head:
            return ()
        return self._chain.shown(lower.index, higher.index)


def _rank(statement: BindingStatement) -> tuple[int, bytes]:
    """Tell which of two is kept: of acknowledgements the higher one."""
    index = statement.index if isinstance(statement, Acknowledgement) else 0
    return index, encode(statement)
