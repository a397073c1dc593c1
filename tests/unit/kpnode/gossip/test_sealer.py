"""The rounds of a leader: who is asked for what, and what becomes of those who do not answer."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from founding import make_genesis, signing_key
from network import PATIENCE_S
from sealed_notes import NOW_S, ORIGIN
from single_engine import World, key_added

from kpledger.log.checkpoint import Checkpoint, cosign_checkpoint, parse_checkpoint
from kpledger.log.note import KeyType, Note, NoteKey
from kpledger.log.policy import policy_of
from kpledger.log.witnessing import (
    WitnessError,
    format_cosignatures,
    parse_add_checkpoint,
    witness_checkpoint,
)
from kpnode.contacts import Said, UnansweredError
from kpnode.gossip.sealer import Sealer
from kpnode.process import end_tasks
from kpnode.raft import NodeId
from kpnode.sealing.cosigner import OwnCosigner
from kpnode.sealing.final_tree import FinalTree
from kpnode.sealing.published import PublishedCheckpoints
from kpnode.sealing.seals import Seals

GENESIS = make_genesis()
LOGS = policy_of(GENESIS).logs
OUTSIDE = NoteKey("witness.example", KeyType.COSIGNATURE, signing_key("outside").public_key)


@dataclass
class Witness:
    """Somebody who cosigns by the rules of tlog-witness (a :class:`kpnode.contacts.NodeLine`).

    It is a second implementation of what a voter does, without a ledger.
    """

    name: str
    key_name: str
    stored: Checkpoint | None = None
    moods: list[str] = field(default_factory=list)
    """How it answers next: ``hang``, ``fail``, ``lie`` or ``noise``; well when none is left."""
    asked: list[tuple[int, int, int]] = field(default_factory=list)
    """Of each request the old size, the new one, and how many signatures were shown."""

    async def get(self, target: str, *, timeout_s: float, max_bytes: int) -> Said:
        raise UnansweredError(f"is not asked for {target} in {timeout_s} s, {max_bytes} bytes")

    def stream(
        self, target: str, *, timeout_s: float
    ) -> AbstractAsyncContextManager[tuple[Said, AsyncIterator[bytes]]]:
        raise UnansweredError(f"is not asked for {target} in {timeout_s} s")

    async def post(
        self,
        target: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout_s: float,
        max_bytes: int,
    ) -> Said:
        assert (target, headers["Content-Type"]) == ("/add-checkpoint", "text/plain; charset=utf-8")
        assert max_bytes
        asked = parse_add_checkpoint(body)
        checkpoint = parse_checkpoint(asked.note.text)
        self.asked.append((asked.old_size, checkpoint.size, len(asked.note.signatures)))
        mood = self.moods.pop(0) if self.moods else ""
        if mood == "hang":
            await asyncio.sleep(timeout_s)
            raise UnansweredError("does not answer: TimeoutError")
        if mood == "fail":
            return Said(503, {}, b"busy")
        try:
            self.stored = witness_checkpoint(self.stored, asked, LOGS)
        except WitnessError as error:
            said = str(error.size if error.size is not None else error)
            return Said(error.status, {}, f"{said}\n".encode())
        key = signing_key("a thief" if mood == "lie" else self.key_name)
        line = cosign_checkpoint(checkpoint, name=self.name, key=key, time_s=NOW_S)
        answer = format_cosignatures(Note(asked.note.text, (line,)))
        return Said(200, {}, b"noise" if mood == "noise" else answer)


class Round:
    """A leader of three voters that seals, and those whom it asks."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world, self.leads, self.looks = world, True, 0
        tree = FinalTree(world.ledger)
        cosigner = OwnCosigner(
            directory / "cosigned",
            name=f"{ORIGIN}/bw-1",
            key=signing_key("bw-1/cosigning"),
            logs=LOGS,
            tree=tree,
        )
        self.published = PublishedCheckpoints(GENESIS, tree, (OUTSIDE,))
        self.voters = {
            NodeId(one): Witness(f"{ORIGIN}/{one}", f"{one}/cosigning") for one in ("eu-1", "za-1")
        }
        self.outside = Witness(OUTSIDE.name, "outside")
        self.sealer = Sealer(
            self.does_lead,
            Seals(cosigner, self.published, signing_key("bw-1/consensus")),
            signing_key("bw-1/consensus"),
            voters=self.voters,
            outside={OUTSIDE.name: self.outside},
        )

    def does_lead(self) -> bool:
        self.looks += 1
        return self.leads

    def grow(self, number: int) -> None:
        self.world.engine.step([], [key_added(number)])
        self.world.hear(self.world.honest.acknowledge(self.world.end))

    async def sealed(self) -> None:
        """Wait until all that is final is sealed."""
        async with asyncio.timeout(PATIENCE_S):
            await self.published.reach(self.world.ledger.tip.tree.size)

    async def told(self, witness: Witness, asked: tuple[int, int, int]) -> None:
        """Wait until somebody has been asked so."""
        async with asyncio.timeout(PATIENCE_S):
            while asked not in witness.asked:  # noqa: ASYNC110 -- what is asked is no event
                await asyncio.sleep(0.01)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give the engine of bw-1 with three final events."""
    world = World(tmp_path / "ledger")
    world.lead()
    yield world
    world.storage.close()


@pytest.fixture
async def leader(world: World, tmp_path: Path) -> AsyncIterator[Round]:
    leader = Round(world, tmp_path)
    task = asyncio.create_task(leader.sealer.run())
    yield leader
    await end_tasks([task])


async def test_all_are_asked_and_then_told_what_all_have_cosigned(leader: Round) -> None:
    await leader.sealed()
    for voter in leader.voters.values():
        assert voter.asked[0] == (0, 3, 2)
        await leader.told(voter, (3, 3, 4))
    await leader.told(leader.outside, (0, 3, 4))
    leader.grow(1)
    await leader.sealed()
    for voter in leader.voters.values():
        await leader.told(voter, (3, 4, 2))


async def test_what_an_outside_witness_says_is_handed_out(leader: Round) -> None:
    await leader.sealed()
    async with asyncio.timeout(PATIENCE_S):
        while OUTSIDE.name not in str(leader.published.best):  # noqa: ASYNC110 -- likewise
            await asyncio.sleep(0.01)


async def test_who_has_cosigned_less_or_more_says_from_where_to_begin(leader: Round) -> None:
    leader.voters[NodeId("eu-1")].stored = FinalTree(leader.world.ledger).newest()
    await leader.sealed()
    assert [one[0] for one in leader.voters[NodeId("eu-1")].asked[:2]] == [0, 3]


@pytest.mark.parametrize("mood", ["fail", "lie", "noise"])
async def test_who_answers_badly_is_asked_again_and_seals_nothing_meanwhile(
    world: World, tmp_path: Path, mood: str
) -> None:
    leader = Round(world, tmp_path)
    za = leader.voters[NodeId("za-1")]
    za.moods = [mood]
    task = asyncio.create_task(leader.sealer.run())
    await leader.told(leader.voters[NodeId("eu-1")], (0, 3, 2))
    assert leader.published.sealed is None
    await leader.sealed()
    assert len(za.asked) > 1
    await end_tasks([task])


async def test_who_hangs_keeps_nobody_else_waiting(world: World, tmp_path: Path) -> None:
    leader = Round(world, tmp_path)
    leader.outside.moods = ["hang"] * 9
    task = asyncio.create_task(leader.sealer.run())
    for number in range(3):
        leader.grow(number)
        await leader.sealed()
    assert len(leader.outside.asked) == 1
    await end_tasks([task])


async def test_who_does_not_lead_any_more_asks_nobody(leader: Round) -> None:
    await leader.sealed()
    leader.leads = False
    leader.grow(1)
    looks = leader.looks
    async with asyncio.timeout(PATIENCE_S):
        while leader.looks < looks + 2:  # noqa: ASYNC110 -- likewise
            await asyncio.sleep(0.01)
    assert {one[1] for voter in leader.voters.values() for one in voter.asked} == {3}
    leader.leads = True
    await leader.sealed()
