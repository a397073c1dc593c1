"""Who signed two histories of one ledger: evidence in the parts above the block where they part.

Two leaders' blocks and two certificates on two branches contradict each other only where one voter
has signed what no honest one signs together: :mod:`kpledger.log.judging` says when. Whoever holds
both histories has all that it takes.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

from kpledger.log.block import BlockKind
from kpledger.log.certificates import CommitCertificate, LeaderCertificate, decode_opening
from kpledger.log.conviction import Guilt
from kpledger.log.evidence import Equivocation, Evidence, Fork, read_header
from kpledger.log.findings import (
    find_double_votes,
    find_equivocation,
    find_fork,
    find_stale_generations,
)
from kpledger.log.judging import judge
from kpledger.log.path import ShownHeader
from kpledger.log.statements import Acknowledgement, Electorate, SignatureCheck, Vote, verifies

_NEAREST: Final = 8
"""Certificates of each history that are compared: the nearest to where the two part."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one of two histories has and the other one has not."""

    shown: tuple[ShownHeader, ...]
    """The headers from the first block on at which they differ; as many as are known."""
    certificates: tuple[CommitCertificate, ...]
    """Of its blocks."""
    begun: LeaderCertificate | None = None
    """The votes that opened the term in which it begins, if that was before it: a block that opens
    a term is the same whoever was elected, by whose votes ever."""

    def leaderships(self) -> dict[tuple[int, str], ShownHeader]:
        """Give the first block that each leader signed in each term."""
        found: dict[tuple[int, str], ShownHeader] = {}
        for one in self.shown:
            header = read_header(one)
            if header.kind is BlockKind.BLOCK:
                found.setdefault((header.term, header.leader), one)
        return found

    def openings(self) -> Iterator[LeaderCertificate]:
        """Give the votes that opened terms; those of an earlier version have none."""
        if self.begun is not None:
            yield self.begun
        for one in self.shown:
            if read_header(one).kind is BlockKind.NOOP and one.seal:
                yield decode_opening(one.seal)

    def statements(self) -> Iterator[Acknowledgement | Vote]:
        """Give what voters have signed of it, besides blocks."""
        for opening in self.openings():
            yield from opening.votes
        for certificate in self.certificates:
            yield from certificate.acknowledgements


def find_double_signers(one: Stretch, other: Stretch) -> frozenset[str]:
    """Name whose signatures stand in both of two histories; an honest voter's may.

    Raises:
        LedgerError: a header is malformed.
    """
    here, there = _signatures(one), _signatures(other)
    return frozenset({name for name, _ in here - there} & {name for name, _ in there - here})


def _leadership(block: ShownHeader) -> tuple[int, str]:
    header = read_header(block)
    return header.term, header.leader


def _signatures(side: Stretch) -> set[tuple[str, Acknowledgement | Vote | ShownHeader]]:
    blocks = {(leader, block) for (_, leader), block in side.leaderships().items()}
    return blocks | {(said.voter, said) for said in side.statements()}


def find_double_signing(
    electorate: Electorate, one: Stretch, other: Stretch, *, check: SignatureCheck = verifies
) -> tuple[Evidence, ...]:
    """Find what convicts who signed both of two histories, or is a reason to ask.

    What stands in the evidence of a fork is not given a second time by itself, since less would be
    known of it there; nor are two blocks of a leader whose storage is seen to have run twice in
    that term: by themselves they would show a lie.

    Raises:
        LedgerError: a header is malformed.
    """
    equivocations = [*_find_equivocations(electorate, one, other, check)]
    found = _find_forks(electorate, one, other, equivocations, check)
    forks = _choose(electorate, found, check)
    told = [fork.equivocation for fork in forks]
    said = [*one.statements(), *other.statements()]
    starts: defaultdict[tuple[int, str], set[int]] = defaultdict(set)
    for each in said:
        starts[each.term, each.voter].add(each.generation)
    votes = (each for each in said if isinstance(each, Vote))
    return (
        *forks,
        *(
            each
            for each in equivocations
            if each not in told and len(starts[_leadership(each.first)]) <= 1
        ),
        *find_double_votes(electorate, votes, check=check),
        *find_stale_generations(electorate, said, check=check),
    )


def _find_equivocations(
    electorate: Electorate, one: Stretch, other: Stretch, check: SignatureCheck
) -> Iterator[Equivocation]:
    ours, theirs = one.leaderships(), other.leaderships()
    for leadership in sorted(ours.keys() & theirs.keys()):
        first, second = ours[leadership], theirs[leadership]
        is_higher = read_header(first).height > read_header(second).height
        shown = one.shown if is_higher else other.shown
        found = find_equivocation(electorate, first, second, shown=shown, check=check)
        if found is not None:
            yield found


def _find_forks(
    electorate: Electorate,
    one: Stretch,
    other: Stretch,
    equivocations: list[Equivocation],
    check: SignatureCheck,
) -> Iterator[Fork]:
    openings = [*one.openings(), *other.openings()]
    by_term = {read_header(found.first).term: found for found in equivocations}
    pairs = product(_nearest(one), _nearest(other))
    for ours, theirs in sorted(pairs, key=lambda pair: abs(pair[0].term - pair[1].term)):
        shown = one.shown if ours.index > theirs.index else other.shown
        found = find_fork(
            electorate,
            ours,
            theirs,
            shown=shown,
            openings=openings,
            equivocation=by_term.get(min(ours.term, theirs.term)),
            check=check,
        )
        if found is not None:
            yield found


def _nearest(stretch: Stretch) -> list[CommitCertificate]:
    return sorted(stretch.certificates, key=lambda one: one.index)[:_NEAREST]


def _choose(electorate: Electorate, found: Iterator[Fork], check: SignatureCheck) -> list[Fork]:
    """Keep those by which somebody is named whom none graver names, or as gravely."""
    judged = [(judge(fork, electorate, check), fork) for fork in found]
    judged.sort(key=lambda one: one[0].guilt.gravity, reverse=True)
    chosen: list[Fork] = []
    named: dict[str, Guilt] = {}
    for conviction, fork in judged:
        graver = {
            name: guilt
            for name, guilt in conviction.named.items()
            if name not in named or guilt.gravity > named[name].gravity
        }
        if graver:
            chosen.append(fork)
            named |= graver
    return chosen
