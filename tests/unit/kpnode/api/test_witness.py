"""POST /add-checkpoint: what a node answers to whoever asks it to cosign (C2SP tlog-witness)."""

import pytest
from founding import make_certificate, make_event, make_genesis, number_of, signing_key
from sealed_notes import ORIGIN, sign
from serving import Reply, Served

from kpledger.api.routes import NOTE_TYPE, SIZE_TYPE
from kpledger.base.hashing import Digest
from kpledger.log.checkpoint import Checkpoint, format_checkpoint, sign_checkpoint
from kpledger.log.merkle import TreeSize
from kpledger.log.note import Note, format_note, identify_signers, parse_note
from kpledger.log.witnessing import AddCheckpoint, format_add_checkpoint
from kpledger.scheme.v1.events.certificate import CertificateIssued

GENESIS = make_genesis()


@pytest.fixture
async def traded(served: Served) -> Served:
    await served.open_trade()
    return served


def issue(serial: int) -> bytes:
    certificate = make_certificate(number_of("BW", serial))
    return make_event("BW/gaborone", CertificateIssued(certificate=certificate))


def newest(served: Served) -> Checkpoint:
    found = served.published.tree.newest()
    assert found is not None
    return found


async def send(served: Served, body: bytes, **headers: str) -> Reply:
    named = {"Content-Type": NOTE_TYPE, **headers}
    return await served.ask("POST", "/add-checkpoint", data=body, headers=named)


async def ask(served: Served, note: Note, *, old: int) -> Reply:
    """Ask as a leader does that knows which size was cosigned last, or as one that does not."""
    size = TreeSize(int(note.text.split("\n")[1]))
    has_path = old < size <= newest(served).size
    path = served.published.tree.prove_consistency(TreeSize(old), size) if has_path else ()
    return await send(served, format_add_checkpoint(AddCheckpoint(TreeSize(old), path, note)))


async def test_what_is_final_is_cosigned_and_what_was_shown_with_it_is_kept(traded: Served) -> None:
    tree = newest(traded)
    reply = await ask(traded, sign(tree, "eu-1", by="eu-1"), old=0)
    assert (reply.status, reply.headers["Content-Type"]) == (200, NOTE_TYPE)
    answered = parse_note(f"{format_checkpoint(tree)}\n".encode() + reply.body)
    (signer,) = identify_signers(answered, GENESIS.note_keys)
    assert GENESIS.note_keys[signer.key] == "bw-1"
    best = parse_note((await traded.get("/checkpoint")).body)
    shown = identify_signers(best, GENESIS.note_keys)
    assert [GENESIS.note_keys[one.key] for one in shown if one.time_s] == ["bw-1", "eu-1"]
    # With the last that is needed it is sealed, here as at whoever asks.
    await ask(traded, sign(tree, "eu-1", "za-1", by="eu-1"), old=tree.size)
    assert traded.published.sealed_size == tree.size


async def test_each_reason_to_refuse_has_its_status(traded: Served) -> None:
    first = newest(traded)
    assert (await ask(traded, sign(first), old=0)).status == 200
    await traded.record(issue(1))
    tree = newest(traded)
    other = Checkpoint(ORIGIN, tree.size, Digest(bytes(32)))
    foreign = Checkpoint("another.example", tree.size, tree.root)
    stranger = sign_checkpoint(tree, key=signing_key("a stranger"))
    unsigned = Note(format_checkpoint(tree), (stranger,))
    stale = await ask(traded, sign(tree), old=1)
    assert (stale.status, stale.body) == (409, b"%d\n" % first.size)
    assert stale.headers["Content-Type"] == SIZE_TYPE
    assert (await ask(traded, sign(other), old=first.size)).status == 422
    assert (await ask(traded, sign(foreign), old=first.size)).status == 404
    assert (await ask(traded, unsigned, old=first.size)).status == 403
    assert (await ask(traded, sign(first), old=first.size + 1)).status == 400
    without_proof = AddCheckpoint(first.size, (), sign(tree))
    assert (await send(traded, format_add_checkpoint(without_proof))).status == 422
    for body in (b"", b"old 1\n", b"old x\n\n" + format_note(sign(tree)), b"\xff" * 9):
        malformed = await send(traded, body)
        assert (malformed.status, malformed.headers["Content-Type"]) == (
            400,
            "application/problem+json",
        )
    assert traded.seals.cosigner.newest == first


async def test_it_is_waited_for_the_block_that_is_named(traded: Served) -> None:
    height = str(traded.node.ledger.tip.height)
    body = format_add_checkpoint(AddCheckpoint(TreeSize(0), (), sign(newest(traded))))
    for named in (height, "x", "9" * 99):
        assert (await send(traded, body, **{"KP-Height": named})).status in (200, 409)
