"""What a node keeps of the evidence that it finds, and is shown."""

from typing import Final

from electing import signer_of
from founding import signing_key, vary
from single_engine import HONEST, LIAR, ME, World

from kpledger.base.hashing import hash_leaf
from kpledger.log.block import decode_block, decode_block_header, encode_block
from kpledger.log.conviction import Guilt
from kpledger.log.evidence import DoubleVote, Evidence
from kpledger.log.merkle import compute_root
from kpledger.log.statements import LogEnd
from kpledger.scheme.envelope import MAX_ENVELOPE_BYTES
from kpnode.docket import Docket
from kpnode.raft import AppendRequest, Entry

MANY: Final = 50


def open_docket(world: World) -> Docket:
    """Open the docket of a node, as its start does."""
    electorate, check = world.honest.signer.electorate, world.machine.signatures
    return Docket(electorate, world.storage, check.check_statement)


def vote_twice(term: int, *, restarted: bool = False) -> Evidence:
    """Let the liar vote for two candidates of a term, from one start or from two."""
    end = LogEnd(term=0, index=0, head=bytes(32))
    first, second = (
        signer_of(LIAR, generation=start).vote(
            candidate, term=term, candidate_end=end, voter_end=end
        )
        for candidate, start in ((ME, 1), (HONEST, 1 + restarted))
    )
    return DoubleVote(first=first, second=second)


def put_event_in(block: Entry, event: bytes) -> Entry:
    """Sign a block that holds something else than an event."""
    sealed = decode_block(block.payload)
    root = compute_root([hash_leaf(event)])
    header = vary(decode_block_header(sealed.header), payload_root=root)
    payload = encode_block(header, (event,), signing_key(f"{LIAR}/consensus"))
    return Entry(block.index, block.term, block.kind, payload)


def test_a_block_that_no_event_fits_is_evidence_that_the_next_start_reads(world: World) -> None:
    reign = world.elect(LIAR, 2)
    body = reign.block().message.body
    assert isinstance(body, AppendRequest)
    noop, block = body.entries
    broken = put_event_in(block, bytes(3 * MAX_ENVELOPE_BYTES))
    step = world.engine.step([reign.append(noop, broken)], [])
    assert [one.conviction.kind for one in step.exhibits] == ["E7"]
    assert open_docket(world).exhibits == step.exhibits


def test_faults_hide_no_lie(world: World) -> None:
    """A liar that makes as many faults of itself as are kept is barred for a lie all the same."""
    docket = open_docket(world)
    for term in range(1, MANY):
        docket.add(vote_twice(term, restarted=True))
    assert docket.barred == set()
    found = docket.add(vote_twice(MANY))
    assert found is not None
    assert found.conviction.guilt is Guilt.LIE
    assert docket.barred == open_docket(world).barred == {LIAR}


def test_a_liar_that_goes_on_fills_no_disk(world: World) -> None:
    docket = open_docket(world)
    found = [docket.add(vote_twice(term)) for term in range(1, MANY)]
    kept = [one for one in found if one is not None]
    assert 1 < len(kept) < 10
    assert set(open_docket(world).exhibits) == set(docket.exhibits) == set(kept)
