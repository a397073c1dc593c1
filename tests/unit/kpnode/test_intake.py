"""What is let in before it waits for a block: keys that may sign first, then signatures."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from attacks.forgeries import add_noise, forge, sign_as_strangers
from founding import NOW_MS, make_certificate, make_event, opening_events, signing_key
from serving import Clock, make_agreement, make_links, make_node

from kpledger.base.keys import SigningKey
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.certificate import CertificateIssued
from kpledger.scheme.v1.events.life import NoteFiled
from kpnode.raft import NodeId
from kpnode.runtime import Committed, Node, Outcome, Pending, Refused, Unavailable

OPENING = opening_events("BW/gaborone")
ISSUE = make_event("BW/gaborone", CertificateIssued(certificate=make_certificate()))


@dataclass
class Purse:
    """An allowance that says what was spent."""

    left: int
    spent: float = 0

    @property
    def is_spent(self) -> bool:
        return self.spent >= self.left

    def spend(self, count: float) -> None:
        self.spent += count


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    others = make_agreement()
    node, storage = make_node(tmp_path / "ledger", Clock(), others)
    await node.start(make_links(node, others))
    yield node
    await node.stop()
    storage.close()


async def submit(node: Node, *envelopes: bytes, purse: Purse | None = None) -> list[Outcome]:
    events = [decode_envelope(one) for one in envelopes]
    return await node.submit(events, 10, purse or Purse(100))


def refusal_of(outcome: Outcome) -> tuple[str, str, bool]:
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal.rule.code, outcome.refusal.problem, outcome.bad_signature


async def test_key_may_be_used_in_the_request_that_registers_it(node: Node) -> None:
    purse = Purse(100)
    outcomes = await submit(node, *OPENING, ISSUE, purse=purse)
    assert [type(one) for one in outcomes] == [Committed] * 4
    assert purse.spent == 0


async def test_key_that_a_forgery_registers_may_not_be_used(node: Node) -> None:
    forged = forge(OPENING[1])
    *_, addition, issue = await submit(node, OPENING[0], forged, ISSUE)
    assert refusal_of(addition)[2]
    problem = f"key {signing_key('BW/gaborone').public_key.hex()} is not registered"
    assert refusal_of(issue) == ("E1", problem, False)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (sign_as_strangers, "is not registered"),
        (lambda one: add_noise(one, signing_key("IN/root").public_key), "belongs to IN/root"),
        (lambda one: add_noise(one, SigningKey.from_seed(bytes(32)).public_key), "not registered"),
    ],
)
async def test_signature_of_who_may_not_sign_is_not_verified(
    node: Node, monkeypatch: pytest.MonkeyPatch, make: object, words: str
) -> None:
    verified: list[SignedEvent] = []
    monkeypatch.setattr(node.signatures, "check", verified.append)
    purse = Purse(100)
    assert callable(make)
    [outcome] = await submit(node, make(OPENING[0]), purse=purse)
    rule, problem, is_wrong = refusal_of(outcome)
    assert (rule, is_wrong, purse.spent, verified) == ("E1", False, 1, [])
    assert words in problem


async def test_nothing_is_looked_at_when_the_allowance_is_spent(node: Node) -> None:
    purse = Purse(5)
    outcomes = await submit(node, *[forge(OPENING[0])] * 40, purse=purse)
    turned_away = [one for one in outcomes if isinstance(one, Unavailable)]
    assert len(turned_away) == 24
    assert all(one.own_share for one in turned_away)
    assert all(refusal_of(one)[2] for one in outcomes[:16])
    assert purse.spent == 40, "what was not looked at any more was decoded"


async def test_what_is_over_a_quota_is_not_verified_and_costs_others_nothing(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = NoteFiled(text="\U0001f48e" * 2_000, references=(), document=None)
    made = [make_event("BW/root", note, subject="BW", nonce=nonce) for nonce in range(200)]
    outcomes = await submit(node, *made[:140])
    assert all(isinstance(one, Committed) for one in outcomes)
    verified: list[SignedEvent] = []
    monkeypatch.setattr(node.signatures, "check", verified.append)
    monkeypatch.setattr("kpnode.runtime.intake.time.time_ns", lambda: NOW_MS * 1_000_000)
    purse = Purse(100)
    refused = [refusal_of(one) for one in await submit(node, *made[140:], purse=purse)]
    assert {rule for rule, _, _ in refused} == {"E15"}
    assert (purse.spent, verified) == (0, [])


async def test_event_that_is_recorded_is_answered_whatever_its_signatures(node: Node) -> None:
    purse = Purse(100)
    [first] = await submit(node, OPENING[0])
    [again] = await submit(node, forge(OPENING[0]), purse=purse)
    assert isinstance(first, Committed)
    assert isinstance(again, Committed)
    assert (again.duplicate, again.index, purse.spent) == (True, first.index, 0.125)


async def test_relayed_event_is_verified_again(node: Node) -> None:
    forged, good = decode_envelope(forge(OPENING[0])), decode_envelope(OPENING[0])
    lane = good.header.author
    outcomes = await asyncio.gather(
        *[node.ordering.answer_relay(one, lane, 10, via=NodeId("eu-1")) for one in (forged, good)]
    )
    assert refusal_of(outcomes[0])[2]
    assert isinstance(outcomes[1], Committed)


async def test_author_whose_events_are_refused_again_and_again_is_turned_away_alone(
    node: Node,
) -> None:
    """Nobody else's name helps: who answers for a request is who has signed most of it."""
    certificate = make_certificate(number="BW999999")
    assert all(isinstance(one, Committed) for one in await submit(node, *OPENING))
    number = 0
    outcomes: list[Outcome] = []
    while not any(isinstance(one, Unavailable) for one in outcomes):
        assert number < 3000
        events = []
        for _ in range(256):
            number += 1
            body = CertificateIssued(certificate=certificate)
            events.append(make_event("BW/gaborone", body, nonce=number))
        outcomes = await submit(node, *events)
    hidden = await submit(node, forge(opening_events("ZA/joburg")[0]), events[0])
    assert refusal_of(hidden[0])[2]
    assert isinstance(hidden[1], Unavailable)
    assert hidden[1].own_share
    [other] = await submit(node, opening_events("EU/antwerp")[0])
    assert isinstance(other, Committed)


