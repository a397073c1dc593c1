"""A follower that acknowledges another branch to the leader whose own it has acknowledged lies."""

import pytest
from electing import signer_of
from founding import vary
from single_engine import HONEST, LIAR, ME, World, key_added

from kpledger.log.conviction import Guilt
from kpledger.log.evidence import DoubleAcknowledgement
from kpledger.log.evidence_file import decode_evidence
from kpledger.log.judging import judge


@pytest.mark.parametrize("below", [0, 1])
def test_it_is_convicted_by_both_that_it_said(world: World, below: int) -> None:
    liar = world.voices[LIAR]
    old = world.end
    world.engine.step([], [key_added(1)])
    ends = [world.end, old][: below + 1]
    assert world.hear(liar.acknowledge(world.end)).exhibits == ()
    other = vary(ends[-1], head=b"\x07" * 32)
    (exhibit,) = world.hear(liar.acknowledge(other)).exhibits
    assert isinstance(decode_evidence(exhibit.encoded), DoubleAcknowledgement)
    conviction = judge(decode_evidence(exhibit.encoded), signer_of(ME).electorate)
    assert (conviction.guilt, conviction.culprits) == (Guilt.LIE, (LIAR,))
    assert world.hear(liar.acknowledge(vary(other, head=b"\x08" * 32))).exhibits == ()


def test_what_was_acknowledged_again_or_never_convicts_nobody(world: World) -> None:
    old, honest = world.end, world.voices[HONEST]
    world.engine.step([], [key_added(1)])
    for end in (world.end, old, world.end):
        assert world.hear(honest.acknowledge(end)).exhibits == ()
    strange = vary(world.end, head=b"\x07" * 32)
    assert world.hear(world.voices[LIAR].acknowledge(strange)).exhibits == ()
