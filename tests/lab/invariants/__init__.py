"""What must never be seen, in messages, on disks, in logs, in what is applied, and by clients.

Outcomes alone find little: a forgotten vote rarely leads to two leaders within a run, but it is
visible at once in two vote messages of one term. So promises are checked where they are made. Each
checker knows one rule; all of them see everything.
"""

from lab.invariants.base import Checker, Panel, ViolationError
from lab.invariants.clients import Answers, History, ReadConfirmed
from lab.invariants.configurations import ActiveConfigurations, HandOver, OneChangeAtATime
from lab.invariants.logs import (
    AckOnDisk,
    CommitByOwnTerm,
    CommitByQuorum,
    CommitForever,
    CommitTrue,
    LogMatching,
    MatchByAck,
    RefusalTrue,
)
from lab.invariants.losses import QuietAfterLoss
from lab.invariants.time import QuorumChecked, Restless, TransferEnds
from lab.invariants.votes import (
    ElectionQuorum,
    HardStateForward,
    OneLeader,
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
    "CommitForever",
    "CommitTrue",
    "ElectionQuorum",
    "HandOver",
    "HardStateForward",
    "History",
    "LogMatching",
    "MatchByAck",
    "OneChangeAtATime",
    "OneLeader",
    "Panel",
    "QuietAfterLoss",
    "QuorumChecked",
    "ReadConfirmed",
    "RefusalTrue",
    "Restless",
    "Sticky",
    "TermByCampaign",
    "TransferEnds",
    "ViolationError",
    "VoteOnce",
]
