"""kpnode.driver: one running node, in one event loop; :class:`Node` is what others see of it."""

from kpnode.driver.node import Node, NodeStatus
from kpnode.submission import Committed, Outcome, Pending, Refused, Rejected, Unavailable

__all__ = [
    "Committed",
    "Node",
    "NodeStatus",
    "Outcome",
    "Pending",
    "Refused",
    "Rejected",
    "Unavailable",
]
