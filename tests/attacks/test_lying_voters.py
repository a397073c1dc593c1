"""What one voter's keys can do to the others while somebody else leads, or nobody.

Its words are believed as far as they are proven; what it signs twice convicts it.
"""

import asyncio
import secrets
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from network import GLANCE_S, watch
from voices import Majority

from attacks.fabrication import (
    elsewhere,
    invent,
    make_next,
    noise,
    open_term,
    say_everything,
    speak_for,
    voices,
)
from attacks.lying import (
    attach,
    attach_to,
    hear_it,
    hold_back,
    lying,
    say_it,
    wait_until_met,
)
from attacks.siege import HONEST_TICK_MS, PAUSE_S, Siege, besieging, paused
from attacks.voting import DEADLINE_S, VOTERS, number, wait_until
from kpledger.base.codec import decode, encode
from kpledger.log.block import decode_block
from kpledger.log.certificates import TermProof
from kpledger.log.evidence import DoubleVote
from kpledger.log.evidence_file import encode_evidence
from kpledger.log.path import ShownHeader
from kpledger.log.statements import MAX_STATEMENT_BYTES, LogEnd, PreVote
from kpnode.notary.attachment import (
    MAX_ATTACHED_BYTES,
    Attachment,
    decode_attachment,
    encode_attachment,
)
from kpnode.raft import (
    AppendReply,
    AppendRequest,
    HeartbeatReply,
    HeartbeatRequest,
    Index,
    Message,
    NodeId,
    PreVoteReply,
    PreVoteRequest,
    Term,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from kpnode.transport.wire import MAX_REPLY_ATTACHED_BYTES, Frame

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PUMPED = 40_000_000
FLOOD = 500


def newest_term(siege: Siege) -> int:
    """Give the liar's own term, which is that of all as a rule."""
    return siege.liar.core.term


def end_of(siege: Siege) -> LogEnd:
    return siege.liar.machine.ledger.tip.end


async def see_no_term(siege: Siege, term: int) -> None:
    """See that events are committed, and that nobody is in a term or beyond."""
    await siege.go_on()
    for status in await siege.ask():
        assert number(status, "term") < term, status
        assert status["leader"] != siege.liar.name, status


async def speak_as_leader(siege: Siege) -> None:
    """1: one heartbeat of a higher term to each."""
    liar, now = siege.liar, newest_term(siege)
    for ahead in (1, 1000):
        for commit in (Index(0), Index((1 << 53) - 1)):
            liar.tell(siege.names, HeartbeatRequest(Term(now + ahead), commit, 0))
    await see_no_term(siege, now + 1000)


async def speak_as_a_stranger(siege: Siege) -> None:
    """Whatever who is no voter says: nobody answers, and nobody follows."""
    term, end = newest_term(siege) + 1, end_of(siege)
    async with lying(siege.network, siege.network.nodes[VOTERS]) as stranger:
        await wait_until_met(stranger, len(siege.honest))
        for body in say_everything(term, end, b""):
            stranger.tell(siege.names, body)
        await siege.go_on()
        answers = {type(one.body) for one in stranger.mouth.heard} - {PreVoteRequest, VoteRequest}
        assert answers == set()


async def open_three_terms(siege: Siege) -> None:
    """2: an opening of another term for each, without votes and with votes it made up."""
    liar, end, now = siege.liar, end_of(siege), newest_term(siege)
    others = [speak_for(liar, name) for name in sorted((*siege.names, liar.name))]
    for number_, peer in enumerate(siege.names, start=1000):
        term = now + number_
        for payload in (b"", Majority(tuple(others)).elect(liar.name, term=term, base=end).encoded):
            liar.tell([peer], open_term(term, end, payload))
    await see_no_term(siege, now + 1000)


async def pump_terms(siege: Siege) -> None:
    """7: messages of every kind with a term that is far ahead, and with proofs of it made up."""
    liar, end = siege.liar, end_of(siege)
    term = newest_term(siege) + PUMPED
    others = [speak_for(liar, name) for name in sorted((*siege.names, liar.name))]
    for attached in (b"", invent(others, liar, term, end), invent(others[:1], liar, term, end)):
        for body in say_everything(term, end, attached):
            liar.tell(siege.names, body)
    await see_no_term(siege, term - 1)


async def flood(siege: Siege) -> None:
    """8: pre-votes and appends of ever higher terms."""
    liar, end, now = siege.liar, end_of(siege), newest_term(siege)
    for one in range(FLOOD):
        term = Term(now + 100 + one)
        liar.tell(siege.names, PreVoteRequest(term, Index(end.index), Term(end.term)))
        liar.tell(siege.names, open_term(term, end, b""))
        if one % 50 == 0:
            await asyncio.sleep(0)
            await siege.go_on(1)
    await see_no_term(siege, now + 100)


async def ask_for_everything(siege: Siege) -> None:
    """9: the whole chain again and again."""

    liar, mouth = siege.liar, siege.liar.mouth
    asked = 0

    def hears(peer: NodeId, frame: Frame) -> bool:
        nonlocal asked
        if not (isinstance(frame, Message) and isinstance(frame.body, AppendRequest)):
            return True
        asked += 1
        refusal = AppendReply(frame.body.term, accepted=False, index=frame.body.prev_index)
        liar.tell([peer], refusal)
        return False

    mouth.hears = hears
    while asked < 5:
        await siege.go_on(1)
    mouth.hears = hear_it


async def replay(siege: Siege) -> None:
    """10: what was said on another ledger, under another configuration, in an earlier term."""
    liar, end = siege.liar, end_of(siege)
    term = newest_term(siege) + 1
    own = liar.signer.electorate
    for other in (
        elsewhere(own, chain=secrets.token_bytes(32)),
        elsewhere(own, config_hash=secrets.token_bytes(32)),
    ):
        signers = voices(siege.network, other)
        for body in say_everything(term + 1000, end, invent(signers, liar, term + 1000, end)):
            liar.tell(siege.names, body)
        foreign = speak_for(liar, liar.name, other)
        ack = attach(foreign.acknowledge(end))
        body = AppendReply(Term(end.term), accepted=True, index=Index(end.index), attached=ack)
        liar.tell(siege.names, body)
    for message in tuple(liar.mouth.said)[:50]:
        liar.links.say(message)
    await see_no_term(siege, term + 1000)


async def nominate(siege: Siege) -> None:
    """14: a nomination by who does not lead, and a campaign that nobody asked for."""
    liar, now, end = siege.liar, newest_term(siege), end_of(siege)
    for peer in siege.names:
        attached = attach(liar.signer.nominate(peer, term=now))
        liar.tell([peer], TimeoutNow(Term(now), attached))
    proof = encode(
        TermProof(
            term=now + 1,
            candidate=liar.name,
            nomination=liar.signer.nominate(liar.name, term=now),
            opening=liar.notary.records.terms.prove(now).opening,
        )
    )
    attached = encode_attachment(Attachment(term_proof=proof))
    request = VoteRequest(Term(now + 1), Index(end.index), Term(end.term), transfer=True)
    liar.tell(siege.names, replace(request, attached=attached))
    await siege.go_on()
    assert all(one["leader"] != liar.name for one in await siege.ask())


async def withhold(siege: Siege) -> None:
    """16: neither votes nor acknowledgements; the other three are a majority."""
    siege.liar.mouth.twist = hold_back
    await siege.go_on(30)
    siege.liar.mouth.twist = say_it


async def accuse(siege: Siege) -> None:
    """17: evidence that is none, or that was made up against an honest node."""
    liar, end = siege.liar, end_of(siege)
    victim, other = siege.names[:2]
    as_victim = speak_for(liar, victim)
    for one in range(300):
        term = newest_term(siege) + one
        votes = [
            as_victim.vote(name, term=term, candidate_end=end, voter_end=end)
            for name in sorted((victim, other))
        ]
        liar.show(siege.names, encode_evidence(DoubleVote(first=votes[0], second=votes[1])))
        liar.show(siege.names, noise())
    liar.show(siege.names, b"\x91" * 100_000)
    liar.show(siege.names, bytes(9 << 20))
    await siege.go_on()
    assert not any("Evidence" in str(one["alarms"]) for one in await siege.ask())


async def attach_monsters(siege: Siege) -> None:
    """18: attachments that are too large, too deep, or nothing."""
    liar, now, end = siege.liar, newest_term(siege), end_of(siege)
    replies = (PreVoteReply, VoteReply, AppendReply, HeartbeatReply)
    for attached in (b"\x91" * 60_000, noise(), b"\xc4", bytes(MAX_ATTACHED_BYTES)):
        for body in say_everything(now, end, attached):
            if len(attached) <= MAX_REPLY_ATTACHED_BYTES or not isinstance(body, replies):
                liar.tell(siege.names, body)
    await siege.go_on()


async def speak_of_nothing(siege: Siege) -> None:
    """A commit certificate of the place before the first block, which nobody has signed."""
    liar, end = siege.liar, end_of(siege)
    nowhere = LogEnd(term=0, index=0, head=secrets.token_bytes(32))
    final = encode(Majority((liar.signer,)).finalise(nowhere))
    attached = encode_attachment(Attachment(commit=final))
    for body in say_everything(newest_term(siege), end, attached):
        liar.tell(siege.names, body)
    await siege.go_on()


async def test_nobody_believes_a_voter_that_was_not_elected(tmp_path: Path) -> None:
    async with besieging(tmp_path) as siege:
        for attack in (
            withhold,
            nominate,
            speak_as_leader,
            speak_as_a_stranger,
            open_three_terms,
            ask_for_everything,
            accuse,
            speak_of_nothing,
            attach_monsters,
            replay,
            pump_terms,
            flood,
        ):
            await attack(siege)
    assert siege.kinds == set()


async def claim_a_commit(siege: Siege) -> None:
    """6: an answer to a pre-vote that claims a commit of what one disk alone holds.

    Of three honest voters two pause, so that who leads appends in vain, and stands for election.
    """
    liar, lone = siege.liar, siege.honest[0]
    asked: set[int] = set()

    def hears(peer: NodeId, frame: Frame) -> bool:
        if not (isinstance(frame, Message) and isinstance(frame.body, PreVoteRequest)):
            return not isinstance(frame, Message)
        body = frame.body
        said = attach(liar.signer.pre_vote(peer, term=body.term))
        for granted, attached in ((True, said), (False, b"")):
            term = body.term if granted else Term(body.term - 1)
            reply = PreVoteReply(term, granted, body.last_index, body.last_term, attached)
            liar.tell([peer], reply)
        asked.add(body.last_index)
        return False

    await siege.until(lambda one: one["leader"] in siege.names)
    lone = next(one for one in siege.honest if one.name == siege.liar.core.leader)
    with ExitStack() as pausing:
        liar.mouth.twist, liar.mouth.hears = hold_back, hears
        for node in siege.honest:
            if node is not lone:
                pausing.enter_context(paused(siege.processes[node.name]))
        async with asyncio.timeout(DEADLINE_S):
            while not asked:  # noqa: ASYNC110 (no event)
                await asyncio.sleep(GLANCE_S)
        (before,) = await watch([lone], bool, siege.session)
        liar.mouth.heard.clear()
        await wait_until(lambda: len(liar.heard(PreVoteRequest)) >= 3)
        (after,) = await watch([lone], bool, siege.session)
    liar.mouth.twist, liar.mouth.hears = say_it, hear_it
    assert max(asked) > number(after, "height") == number(before, "height")
    await siege.go_on()


async def claim_a_log(siege: Siege) -> None:
    """13: a candidate's log that it does not have: longer, or with a block nobody else made."""
    liar = siege.liar

    def twist(message: Message) -> tuple[Message, ...]:
        body = message.body
        if not isinstance(body, PreVoteRequest | VoteRequest):
            return (message,)
        longer = replace(message, body=replace(body, last_index=Index(body.last_index + 5)))
        path = decode_attachment(body.attached).path
        own = decode_block(make_next(liar, siege.load.note()))
        shown = ShownHeader(header=own.header, seal=own.signature)
        other = replace(message, body=replace(body, last_index=Index(body.last_index + 1)))
        return longer, attach_to(other, path=(*path, shown))

    liar.mouth.twist, liar.mouth.campaigns = twist, True
    async with siege.leaderless():
        liar.mouth.heard.clear()
        await wait_until(lambda: len(liar.heard(PreVoteReply)) >= 10)
        answers = liar.heard(PreVoteReply)
    liar.mouth.twist, liar.mouth.campaigns = say_it, False
    assert not any(one.body.granted for one in answers if isinstance(one.body, PreVoteReply))
    await siege.go_on()


async def use_terms_up(siege: Siege) -> None:
    """7: one term after another by whatever pre-votes can be had while nobody leads."""
    liar = siege.liar
    support: dict[int, dict[str, PreVote]] = {}

    def hears(_: NodeId, frame: Frame) -> bool:
        if isinstance(frame, Message) and isinstance(frame.body, PreVoteReply):
            body, said = frame.body, decode_attachment(frame.body.attached).statement
            if body.granted and said is not None:
                vote = decode(said, PreVote, what="pre-vote", max_bytes=MAX_STATEMENT_BYTES)
                support.setdefault(body.term, {})[vote.voter] = vote
        return True

    async def pump() -> None:
        term = liar.core.term + 1
        liar.mouth.twist = hold_back
        while True:
            end = liar.notary.records.chain.end
            body = PreVoteRequest(Term(term), Index(end.index), Term(end.term))
            claim = liar.notary._release._claim(body)
            if claim is not None:
                liar.tell(siege.names, replace(body, attached=encode_attachment(claim)))
            await asyncio.sleep(GLANCE_S / 2)
            by_voter = support.get(term, {})
            if len(by_voter) >= liar.signer.electorate.majority - 1:
                by_voter[liar.name] = liar.signer.pre_vote(liar.name, term=term)
                votes = tuple(by_voter[name] for name in sorted(by_voter))
                proof = encode(TermProof(term=term, candidate=liar.name, pre_votes=votes))
                shown = encode_attachment(Attachment(term_proof=proof))
                liar.tell(siege.names, VoteReply(Term(term), granted=False, attached=shown))
                term += 1

    before, began = liar.core.term, time.monotonic()
    liar.mouth.hears = hears
    pumping = asyncio.create_task(pump())
    async with siege.leaderless():
        await asyncio.sleep(PAUSE_S)
    # Between two terms lies half an election timeout: the others elect a leader meanwhile, or soon.
    took_s = time.monotonic() - began
    assert not pumping.done()
    pumping.cancel()
    liar.mouth.twist, liar.mouth.hears = say_it, hear_it
    await siege.go_on()
    risen = max(number(one, "term") for one in await siege.ask()) - before
    assert risen <= took_s / (5 * HONEST_TICK_MS / 1000) + 10


async def test_nobody_believes_a_voter_while_nobody_leads(tmp_path: Path) -> None:
    async with besieging(tmp_path) as siege:
        for attack in (claim_a_commit, claim_a_log, use_terms_up):
            await attack(siege)
    assert siege.kinds == set()


async def test_two_acknowledgements_of_one_place(tmp_path: Path) -> None:
    """12: a follower acknowledges what it was sent, and something else."""
    async with besieging(tmp_path) as siege:
        liar = siege.liar

        def twist(message: Message) -> tuple[Message, ...]:
            body = message.body
            if not (isinstance(body, AppendReply) and body.accepted and body.attached):
                return (message,)
            end = LogEnd(term=body.term, index=body.index, head=secrets.token_bytes(32))
            other = replace(body, attached=attach(liar.signer.acknowledge(end)))
            return message, replace(message, body=other)

        liar.mouth.twist = twist
        await siege.until(lambda one: "Evidence E2" in str(one["alarms"]))
    assert siege.kinds == {"E2"}
