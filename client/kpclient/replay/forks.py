"""Whether nodes and copies show one history, or where their histories part and who signed each.

The reference is the source whose final blocks reach highest. A node whose head the reference has at
the same height shows the same history, without another block of it being read. Where it has
another one, both are read, and the first height is found at which they differ.

Not every difference is a fork: the copy of a voter may end with blocks that were never final, and
that others replaced after a change of leader. That is ordinary. It takes a node, which serves
nothing else than what it holds for final, or a commit certificate on each side.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, count

from kpclient.replay.sources import HistorySource
from kpledger.log.certificates import CommitCertificate
from kpledger.log.conviction import Guilt
from kpledger.log.genesis import Genesis
from kpledger.log.heads import VerifiedHeads, find_parting


class HeadsVerdict(StrEnum):
    """What a comparison of histories ends with."""

    ONE_HISTORY = "ONE HISTORY"
    """All are of one chain."""
    FORK = "FORK"
    """Two of them exclude each other, or one shows what no honest node would."""
    UNDECIDED = "UNDECIDED"
    """Not everything that it takes could be had."""


class Agreement(StrEnum):
    """How the history of one source is to the reference."""

    SAME = "same"
    """It is a part of it, or goes on from it."""
    UNFINISHED = "unfinished"
    """It is a part of it, but for last blocks that were never final."""
    OTHER = "other"
    """It excludes it."""
    UNKNOWN = "unknown"
    """That could not be found out."""


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What one source shows."""

    source: str
    node: str
    """How it calls itself; empty for a copy."""
    is_remembered: bool
    """It is nobody who was asked now, but what was verified here before."""
    height: int
    head: str
    """Hexadecimal, as all hashes here."""
    behind: int
    """So many blocks the longest history has more."""
    final_up_to: int
    """The highest block for which it shows a commit certificate; 0 for none."""
    final_by: tuple[str, ...]
    """Who signed that."""
    evidence: int
    """How many pieces of evidence against voters it says that it holds."""
    holds_proof: bool
    """Whether its evidence proves that there are two histories."""
    agreement: Agreement
    violation: str | None
    """What it shows and no honest node would."""
    problem: str | None
    """What could not be had from it."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One side of a fork, above the last block that both have."""

    history: int
    """Its number: 1 is the reference."""
    sources: tuple[str, ...]
    height: int
    """Where it ends, as far as it was read."""
    head: str
    """There."""
    parting_head: str
    """At the first height at which the sides differ; empty if only a certificate is known of it."""
    leaders: tuple[str, ...]
    """Who signed blocks of it."""
    voters: tuple[str, ...]
    """Whose votes elected leaders of it."""
    final_up_to: int
    """Its highest block with a commit certificate; 0 for none."""
    final_by: tuple[str, ...]
    """Who signed that."""
    signers: tuple[str, ...]
    """Who signed blocks, votes or certificates of it."""


@dataclass(frozen=True, slots=True)
class Parting:
    """Two histories that exclude each other."""

    height: int
    """The first at which they differ."""
    branches: tuple[Branch, Branch]
    signed_both: Mapping[str, Guilt]
    """Who signed blocks, votes or certificates on both sides, and how grave that is as far as
    evidence shows: a reason to ask, where none does."""


@dataclass(frozen=True, slots=True)
class HeadsReport:
    """The verdict, and what it rests on."""

    verdict: HeadsVerdict
    chain: str
    height: int
    """Of the reference, as far as it was verified."""
    head: str
    final_up_to: int
    sources: tuple[SourceReport, ...]
    forks: tuple[Parting, ...]
    problem: str | None
    """Why nothing can be decided."""


def compare_heads(
    genesis: Genesis, sources: Sequence[HistorySource], read: Callable[[HistorySource], None]
) -> HeadsReport:
    """Compare the histories that sources show.

    Args:
        genesis: what is trusted.
        sources: copies, which were read, and nodes, which were asked.
        read: reads the blocks of a node, unless they were read.
    """

    def rank(source: HistorySource) -> tuple[int, bool, int]:
        final = max((one.index for one in source.certificates), default=0)
        return final, source.is_node, source.height

    for source in sorted((one for one in sources if one.is_there), key=rank, reverse=True):
        read(source)
        if source.chain is not None and source.chain.height and not source.violation:
            return _Comparison(genesis, sources, read, source, source.chain).report()
    return HeadsReport(
        verdict=_verdict(sources, is_fork=False, is_decided=False),
        chain=genesis.chain.hex(),
        height=0,
        head="",
        final_up_to=0,
        sources=tuple(_describe(one, Agreement.UNKNOWN, one.height) for one in sources),
        forks=(),
        problem="of no source the blocks can be had and verified",
    )


