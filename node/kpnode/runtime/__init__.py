"""kpnode.runtime: one running node, in one event loop; :class:`Node` is what others see of it."""

from kpnode.runtime.node import Node
from kpnode.submission import Committed, Outcome, Pending, Refused, Unavailable

__all__ = [
    "Committed",
    "Node",
    "Outcome",
    "Pending",
    "Refused",
    "Unavailable",
]
