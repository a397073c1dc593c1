"""Clients in closed loops: they issue certificates, confirm them, read them, and note all of it.

Each call goes to a node drawn anew. What came to an unknown end is tried again with the same event,
perhaps at two nodes at once; some numbers are issued twice, by two events that cannot both stand.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
import msgspec
from lab.chaos.history import History, Outcome, Place, Read, Submission
from lab.chaos.network import Network
from lab.chaos.voter import now_s
from lab.year.live import LiveTrade
from lab.year.signer import TimedEvent

from kpledger.base.keys import SigningKey

_WAIT_MS: Final = 1500
"""How long a node may try, a bit less than a client waits for it."""
_PATIENCE_S: Final = 2.5
_TRIES: Final = 12
_PAUSE_S: Final = 0.05
_RECENT: Final = 40
_COMMITTED: Final = 201
_FOUND: Final = 200
_MISSING: Final = 404
_REFUSED: Final = frozenset({400, 409, 413, 422})
_TROUBLE: Final = (aiohttp.ClientError, OSError, TimeoutError)
_CONFIRMED: Final = "CONFIRMED"
# Of what a client does next, how much is which.
_SHIPS: Final = 0.4
_RIVALS: Final = 0.04
_TWO_NODES: Final = 0.05
_NEVER_SENT: Final = 0.05
_LINEARIZABLE: Final = 0.7


class Answer(msgspec.Struct, frozen=True):
    """What the API says of an event or of a certificate; each has some of these."""

    status: str = ""
    state: str = ""
    height: int = -1
    index: int = -1


Sights = dict[str, Callable[[Answer], bool]]
"""Events, and whether an answer shows them."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """A certificate and the events on it."""

    number: str
    issue: str
    confirmation: str


class Workload:
    """What all clients share.

    Attributes:
        shipments: the newest certificates; what has been submitted may be read.
        is_open: clients begin something new as long as it is.
    """

    def __init__(
        self,
        network: Network,
        founded: Mapping[str, SigningKey],
        session: aiohttp.ClientSession,
        history: History,
    ) -> None:
        """Speak for the participants of this network."""
        self.shipments: list[Shipment] = []
        self.is_open = True
        self.history = history
        self.network = network
        self.trade = LiveTrade(network.genesis.chain, founded)
        self._session = session

    def remember(self, shipment: Shipment) -> None:
        """Let others read about a certificate."""
        self.shipments = [*self.shipments[-_RECENT:], shipment]

    async def submit(self, client: str, node: str, signed: TimedEvent) -> Outcome:
        """Make one attempt to bring an event onto the ledger."""
        event = signed.event_id.hex()
        url = f"{self.network.url(node)}/v1/events?timeout_ms={_WAIT_MS}"
        invoked = now_s()
        status, text, _ = await self._ask("POST", url, signed.envelope)
        outcome, place = Outcome.UNKNOWN, None
        if status == _COMMITTED:
            answer = msgspec.json.decode(text, type=Answer)
            outcome, place = Outcome.OK, Place(answer.height, answer.index)
        elif status in _REFUSED:
            outcome = Outcome.REFUSED
        self.history.add(
            Submission(
                client=client,
                node=node,
                event=event,
                invoked_s=invoked,
                returned_s=now_s(),
                outcome=outcome,
                place=place,
                detail="" if place else f"{status} {text.decode(errors='replace')}",
            )
        )
        return outcome

    async def read_event(self, client: str, node: str, event: str, *, linearizable: bool) -> None:
        """Ask a node for an event."""
        sights: Sights = {event: lambda answer: answer.status == "committed"}
        await self._read(client, node, f"/v1/events/{event}", sights, linearizable=linearizable)

    async def read_certificate(
        self, client: str, node: str, shipment: Shipment, *, linearizable: bool
    ) -> None:
        """Ask a node for a certificate; its state tells which events the node has seen."""
        sights: Sights = {
            shipment.issue: lambda answer: answer.state != "",
            shipment.confirmation: lambda answer: answer.state == _CONFIRMED,
        }
        path = f"/v1/certificates/{shipment.number}"
        await self._read(client, node, path, sights, linearizable=linearizable)

    async def _read(
        self, client: str, node: str, path: str, sights: Sights, *, linearizable: bool
    ) -> None:
        url = f"{self.network.url(node)}{path}"
        if linearizable:
            url += f"?consistency=linearizable&timeout_ms={_WAIT_MS}"
        invoked = now_s()
        status, text, as_of = await self._ask("GET", url)
        answer = msgspec.json.decode(text, type=Answer) if status == _FOUND else Answer()
        is_answered = status in {_FOUND, _MISSING}
        for event, is_seen in sights.items():
            seen = is_answered and is_seen(answer)
            has_place = seen and answer.index >= 0
            self.history.add(
                Read(
                    client=client,
                    node=node,
                    event=event,
                    linearizable=linearizable,
                    invoked_s=invoked,
                    returned_s=now_s(),
                    outcome=Outcome.OK if is_answered else Outcome.UNKNOWN,
                    seen=seen,
                    place=Place(answer.height, answer.index) if has_place else None,
                    as_of=as_of,
                    detail="" if is_answered else f"{status} {text.decode(errors='replace')}",
                )
            )

    async def _ask(self, method: str, url: str, body: bytes = b"") -> tuple[int, bytes, int | None]:
        """Give status, body and height of an answer; status 0 and the error if there is none."""
        headers = {"Content-Type": "application/msgpack"}
        timeout = aiohttp.ClientTimeout(total=_PATIENCE_S)
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, timeout=timeout
            ) as response:
                height = response.headers.get("KP-Height")
                text = await response.read()
                return response.status, text, None if height is None else int(height)
        except _TROUBLE as error:
            return 0, repr(error).encode(), None


class Client:
    """One client."""

    def __init__(self, name: str, workload: Workload, chance: random.Random, pace_s: float) -> None:
        """Prepare; ``pace_s`` is the mean pause between two calls."""
        self._name = name
        self._workload = workload
        self._chance = chance
        self._pace_s = pace_s

    async def run(self) -> None:
        """Trade and read until the workload closes."""
        while self._workload.is_open:
            draw = self._chance.random()
            if draw < _SHIPS:
                await self._ship()
            elif draw < _SHIPS + _RIVALS:
                await self._issue_rivals()
            else:
                await self._look()
            await asyncio.sleep(self._chance.uniform(0, 2 * self._pace_s))

    async def _ship(self) -> None:
        workload = self._workload
        issue, confirmation = workload.trade.ship(now_ms())
        ids = (one.event_id.hex() for one in (issue, confirmation))
        shipment = Shipment(issue.subject, *ids)
        workload.remember(shipment)
        if await self.bring(issue) is Outcome.OK:
            await asyncio.sleep(self._chance.uniform(0, self._pace_s))
            await self.bring(confirmation)

    async def _issue_rivals(self) -> None:
        """Issue one number by two different events at once."""
        rivals = self._workload.trade.issue_rivals(now_ms())
        await asyncio.gather(*(self.bring(rival) for rival in rivals))

    async def bring(self, signed: TimedEvent) -> Outcome:
        """Bring an event onto the ledger; the same again and again while the end is unknown."""
        for _ in range(_TRIES):
            nodes = self._chance.sample(self._workload.network.names, 2)
            chosen = nodes if self._chance.random() < _TWO_NODES else nodes[:1]
            found = await asyncio.gather(
                *(self._workload.submit(self._name, node, signed) for node in chosen)
            )
            if set(found) != {Outcome.UNKNOWN}:
                return Outcome.OK if Outcome.OK in found else Outcome.REFUSED
            if not self._workload.is_open:
                break
            await asyncio.sleep(_PAUSE_S)
        return Outcome.UNKNOWN

    async def _look(self) -> None:
        workload, chance = self._workload, self._chance
        node = chance.choice(workload.network.names)
        linearizable = chance.random() < _LINEARIZABLE
        if chance.random() < _NEVER_SENT or not workload.shipments:
            never = chance.randbytes(32).hex()
            await workload.read_event(self._name, node, never, linearizable=linearizable)
            return
        shipment = chance.choice(workload.shipments)
        if chance.choice((True, False)):
            await workload.read_certificate(self._name, node, shipment, linearizable=linearizable)
        else:
            event = chance.choice((shipment.issue, shipment.confirmation))
            await workload.read_event(self._name, node, event, linearizable=linearizable)


def now_ms() -> int:
    """Read the true clock, as officers do; Unix milliseconds."""
    return time.time_ns() // 1_000_000