async def test_nobody_pays_for_events_of_its_own_that_others_send_on(node: Node) -> None:
    """What was refused once may be in anybody's hands, and is put first in many a request."""
    assert all(isinstance(one, Committed) for one in await submit(node, *OPENING))
    absent = NoteFiled(text="See there.", references=(bytes(32),), document=None)
    seen = make_event("ZA/root", absent, subject="ZA")
    made = [make_event("BW/root", absent, subject="BW", nonce=nonce) for nonce in range(600)]
    await submit(node, seen, *made, purse=Purse(1000))
    purse = Purse(1000)
    again = await submit(node, *[seen] * 600, purse=purse)
    assert {refusal_of(one)[0] for one in again} == {"E6"}
    assert purse.spent == 600
    there = NoteFiled(text="Nothing.", references=(), document=None)
    own = [make_event("ZA/root", there, subject="ZA", nonce=nonce) for nonce in range(2)]
    assert all(isinstance(one, Committed) for one in await submit(node, *own))
    other = [make_event("BW/root", there, subject="BW", nonce=600 + nonce) for nonce in range(2)]
    assert all(isinstance(one, Unavailable) for one in await submit(node, *other))


async def test_author_of_whom_much_was_refused_may_still_send_what_is_not(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thief who has a stolen key refused for ever keeps nobody from withdrawing it."""
    monkeypatch.setattr("kpnode.runtime.ordering._PAUSE_S", 0)
    absent = NoteFiled(text="See there.", references=(bytes(32),), document=None)
    there = NoteFiled(text="Nothing.", references=(), document=None)
    made = [make_event("BW/root", absent, subject="BW", nonce=nonce) for nonce in range(600)]
    honest = [make_event("BW/root", there, subject="BW", nonce=600 + nonce) for nonce in range(2)]
    refused = await submit(node, *made)
    assert {refusal_of(one)[0] for one in refused} == {"E6"}
    [turned_away] = await submit(node, made[0])
    assert isinstance(turned_away, Unavailable)
    assert turned_away.own_share
    assert all(isinstance(one, Unavailable) for one in await submit(node, *honest))
    [outcome] = await submit(node, honest[0])
    assert isinstance(outcome, Committed)


@pytest.mark.parametrize(("gather_s", "kind"), [(0.001, Committed), (3600.0, Pending)])
async def test_events_wait_for_the_next_block_while_its_leader_gathers(
    tmp_path: Path, gather_s: float, kind: type[Committed | Pending]
) -> None:
    others = make_agreement()
    node, storage = make_node(tmp_path / "ledger", Clock(), others, gather_s=gather_s)
    await node.start(make_links(node, others))
    assert all(isinstance(one, Committed) for one in await submit(node, *OPENING))
    (outcome,) = await node.submit([decode_envelope(ISSUE)], 10 if kind is Committed else 0.2)
    assert isinstance(outcome, kind)
    await node.stop()
    storage.close()
