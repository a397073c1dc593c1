"""What a liar that was elected, or campaigns, tries against the promises of one voter."""

from pathlib import Path

import msgspec
import pytest
from electing import signer_of
from single_engine import ELECTION_TICKS, HONEST, LIAR, World
from voices import ShownLog

from kpledger.log.block import compute_head, decode_block
from kpledger.log.certificates import certify_commit
from kpledger.log.conviction import Guilt
from kpledger.log.path import ShownHeader
from kpledger.log.statements import LogEnd, Vote
from kpnode.docket import ForkedError
from kpnode.headers import OwnHeaders
from kpnode.notary.attachment import decode_attachment
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    Entry,
    Index,
    PreVoteReply,
    Received,
    Role,
    Term,
    Tick,
)
from kpnode.step import Step


def votes_in(step: Step) -> list[Vote]:
    said = (decode_attachment(one.body.attached).statement for one in step.outgoing)
    return [msgspec.msgpack.decode(one, type=Vote) for one in said if one is not None]


def end_of(block: Entry) -> LogEnd:
    head = compute_head(decode_block(block.payload).header)
    return LogEnd(term=block.term, index=block.index, head=head)


def take_block(leader: World, nonce: int = 1) -> tuple[LogEnd, ShownLog]:
    """Let it take blocks 3 and 4 of a leader of term 2, who then is silent; gives block 3."""
    reign = leader.elect(HONEST, 2)
    noop, block = entries_of(reign.block(nonce=nonce))
    leader.engine.step([reign.append(noop)], [])
    shorter = leader.log
    leader.engine.step([reign.append(block, previous=reign.opened)], [])
    for _ in range(ELECTION_TICKS):
        leader.engine.step([Tick()], [])
    return shorter.end, shorter


def entries_of(said: Received) -> tuple[Entry, ...]:
    body = said.message.body
    assert isinstance(body, AppendRequest)
    return body.entries


def test_vote_is_not_signed_again_after_a_restart(leader: World, tmp_path: Path) -> None:
    """The core would give it again, and nothing tells any more for which log it was given."""
    _, shorter = take_block(leader)
    voice, proof = leader.voices[LIAR], leader.others.allow(LIAR, term=3)
    assert len(votes_in(leader.hear(voice.ask_vote(proof, leader.log)))) == 1
    leader.storage.close()
    again = World(tmp_path / "ledger")
    assert again.engine.status().voted_for == LIAR
    for log in (shorter, again.log):
        assert again.hear(voice.ask_vote(proof, log)).outgoing == ()
    again.storage.close()


def test_certificate_of_a_block_that_is_not_taken_commits_no_other(leader: World) -> None:
    """The leader has made two; the others made the other one final."""
    reign = leader.elect(LIAR, 2)
    leader.engine.step([reign.block(nonce=1)], [])
    held = leader.end
    noop, other = entries_of(reign.block(nonce=2))
    final = leader.others.finalise(end_of(other))
    said = reign.append(other, previous=reign.opened, final=final)
    again = reign.append(noop, other, final=final)
    # All in one step: after it the liar is convicted, and not heard any more.
    step = leader.engine.step([said, reign.beat(commit=4, final=final), again], [])
    assert (leader.end, step.status.commit) == (held, 2)
    assert [one.conviction.culprits for one in step.exhibits] == [(LIAR,)]


@pytest.mark.parametrize("together", [False, True])
def test_block_that_is_known_to_be_final_is_not_overwritten(
    leader: World, *, together: bool
) -> None:
    """The leader of a later term has not let this node commit it yet."""
    first = leader.elect(LIAR, 2)
    leader.engine.step([first.block(nonce=1)], [])
    held, final = leader.end, leader.others.finalise(leader.end)
    _, other = entries_of(first.block(nonce=2))
    later = leader.elect(LIAR, 3)
    said = [
        later.beat(final=final),
        later.append(other, previous=first.opened),
        later.beat(commit=4, final=final),
    ]
    steps = [said] if together else [[one] for one in said]
    refused = [one for inputs in steps for one in leader.engine.step(inputs, []).refused]
    assert [one.problem for one in refused] == [
        "block 4 is invalid at prev_head: another block is final"
    ]
    assert leader.end == held


