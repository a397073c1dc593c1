"""What a leader that was really elected can do to those that follow it.

What it signs twice convicts it; what it does not do, another leader does.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from attacks.fabrication import bend, make_rivals
from attacks.lying import Twist, attach, attach_to, hold_back
from attacks.siege import Siege, besieging
from kpledger.base.codec import encode
from kpledger.log.statements import LogEnd
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.outcome import Refusal, Rule
from kpnode.notary.attachment import Attachment, encode_attachment
from kpnode.raft import (
    AppendRequest,
    Entry,
    EntryKind,
    HeartbeatRequest,
    Index,
    Message,
    NodeId,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from kpnode.runtime import Refused
from kpnode.transport.relay import _encode_outcome
from kpnode.transport.wire import Frame, RelayReply, RelayRequest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

LIE = Refusal(Rule.E3, "body\x1b[2J", "no\x1b]0;x\x07 \u202e" + "x" * 5000, "nothing")
"""What a leader that lies has to say, to a terminal."""

Forge = Callable[[Entry], Sequence[bytes]]
"""Gives what is sent in the place of a block, and after it."""


@dataclass(slots=True)
class Deceiver:
    """Sends other blocks to some followers, once to each; then all again, or nothing."""

    siege: Siege
    deceived: Iterable[str]
    forge: Forge
    done: set[str] = field(default_factory=set)

    async def deceive(self) -> None:
        """Lead until all of them have been sent what was forged."""
        self.siege.liar.mouth.twist = self.twist
        while self.done < set(self.deceived):
            assert await self.siege.let_lead()
            await self.siege.look()

    def twist(self, message: Message) -> tuple[Message, ...]:
        body, peer, liar = message.body, str(message.recipient), self.siege.liar
        if not isinstance(body, AppendRequest) or peer not in self.deceived or peer in self.done:
            return (message,)
        for position, entry in enumerate(body.entries):
            if entry.kind is EntryKind.BLOCK and entry.index > liar.core.commit:
                self.done.add(peer)
                forged = (
                    replace(entry, index=Index(index), payload=payload)
                    for index, payload in enumerate(self.forge(entry), start=entry.index)
                )
                body = replace(body, entries=(*body.entries[:position], *forged))
                break
        return (replace(message, body=body),)


@pytest.mark.parametrize(
    ("deceived", "depth", "falls_silent"),
    [
        pytest.param(1, 1, False, id="goes-on"),
        pytest.param(1, 1, True, id="falls-silent"),
        pytest.param(2, 1, True, id="three-branches"),
        pytest.param(1, 2, True, id="longer-branch"),
    ],
)
async def test_two_blocks_at_one_height(
    tmp_path: Path, deceived: int, depth: int, *, falls_silent: bool
) -> None:
    async with besieging(tmp_path) as siege:

        def forge(entry: Entry) -> tuple[bytes, ...]:
            events = [siege.load.note() for _ in range(depth)]
            return make_rivals(siege.liar, entry.index, events)

        await Deceiver(siege, siege.names[:deceived], forge).deceive()
        if falls_silent:
            siege.liar.mouth.twist = hold_back
        await siege.until(lambda one: "Evidence E1" in str(one["alarms"]))
    assert siege.kinds == {"E1"}


async def test_a_block_that_breaks_the_rules(tmp_path: Path) -> None:
    async with besieging(tmp_path) as siege:

        def forge(entry: Entry) -> tuple[bytes, ...]:
            return (bend(siege.liar, entry.payload, first_event=0),)

        await Deceiver(siege, siege.names, forge).deceive()
        siege.liar.mouth.twist = hold_back
        await siege.until(lambda one: "Evidence E7" in str(one["alarms"]))
    assert siege.kinds == {"E7"}


def beat_alone(message: Message) -> Iterable[Message]:
    """Send heartbeats and no blocks, not even the one that opens the term."""
    return () if isinstance(message.body, AppendRequest) else (message,)


def order_nothing(message: Message) -> Iterable[Message]:
    """Send the opening of the term, and show that it is final."""
    entries = message.body.entries if isinstance(message.body, AppendRequest) else ()
    return () if any(one.kind is EntryKind.BLOCK for one in entries) else (message,)


def certify_nothing(message: Message) -> Iterable[Message]:
    """Send blocks, and do not show that they are final."""
    if isinstance(message.body, AppendRequest | HeartbeatRequest):
        message = attach_to(message, commit=None)
    return (message,)


@pytest.mark.parametrize("twist", [beat_alone, order_nothing, certify_nothing])
async def test_a_leader_that_makes_nothing_final(tmp_path: Path, twist: Twist) -> None:
    """4: it is heard, and is the first to stand for election again."""
    async with besieging(tmp_path) as siege:
        assert await siege.let_lead()
        siege.liar.mouth.twist = twist
        await siege.go_on()
        assert not siege.liar.leads
    assert siege.kinds == set()


async def test_a_refusal_of_what_is_recorded(tmp_path: Path) -> None:
    """5: who passes an event on to a liar hears that it is refused, and it is recorded."""
    async with besieging(tmp_path) as siege:
        assert await siege.let_lead()
        event = siege.load.note()
        lie = Refused(decode_envelope(event).event_id, LIE, bad_signature=True)

        def hears(peer: NodeId, frame: Frame) -> bool:
            if isinstance(frame, RelayRequest) and frame.envelope == event:
                status, body = _encode_outcome(lie)
                reply = RelayReply(ticket=frame.ticket, status=status, body=body)
                siege.liar.links.transport.send_frame(peer, reply)
            return True

        siege.liar.mouth.hears = hears
        status, told = await siege.submit(event)
        siege.refused += [lie.event_id.hex()] if status not in {201, 202, 503} else []
        assert status in {201, 202, 503} or "in these words" in str(told["detail"]), told
        await siege.go_on()
    assert siege.kinds == set()


async def test_two_votes_in_one_term(tmp_path: Path) -> None:
    """11: a leader asks two to succeed it at once, and votes for both."""
    async with besieging(tmp_path) as siege:
        liar = siege.liar

        def hears(peer: NodeId, frame: Frame) -> bool:
            if not (isinstance(frame, Message) and isinstance(frame.body, VoteRequest)):
                return True
            head = liar.notary.records.chain.head_at(frame.body.last_index)
            if head is not None:
                place = {"term": frame.body.last_term, "index": frame.body.last_index}
                end, term = LogEnd(**place, head=head), frame.body.term
                vote = liar.signer.vote(peer, term=term, candidate_end=end, voter_end=end)
                liar.tell([peer], VoteReply(term, granted=True, attached=attach(vote)))
            return False

        liar.mouth.hears = hears
        while await siege.let_lead():
            term = liar.core.term
            opening = liar.notary.records.terms.prove(term).opening
            for peer in siege.names[:2]:
                said = encode(liar.signer.nominate(peer, term=term))
                attached = encode_attachment(Attachment(opening=opening, statement=said))
                liar.tell([peer], TimeoutNow(term, attached))
            await siege.go_on()
        await siege.until(lambda one: "Evidence E3" in str(one["alarms"]))
    assert siege.kinds == {"E3"}
