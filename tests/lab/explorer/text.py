"""Moves and bounds as people read them."""

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Final

from lab.explorer.acts import Act, Deliver, Lapse, Restart
from lab.explorer.bounds import Bounds
from lab.explorer.rules import describe_log
from lab.explorer.space import Move

from kpnode.raft import AppendRequest, MessageBody

RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "a leader holds what was committed before its term": "LeaderCompleteness",
        "a leader knows its peers right, two nodes": "AckOnDisk",
        "a term has one vote, and terms never fall": "VoteOnce",
        "acknowledged entries are on disk": "AckOnDisk",
        "committed entries agree": "StateMachineSafety",
        "committed entries are durable at a majority of each configuration": "CommittedIsDurable",
        "entries are applied in order": "AppliedInOrder",
        "log matching, memory and disk of one node": "LogMatching",
        "log matching, two nodes": "LogMatching",
        "no sound disk is taken for one that lost something": "NothingLost",
        "one leader a term": "ElectionSafety",
        "one pending configuration at a leader": "OnePending",
        "reads are linearizable": "ReadIsLinearizable",
        "the commit index rises, within the log": "CommitMonotone, CommitByOwnTerm",
        "the voters are those in the log": "VotersOfLog",
        "votes and terms are durable before they are said": "VoteDurable",
    }
)
"""What a violation of each check of `lab.explorer.rules` is called."""


def describe_check(check: str) -> str:
    """Return a check with the names that its violations have."""
    return f"{check} ({RULES[check]})" if check in RULES else check


def describe_bounds(bounds: Bounds) -> str:
    """Return what the world has, without what it has none of."""
    held = ((field.name, getattr(bounds, field.name)) for field in fields(bounds))
    return ", ".join(f"{name} {int(value)}" for name, value in held if value)


def describe_move(move: Move) -> str:
    """Return one line about a move."""
    parts = [f"{move.node}: {_describe_act(move.act)}"]
    if move.copied:
        parts.append("a copy stays in flight")
    if move.manner.silent:
        parts.append("no leader was heard for long")
    if move.manner.held:
        parts.append("the driver does not save yet")
    if move.manner.late:
        parts.append("the core is not told yet what is saved")
    if move.answered:
        parts.append("the answer arrives at once")
    return "; ".join(parts)


def _describe_act(act: Act) -> str:
    match act:
        case Deliver():
            message = act.message
            return f"receives from {message.sender} {_describe_message(message.body)}"
        case Restart():
            kept = "where it was" if act.machine_kept else "at its beginning"
            return f"crashes and restarts, the state machine {kept}"
        case Lapse():
            return "Lapse (no quorum answered it)"
        case _:
            values = (getattr(act, field.name) for field in fields(act))
            return " ".join([type(act).__name__, *map(str, values)])


def _describe_message(body: MessageBody) -> str:
    values = []
    for field in fields(body):
        value = getattr(body, field.name)
        if isinstance(body, AppendRequest) and field.name == "entries":
            value = describe_log(body.entries)
        values.append(f"{field.name}={value}")
    return f"{type(body).__name__}({', '.join(values)})"
