"""What is looked out for while a chain is verified: heads that were seen before, and what is final.

What a copy holds above its newest commit certificate may never have been final: others replace such
an end after a change of leader, and nobody has lied. So it is compared with nothing.
"""

from collections.abc import Collection, Iterable, Iterator

from kpclient.seen import Position
from kpledger.log.audit import AuditReport
from kpledger.log.certificates import CommitCertificate
from kpledger.log.chain import ExecutedBlock, Tip


class Lookout:
    """Keeps some blocks of one chain: to be believed as far as the chain was found sound."""

    def __init__(self, heights: Collection[int]) -> None:
        """Look out for the blocks at these heights, and for those of certificates."""
        self._heights = set(heights)
        self._tips: dict[int, Tip] = {}
        self._certificates: list[CommitCertificate] = []

    def follow(self, certificates: Iterable[CommitCertificate]) -> Iterator[CommitCertificate]:
        """Hand certificates on to whoever verifies them, and look out for their blocks."""
        for one in certificates:
            self._heights.add(one.index)
            self._certificates.append(one)
            yield one

    def see(self, executed: ExecutedBlock) -> None:
        """Take note of a block, if it is one of those."""
        if executed.tip.height in self._heights:
            self._tips[executed.tip.height] = executed.tip

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