class _Comparison:
    """All sources beside one of them."""

    def __init__(
        self,
        genesis: Genesis,
        sources: Sequence[HistorySource],
        read: Callable[[HistorySource], None],
        reference: HistorySource,
        chain: VerifiedHeads,
    ) -> None:
        self._genesis, self._sources, self._read = genesis, sources, read
        self._reference, self._chain = reference, chain
        shown = (one for source in sources for one in source.certificates)
        self._certificates = tuple(dict.fromkeys(shown))
        self._others: list[_History] = []
        """The histories that exclude the reference, and each other."""
        self._contradicted: list[HistorySource] = []
        """Of what is remembered that which the reference excludes, and nobody shows."""
        self._problems: list[str] = []

    def report(self) -> HeadsReport:
        """Say what was found."""
        chain = self._chain
        # What is remembered comes last: somebody may show it.
        ordered = sorted(self._sources, key=lambda one: one.is_remembered)
        judged = {id(one): self._judge(one) for one in ordered}
        agreements = [judged[id(one)] for one in self._sources]
        same = [one for one in self._sources if judged[id(one)] is Agreement.SAME]
        unread = (*self._find_unread(), *self._find_unshown())
        forks = (*self._find_forks(same), *self._find_unread_forks(unread))
        is_decided = not (self._problems or Agreement.UNKNOWN in agreements)
        # What could not be had of a copy or of the reference may be a proof, or another end.
        is_whole = chain.height >= self._reference.height
        is_decided &= is_whole and not any(one.problem for one in same if not one.is_node)
        final = chain.final_of(self._certificates)
        # As they said at one moment: the reference has been read since, and may have grown.
        longest = max(one.height for one in self._sources if not one.is_remembered)
        return HeadsReport(
            verdict=_verdict(self._sources, is_fork=bool(forks), is_decided=is_decided),
            chain=self._genesis.chain.hex(),
            height=chain.height,
            head=_hex(chain.head_at(chain.height)),
            final_up_to=0 if final is None else final.index,
            sources=tuple(
                _describe(one, agreement, longest)
                for one, agreement in zip(self._sources, agreements, strict=True)
            ),
            forks=forks,
            problem="; ".join(self._problems) or None,
        )

    def _judge(self, source: HistorySource) -> Agreement:
        """Say how a source's history is to the reference, and note where it parts from it."""
        if source is self._reference:
            return Agreement.SAME
        if source.is_there and source.chain is None:
            if self._chain.head_at(source.height) == source.head:
                return Agreement.SAME
            self._read(source)
        chain = source.chain
        if chain is None:
            return self._judge_remembered(source)
        if source.is_node and chain.head_at(source.height) not in (None, source.head):
            said = f"its status says that block {source.height} has head {source.head.hex()}"
            source.violation = source.violation or f"{said}, its blocks say otherwise"
        height = find_parting(self._chain, chain)
        if height is not None:
            return self._judge_parting(source, chain, height)
        is_whole = chain.height >= min(source.height, self._chain.height)
        return Agreement.SAME if is_whole else Agreement.UNKNOWN

    def _judge_remembered(self, source: HistorySource) -> Agreement:
        """Say how something of which no block can be read is to the reference."""
        for history in self._others if source.is_remembered else ():
            if history.chain.head_at(source.height) == source.head:
                history.sources.append(source)
                return Agreement.OTHER
        if source.is_remembered and source.height > self._chain.height:
            source.problem = "nobody shows a block so high"
        elif source.is_remembered and self._holds_final(self._reference, source.height):
            self._contradicted.append(source)
            return Agreement.OTHER
        return Agreement.UNKNOWN

    def _judge_parting(self, source: HistorySource, chain: VerifiedHeads, height: int) -> Agreement:
        """Say whether two histories that part are a fork, or one has an unfinished end."""
        unfinished = [
            one for one in (self._reference, source) if not self._holds_final(one, height)
        ]
        if not unfinished:
            self._join(source, chain)
            return Agreement.OTHER
        names = " and ".join(one.name for one in unfinished)
        said = f"nobody has certified what {names} has from block {height} on"
        if len(unfinished) == 1 and not unfinished[0].problem:
            source.problem = f"{said}: an end that was never final, which others replaced"
            return Agreement.UNFINISHED
        self._problems.append(f"{said}: the end of one was never final, or the ledger has forked")
        return Agreement.UNKNOWN

    def _join(self, source: HistorySource, chain: VerifiedHeads) -> None:
        """Put a source that excludes the reference to those of one history with it."""
        for history in self._others:
            height = find_parting(history.chain, chain)
            if height is None or not (
                self._holds_final(source, height)
                and any(self._holds_final(one, height) for one in history.sources)
            ):
                history.sources.append(source)
                history.chain = max(history.chain, chain, key=lambda one: one.height)
                return
        self._others.append(_History(chain, [source]))

    def _holds_final(self, source: HistorySource, height: int) -> bool:
        """Tell whether what a source shows from a height on is more than an unfinished end."""
        if source.is_node or source.chain is None:
            return source.is_node
        final = source.chain.final_of(self._certificates)
        return final is not None and final.index >= height

    def _find_forks(self, same: Sequence[HistorySource]) -> Iterator[Parting]:
        """Put each history beside each other."""
        histories = enumerate((_History(self._chain, [*same]), *self._others), start=1)
        for (one, ours), (other, theirs) in combinations(histories, 2):
            height = find_parting(ours.chain, theirs.chain)
            if height is not None:
                yield _fork(
                    height,
                    self._branch(one, ours, height),
                    self._branch(other, theirs, height),
                )

    def _branch(self, number: int, history: "_History", height: int) -> Branch:
        chain = history.chain
        held = [one for one in self._certificates if one.index >= height and chain.holds(one)]
        final = max(held, key=lambda one: one.index, default=None)
        leaders, voters = chain.leaders_from(height), chain.voters_from(height)
        signers = {*leaders, *voters, *(name for one in held for name in _signers(one))}
        return Branch(
            history=number,
            sources=tuple(one.name for one in history.sources if one.height >= height),
            height=chain.height,
            head=_hex(chain.head_at(chain.height)),
            parting_head=_hex(chain.head_at(height)),
            leaders=leaders,
            voters=voters,
            final_up_to=0 if final is None else final.index,
            final_by=_signers(final),
            signers=tuple(sorted(signers)),
        )

    def _find_unread_forks(self, unread: Iterable["_Unread"]) -> Iterator[Parting]:
        """Put blocks that nobody shows beside the reference, which excludes them."""
        reference = _History(self._chain, [self._reference])
        for number, one in zip(count(len(self._others) + 2), unread, strict=False):
            final = one.certificate
            branch = Branch(
                history=number,
                sources=one.sources,
                height=one.height,
                head=one.head.hex(),
                parting_head="",
                leaders=(),
                voters=(),
                final_up_to=0 if final is None else final.index,
                final_by=_signers(final),
                signers=_signers(final),
            )
            yield _fork(one.height, self._branch(1, reference, one.height), branch)

    def _find_unread(self) -> Iterator["_Unread"]:
        for one in self._contradicted:
            final = next(iter(one.certificates), None)
            yield _Unread((one.name,), one.height, one.head, final)

    def _find_unshown(self) -> Iterator["_Unread"]:
        """Look for what a majority has signed, and is in none of the chains that were read."""
        chains = [one.chain for one in self._sources if one.chain is not None]
        # One of each block; others may show it with other signers.
        for one in {(each.index, each.head): each for each in self._certificates}.values():
            if any(chain.holds(one) for chain in chains):
                continue
            if any(one in source.certificates for source in self._contradicted):
                continue
            names = tuple(source.name for source in self._sources if one in source.certificates)
            said = f"{', '.join(names)} shows that block {one.index} is final with head"
            if one.index > self._chain.height or not self._holds_final(self._reference, one.index):
                self._problems.append(f"{said} {one.head.hex()}, and nobody shows that block")
                continue
            yield _Unread(names, one.index, one.head, one)


