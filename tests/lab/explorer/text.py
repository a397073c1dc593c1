"""Moves and bounds as people read them."""

from dataclasses import fields

from lab.explorer.acts import Act, Deliver, Lapse, Restart
from lab.explorer.bounds import Bounds
from lab.explorer.rules import describe_log
from lab.explorer.space import Move
from lab.invariants.catalogue import Invariant

from kpnode.raft import AppendRequest, MessageBody


def describe_check(check: Invariant) -> str:
    """Return what was checked, with the name that its violations have."""
    return f"{check.value} ({check.name})"


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
        if field.name == "attached" and not value:
            continue
        if isinstance(body, AppendRequest) and field.name == "entries":
            value = describe_log(body.entries)
        values.append(f"{field.name}={value}")
    return f"{type(body).__name__}({', '.join(values)})"
