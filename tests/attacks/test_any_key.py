"""Whatever somebody states by one key that he has stolen, or by one that is none, on real nodes.

What could come of it is rehearsed: nodes execute it by their rules on the ledger that they have,
and forget it. The world is the one of the unit tests, on its day. One of the two nodes has a
PyNaCl that takes for a key what its earlier versions took for one.
"""

import itertools
import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import aiohttp
import msgpack
import msgspec
import pytest
import pytest_asyncio
from chronicle import WALL_CLOCK, WallClock
from founding import (
    CHAIR,
    NOW_MS,
    PARTICIPANTS,
    event_id_of,
    make_decision,
    opening_events,
    signing_key,
    subject_of,
    vary,
)
from network import Network, running_network, wait_until_all
from scheme_statements import (
    ADMISSION,
    CHAIR_RECOVERY,
    KEY,
    NOTE,
    OBSERVER,
    RECOVERY,
    REVOCATION,
    ROTATION,
    STATEMENTS,
    STATUS,
)

from attacks.thief import HEADERS
from kpledger.api.answers import CommittedAnswer, RehearsalAnswer
from kpledger.base.keys import SigningKey
from kpledger.base.units import DAY_MS
from kpledger.scheme.envelope import decode_envelope, sign_event
from kpledger.scheme.event import Author, Body, encode_event
from kpledger.scheme.v1.events.governance import Standing

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ROOT: Final = "BW/root"
OFFICE: Final = "BW/gaborone"
UNSIGNED: Final = "E1 signatures"
WITNESSES: Final = ("EU/root", "IN/root")
MORE: Final = {"AO": "Angola", "CA": "Canada", "CN": "China"}
"""So that there are five to give the chair a new key, besides who chairs."""
QUORUM: Final = ("AO/root", "EU/root", "IN/root", "ZA/root", "CA/root")
VECTORS: Final = Path(__file__).parents[1] / "vectors" / "ed25519"
OLDER: Final = """
import runpy, sys
runpy.run_path({clock!r})
if any("/bw-1/" in word for word in sys.orig_argv):
    from nacl import bindings
    is_valid = bindings.crypto_core_ed25519_is_valid_point
    bindings.crypto_core_ed25519_is_valid_point = lambda key: key.hex() in {keys!r} or is_valid(key)
"""
"""Runs when Python starts: the clock, and at one of the nodes the library that takes more."""


class KeyVector(msgspec.Struct, frozen=True):
    key: str


def read_mixed_keys() -> list[bytes]:
    """Give points of mixed order."""
    files = sorted(VECTORS.glob("key-of-mixed-order-*-eighths.json"))
    vectors = [msgspec.json.decode(file.read_bytes(), type=KeyVector) for file in files]
    return [bytes.fromhex(vector.key) for vector in vectors]


