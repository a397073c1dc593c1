"""What a node hands out: nothing that it has not verified, and the newest of that."""

import asyncio
from dataclasses import replace

import pytest
from founding import VOTERS, make_genesis, signing_key
from sealed_notes import NOW_S, ORIGIN, sign
from single_engine import World, key_added

from kpledger.base.errors import BadSignatureError, LedgerError
from kpledger.base.hashing import Digest
from kpledger.log.checkpoint import (
    Checkpoint,
    OriginMismatchError,
    UnsignedByLogError,
    cosign_checkpoint,
)
from kpledger.log.merkle import TreeSize
from kpledger.log.note import (
    KeyType,
    Note,
    NoteKey,
    UntrustedNoteError,
    format_note,
    identify_signers,
)
from kpledger.log.policy import policy_of
from kpnode.sealing.final_tree import FinalTree
from kpnode.sealing.published import OtherTreeError, PublishedCheckpoints

GENESIS = make_genesis()
POLICY = policy_of(GENESIS)
OUTSIDE = signing_key("an outside witness")
WITNESS = NoteKey("witness.example", KeyType.COSIGNATURE, OUTSIDE.public_key)


@pytest.fixture
def published(world: World) -> PublishedCheckpoints:
    return PublishedCheckpoints(GENESIS, FinalTree(world.ledger), (WITNESS,))


def grow(world: World, number: int) -> Checkpoint:
    """Make one more event final, and give the checkpoint."""
    world.engine.step([], [key_added(number)])
    world.hear(world.honest.acknowledge(world.end))
    return newest(world)


def newest(world: World) -> Checkpoint:
    found = FinalTree(world.ledger).newest()
    assert found is not None
    return found


def bytes_of(note: Note | None) -> bytes:
    assert note is not None
    return format_note(note)


def signers_of(note: Note | None) -> dict[str, int | None]:
    assert note is not None
    signers = identify_signers(note, (*GENESIS.note_keys, WITNESS))
    return {one.key.name: one.time_s for one in signers}


def test_a_checkpoint_is_sealed_with_the_last_cosignature_that_it_needs(
    world: World, published: PublishedCheckpoints
) -> None:
    checkpoint = newest(world)
    for node in VOTERS:
        assert published.sealed is None
        assert published.sealed_size == 0
        assert published.take(sign(checkpoint, node))
    assert published.sealed == published.best
    assert published.sealed_size == checkpoint.size
    POLICY.judge(bytes_of(published.sealed))


def test_without_a_seal_the_newest_that_is_signed_is_handed_out(
    world: World, published: PublishedCheckpoints
) -> None:
    published.take(sign(newest(world)))
    later = grow(world, 1)
    published.take(sign(later, "eu-1"))
    assert published.best == sign(later, "eu-1")
    published.take(sign(newest(world)))
    assert signers_of(published.best) == {ORIGIN: None, f"{ORIGIN}/eu-1": NOW_S}


def test_what_is_sealed_stays_until_what_is_newer_is_sealed(
    world: World, published: PublishedCheckpoints
) -> None:
    first = newest(world)
    published.take(sign(first, *VOTERS))
    second = grow(world, 1)
    published.take(sign(second, "bw-1", "eu-1"))
    assert (published.sealed_size, published.best) == (first.size, sign(first, *VOTERS))
    published.take(sign(second, "za-1"))
    assert published.sealed_size == second.size
    assert not published.take(sign(first, *VOTERS, time_s=NOW_S + 9))
    assert published.sealed_size == second.size


def test_of_each_key_the_newest_cosignature_stays(
    world: World, published: PublishedCheckpoints
) -> None:
    checkpoint = newest(world)
    published.take(sign(checkpoint, *VOTERS, time_s=NOW_S + 5))
    assert not published.take(sign(checkpoint, *VOTERS, time_s=NOW_S + 4))
    assert published.take(sign(checkpoint, "eu-1", "in-1", time_s=NOW_S + 6))
    assert signers_of(published.sealed) == {
        ORIGIN: None,
        f"{ORIGIN}/bw-1": NOW_S + 5,
        f"{ORIGIN}/eu-1": NOW_S + 6,
        f"{ORIGIN}/za-1": NOW_S + 5,
        f"{ORIGIN}/in-1": NOW_S + 6,
    }


