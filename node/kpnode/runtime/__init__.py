"""kpnode.runtime: one running node, in one event loop; :class:`Node` is what others see of it."""

from kpnode.runtime.health import Cause, Failure, NodeStatus
from kpnode.runtime.node import Node
from kpnode.submission import Committed, Outcome, Pending, Refused, Unavailable

__all__ = [
    "Cause",
    "Committed",
    "Failure",
    "Node",
    "NodeStatus",
    "Outcome",
    "Pending",
    "Refused",
    "Unavailable",
]
