"""Rounds of gossip: nodes that were shown different ledgers find it, whatever else is sent."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import pytest
from branches import Branch
from convicting import ELECTORATE, vote
from electing import elect
from founding import make_genesis
from gossiping import Chain, Gossiper, tell_cosigned
from histories import leaves_of
from network import PATIENCE_S
from split_views import cosign, sign_as_log, tree_of, write_note

from kpledger.api.gossip import GossipMessage, Rumour, decode_gossip, encode_gossip
from kpledger.base.codec import encode
from kpledger.base.errors import LedgerError
from kpledger.log.certificates import CommitCertificate, LeaderCertificate
from kpledger.log.note import Note, parse_note
from kpledger.log.statements import BindingStatement
from kpnode.contacts import Said, UnansweredError
from kpnode.docket import Exhibit, judge_encoded
from kpnode.gossip.rounds import Gossip
from kpnode.raft import NodeId

ROOT: Final = Branch().open(1, "bw-1").make(count=2)
TRUE: Final = ROOT.make(count=4)
FALSE: Final = ROOT.make(7, count=4)


class Talker:
    """A node that gossips by itself."""

    def __init__(self, branch: Branch, *voters: str) -> None:
        self.genesis = make_genesis()
        self.name = "in-1"
        self.known = Gossiper(Chain(branch, branch.finalise(*voters) if voters else None))
        self.lines: list[Wire] = []
        chain, self.board = self.known.chain, Board()
        self.gossip = Gossip(
            self, chain, chain, self.board, self.lines, addresses=self.known.book, round_s=0.01
        )
        self.heard: list[BindingStatement | LeaderCertificate] = []
        self.found = asyncio.Event()
        self.ahead: list[CommitCertificate] = []

    @property
    def said(self) -> tuple[BindingStatement | LeaderCertificate, ...]:
        return tuple(self.heard)

    def status(self) -> "Talker":
        return self

    @property
    def exhibits(self) -> tuple[Exhibit, ...]:
        return self.known.docket.exhibits

    def take_evidence(self, peer: NodeId, encoded: bytes) -> None:
        assert peer == self.name
        self.known.docket.take(judge_encoded(encoded, ELECTORATE, self.known.check))
        self.found.set()

    def take_certificates(self, certificates: Sequence[CommitCertificate]) -> None:
        self.ahead += certificates

    async def hear(self, *rumours: Rumour, site: str = "someone") -> GossipMessage:
        """Be told something; gives what it answers."""
        message = GossipMessage(
            chain=self.genesis.chain,
            config_hash=self.genesis.config_hash,
            has=(),
            rumours=tuple(map(encode, rumours)),
        )
        return decode_gossip(await self.gossip.answer(site, encode_gossip(message)), self.genesis)


class Board:
    """What a node hands out; it believes all."""

    def __init__(self) -> None:
        self.best: Note | None = None
        self.hung = asyncio.Event()

    def take(self, note: Note) -> bool:
        self.best = note
        self.hung.set()
        return True


class Wire:
    """A line to a node in the same loop; what comes back may be something else."""

    name = "there"

    def __init__(self, there: Talker, said: Said | None = None) -> None:
        self._there = there
        self._said = said
        self.answered = asyncio.Event()

    async def post(
        self,
        target: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout_s: float,
        max_bytes: int,
    ) -> Said:
        self.answered.set()
        if self._said is not None:
            return self._said
        answer = await self._there.gossip.answer("caller", body)
        if len(answer) > max_bytes or not timeout_s:
            raise UnansweredError("answers too much")
        assert (target, headers) == ("/v1/gossip", {"Content-Type": "application/msgpack"})
        return Said(200, {}, answer)


async def talk_until(talker: Talker, *events: asyncio.Event) -> None:
    """Let a node go its rounds until all has happened."""
    rounds = asyncio.create_task(talker.gossip.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            for event in events:
                await event.wait()
    finally:
        rounds.cancel()
        await asyncio.gather(rounds, return_exceptions=True)


@pytest.mark.parametrize(("own", "other"), [(TRUE, FALSE), (Branch(TRUE.shown[:5]), FALSE)])
async def test_two_nodes_on_two_histories_find_it_and_both_have_the_evidence(
    own: Branch, other: Branch
) -> None:
    one, there = Talker(own, "bw-1", "eu-1"), Talker(other, "eu-1", "za-1")
    one.lines.append(Wire(there))
    await talk_until(one, one.found, there.found)
    for node in (one, there):
        assert {exhibit.conviction.kind for exhibit in node.exhibits} == {"E8"}


async def test_split_view_is_found_by_whoever_was_shown_one_side() -> None:
    one, there = Talker(TRUE), Talker(TRUE)
    await one.hear(tell_cosigned(TRUE, "za-1"))
    await there.hear(tell_cosigned(FALSE, "za-1", size=3))
    assert one.exhibits == there.exhibits == ()
    one.lines.append(Wire(there))
    await talk_until(one, one.found, there.found)
    for node in (one, there):
        assert [exhibit.conviction.culprits for exhibit in node.exhibits] == [("za-1",)]


async def test_what_was_said_to_two_voters_in_consensus_is_compared() -> None:
    one, there = Talker(TRUE), Talker(TRUE)
    one.heard = [vote("bw-1"), elect("eu-1", term=1, base=Branch().end)]
    there.heard = [vote("eu-1")]
    one.lines.append(Wire(there))
    await talk_until(one, one.found, there.found)
    for node in (one, there):
        assert [exhibit.conviction.kind for exhibit in node.exhibits] == ["E3"]


async def test_a_node_hears_of_what_is_final_beyond_its_own_ledger() -> None:
    node, newest = Talker(Branch(TRUE.shown[:5]), "bw-1", "eu-1"), TRUE.finalise("bw-1", "eu-1")
    await node.hear(Rumour(certificate=Branch(TRUE.shown[:3]).finalise("bw-1", "eu-1")))
    assert node.ahead == []
    await node.hear(Rumour(certificate=newest))
    assert node.ahead == [newest]


async def test_checkpoint_that_a_node_hands_out_is_handed_out_by_others() -> None:
    one, there = Talker(TRUE), Talker(TRUE)
    tree = tree_of(leaves_of(TRUE))
    lines = sign_as_log(tree, "bw-1"), cosign(tree, "eu-1"), cosign(tree, "za-1")
    there.board.best = parse_note(write_note(tree, *lines).encode())
    one.lines.append(Wire(there))
    await talk_until(one, one.board.hung)
    assert one.board.best == there.board.best


@pytest.mark.parametrize(
    "said",
    [
        Said(404, {}, b""),
        Said(200, {}, b""),
        Said(200, {}, b"\xc1" * 100),
        Said(200, {}, encode_gossip(GossipMessage(chain=bytes(32), config_hash=bytes(32), has=()))),
    ],
    ids=["no route", "nothing", "nonsense", "another ledger"],
)
async def test_who_answers_nonsense_keeps_nobody_from_the_others(said: Said) -> None:
    one, there = Talker(TRUE, "bw-1", "eu-1"), Talker(FALSE, "eu-1", "za-1")
    bad = Wire(there, said)
    one.lines += (bad, Wire(there))
    await talk_until(one, bad.answered, one.found, there.found)


async def test_whoever_is_told_answers_with_what_the_other_one_lacks() -> None:
    node = Talker(TRUE)
    assert (await node.hear(tell_cosigned(TRUE, "za-1"))).rumours != ()
    assert decode_gossip(await node.gossip.tell(), node.genesis).rumours != ()


async def test_who_tells_much_or_what_does_not_hold_is_not_heard_for_a_while() -> None:
    node = Talker(TRUE)
    bad = [tell_cosigned(TRUE, f"xx-{one}") for one in range(200)]
    for at in range(0, 200, 20):
        await node.hear(*bad[at : at + 20], site="liar")
    assert node.gossip.is_tired_of("liar")
    assert not node.gossip.is_tired_of("someone")


async def test_what_is_no_message_is_refused() -> None:
    node = Talker(TRUE)
    with pytest.raises(LedgerError):
        await node.gossip.answer("someone", b"x")