def test_cosignatures_of_strangers_are_left_out_and_of_witnesses_kept(
    world: World, published: PublishedCheckpoints
) -> None:
    checkpoint = newest(world)
    note = sign(checkpoint, *VOTERS)
    stranger = cosign_checkpoint(
        checkpoint, name=f"{ORIGIN}/bw-9", key=signing_key("bw-9"), time_s=NOW_S
    )
    witness = cosign_checkpoint(checkpoint, name=WITNESS.name, key=OUTSIDE, time_s=NOW_S + 1)
    published.take(Note(note.text, (stranger, witness, *note.signatures)))
    assert published.sealed is not None
    assert [each.name for each in published.sealed.signatures][-1] == WITNESS.name
    assert f"{ORIGIN}/bw-9" not in signers_of(published.sealed)


def test_outside_witnesses_and_replicas_seal_nothing(
    world: World, published: PublishedCheckpoints
) -> None:
    checkpoint = newest(world)
    note = sign(checkpoint, "bw-1", "eu-1", "in-1")
    witness = cosign_checkpoint(checkpoint, name=WITNESS.name, key=OUTSIDE, time_s=NOW_S + 1)
    published.take(Note(note.text, (*note.signatures, witness)))
    assert published.sealed is None


def test_what_is_not_of_this_ledger_is_refused(
    world: World, published: PublishedCheckpoints
) -> None:
    checkpoint = newest(world)
    good = sign(checkpoint, *VOTERS)
    flipped = good.signatures[2].signature[:-1] + bytes([good.signatures[2].signature[-1] ^ 1])
    cases: list[tuple[Note, type[LedgerError]]] = [
        (
            sign(Checkpoint("another.example", checkpoint.size, checkpoint.root)),
            OriginMismatchError,
        ),
        (Note(good.text, good.signatures[1:]), UnsignedByLogError),
        (sign(checkpoint, by="in-1"), UntrustedNoteError),
        (
            Note(good.text, (*good.signatures[:2], replace(good.signatures[2], signature=flipped))),
            BadSignatureError,
        ),
        (sign(Checkpoint(ORIGIN, checkpoint.size, Digest(bytes(32))), *VOTERS), OtherTreeError),
        (sign(Checkpoint(ORIGIN, TreeSize(1), Digest(bytes(32))), *VOTERS), OtherTreeError),
    ]
    for note, error in cases:
        with pytest.raises(error):
            published.take(note)
        assert published.best is None


def test_beyond_the_own_ledger_only_a_seal_is_believed(
    world: World, published: PublishedCheckpoints
) -> None:
    checkpoint = newest(world)
    published.take(sign(checkpoint, "bw-1"))
    far = Checkpoint(ORIGIN, TreeSize(1 << 40), Digest(bytes(32)))
    published.take(sign(far, "bw-1", "eu-1"))
    assert published.best == sign(checkpoint, "bw-1")
    published.take(sign(far, *VOTERS))
    assert published.sealed_size == far.size


async def test_those_who_wait_are_told_when_all_they_wait_for_is_sealed(
    world: World, published: PublishedCheckpoints
) -> None:
    first, second = newest(world), grow(world, 1)
    waits = [asyncio.ensure_future(published.reach(one.size)) for one in (first, second)]
    await asyncio.sleep(0)
    assert published.wanted.is_set()
    published.take(sign(first, *VOTERS))
    await waits[0]
    assert not waits[1].done()
    assert published.wanted.is_set()
    published.take(sign(second, *VOTERS))
    await waits[1]
    assert not published.wanted.is_set()
    await published.reach(first.size)


async def test_who_no_longer_waits_is_forgotten(
    world: World, published: PublishedCheckpoints
) -> None:
    waits = asyncio.ensure_future(published.reach(newest(world).size))
    await asyncio.sleep(0)
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    assert not published.wanted.is_set()
