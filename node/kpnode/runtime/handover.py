"""Whom a leader hands over to when it is stopped, so that nobody has to wait for its silence."""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass

from kpnode.raft import NodeId, Status

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handover:
    """Leadership on its way to another node."""

    ticket: int
    successor: NodeId
    ended: asyncio.Event

    async def wait(self, timeout_s: float) -> None:
        """Wait until it has ended, or until there is no hope left."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.ended.wait()
        except TimeoutError:
            _log.warning("%s did not take over in time", self.successor)


def choose_successor(status: Status, connected: Collection[str]) -> NodeId | None:
    """Choose the voter that can lead soonest; None if there is none, or this node does not lead.

    That is the one with most of the log, among those that have answered lately. "Lately" begins
    anew with every quorum check, so that right after one nobody counts as heard; then a live link
    has to do.
    """
    linked = [peer for peer in status.peers if peer.node in connected]
    heard = [peer for peer in linked if peer.recently_active]
    best = max(heard or linked, key=lambda peer: peer.match, default=None)
    return None if best is None else best.node
