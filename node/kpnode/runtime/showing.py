"""Evidence on its way between a node and its peers: each shows all it has to all it meets."""

import logging
from collections.abc import Iterable
from typing import Final

from kpnode.docket import Exhibit
from kpnode.fairness import Buckets
from kpnode.ports import Links
from kpnode.raft import NodeId

_BURST: Final = 64
"""Pieces that a peer may show at once, and then one each second."""
_PER_S: Final = 1
_log = logging.getLogger(__name__)


class Showing:
    """Shows evidence, and limits what is shown; belongs to one event loop."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._taken = Buckets(_BURST, _PER_S)
        self._shown_to: frozenset[NodeId] = frozenset()

    def may_take(self, peer: NodeId) -> bool:
        """Tell whether a peer may show another piece; it is counted."""
        is_full = self._taken.is_full(peer)
        self._taken.fill(peer, 1)
        return not is_full

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
