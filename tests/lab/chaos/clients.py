"""Clients in closed loops: they issue certificates, confirm them, read them, and note all of it.

Each call goes to a node drawn anew. What came to an unknown end is tried again with the same event,
perhaps at two nodes at once; some numbers are issued twice, by two events that cannot both stand.
"""

import asyncio
import datetime as dt
import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import aiohttp
import msgspec
from lab.chaos.history import History, Outcome, Place, Read, Submission
from lab.chaos.network import Network
from lab.chaos.voter import now_s

from kpledger.scheme.event import compute_event_id, decode_event_header
from scripts.benchmarks.synthetic import Keyring, Statement, Trade

PARTICIPANTS: Final = ("AE", "BW", "IN", "ZA")
_WAIT_MS: Final = 1500
"""How long a node may try, a bit less than a client waits for it."""
_PATIENCE_S: Final = 2.5
_TRIES: Final = 12
_PAUSE_S: Final = 0.05
_RECENT: Final = 40
_COMMITTED: Final = 201
_PENDING: Final = 202
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


class Desk:
    """What all clients share.

    Attributes:
        shipments: the newest certificates; what has been submitted may be read.
        is_open: clients begin something new as long as it is.
    """

    def __init__(
        self, network: Network, keyring: Keyring, session: aiohttp.ClientSession, history: History
    ) -> None:
        """Speak for the participants of this network."""
        self.shipments: list[Shipment] = []
        self.is_open = True
        self.history = history
        self.network = network
        self._keyring = keyring
        self._session = session
        self._serials = itertools.count()

    def trade(self) -> Trade:
        """Trade on today's date."""
        day = dt.datetime.now(dt.UTC).date().isoformat()
        return Trade(self.network.genesis.chain, PARTICIPANTS, day=day)

    @staticmethod
    def now_ms() -> int:
        """Read the true clock, as an officer's desk has one; Unix milliseconds."""
        return time.time_ns() // 1_000_000

    def draw_serial(self) -> int:
        """Give a number that no certificate has yet."""
        return next(self._serials)

    def remember(self, shipment: Shipment) -> None:
        """Let others read about a certificate."""
        self.shipments = [*self.shipments[-_RECENT:], shipment]

    async def submit(self, client: str, node: str, statement: Statement) -> Outcome:
        """Make one attempt to bring an event onto the ledger."""
        event = compute_event_id(statement.payload).hex()
        url = f"{self.network.url(node)}/v1/events?timeout_ms={_WAIT_MS}"
        body = statement.sign(self._keyring)
        invoked = now_s()
        status, text, _ = await self._ask("POST", url, body)
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

    def __init__(self, name: str, desk: Desk, chance: random.Random, pace_s: float) -> None:
        """Prepare; ``pace_s`` is the mean pause between two calls."""
        self._name = name
        self._desk = desk
        self._chance = chance
        self._pace_s = pace_s

    async def run(self) -> None:
        """Trade and read until the desk closes."""
        while self._desk.is_open:
            draw = self._chance.random()
            if draw < _SHIPS:
                await self._ship()
            elif draw < _SHIPS + _RIVALS:
                await self._issue_rivals()
            else:
                await self._look()
            await asyncio.sleep(self._chance.uniform(0, 2 * self._pace_s))

    async def _ship(self) -> None:
        desk = self._desk
        issue, confirmation = desk.trade().ship(desk.draw_serial(), desk.now_ms())
        shipment = _name(issue, confirmation)
        desk.remember(shipment)
        if await self.bring(issue) is Outcome.OK:
            await asyncio.sleep(self._chance.uniform(0, self._pace_s))
            await self.bring(confirmation)

    async def _issue_rivals(self) -> None:
        """Issue one number by two different events at once."""
        serial, now_ms = self._desk.draw_serial(), self._desk.now_ms()
        rivals = [self._desk.trade().ship(serial, now_ms - age)[0] for age in (0, 1)]
        await asyncio.gather(*(self.bring(rival) for rival in rivals))

    async def bring(self, statement: Statement) -> Outcome:
        """Bring an event onto the ledger; the same again and again while the end is unknown."""
        for _ in range(_TRIES):
            nodes = self._chance.sample(self._desk.network.names, 2)
            chosen = nodes if self._chance.random() < _TWO_NODES else nodes[:1]
            found = await asyncio.gather(
                *(self._desk.submit(self._name, node, statement) for node in chosen)
            )
            if set(found) != {Outcome.UNKNOWN}:
                return Outcome.OK if Outcome.OK in found else Outcome.REFUSED
            if not self._desk.is_open:
                break
            await asyncio.sleep(_PAUSE_S)
        return Outcome.UNKNOWN

    async def _look(self) -> None:
        desk, chance = self._desk, self._chance
        node = chance.choice(desk.network.names)
        linearizable = chance.random() < _LINEARIZABLE
        if chance.random() < _NEVER_SENT or not desk.shipments:
            never = chance.randbytes(32).hex()
            await desk.read_event(self._name, node, never, linearizable=linearizable)
            return
        shipment = chance.choice(desk.shipments)
        if chance.choice((True, False)):
            await desk.read_certificate(self._name, node, shipment, linearizable=linearizable)
        else:
            event = chance.choice((shipment.issue, shipment.confirmation))
            await desk.read_event(self._name, node, event, linearizable=linearizable)


def _name(issue: Statement, confirmation: Statement) -> Shipment:
    number = decode_event_header(issue.payload).subject
    ids = (compute_event_id(statement.payload).hex() for statement in (issue, confirmation))
    return Shipment(number, *ids)
