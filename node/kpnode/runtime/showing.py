"""Evidence on its way between a node and its peers: each shows all it has to all it meets."""

import logging
from collections.abc import Callable, Iterable
from typing import Final

from kpledger.log.statements import Electorate
from kpnode.docket import Exhibit, judge_encoded
from kpnode.fairness import Buckets
from kpnode.ports import Links
from kpnode.raft import NodeId
from kpnode.runtime.verifier import Verifier
from kpnode.step import ShownEvidence

_BURST_BYTES: Final = 16 << 20
"""Of evidence that a peer may show at once: three pieces as long as can be, or 256 short ones."""
_BYTES_PER_S: Final = 64 << 10
_PIECE_BYTES: Final = 64 << 10
"""As which a shorter piece counts."""
_log = logging.getLogger(__name__)


class Showing:
    """Shows evidence, and limits what is shown; belongs to one event loop."""

    def __init__(
        self, verifier: Verifier, electorate: Electorate, put: Callable[[ShownEvidence], None]
    ) -> None:
        """Begin with nobody; hand on to ``put`` what convicts somebody, or shows a fork."""
        self._verifier = verifier
        self._electorate = electorate
        self._put = put
        self._taken = Buckets(_BURST_BYTES, _BYTES_PER_S)
        self._shown_to: frozenset[NodeId] = frozenset()

    def take(self, peer: NodeId, encoded: bytes, known: Iterable[Exhibit]) -> None:
        """Take evidence that a peer shows, if it has not shown too much.

        It is judged in a thread, since it may hold thousands of signatures.
        """
        if self._taken.is_full(peer) or any(one.encoded == encoded for one in known):
            return
        self._taken.fill(peer, max(len(encoded), _PIECE_BYTES))
        judged: list[Exhibit] = []

        def judge_it() -> None:
            check = self._verifier.signatures.check_statement
            judged.append(judge_encoded(encoded, self._electorate, check))

        def hand_on(_: object) -> None:
            for exhibit in judged:
                self._put(ShownEvidence(exhibit))

        self._verifier.begin(judge_it).add_done_callback(hand_on)

    def meet(self, links: Links | None, exhibits: Iterable[Exhibit]) -> None:
        """Show all evidence to those that are connected anew."""
        if links is None:
            return
        connected = frozenset(map(NodeId, links.connected()))
        _show(links, connected - self._shown_to, exhibits)
        self._shown_to = connected

    def tell(self, links: Links, found: Iterable[Exhibit]) -> None:
        """Show new evidence to all that have been shown the rest."""
        for exhibit in found:
            _log.error("evidence: %s", exhibit.conviction.words)
        _show(links, self._shown_to, found)


def _show(links: Links, peers: Iterable[NodeId], exhibits: Iterable[Exhibit]) -> None:
    for peer in sorted(peers):
        for exhibit in exhibits:
            links.show(peer, exhibit.encoded)
