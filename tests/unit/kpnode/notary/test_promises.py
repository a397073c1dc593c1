"""What a voter has acknowledged is asked of candidates, also when its log does not hold it."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from single_engine import ELECTION_TICKS, HONEST, LIAR, World
from voices import ShownLog

from kpledger.base.codec import decode
from kpledger.log.block import compute_head
from kpledger.log.statements import MAX_STATEMENT_BYTES, LogEnd, Vote
from kpnode.notary.attachment import decode_attachment
from kpnode.raft import AppendRequest, Entry, PreVoteRequest, Received, Tick, VoteReply
from kpnode.step import Step


@dataclass
class Overwritten:
    """A follower took a block of term 4, and older ones in term 6 instead."""

    world: World
    promised: ShownLog
    """With what it acknowledged."""
    other: ShownLog
    """What it held in term 5."""
    older: ShownLog


@pytest.fixture
def overwritten(leader: World) -> Overwritten:
    return overwrite(leader, nonce=1)


def overwrite(world: World, *, nonce: int) -> Overwritten:
    """Let a block be acknowledged and overwritten, unless another has its nonce, then by older."""
    early = world.elect(HONEST, 3)
    reign, base = world.elect(LIAR, 4), world.end
    world.engine.step([reign.block(nonce=1)], [])
    promised = world.log
    _, block = entries_of(reign.block(nonce=nonce))
    world.engine.step([world.elect(HONEST, 5).append(block, previous=reign.opened)], [])
    other = world.log
    world.engine.step([world.elect(HONEST, 6).append(early.noop, previous=base)], [])
    assert world.end.place == (3, 3)
    return Overwritten(world, promised, other, world.log)


def entries_of(said: Received) -> tuple[Entry, ...]:
    assert isinstance(said.message.body, AppendRequest)
    return said.message.body.entries


def votes_for(world: World, log: ShownLog, *, term: int = 7) -> LogEnd | None:
    """Let another ask for a vote when no leader was heard for long; give what was signed."""
    for _ in range(ELECTION_TICKS):
        world.engine.step([Tick()], [])
    step = world.hear(world.honest.ask_vote(world.others.allow(HONEST, term=term), log))
    (body,) = (one.body for one in step.outgoing if isinstance(one.body, VoteReply))
    if not body.granted:
        return None
    said = decode_attachment(body.attached).statement
    assert said is not None
    return decode(said, Vote, what="vote", max_bytes=MAX_STATEMENT_BYTES).candidate_end


def test_log_without_what_was_acknowledged_gets_no_vote(overwritten: Overwritten) -> None:
    assert votes_for(overwritten.world, overwritten.older) is None
    assert votes_for(overwritten.world, overwritten.promised, term=8) == overwritten.promised.end


def test_it_is_asked_for_after_a_restart(overwritten: Overwritten, tmp_path: Path) -> None:
    overwritten.world.storage.close()
    again = World(tmp_path / "ledger")
    assert votes_for(again, overwritten.older) is None
    again.storage.close()


def test_other_block_in_its_place_is_none(leader: World) -> None:
    """It did not acknowledge that in its term: whoever led that has put it there later."""
    held = overwrite(leader, nonce=2)
    assert held.other.end.place == held.promised.end.place
    assert votes_for(leader, held.other) is None
    assert votes_for(leader, held.promised, term=8) == held.promised.end


def test_voter_does_not_campaign_without_it(overwritten: Overwritten) -> None:
    steps: list[Step] = [overwritten.world.engine.step([Tick()], []) for _ in range(50)]
    sent = [one.body for step in steps for one in step.outgoing]
    assert not [body for body in sent if isinstance(body, PreVoteRequest)]


def test_it_is_asked_for_until_the_log_ends_in_a_later_term(overwritten: Overwritten) -> None:
    """A log that ends before it may still hold what is final of it: such an election voids none."""
    world, (*_, opened, _) = overwritten.world, overwritten.promised.path
    first = LogEnd(term=4, index=3, head=compute_head(opened.header))
    world.engine.step([world.elect(HONEST, 7, first).beat()], [])
    assert votes_for(world, overwritten.older, term=8) is None
    reign = world.elect(HONEST, 9)
    world.engine.step([reign.append(reign.noop)], [])
    assert votes_for(world, world.log, term=10) == world.end


def test_it_is_void_once_somebody_was_elected_with_none_of_it(
    overwritten: Overwritten, tmp_path: Path
) -> None:
    """Also after a restart; the lowest block that was lost is remembered."""
    overwritten.world.storage.close()
    world = World(tmp_path / "ledger")
    assert votes_for(world, overwritten.older) is None
    world.engine.step([world.elect(HONEST, 8).beat()], [])
    assert votes_for(world, overwritten.older, term=9) == overwritten.older.end
    world.storage.close()
