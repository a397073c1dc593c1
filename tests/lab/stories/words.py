"""How a scenario writes messages, values and choices of messages.

A message is written as `append term=2 prev_index=1 entries=2,2`: its kind, then its fields under
the names they have in `kpnode.raft.messages`. Yes and no stand for truth, `none` for nothing.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from types import MappingProxyType
from typing import cast

from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Configuration,
    Entry,
    EntryKind,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Message,
    MessageBody,
    PreVoteReply,
    PreVoteRequest,
    Term,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)

KINDS: Mapping[str, type[MessageBody]] = MappingProxyType(
    {
        "pre-vote": PreVoteRequest,
        "pre-vote-reply": PreVoteReply,
        "vote": VoteRequest,
        "vote-reply": VoteReply,
        "append": AppendRequest,
        "append-reply": AppendReply,
        "heartbeat": HeartbeatRequest,
        "heartbeat-reply": HeartbeatReply,
        "timeout-now": TimeoutNow,
    }
)
"""What a scenario calls the messages."""

_NAMES = {kind: name for name, kind in KINDS.items()}
_BOUND = re.compile(r"(<=|>=|=)(\d+)")
_PLACE = re.compile(r"\[.*?\](?:\.\.\.)?|\S+")


class UsageError(ValueError):
    """A line is not how its command is written."""


class UnexpectedError(Exception):
    """Something is not as the scenario expects; the message says what was found."""


@dataclass(frozen=True, slots=True)
class Bound:
    """How many of something are expected."""

    sign: str
    number: int

    def holds(self, count: int) -> bool:
        """Tell whether the count is as expected."""
        match self.sign:
            case "<=":
                return count <= self.number
            case ">=":
                return count >= self.number
            case _:
                return count == self.number


@dataclass(frozen=True, slots=True)
class Selection:
    """Which messages a line means; whatever it does not say may be anything."""

    senders: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    kinds: tuple[type[MessageBody], ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    """Fields of the message, as text."""
    limit: int | None = None
    """Only the first so many."""

    def pick(self, messages: list[Message]) -> list[Message]:
        """Return those that are meant, in order."""
        return [e for e in messages if self._means(e)][: self.limit]

    def _means(self, message: Message) -> bool:
        body = message.body
        return (
            message.sender in (self.senders or (message.sender,))
            and message.recipient in (self.recipients or (message.recipient,))
            and isinstance(body, self.kinds or object)
            and all(
                hasattr(body, name) and format_value(getattr(body, name)) == text
                for name, text in self.values
            )
        )


def require_words(usage: str, words: list[str]) -> None:
    """Compare how many words there are with a usage such as `A B [log=1,2] [N]...: remarks`.

    Raises:
        UsageError: There are too few or too many.
    """
    places = _PLACE.findall(usage.partition(":")[0])
    required = [place for place in places if not place.startswith("[")]
    if missing := required[len(words) :]:
        raise UsageError(f"{' '.join(missing)} is missing")
    most = sum(len(place.split()) for place in places)
    if len(words) > most and not any(place.endswith("...") for place in places):
        raise UsageError(f"{' '.join(words[most:])!r} is too much")


def parse_pairs(words: list[str], *known: str) -> dict[str, str]:
    """Read `name=value ...`.

    Raises:
        UsageError: It is something else, or a name is not known.
    """
    said = dict(parse_pair(word) for word in words)
    if unknown := [name for name in said if name not in known]:
        raise UsageError(f"there is no {unknown[0]!r} here, only {', '.join(known)}")
    return said


def parse_selection(words: list[str]) -> Selection:
    """Read `[from A,B] [to C] [type append,vote] [FIELD=VALUE]... [N]`.

    Raises:
        UsageError: It is something else.
    """
    selection = Selection()
    senders, recipients, kinds = selection.senders, selection.recipients, selection.kinds
    values: list[tuple[str, str]] = []
    limit = None
    rest = iter(words)
    for word in rest:
        match word:
            case "from":
                senders = split_names(next(rest, ""))
            case "to":
                recipients = split_names(next(rest, ""))
            case "type":
                kinds = tuple(parse_kind(name) for name in split_names(next(rest, "")))
            case _ if word.isdecimal():
                limit = int(word)
            case _:
                values.append(parse_pair(word))
    return Selection(senders, recipients, kinds, tuple(values), limit)


def split_names(text: str) -> tuple[str, ...]:
    """Read `a,b,c`.

    Raises:
        UsageError: There is no name.
    """
    names = tuple(text.split(","))
    if not all(names):
        raise UsageError(f"names stand here, as in a,b: {text!r}")
    return names


def parse_kind(word: str) -> type[MessageBody]:
    """Read the kind of a message.

    Raises:
        UsageError: There is no such kind.
    """
    if word not in KINDS:
        raise UsageError(f"{word!r} is none of {', '.join(KINDS)}")
    return KINDS[word]


def parse_pair(word: str) -> tuple[str, str]:
    """Read `name=value`.

    Raises:
        UsageError: It is something else.
    """
    name, sign, value = word.partition("=")
    if not (name and sign and value):
        raise UsageError(f"name=value stands here: {word!r}")
    return name, value


def parse_number(word: str) -> int:
    """Read a number that is not negative.

    Raises:
        UsageError: It is something else.
    """
    if not word.isdecimal():
        raise UsageError(f"a number stands here: {word!r}")
    return int(word)


def parse_bound(word: str) -> Bound | None:
    """Read `=3`, `<=3` or `>=3`; None if the word is something else."""
    found = _BOUND.fullmatch(word)
    return Bound(found[1], int(found[2])) if found else None


def parse_message(words: list[str]) -> MessageBody:
    """Read a message; what is not said is 0, no or nothing.

    Raises:
        UsageError: There is no such kind or field, or the message cannot exist.
    """
    kind = parse_kind(words[0])
    said = dict(parse_pair(word) for word in words[1:])
    known = [field.name for field in fields(kind) if field.name != "attached"]
    if unknown := [name for name in said if name not in known]:
        raise UsageError(f"{words[0]} has no field {unknown[0]!r}, only {', '.join(known)}")
    values: dict[str, object] = {}
    for name in known:
        if name == "entries":
            follows = Index(parse_number(said.get("prev_index", "0")))
            values[name] = _parse_entries(said.get(name, "none"), follows)
        elif name in ("granted", "accepted", "transfer"):
            values[name] = said.get(name, "no") == "yes"
        else:
            values[name] = parse_number(said.get(name, "0"))
    try:
        return cast("Callable[..., MessageBody]", kind)(**values)
    except ValueError as error:
        raise UsageError(str(error)) from error


def make_entry(index: int, term: int) -> Entry:
    """Return the entry a scenario means by its place and term; logs that share both share it."""
    return Entry(Index(index), Term(term), EntryKind.BLOCK, b"%d.%d" % (term, index))


def format_message(message: Message) -> str:
    """Write a message with its way."""
    body = message.body
    names = [field.name for field in fields(body) if field.name != "attached"]
    said = [f"{name}={format_value(getattr(body, name))}" for name in names]
    return " ".join((message.sender, ">", message.recipient, _NAMES[type(body)], *said))


def format_value(value: object) -> str:
    """Write a value the way a scenario does."""
    match value:
        case bool():
            text = "yes" if value else "no"
        case None | ():
            text = "none"
        case Enum():
            text = str(value.value).replace(" ", "-")
        case Entry():
            text = str(value.term)
        case Configuration():
            text = ",".join(value.voters)
        case tuple():
            between = "|" if isinstance(value[0], Configuration) else ","
            text = between.join(format_value(item) for item in value)
        case _:
            text = str(value)
    return text


def _parse_entries(text: str, follows: Index) -> tuple[Entry, ...]:
    terms = () if text == "none" else split_names(text)
    return tuple(
        make_entry(index, parse_number(term)) for index, term in enumerate(terms, follows + 1)
    )
