"""What is looked out for while a chain is verified: heads that were seen before, and what is final.

What a copy holds above its newest commit certificate may never have been final: others replace such
an end after a change of leader, and nobody has lied. So it is compared with nothing.
"""

from collections.abc import Iterable, Iterator

from kpclient.sightings import Position, Seen
from kpledger.base.codec import encode
from kpledger.log.audit import AuditReport
from kpledger.log.certificates import CommitCertificate
from kpledger.log.chain import ExecutedBlock, Tip
from kpledger.log.evidence import MAX_FORK_OPENINGS, MAX_PATH_HEADERS, Evidence, Fork
from kpledger.log.path import ShownHeader
from kpledger.log.statements import Electorate
from kpledger.log.two_histories import Stretch, find_double_signing


class Lookout:
    """Keeps some blocks of one chain: to be believed as far as the chain was found sound."""

    def __init__(self, seen: Seen) -> None:
        """Look out for the blocks that were seen, and for those of certificates."""
        self._heights = set(seen.heights)
        self._final = seen.certificate
        self._above_final: list[ShownHeader] = []
        self._openings: list[ShownHeader] = []
        self._tips: dict[int, Tip] = {}
        self._certificates: list[CommitCertificate] = []

    def follow(self, certificates: Iterable[CommitCertificate]) -> Iterator[CommitCertificate]:
        """Hand certificates on to whoever verifies them, and look out for their blocks."""
        for one in certificates:
            self._heights.add(one.index)
            self._certificates.append(one)
            yield one

    def see(self, executed: ExecutedBlock) -> None:
        """Take note of a block, if it is one of those, or just above what was seen to be final."""
        if self._final is not None:
            self._see_above(self._final, executed)
        if executed.tip.height in self._heights:
            self._tips[executed.tip.height] = executed.tip

    def _see_above(self, final: CommitCertificate, executed: ExecutedBlock) -> None:
        """Keep what excludes a block that was final, if it is not on this chain: who signed it."""
        opening, header = executed.opening, encode(executed.header)
        if opening is not None and opening.term > final.term:
            known = [*self._openings, ShownHeader(header=header, seal=opening.encoded)]
            self._openings = known[:MAX_FORK_OPENINGS]
        if 0 < executed.tip.height - final.index <= MAX_PATH_HEADERS:
            self._above_final.append(ShownHeader(header=header, seal=b""))

    def find_end(self, report: AuditReport, *, is_served: bool) -> Position:
        """Give up to where the chain counts; a node serves nothing that it does not hold final.

        A copy without any certificate is one of an earlier version, and counts to its end.
        """
        tip = self._tips.get(report.final_up_to)
        if is_served or tip is None:
            return Position(
                height=report.height,
                head=bytes.fromhex(report.head),
                tree_size=report.tree_size,
                tree_root=bytes.fromhex(report.tree_root),
            )
        root = tip.tree.root()
        return Position(height=tip.height, head=tip.head, tree_size=tip.tree.size, tree_root=root)

    def heads_up_to(self, height: int) -> dict[int, bytes]:
        """Give the heads that were met, by their heights."""
        return {at: tip.head for at, tip in self._tips.items() if at <= height}

    def newest_certificate(self, report: AuditReport) -> CommitCertificate | None:
        """Give the certificate of the highest block that is final."""
        found = (one for one in self._certificates if one.index == report.final_up_to)
        return next(found, None)

    def find_double_signing(self, electorate: Electorate) -> tuple[Evidence, ...]:
        """Find who signed what was seen to be final, and what is final here and excludes it.

        Nothing is found where the two do not exclude each other.
        """
        final = self._final
        if final is None:
            return ()
        tip = self._tips.get(final.index)
        if tip is not None and tip.head == final.head:
            return ()
        others = (
            one for one in self._certificates if one.index >= final.index or one.term > final.term
        )
        here = Stretch((*self._openings, *self._above_final), tuple(others))
        found = find_double_signing(electorate, Stretch((), (final,)), here)
        return found if any(isinstance(one, Fork) for one in found) else ()
