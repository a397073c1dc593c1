"""Deliberate bugs for the search to find, and for each a small world in which it shows.

The cores are those of `lab.planted`. Bugs that break no promise of safety are left out: the
search looks for nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from lab.explorer.bounds import Bounds
from lab.explorer.local import Disk
from lab.planted import PLANTED

from kpnode.raft import (
    Entry,
    HardState,
    HeartbeatRequest,
    Index,
    Input,
    Message,
    RaftCore,
    Ready,
    Received,
)

NOTHING: Final = Bounds(
    messages=3,
    timeouts=0,
    entries=0,
    crashes=0,
    configs=0,
    reads=0,
    beats=0,
    lapses=0,
    transfers=0,
    polls=1,
)
"""A world in which only messages arrive; each bug adds what it takes."""


class _SyncsLater(Disk):
    """Syncs the entries of a save with the next one."""

    def __init__(self) -> None:
        super().__init__()
        self._synced: tuple[Entry, ...] = ()

    def save(self, hard_state: HardState | None, entries: tuple[Entry, ...]) -> None:
        self._synced = tuple(self.log)
        super().save(hard_state, entries)

    def after_crash(self) -> tuple[HardState, tuple[Entry, ...]]:
        return self.hard_state, self._synced


class _SavesNoVote(Disk):
    """Saves the term alone."""

    def save(self, hard_state: HardState | None, entries: tuple[Entry, ...]) -> None:
        super().save(hard_state and HardState(hard_state.term, None), entries)


class _BelievesHeartbeats(RaftCore):
    """Tells every peer the whole commit index, and believes it as far as its log goes."""

    def handle(self, item: Input) -> None:
        state = self._state
        if isinstance(item, Received) and isinstance(item.message.body, HeartbeatRequest):
            request = item.message.body
            known = Index(min(request.commit, state.log.last_index))
            super().handle(Received(replace(item.message, body=replace(request, commit=known))))
            if request.term == state.term:
                state.advance_commit(known)
        else:
            super().handle(item)

    def take_ready(self) -> Ready:
        ready = super().take_ready()
        return replace(ready, messages=tuple(map(self._say_all, ready.messages)))

    def _say_all(self, message: Message) -> Message:
        if not isinstance(message.body, HeartbeatRequest):
            return message
        commit = self._state.log.commit
        return replace(message, body=replace(message.body, commit=commit))


@dataclass(frozen=True, slots=True)
class Bug:
    """What a world is built from; by default nothing is wrong with it."""

    core: type[RaftCore] = RaftCore
    disk: type[Disk] = Disk
    world: Mapping[str, int] = field(default_factory=dict)
    """What it takes to see it, beyond `NOTHING`."""


SOUND: Final = Bug()

_VOTES: Final = {"led": 0, "terms": 1, "timeouts": 2}
_ONE_CHANGE: Final = {"terms": 2, "timeouts": 1}
_TWO_CHANGES: Final = {"terms": 3, "timeouts": 2, "lapses": 1}

_OF_CORES: Final[Mapping[str, Mapping[str, int]]] = {
    "vote-forgotten-at-restart": {**_VOTES, "crashes": 1},
    "vote-forgotten-on-step-down": _VOTES,
    "votes-counted-twice": {**_VOTES, "copies": 1, "nodes": 5, "voters": 5, "messages": 2},
    "vote-for-any-log": {**_ONE_CHANGE, "entries": 1},
    "commit-of-older-term": {**_TWO_CHANGES, "messages": 2},
    "leader-counts-unsaved": {"configs": 1, "held": 1},
    "persisted-without-term": {**_ONE_CHANGE, "entries": 1, "late": 1, "held": 1, "messages": 2},
    "no-log-match": {**_TWO_CHANGES, "entries": 1, "messages": 2},
    "truncation-without-conflict": {"entries": 2, "copies": 1, "window": 2},
    "commit-from-nack": {**_TWO_CHANGES, "messages": 2},
    "heartbeat-commits-all": {"entries": 1, "beats": 1},
    "commit-at-start": {"entries": 1, "crashes": 1},
    "no-joint-quorum": {"configs": 1},
    "union-quorum": {"configs": 1, "nodes": 4},
    "change-active-at-commit": {"configs": 1},
    "change-not-rolled-back": {**_ONE_CHANGE, "configs": 1},
    "second-change-pending": {"configs": 2},
    "read-without-round": {**_ONE_CHANGE, "reads": 1},
    "read-round-reused": {**_ONE_CHANGE, "reads": 2},
    "read-round-of-older-term": {**_TWO_CHANGES, "reads": 2, "messages": 2},
    "read-before-term-opens": {**_ONE_CHANGE, "reads": 1, "entries": 1, "messages": 2},
}

BUGS: Final[Mapping[str, Bug]] = MappingProxyType(
    {
        **{name: Bug(PLANTED[name].core, world=world) for name, world in _OF_CORES.items()},
        "commit-beyond-verified": Bug(
            _BelievesHeartbeats, world={**_ONE_CHANGE, "entries": 1, "beats": 1}
        ),
        "vote-not-saved": Bug(disk=_SavesNoVote, world=_VOTES),
        "ack-before-save": Bug(disk=_SyncsLater, world=_VOTES),
    }
)
"""By name, for `--planted` and the tests."""
