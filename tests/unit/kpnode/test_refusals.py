"""Refusals of a leader: said only when it has proven that it led, and what they rest on is safe."""

from single_engine import ELECTION_TICKS, HONEST, LIAR, World, key_added

from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.outcome import Rule
from kpnode.raft import Role, Tick, TransferRequested
from kpnode.submission import Refused, Retry


def test_refusal_waits_for_proof_that_its_node_leads(world: World) -> None:
    event = key_added(0, ("a stranger",))
    step = world.engine.step([], [event])
    assert (step.proposed, step.answers) == (None, ())
    step = world.confirm(step)
    [(event_id, answer)] = step.answers
    assert isinstance(answer, Refused)
    assert (event_id, answer.refusal.rule) == (event.event_id, Rule.E1)
    assert (step.reads, step.dropped) == ((), ())
    assert world.engine.step([Tick()], []).answers == ()


def test_leader_that_was_cut_off_refuses_nothing(world: World) -> None:
    event = key_added(0, ("a stranger",))
    assert world.engine.step([], [event]).answers == ()
    answers = [
        one
        for _ in range(2 * ELECTION_TICKS + 1)
        for one in world.engine.step([Tick()], []).answers
    ]
    assert answers == [(event.event_id, Retry())]
    assert world.engine.status().role is not Role.LEADER


def test_refusal_by_a_leader_whose_term_is_over_is_tried_again(world: World) -> None:
    event = key_added(0, ("a stranger",))
    step = world.engine.step([], [event])
    step = world.engine.step([world.elect(LIAR, 2).beat()], [])
    assert (step.answers, step.dropped) == (((event.event_id, Retry()),), ())


def test_refusal_that_rests_on_a_block_waits_for_its_commit(world: World) -> None:
    first, second = key_added(1), key_added(1, nonce=2)
    step = world.engine.step([], [first, second])
    assert (step.proposed is not None, step.answers) == (True, ())
    assert world.confirm(step).answers == ()
    step = world.hear(world.honest.acknowledge(world.end))
    [(event_id, answer)] = step.answers
    assert (event_id, isinstance(answer, Refused)) == (second.event_id, True)
    assert world.ledger.tip.height == 3


def test_refusal_that_rests_on_a_block_which_is_lost_is_tried_again(world: World) -> None:
    first, second = key_added(1), key_added(1, nonce=2)
    assert world.confirm(world.engine.step([], [first, second])).answers == ()
    newer = world.elect(LIAR, 2, world.ledger.tip.end).beat()
    assert world.engine.step([newer], []).answers == ((second.event_id, Retry()),)


def test_refusal_that_rests_on_a_block_which_is_not_taken_is_tried_again(world: World) -> None:
    first, second = key_added(1), key_added(1, nonce=2)
    step = world.engine.step([TransferRequested(1, HONEST)], [first, second])
    assert step.answers == ((second.event_id, Retry()),)
    assert step.proposed is not None
    assert [one.ticket for one in step.dropped] == [step.proposed[0]]
    # The round that was to prove it ends later, and is no read that anybody asked for.
    assert world.confirm(step).reads == ()


def test_event_that_passes_when_it_is_sent_again_is_not_refused_for_before(world: World) -> None:
    """Its key was added meanwhile, and the round that would let the refusal out was slow."""
    event = key_added(2, ("BW/root", "new 1"))
    waiting = world.engine.step([], [event])
    assert waiting.answers == ()
    world.engine.step([], [key_added(1)])
    again = world.engine.step([], [event])
    assert again.proposed is not None
    assert world.confirm(waiting).answers == ()


def test_wrong_signature_is_refused_at_once(world: World) -> None:
    event = key_added(0)
    forged = decode_envelope(event.encoded[:-1] + bytes([event.encoded[-1] ^ 1]))
    [(event_id, answer)] = world.engine.step([], [forged]).answers
    assert isinstance(answer, Refused)
    assert (event_id, answer.bad_signature) == (forged.event_id, True)
