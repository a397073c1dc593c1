"""What a line of a scenario may do; what it may expect is in `expectations`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from types import MappingProxyType
from typing import cast

from lab.simulator.disk import CrashPoint
from lab.stories.actor import DiskMode
from lab.stories.expectations import expect
from lab.stories.stage import Stage
from lab.stories.words import (
    UnexpectedError,
    UsageError,
    make_entry,
    parse_message,
    parse_number,
    parse_pair,
    parse_pairs,
    parse_selection,
    require_words,
    split_names,
)

from kpnode.raft import (
    ConfigProposed,
    Configuration,
    HardState,
    Input,
    Message,
    NodeId,
    Proposed,
    RaftConfig,
    ReadRequested,
    Term,
    Tick,
    TransferRequested,
    Unreachable,
)

_ANY_NODE = NodeId("any")


@dataclass(frozen=True, slots=True)
class Command:
    """One verb."""

    usage: str
    run: Callable[[Stage, list[str]], None]


def _nodes(stage: Stage, words: list[str]) -> None:
    names = tuple(word for word in words if "=" not in word)
    if not names:
        raise UsageError("no node is named")
    said = dict(parse_pair(word) for word in words if "=" in word)
    voters = split_names(said.pop("voters", ",".join(names)))
    if strangers := [voter for voter in voters if voter not in names]:
        raise UsageError(f"{strangers[0]!r} is to vote and is none of the nodes")
    if unknown := [name for name in said if name not in RaftConfig.__slots__]:
        raise UsageError(f"no setting is called {unknown[0]!r}")
    make = cast("Callable[..., RaftConfig]", RaftConfig)
    settings = {name: parse_number(value) for name, value in said.items()}
    try:
        stage.build(names, voters, make(_ANY_NODE, **settings))
    except ValueError as error:
        raise UsageError(str(error)) from error


def _start(stage: Stage, words: list[str]) -> None:
    name, *rest = words
    said = parse_pairs(rest, "log", "term", "vote", "applied")
    terms = [parse_number(term) for term in said.pop("log", "").split(",") if term]
    term = parse_number(said.pop("term", str(max(terms, default=0))))
    vote = said.pop("vote", None)
    applied = parse_number(said.pop("applied", "0"))
    log = [make_entry(index, term) for index, term in enumerate(terms, 1)]
    hard_state = HardState(Term(term), NodeId(vote) if vote else None)
    stage.actor(name).replace_disk(hard_state, log, applied)
    stage.start(name)


def _tick(stage: Stage, words: list[str]) -> None:
    name, count = words if len(words) > 1 else (words[0], "1")
    for _ in range(parse_number(count)):
        stage.give(name, Tick())


def _timeout(stage: Stage, words: list[str]) -> None:
    stage.time_out(*words)


def _lull(stage: Stage, words: list[str]) -> None:
    stage.lull(words)


def _elect(stage: Stage, words: list[str]) -> None:
    stage.elect(words[0], _without(words[1:]))


def _win(stage: Stage, words: list[str]) -> None:
    stage.win(words[0], _without(words[1:]))


def _settle(stage: Stage, words: list[str]) -> None:
    stage.settle(_without(words))


def _deliver(stage: Stage, words: list[str]) -> None:
    if not stage.deliver(parse_selection(words)):
        raise UnexpectedError("there is no such message on the wire")


def _drop(stage: Stage, words: list[str]) -> None:
    stage.remove(parse_selection(words))


def _hold(stage: Stage, words: list[str]) -> None:
    held = stage.remove(parse_selection(words))
    if not held:
        raise UnexpectedError("there is no such message on the wire")
    stage.held += held


def _release(stage: Stage, words: list[str]) -> None:
    """Put held messages back, behind all that is on the wire."""
    released = parse_selection(words).pick(stage.held)
    if not released:
        raise UnexpectedError("no such message is held")
    stage.held = [e for e in stage.held if not any(e is other for other in released)]
    stage.wire += released


def _duplicate(stage: Stage, words: list[str]) -> None:
    copied = parse_selection(words).pick(stage.wire)
    if not copied:
        raise UnexpectedError("there is no such message on the wire")
    stage.wire += [replace(message) for message in copied]


def _shuffle(stage: Stage, words: list[str]) -> None:
    Random(parse_number(words[0])).shuffle(stage.wire)


def _cut(stage: Stage, words: list[str]) -> None:
    match words:
        case [left, "->", right]:
            stage.cut(split_names(left), split_names(right), one_way=True)
        case [left, right]:
            stage.cut(split_names(left), split_names(right), one_way=False)
        case _:
            raise UsageError("two sides stand here")


def _heal(stage: Stage, words: list[str]) -> None:
    del words
    stage.heal()


def _disk(stage: Stage, words: list[str]) -> None:
    name, mode = words
    actor, modes = stage.actor(name), {known.value: known for known in DiskMode}
    if mode not in modes:
        raise UsageError(f"{mode!r} is none of {', '.join(modes)}")
    stage.take(actor, actor.flush())
    actor.mode = modes[mode]


def _flush(stage: Stage, words: list[str]) -> None:
    actor = stage.actor(words[0])
    batches = [parse_number(count) for count in words[1:]]
    stage.take(actor, actor.flush(*batches))


def _crash(stage: Stage, words: list[str]) -> None:
    match words:
        case [name]:
            stage.actor(name).stop()
        case [name, "before-save"]:
            stage.actor(name).crash_point = CrashPoint.BEFORE
        case [name, "after-save"]:
            stage.actor(name).crash_point = CrashPoint.AFTER
        case _:
            raise UsageError("a node stands here, then perhaps before-save or after-save")


def _restart(stage: Stage, words: list[str]) -> None:
    (name,) = words
    if stage.actor(name).core is not None:
        stage.actor(name).stop()
    stage.start(name)


def _wipe(stage: Stage, words: list[str]) -> None:
    (name,) = words
    stage.actor(name).replace_disk(HardState(Term(0), None), ())
    stage.watch.on_damage(stage.actor(name))


def _rollback(stage: Stage, words: list[str]) -> None:
    name, index, *rest = words
    said = parse_pairs(rest, "term", "applied")
    actor = stage.actor(name)
    old = actor.disk.hard_state
    term = Term(parse_number(said.get("term", str(old.term))))
    hard_state = HardState(term, old.voted_for if term == old.term else None)
    applied = parse_number(said["applied"]) if "applied" in said else None
    actor.replace_disk(hard_state, actor.disk.log[: parse_number(index)], applied)
    stage.watch.on_damage(actor)


def _propose(stage: Stage, words: list[str]) -> None:
    name, ticket, *rest = words
    said = parse_pairs(rest, "bytes")
    payload = str(parse_number(ticket)).encode()
    _ask(stage, name, Proposed(int(ticket), payload.ljust(parse_number(said.get("bytes", "0")))))


def _read(stage: Stage, words: list[str]) -> None:
    name, ticket = words
    _ask(stage, name, ReadRequested(parse_number(ticket)))


def _configure(stage: Stage, words: list[str]) -> None:
    name, voters, ticket = words
    wanted = [stage.actor(voter).name for voter in sorted(split_names(voters))]
    try:
        config = Configuration(tuple(wanted))
    except ValueError as error:
        raise UsageError(str(error)) from error
    _ask(stage, name, ConfigProposed(parse_number(ticket), config))


def _transfer(stage: Stage, words: list[str]) -> None:
    name, target, ticket = words
    _ask(stage, name, TransferRequested(parse_number(ticket), NodeId(target)))


def _unreachable(stage: Stage, words: list[str]) -> None:
    name, peer = words
    stage.give(name, Unreachable(NodeId(peer)))


def _inject(stage: Stage, words: list[str]) -> None:
    sender, arrow, recipient, *rest = words
    if arrow != "->":
        raise UsageError("an arrow stands between sender and recipient")
    stage.actor(recipient)
    stage.receive(Message(NodeId(sender), NodeId(recipient), parse_message(rest)))


def _mark(stage: Stage, words: list[str]) -> None:
    del words
    stage.sent.clear()


def _ask(
    stage: Stage, name: str, item: Proposed | ReadRequested | ConfigProposed | TransferRequested
) -> None:
    stage.watch.on_request(item.ticket)
    wish: Input = item
    stage.give(name, wish)


def _without(words: list[str]) -> tuple[str, ...]:
    match words:
        case []:
            return ()
        case ["without", names]:
            return split_names(names)
        case _:
            raise UsageError("without A,B or nothing stands here")


def run(stage: Stage, verb: str, words: list[str]) -> None:
    """Run one command.

    Raises:
        UsageError: There is no such command, or it is not written like this.
        UnexpectedError: Something is not as the scenario expects.
        ViolationError: A rule is broken.
    """
    if verb not in COMMANDS:
        raise UsageError(f"there is no command {verb!r}, only {', '.join(COMMANDS)}")
    require_words(COMMANDS[verb].usage, words)
    COMMANDS[verb].run(stage, words)


_CHOICE = "[from A,B] [to C] [type append,vote] [FIELD=VALUE]... [N]"

COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "nodes": Command("A... [voters=A,B] [SETTING=N]...", _nodes),
        "start": Command("A [log=1,1,2] [term=2] [vote=B] [applied=0]", _start),
        "tick": Command("A [N]", _tick),
        "timeout": Command("A: tick it until it campaigns", _timeout),
        "lull": Command("A...: let an election timeout pass there, unheard", _lull),
        "elect": Command("A [without B,C]: lull the others, timeout A, settle", _elect),
        "win": Command("A [without B,C]: like elect, but nobody has heard it lead yet", _win),
        "settle": Command("[without A,B]: deliver until all is quiet", _settle),
        "deliver": Command(_CHOICE, _deliver),
        "drop": Command(_CHOICE, _drop),
        "hold": Command(_CHOICE, _hold),
        "release": Command(_CHOICE, _release),
        "duplicate": Command(_CHOICE, _duplicate),
        "shuffle": Command("SEED", _shuffle),
        "cut": Command("A,B [->] C,D", _cut),
        "heal": Command("", _heal),
        "disk": Command("A prompt|late|manual", _disk),
        "flush": Command("A [N]: let the disk do N batches", _flush),
        "crash": Command("A [before-save|after-save]: now, or in the next save", _crash),
        "restart": Command("A", _restart),
        "wipe": Command("A: stop it and empty its disk", _wipe),
        "rollback": Command("A INDEX [term=N] [applied=N]: stop it and cut its log", _rollback),
        "propose": Command("A TICKET [bytes=N]", _propose),
        "read": Command("A TICKET", _read),
        "configure": Command("A VOTERS TICKET: the voters are nodes, as in a,b", _configure),
        "transfer": Command("A TARGET TICKET: the target may be a stranger", _transfer),
        "unreachable": Command("A PEER", _unreachable),
        "inject": Command(
            "A -> B KIND [FIELD=VALUE]...: it arrives at once; A may be a stranger", _inject
        ),
        "mark": Command(": count messages from here", _mark),
        "expect": Command("WHAT...: what can be expected stands below", expect),
    }
)
"""Every verb of the language."""