@dataclass(slots=True)
class _History:
    """Sources that show one history, and the longest chain that was read of it."""

    chain: VerifiedHeads
    sources: list[HistorySource]


@dataclass(frozen=True, slots=True)
class _Unread:
    """A block that was final, or shown as such, and that is in no chain that was read."""

    sources: tuple[str, ...]
    height: int
    head: bytes
    certificate: CommitCertificate | None


def _verdict(sources: Iterable[HistorySource], *, is_fork: bool, is_decided: bool) -> HeadsVerdict:
    if is_fork or any(one.violation or one.forks for one in sources):
        return HeadsVerdict.FORK
    return HeadsVerdict.ONE_HISTORY if is_decided else HeadsVerdict.UNDECIDED


def _fork(height: int, ours: Branch, others: Branch) -> Parting:
    both = sorted({*ours.signers} & {*others.signers})
    return Parting(height, (ours, others), dict.fromkeys(both, Guilt.SUSPICION))


def _signers(certificate: CommitCertificate | None) -> tuple[str, ...]:
    return () if certificate is None else tuple(one.voter for one in certificate.by)


def _describe(source: HistorySource, agreement: Agreement, longest: int) -> SourceReport:
    final = max(source.certificates, key=lambda one: one.index, default=None)
    return SourceReport(
        source=source.name,
        node=source.node,
        is_remembered=source.is_remembered,
        height=source.height,
        head=source.head.hex(),
        behind=max(0, longest - source.height),
        final_up_to=0 if final is None else final.index,
        final_by=_signers(final),
        evidence=source.evidence,
        holds_proof=bool(source.forks),
        agreement=agreement,
        violation=source.violation or None,
        problem=source.problem or None,
    )


def _hex(head: bytes | None) -> str:
    return "" if head is None else head.hex()
