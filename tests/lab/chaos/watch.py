"""What can be seen of the network from outside: who leads, for how long nobody did, who latched."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import aiohttp
import msgspec
from lab.chaos.history import History, Note, Outcome, Record, Submission
from lab.chaos.network import Network
from lab.chaos.voter import now_s

_POLL_S: Final = 0.1
_CLOSE_POLL_S: Final = 0.03
"""Between two looks while a leader is missing."""
_ANSWER_S: Final = 0.5
_FRESH_S: Final = 1.0
HANDOVER: Final = "handover"
"""A leader that was told to stop in order, and hands over."""


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """How safe what it stores is."""

    failed: str | None
    """Why the node has stopped taking part."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says of itself, as far as it matters here."""

    role: str
    term: int
    leader: str | None
    height: int
    tree_size: int
    head: str
    storage: Storage


@dataclass(slots=True)
class Loss:
    """A leader that was lost, and how long it took until there was another."""

    how: str
    leader: str
    term: int
    at_s: float
    is_healthy: bool
    """A majority of voters was untouched by faults, from the loss until the next leader."""
    led_s: float | None = None
    """Until a majority agreed on the next leader."""
    acked_s: float | None = None
    """Until a write was acknowledged that was begun after the loss."""


class Watch:
    """Looks at every node again and again.

    Attributes:
        network: what is watched.
        history: where acknowledgements come from, and leaders are noted.
        losses: what became of each leader that a fault took away.
        latched: nodes that said they stopped taking part, and why.
        leaders: every leader that a majority agreed on, with its term.
    """

    def __init__(
        self,
        network: Network,
        session: aiohttp.ClientSession,
        history: History,
        clock: Callable[[], float] = now_s,
    ) -> None:
        """Watch this network, by a clock that counts seconds."""
        self.losses: list[Loss] = []
        self.latched: dict[tuple[str, str], bool] = {}
        self.leaders: list[tuple[str, int]] = []
        self.network = network
        self._session = session
        self._clock = clock
        self.history = history
        self._seen: dict[str, tuple[float, Status]] = {}
        self._impaired = Counter[str]()
        self._recovering: set[str] = set()
        self._open: list[Loss] = []
        history.listeners.append(self._hear)

    async def run(self) -> None:
        """Look, until cancelled."""
        async with asyncio.TaskGroup() as looking:
            for name in self.network.names:
                looking.create_task(self._follow(name))

    async def _follow(self, name: str) -> None:
        while True:
            status = await self.ask(name)
            if status is not None:
                self.take(name, status)
            await asyncio.sleep(_CLOSE_POLL_S if self._open else _POLL_S)

    async def ask(self, name: str) -> Status | None:
        """Ask a node how it is; None if it does not answer soon."""
        url = f"{self.network.url(name)}/v1/status"
        with suppress(aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError):
            async with asyncio.timeout(_ANSWER_S), self._session.get(url) as response:
                return msgspec.json.decode(await response.read(), type=Status)
        return None

    def take(self, name: str, status: Status) -> None:
        """Note what a node said of itself just now."""
        self._seen[name] = self._clock(), status
        if status.storage.failed is not None:
            is_allowed = self.network.voters[name].is_full
            self.latched.setdefault((name, status.storage.failed), is_allowed)
        agreed = self.agreed()
        if agreed is None:
            return
        leader, term = agreed
        if not self.leaders or self.leaders[-1] != agreed:
            self.leaders.append(agreed)
            self.history.add(
                Note(at_s=self._clock(), what="leader", detail=f"{leader} in term {term}")
            )
        if status.leader == leader and status.term == term:
            self._recovering.discard(name)
        for loss in self._open:
            if term > loss.term and loss.led_s is None:
                loss.led_s = self._clock() - loss.at_s
        self._forget_settled()

    def agreed(self) -> tuple[str, int] | None:
        """Give the leader that a majority names, itself among them, and its term."""
        now = self._clock()
        fresh = {name: status for name, (at, status) in self._seen.items() if now - at < _FRESH_S}
        named = Counter(
            (status.leader, status.term) for status in fresh.values() if status.leader is not None
        )
        for (leader, term), count in named.most_common(1):
            own = fresh.get(leader)
            is_leading = own is not None and own.role == "leader" and own.term == term
            if count >= self.network.majority and is_leading:
                return leader, term
        return None

    def heights(self) -> dict[str, int]:
        """Give the newest committed block of each node, as last seen."""
        return {
            name: self._seen[name][1].height if name in self._seen else 0
            for name in self.network.names
        }

    @property
    def is_calm(self) -> bool:
        """No voter suffers from a fault, or has yet to recover from one; and there is a leader."""
        return not self._impaired and not self._recovering and self.agreed() is not None

    @contextmanager
    def impaired(self, names: Iterable[str]) -> Iterator[None]:
        """Count voters as suffering from a fault; afterwards as recovering, until they follow."""
        touched = Counter(set(names))
        self._impaired += touched
        self._judge_health()
        try:
            yield
        finally:
            self._impaired -= touched
            self._recovering |= set(touched)

    @contextmanager
    def losing(self, how: str, leader: str) -> Iterator[None]:
        """Measure what follows as the loss of a leader, if it is the one agreed on."""
        agreed = self.agreed()
        if agreed is None or agreed[0] != leader:
            yield
            return
        loss = Loss(how, leader, agreed[1], self._clock(), is_healthy=True)
        self.losses.append(loss)
        self._open.append(loss)
        self._judge_health()
        try:
            yield
        finally:
            if loss in self._open:
                self._open.remove(loss)

    def _judge_health(self) -> None:
        ill = set(self._impaired) | self._recovering
        if len(self.network.names) - len(ill) < self.network.majority:
            for loss in self._open:
                if loss.led_s is None:
                    loss.is_healthy = False

    def _hear(self, record: Record) -> None:
        if isinstance(record, Submission) and record.outcome is Outcome.OK:
            for loss in self._open:
                if loss.acked_s is None and record.invoked_s >= loss.at_s:
                    loss.acked_s = record.returned_s - loss.at_s
            self._forget_settled()

    def _forget_settled(self) -> None:
        self._open = [one for one in self._open if one.led_s is None or one.acked_s is None]
