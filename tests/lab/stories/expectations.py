"""What a line of a scenario may expect, and what it says if it finds something else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from lab.stories.stage import Stage
from lab.stories.words import (
    Bound,
    UnexpectedError,
    UsageError,
    format_message,
    format_value,
    parse_bound,
    parse_number,
    parse_pair,
    parse_selection,
    require_words,
)

from kpnode.raft import Message, Status

NODE_USAGE = "A FIELD=VALUE..."
"""How a node's own expectation is written; it has no word that it begins with."""
_AT_LEAST_ONE = Bound(">=", 1)
_OF_CORE = [field.name for field in fields(Status) if field.name not in ("node", "peers")]


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that can be expected."""

    usage: str
    check: Callable[[Stage, list[str]], None]


def expect(stage: Stage, words: list[str]) -> None:
    """Compare what is there with what the line says.

    Raises:
        UnexpectedError: They differ.
        UsageError: It is no expectation.
    """
    if words[0] in EXPECTATIONS:
        expectation = EXPECTATIONS[words[0]]
        require_words(expectation.usage, words[1:])
        expectation.check(stage, words[1:])
    elif words[:1] == ["no"] and words[1:2] in (["message"], ["sent"]):
        EXPECTATIONS[words[1]].check(stage, [*words[2:], "=0"])
    else:
        _expect_node(stage, words)


def usages_of(words: list[str]) -> tuple[str, ...]:
    """Return how the expectation that begins with these words is written, or how all are."""
    verb = next((word for word in words if word != "no"), "")
    known = {what: f"expect {what} {it.usage}" for what, it in EXPECTATIONS.items()}
    return (known[verb],) if verb in known else (f"expect {NODE_USAGE}", *known.values())


def describe(stage: Stage, name: str) -> dict[str, str]:
    """Return all that can be expected of a node, as text; only its disk if it does not run."""
    actor = stage.actor(name)
    log = tuple(entry.term for entry in actor.disk.log)
    shown = {
        "log": format_value(log),
        "saved_term": format_value(actor.disk.hard_state.term),
        "saved_vote": format_value(actor.disk.hard_state.voted_for),
    }
    if actor.core is not None:
        status = actor.core.status()
        shown |= {name: format_value(getattr(status, name)) for name in _OF_CORE}
    return shown


def _expect_node(stage: Stage, words: list[str]) -> None:
    name, *rest = words
    if name not in stage.actors:
        raise UsageError(f"{name!r} is no expectation and none of the nodes")
    require_words(NODE_USAGE, words)
    if stage.actor(name).core is None and any(parse_pair(word)[0] in _OF_CORE for word in rest):
        raise UnexpectedError(f"{name} does not run, there is only its disk")
    _compare(name, describe(stage, name), rest)


def _expect_peer(stage: Stage, words: list[str]) -> None:
    name, peer, *rest = words
    core = stage.actor(name).core
    known = {p.node: p for p in core.status().peers} if core is not None else {}
    if peer not in known:
        raise UnexpectedError(f"{name} has no peer {peer}, only {format_value(tuple(known))}")
    found = known[stage.actor(peer).name]
    _compare(
        f"{name} sees {peer}",
        {field.name: format_value(getattr(found, field.name)) for field in fields(found)},
        rest,
    )


def _compare(what: str, shown: Mapping[str, str], words: list[str]) -> None:
    for word in words:
        name, value = parse_pair(word)
        if name not in shown:
            raise UsageError(f"{what}: there is no {name}, only {', '.join(shown)}")
        if shown[name] != value:
            raise UnexpectedError(f"{what}: expected {word}, found {name}={shown[name]}")


def _expect_down(stage: Stage, words: list[str]) -> None:
    (name,) = words
    if stage.actor(name).core is not None:
        raise UnexpectedError(f"{name} runs")


def _expect_message(stage: Stage, words: list[str]) -> None:
    _count(stage.wire, words, "on the wire")


def _expect_sent(stage: Stage, words: list[str]) -> None:
    _count(stage.sent, words, "sent since the mark")


def _count(messages: list[Message], words: list[str], where: str) -> None:
    bounds = [bound for word in words if (bound := parse_bound(word))]
    selection = parse_selection([word for word in words if not parse_bound(word)])
    found = selection.pick(messages)
    bound = bounds[0] if bounds else _AT_LEAST_ONE
    if not bound.holds(len(found)):
        listed = "".join(f"\n    {format_message(e)}" for e in found or messages)
        count = f"expected {bound.sign}{bound.number}, found {len(found)}"
        raise UnexpectedError(f"{count}; {where}:{listed or ' nothing'}")


def _expect_granted(stage: Stage, words: list[str]) -> None:
    ticket, index = (parse_number(word) for word in words)
    found = stage.granted.get(ticket)
    if found is None or found.index != index:
        raise UnexpectedError(f"expected read {ticket} at {index}, found {found}")


def _expect_dropped(stage: Stage, words: list[str]) -> None:
    ticket, reason = parse_number(words[0]), words[1]
    found = stage.dropped.get(ticket)
    if found is None or format_value(found.reason) != reason:
        raise UnexpectedError(f"expected {ticket} to be dropped as {reason}, found {found}")


def _expect_waiting(stage: Stage, words: list[str]) -> None:
    for ticket in (parse_number(word) for word in words):
        found = stage.granted.get(ticket) or stage.dropped.get(ticket)
        if found is not None:
            raise UnexpectedError(f"expected {ticket} to wait, found {found}")


def _expect_rounds(stage: Stage, words: list[str]) -> None:
    bound = parse_bound(words[0])
    if bound is None:
        raise UsageError("<=N stands here")
    if not bound.holds(stage.rounds):
        raise UnexpectedError(f"expected {words[0]} rounds, found {stage.rounds}")


EXPECTATIONS: Mapping[str, Expectation] = MappingProxyType(
    {
        "peer": Expectation(
            "LEADER PEER FIELD=VALUE...: as match=3 next=4 probing=no in_flight=0", _expect_peer
        ),
        "down": Expectation("A", _expect_down),
        "message": Expectation(
            "[CHOICE]... [<=N]: on the wire, chosen as for deliver; also: no message",
            _expect_message,
        ),
        "sent": Expectation("[CHOICE]... [<=N]: since the mark; also: no sent", _expect_sent),
        "granted": Expectation("TICKET INDEX", _expect_granted),
        "dropped": Expectation("TICKET REASON", _expect_dropped),
        "waiting": Expectation("TICKET...: neither granted nor dropped", _expect_waiting),
        "rounds": Expectation("<=N: of the last settle", _expect_rounds),
    }
)
"""Every kind of expectation but the one of a node, which begins with its name."""
