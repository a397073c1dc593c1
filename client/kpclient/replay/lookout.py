"""What is looked out for while a chain is verified: heads that were seen before, and what is final.

What a copy holds above its newest commit certificate may never have been final: others replace such
an end after a change of leader, and nobody has lied. So it is compared with nothing.
"""

from collections.abc import Iterable, Iterator

from kpclient.replay.audit_notes import EarlierAudit
from kpclient.sightings import Position, Seen
from kpledger.base.codec import encode
from kpledger.log.audit import AuditReport
from kpledger.log.certificates import CommitCertificate
from kpledger.log.chain import ExecutedBlock, Tip
from kpledger.log.evidence import MAX_FORK_OPENINGS, MAX_PATH_HEADERS, Evidence, Fork
from kpledger.log.finality import Ends, end_at
from kpledger.log.path import ShownHeader
from kpledger.log.statements import Electorate
from kpledger.log.two_histories import Stretch, find_double_signing


class Lookout:
    """Keeps some blocks of one chain: to be believed as far as the chain was found sound."""

    def __init__(self, seen: Seen) -> None:
        """Look out for the blocks that were seen, and for those of certificates."""
        self._heights = set(seen.heights)
        self._seen = [(one.position.height, one.position.head) for one in seen.sightings]
        self._final = seen.certificate
        self._earlier_final = 0
        self._above_final: list[ShownHeader] = []
        self._openings: list[ShownHeader] = []
        self._tips: dict[int, Tip] = {}
        self._heads: dict[int, bytes] = {}
        self._certificates: list[CommitCertificate] = []

    def follow(self, certificates: Iterable[CommitCertificate]) -> Iterator[CommitCertificate]:
        """Hand certificates on to whoever verifies them, and look out for their blocks."""
        for one in certificates:
            self._heights.add(one.index)
            self._certificates.append(one)
            yield one

    def go_on(self, earlier: EarlierAudit, ends: Ends) -> bool:
        """Take over what an earlier audit has met on the chain, if that is all there was to meet.

        Otherwise the blocks have to be looked at again, for who signed what excludes each other.
        """
        tip, final = earlier.progress.tip, self._final
        seen = [(height, head) for height, head in self._seen if height <= tip.height]
        if final is not None and final.index <= tip.height:
            seen.append((final.index, final.head))
        elif final is not None and final.term < tip.term:
            return False
        if any(end_at(ends, height).head != head for height, head in seen):
            return False
        self._heads.update(seen)
        self._tips[tip.height] = tip
        if earlier.final is not None:
            self._earlier_final = earlier.final.height
            self._tips[earlier.final.height] = earlier.final
        return True

    def see(self, executed: ExecutedBlock) -> None:
        """Take note of a block, if it is one of those, or just above what was seen to be final."""
        if self._final is not None:
            self._see_above(self._final, executed)
        if executed.tip.height in self._heights:
            self._tips[executed.tip.height] = executed.tip
            self._heads[executed.tip.height] = executed.tip.head

    def _see_above(self, final: CommitCertificate, executed: ExecutedBlock) -> None:
        """Keep what excludes a block that was final, if it is not on this chain: who signed it."""
        opening, header = executed.opening, encode(executed.header)
        if opening is not None and opening.term > final.term:
            known = [*self._openings, ShownHeader(header=header, seal=opening.encoded)]
            self._openings = known[:MAX_FORK_OPENINGS]
        if 0 < executed.tip.height - final.index <= MAX_PATH_HEADERS:
            self._above_final.append(ShownHeader(header=header, seal=b""))

    def find_final(self, report: AuditReport) -> Tip | None:
        """Give the end of what is shown to be final, now or in an earlier audit."""
        final = max(report.final_up_to, self._earlier_final)
        height = max((at for at in self._tips if at <= final), default=None)
        return None if height is None else self._tips[height]

    def find_end(self, report: AuditReport, *, is_served: bool) -> Position:
        """Give up to where the chain counts; a node serves nothing that it does not hold final.

        A copy without any certificate is one of an earlier version, and counts to its end.
        """
        tip = self.find_final(report)
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
        return {at: head for at, head in self._heads.items() if at <= height}

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
        if self._heads.get(final.index) == final.head:
            return ()
        others = (
            one for one in self._certificates if one.index >= final.index or one.term > final.term
        )
        here = Stretch((*self._openings, *self._above_final), tuple(others))
        found = find_double_signing(electorate, Stretch((), (final,)), here)
        return found if any(isinstance(one, Fork) for one in found) else ()