class World:
    """The small world, on a network of two nodes."""

    def __init__(self, network: Network, clock: WallClock) -> None:
        self.network = network
        self.clock = clock
        self.answered = b""
        self._places = itertools.cycle(range(1, 255))

    async def post(self, path: str, body: bytes, at: int = 0) -> int:
        """Send something to a node; gives the status.

        It comes from another address each time: one may not send much that is refused.
        """
        connector = aiohttp.TCPConnector(local_addr=(f"127.0.3.{next(self._places)}", 0))
        url = f"{self.network.seen.nodes[at].api}{path}"
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.post(url, data=body, headers=HEADERS) as response,
        ):
            self.answered = await response.read()
            return response.status

    def key(self, name: str) -> SigningKey:
        participant, _, authority = name.partition("/")
        founded = authority if participant == "KPCS" else f"{authority}-{participant}"
        if (self.network.seen.keys / f"{founded}.seed").exists():
            return self.network.signing_key(founded)
        return signing_key(name)

    def sign(
        self,
        author: str,
        body: Body,
        signers: Sequence[str],
        subject: str | None = None,
        prev: bytes | None = None,
    ) -> bytes:
        participant, _, authority = author.partition("/")
        payload = encode_event(
            chain=bytes.fromhex(self.network.seen.chain),
            author=Author(participant=participant, authority=authority),
            nonce=secrets.token_bytes(16),
            occurred_at=self.clock.now_ms(),
            subject=subject_of(author, body) if subject is None else subject,
            prev=prev,
            body=body,
        )
        return sign_event(payload, [self.key(name) for name in signers])

    def recover(self, *helpers: str) -> bytes:
        """Let the Chair and others give BW new keys."""
        keys = {name: signing_key(f"recovered {name}").public_key for name in ("root", "recovery")}
        body = vary(
            RECOVERY, root_key=keys["root"], recovery_key=keys["recovery"], suspect_height=2
        )
        return self.sign(CHAIR, body, (CHAIR, *helpers))

    def recover_chair(self, *witnesses: str) -> bytes:
        """Let participants give the chair a new key."""
        body = vary(
            CHAIR_RECOVERY,
            key=signing_key("recovered chair").public_key,
            secretariat_key=signing_key("recovered secretariat").public_key,
            suspect_height=2,
        )
        return self.sign(witnesses[0], body, (*witnesses, "recovered chair"))

    def state(self, *names: str) -> list[bytes]:
        """Sign statements as those who make them, each after the one before on its subject."""
        events: list[bytes] = []
        heads: dict[str | None, bytes] = {}
        for name in names:
            one = STATEMENTS[name]
            signers, prev = one.signers or (one.author,), heads.get(one.subject)
            events.append(self.sign(one.author, one.body, signers, one.subject, prev))
            if one.subject is not None:
                heads[one.subject] = event_id_of(events[-1])
        return events

    async def record(self, event: bytes) -> int:
        """Submit an event that must be committed; gives its height."""
        assert await self.post("/v1/events", event) == 201, self.answered
        return msgspec.json.decode(self.answered, type=CommittedAnswer).height

    async def rehearse(self, *events: bytes, at: int = 0) -> list[str]:
        """Tell what a node says to events in this order: the rule that refuses it, or nothing."""
        assert await self.post("/v1/rehearsals", msgpack.packb(events), at) == 200, self.answered
        answer = msgspec.json.decode(self.answered, type=RehearsalAnswer)
        return [
            "" if one.problem is None else f"{one.problem.rule} {one.problem.field}"
            for one in answer.results
        ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    place = tmp_path_factory.mktemp("keys")
    clock = WallClock(place / "clock")
    clock.set(NOW_MS)
    keys = {key.hex() for key in read_mixed_keys()}
    program = OLDER.format(clock=str(WALL_CLOCK / "sitecustomize.py"), keys=keys)
    (place / "sitecustomize.py").write_text(program)
    rows = [f"{code},{name},{kind.value}" for code, (name, kind) in PARTICIPANTS.items()]
    rows += [f"{code},{name},STATE" for code, name in MORE.items()]
    (place / "members.csv").write_text("\n".join(["code,name,kind", *rows, ""]))
    environment = clock.environment() | {"PYTHONPATH": str(place)}
    options = ("--voters", "2", "--participants", str(place / "members.csv"))
    async with running_network(place / "net", *options, environment=environment) as network:
        world = World(network, clock)
        await open_office(world)
        yield world


async def open_office(world: World) -> None:
    """Record the office whose keys the statements name, and the decision that they rest on."""
    registered, *others = (decode_envelope(one).body for one in opening_events(OFFICE))
    await world.record(world.sign(ROOT, registered, (ROOT, CHAIR)))
    for body in others:
        await world.record(world.sign(ROOT, body, (ROOT,)))
    height = await world.record(world.sign(CHAIR, make_decision(), (CHAIR,)))
    await wait_until_all(world.network.seen.nodes, height)


@pytest.mark.parametrize(("author", "taken"), [(ROOT, 15), (OFFICE, 1)])
async def test_after_any_statement_of_one_key_the_owner_is_recovered(
    world: World, author: str, taken: int
) -> None:
    """Each type of event, signed by this key alone, and then what the owner has left."""
    stated: list[tuple[Body, str | None]] = [(one.body, one.subject) for one in STATEMENTS.values()]
    own = {name: world.key(f"BW/{name}").public_key for name in ("root", "recovery")}
    stated += [(vary(KEY, authority=name), None) for name in own]
    stated += [(vary(ROTATION, old=key), None) for key in own.values()]
    stated += [(vary(REVOCATION, key=key), None) for key in own.values()]
    done = []
    for body, subject in stated:
        theft = world.sign(author, body, (author,), subject)
        for helpers in (("BW/recovery",), WITNESSES):
            refused, recovered = await world.rehearse(theft, world.recover(*helpers))
            assert recovered == "", (body, helpers)
        done += [] if refused else [body]
    assert len(done) >= taken, done


async def test_after_any_statement_of_the_chairs_key_the_chair_is_recovered(world: World) -> None:
    done = set()
    for name, one in STATEMENTS.items():
        if one.author == CHAIR:
            events = world.state(*one.after, name)
            *said, recovered = await world.rehearse(*events, world.recover_chair(*QUORUM))
            assert recovered == "", name
            if not any(said):
                done.add(name)
    assert len(done) >= 12, done


async def test_the_chairs_key_takes_no_participant_and_keeps_nobody_from_help(
    world: World,
) -> None:
    assert await world.rehearse(world.recover()) == [UNSIGNED]
    assert await world.rehearse(world.recover(WITNESSES[0])) == [UNSIGNED]
    # Nor with a witness whom the Chair has admitted, before a year is over.
    keys = {one: signing_key(f"ZW/{one}").public_key for one in ("root", "recovery")}
    admission = vary(ADMISSION, code="ZW", root_key=keys["root"], recovery_key=keys["recovery"])
    await world.record(world.sign(CHAIR, admission, (CHAIR,)))
    try:
        for days, expected in ((0, UNSIGNED), (365, UNSIGNED), (367, "")):
            world.clock.set(NOW_MS + days * DAY_MS)
            helped = world.recover("EU/root", "ZW/root")
            assert await world.rehearse(helped) == [expected], days
    finally:
        world.clock.set(NOW_MS + DAY_MS // 2)
    # Whom the Chair has removed is heard.
    removed = [
        world.sign(CHAIR, vary(STATUS, code=one[:2], status=Standing.REMOVED), (CHAIR,))
        for one in WITNESSES
    ]
    assert await world.rehearse(*removed, world.recover(*WITNESSES)) == ["", "", ""]


async def test_a_chair_that_was_handed_to_a_thief_is_taken_back_by_five(world: World) -> None:
    note = [
        world.sign(CHAIR, NOTE, (key,), "BW")
        for key in (CHAIR, "the next chair", "recovered chair")
    ]
    (hand_over,) = world.state("chair_rotated")
    four, five = world.recover_chair(*QUORUM[1:]), world.recover_chair(*QUORUM)
    assert await world.rehearse(hand_over, four, note[1]) == ["", UNSIGNED, ""]
    found = await world.rehearse(hand_over, five, *note)
    assert found == ["", "", UNSIGNED, UNSIGNED, ""]


async def test_a_point_of_mixed_order_is_a_key_on_no_node_whatever_its_library_says(
    world: World,
) -> None:
    for key in read_mixed_keys():
        events = {
            "body.key": [
                world.sign(ROOT, vary(KEY, key=key), (ROOT,)),
                world.sign(CHAIR, vary(OBSERVER, key=key), (CHAIR,)),
            ],
            "body.new": [world.sign(ROOT, vary(ROTATION, new=key), (ROOT,))],
            "body.root_key": [world.sign(CHAIR, vary(ADMISSION, root_key=key), (CHAIR,))],
            "body.recovery_key": [world.sign(CHAIR, vary(ADMISSION, recovery_key=key), (CHAIR,))],
        }
        for field, some in events.items():
            for at in range(2):
                found = await world.rehearse(*some, at=at)
                assert found == [f"E5 {field}"] * len(some), (key.hex(), at)
            for event in some:
                assert await world.post("/v1/events", event) == 422
