"""What must never be seen, in messages, on disks, in logs, in what is applied, and by clients.

Outcomes alone find little: a forgotten vote rarely leads to two leaders within a run, but it is
visible at once in two vote messages of one term. So promises are checked where they are made. Each
checker knows one rule; all of them see everything.
"""

from lab.invariants.base import Checker, Panel
from lab.invariants.catalogue import Invariant, ViolationError
from lab.invariants.clients import Answers, History, ReadConfirmed
from lab.invariants.configurations import ActiveConfigurations, HandOver, OneChangeAtATime
from lab.invariants.logs import (
    AckOnDisk,
    CommitByOwnTerm,
    CommitByQuorum,
    CommitTrue,
    LogMatching,
    MatchByAck,
    RefusalTrue,
    StateMachineSafety,
)
from lab.invariants.losses import QuietAfterLoss
from lab.invariants.time import QuorumChecked, Restless, TransferEnds
from lab.invariants.votes import (
    ElectionQuorum,
    ElectionSafety,
    HardStateForward,
    Sticky,
    TermByCampaign,
    VoteOnce,
)

__all__ = [
    "AckOnDisk",
    "ActiveConfigurations",
    "Answers",
    "Checker",
    "CommitByOwnTerm",
    "CommitByQuorum",
    "CommitTrue",
    "ElectionQuorum",
    "ElectionSafety",
    "HandOver",
    "HardStateForward",
    "History",
    "Invariant",
    "LogMatching",
    "MatchByAck",
    "OneChangeAtATime",
    "Panel",
    "QuietAfterLoss",
    "QuorumChecked",
    "ReadConfirmed",
    "RefusalTrue",
    "Restless",
    "StateMachineSafety",
    "Sticky",
    "TermByCampaign",
    "TransferEnds",
    "ViolationError",
    "VoteOnce",
]