def test_reply_that_comes_with_the_vote_that_elects_stops_nobody(leader: World) -> None:
    """It answers what the new leader has not even saved."""
    reign = leader.elect(HONEST, 2)
    leader.engine.step([reign.beat()], [])
    leader.hear(leader.honest.nominate(reign.opening))
    early = leader.voices[LIAR].say(AppendReply(Term(3), accepted=False, index=Index(0)))
    step = leader.hear(leader.honest.vote(3, leader.end), early)
    assert step.status.role is Role.LEADER


def test_what_is_said_of_the_place_before_the_first_block_stops_nobody(leader: World) -> None:
    """Nothing is there, and no word of one voter may make a node look for it on its disk."""
    voice, nowhere = leader.voices[LIAR], LogEnd(term=0, index=0, head=bytes(32))
    final = certify_commit([voice.signer.acknowledge(nowhere)])
    refusal = PreVoteReply(Term(1), granted=False)
    leader.hear(voice.say(refusal, final=final))
    leader.hear(voice.acknowledge(leader.end))
    said = voice.signer.acknowledge(LogEnd(term=1, index=0, head=bytes(32)))
    body = AppendReply(Term(1), accepted=True, index=Index(2))
    step = leader.hear(voice.say(body, said=said))
    # Whatever it means by that, it is another chain than the one that it has acknowledged.
    assert [one.conviction.kind for one in step.exhibits] == ["E2"]


def test_fork_names_who_elected_a_leader_without_the_block_as_its_own_chain_shows(
    leader: World, tmp_path: Path
) -> None:
    """After a restart nobody has told it of that term; and later terms had the leader's blocks."""
    reign = leader.elect(HONEST, 3)
    leader.engine.step([reign.block()], [])
    final = leader.others.finalise(leader.end)
    leader.engine.step([reign.beat(commit=leader.end.index, final=final)], [])
    leader.engine.step([leader.elect(HONEST, 4).beat()], [])
    leader.storage.close()
    again = World(tmp_path / "ledger")
    other = again.others.finalise(LogEnd(term=2, index=4, head=b"\x07" * 32))
    step = again.engine.step([again.elect(LIAR, 5).beat(final=other)], [])
    (fork,) = (one.conviction for one in step.exhibits if one.conviction.kind == "E8")
    assert fork.culprits == (HONEST, LIAR)
    assert f"{HONEST} acknowledged block 4 (07070707…) in term 2 and voted in term 3" in fork.words
    with pytest.raises(ForkedError, match=f"{LIAR} acknowledged block 4"):
        again.engine.step([Tick()], [])
    again.storage.close()


def test_fork_names_who_acknowledged_both_where_no_election_is_known(leader: World) -> None:
    own = leader.end
    other = leader.others.finalise(LogEnd(term=3, index=own.index, head=b"\x07" * 32))
    step = leader.engine.step([leader.elect(LIAR, 5).beat(final=other)], [])
    (fork,) = (one.conviction for one in step.exhibits)
    assert (fork.kind, fork.named) == ("E8", {HONEST: Guilt.SUSPICION})
    assert f"{HONEST} acknowledged both" in fork.words


def acknowledge_otherwise(leader: World, end: LogEnd, *, start: int = 1) -> Step:
    """Let the liar sign for another block than the one that it says it holds."""
    said = signer_of(LIAR, generation=start).acknowledge(end)
    body = AppendReply(Term(1), accepted=True, index=Index(leader.end.index))
    return leader.hear(leader.voices[LIAR].say(body, said=said))


def test_acknowledgement_of_what_is_below_costs_no_way_through_the_log(
    leader: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in a place of the own branch contradicts nothing; of others a few are looked at."""
    lower = LogEnd(term=1, index=1, head=leader.engine._notary.records.chain.head_at(1) or b"")
    leader.hear(leader.voices[LIAR].acknowledge(leader.end))
    walked: list[int] = []
    shown = OwnHeaders.shown

    def walk(headers: OwnHeaders, first: int, last: int) -> tuple[ShownHeader, ...]:
        walked.extend(range(first, last))
        return shown(headers, first, last)

    monkeypatch.setattr(OwnHeaders, "shown", walk)
    for _ in range(20):
        assert acknowledge_otherwise(leader, lower).exhibits == ()
    assert walked == []
    for start in range(2, 22):
        acknowledge_otherwise(leader, msgspec.structs.replace(lower, head=bytes(32)), start=start)
    assert 1 < len(walked) < 10
