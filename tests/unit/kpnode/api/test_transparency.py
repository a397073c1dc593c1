"""The ledger as a transparency log, asked over HTTP: tiles, proofs, receipts and the checkpoint."""

import asyncio

import msgspec
import pytest
from founding import VOTERS, make_certificate, make_event, make_genesis, number_of, signing_key
from network import PATIENCE_S
from sealed_notes import ORIGIN, sign
from serving import Served

from kpledger.api.answers import ConsistencyAnswer, InclusionAnswer
from kpledger.base.hashing import Digest, hash_leaf
from kpledger.log.checkpoint import Checkpoint, parse_checkpoint
from kpledger.log.cose import CoseReceipt
from kpledger.log.merkle import TreeSize, compute_root, verify_consistency, verify_inclusion
from kpledger.log.note import parse_note
from kpledger.log.policy import policy_of
from kpledger.log.receipt import parse_receipt, verify_receipt
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.v1.events.certificate import CertificateIssued

POLICY = policy_of(make_genesis())
MANY = 300


def issue(serial: int) -> bytes:
    certificate = make_certificate(number_of("BW", serial))
    return make_event("BW/gaborone", CertificateIssued(certificate=certificate))


def id_of(envelope: bytes) -> str:
    return decode_envelope(envelope).event_id.hex()


@pytest.fixture
async def traded(served: Served) -> Served:
    await served.open_trade()
    return served


def split_bundle(data: bytes) -> list[bytes]:
    """Take a bundle apart: each entry stands after its length."""
    entries = []
    while data:
        size = 2 + int.from_bytes(data[:2], "big")
        entries.append(data[2:size])
        data = data[size:]
    return entries


async def fill(served: Served) -> list[bytes]:
    """Record many events; gives all that are on the ledger."""
    await served.node.submit([decode_envelope(issue(one)) for one in range(1, MANY)], 60.0)
    return list(served.node.ledger.tree.entries(0, served.node.ledger.tip.tree.size))


async def test_tiles_hold_the_tree_and_bundles_the_events(traded: Served) -> None:
    entries = await fill(traded)
    leaves = [hash_leaf(one) for one in entries]
    rest = len(entries) - 256
    full = await traded.get("/tile/0/000")
    assert full.body == b"".join(leaves[:256])
    assert full.headers["Content-Type"] == "application/octet-stream"
    assert full.headers["Cache-Control"] == "max-age=31536000, immutable"
    assert (await traded.get(f"/tile/0/001.p/{rest}")).body == b"".join(leaves[256:])
    assert (await traded.get("/tile/0/000.p/7")).body == b"".join(leaves[:7])
    assert (await traded.get("/tile/1/000.p/1")).body == compute_root(leaves[:256])
    assert split_bundle((await traded.get("/tile/entries/000")).body) == entries[:256]
    last = await traded.get(f"/tile/entries/001.p/{rest}")
    assert split_bundle(last.body) == entries[256:]
    for beyond in (f"0/001.p/{rest + 1}", "0/001", "1/000", "2/000.p/1", "63/000.p/1"):
        assert (await traded.get(f"/tile/{beyond}")).status == 404
    assert (await traded.get("/tile/entries/001")).status == 404


@pytest.mark.parametrize(
    "path", ["0/1", "0/x000/001", "64/000", "0/000.p/256", "0/000.p/0", "00/000", "entries/1"]
)
async def test_no_tile_has_two_addresses(traded: Served, path: str) -> None:
    reply = await traded.get(f"/tile/{path}")
    assert (reply.status, reply.json["field"]) == (400, "path")


async def test_checkpoint_is_the_sealed_one_and_before_that_the_newest(traded: Served) -> None:
    none = await traded.get("/checkpoint")
    assert (none.status, none.json["type"]) == (503, "urn:kpledger:problem:not-sealed")
    newest = traded.published.tree.newest()
    assert newest is not None
    traded.published.take(sign(newest, "bw-1"))
    reply = await traded.get("/checkpoint")
    assert parse_note(reply.body) == sign(newest, "bw-1")
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    traded.seal()
    sealed = POLICY.judge((await traded.get("/checkpoint")).body)
    tip = traded.node.ledger.tip
    assert sealed.signed.checkpoint == Checkpoint(ORIGIN, tip.tree.size, tip.tree.root())


async def test_each_event_has_a_receipt_once_it_is_sealed(traded: Served) -> None:
    first, second = issue(1), issue(2)
    await traded.record(first)
    traded.seal()
    await traded.record(second)
    reply = await traded.get(f"/v1/receipts/{id_of(first)}")
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    receipt = parse_receipt(reply.body)
    assert receipt.extra is None
    verify_receipt(receipt, first, POLICY)
    waiting = await traded.get(f"/v1/receipts/{id_of(second)}")
    assert (waiting.status, waiting.json["type"]) == (503, "urn:kpledger:problem:not-sealed")
    unknown = await traded.get(f"/v1/receipts/{id_of(issue(3))}")
    assert unknown.status == 404
    traded.seal()
    later = parse_receipt((await traded.get(f"/v1/receipts/{id_of(second)}")).body)
    verify_receipt(later, second, POLICY)


async def test_receipt_in_cose_says_what_the_other_one_does(traded: Served) -> None:
    event = issue(1)
    path = f"/v1/receipts/{id_of(event)}"
    assert (await traded.get(f"{path}/cose")).status == 404
    await traded.record(event)
    assert (await traded.get(f"{path}/cose")).json["type"] == "urn:kpledger:problem:not-sealed"
    sealed = traded.seal()
    receipt = parse_receipt((await traded.get(path)).body)
    reply = await traded.get(f"{path}/cose")
    assert reply.headers["Content-Type"] == 'application/cose; cose-type="cose-sign1"'
    expected = CoseReceipt(
        root=sealed.root,
        size=sealed.size,
        index=receipt.index,
        path=receipt.path,
        issuer=ORIGIN,
        subject=id_of(event),
    )
    expected.verify(reply.body, [signing_key("bw-1/consensus").public_key])


def sealed_in(checkpoint: str) -> Checkpoint:
    return POLICY.judge(checkpoint.encode()).signed.checkpoint


async def test_inclusion_is_proved_of_every_place(traded: Served) -> None:
    entries = await fill(traded)
    sealed = traded.seal()
    await traded.record(issue(MANY))
    for index in (0, 1, 255, 256, len(entries) - 1):
        reply = await traded.get(f"/v1/proofs/inclusion?index={index}")
        answer = msgspec.json.decode(reply.body, type=InclusionAnswer)
        assert (answer.index, sealed_in(answer.checkpoint)) == (index, sealed)
        verify_inclusion(
            leaf_hash=hash_leaf(entries[index]),
            index=index,
            size=sealed.size,
            path=[Digest(bytes.fromhex(one)) for one in answer.path],
            root=sealed.root,
        )
    waiting = await traded.get(f"/v1/proofs/inclusion?index={len(entries)}")
    assert (waiting.status, waiting.json["type"]) == (503, "urn:kpledger:problem:not-sealed")
    assert (await traded.get(f"/v1/proofs/inclusion?index={len(entries) + 1}")).status == 404


async def wait_until_wanted(served: Served) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await served.published.wanted.wait()


async def test_who_submits_may_wait_until_it_is_sealed(traded: Served) -> None:
    submitting = asyncio.create_task(traded.post(issue(1), query="?wait=sealed&timeout_ms=60000"))
    await wait_until_wanted(traded)
    assert not submitting.done()
    traded.seal()
    reply = await submitting
    assert (reply.status, reply.json["sealed"]) == (201, True)
    again = await traded.post(issue(1))
    assert (again.json["duplicate"], again.json["sealed"]) == (True, True)


async def test_a_batch_is_sealed_with_its_last_event(traded: Served) -> None:
    batch = msgspec.msgpack.encode([issue(1), issue(2), b"no event"])
    submitting = asyncio.create_task(traded.post(batch, query="?wait=sealed&timeout_ms=60000"))
    await wait_until_wanted(traded)
    traded.seal()
    results = (await submitting).json["results"]
    assert isinstance(results, list)
    assert [one.get("sealed") for one in results] == [True, True, None]


async def test_what_is_not_sealed_in_time_is_on_the_ledger_all_the_same(traded: Served) -> None:
    reply = await traded.post(issue(1), query="?wait=sealed&timeout_ms=2000")
    assert (reply.status, reply.json["status"], reply.json["sealed"]) == (201, "committed", False)


async def test_of_an_event_it_is_said_whether_it_is_sealed(traded: Served) -> None:
    await traded.record(issue(1))
    path = f"/v1/events/{id_of(issue(1))}"
    assert "sealed" not in (await traded.get(path)).json
    traded.seal()
    assert (await traded.get(path)).json["sealed"] is True


async def ask_consistency(served: Served, size: int) -> ConsistencyAnswer:
    reply = await served.get(f"/v1/proofs/consistency?from={size}")
    return msgspec.json.decode(reply.body, type=ConsistencyAnswer)


async def test_consistency_is_proved_from_every_size(traded: Served) -> None:
    leaves = [hash_leaf(one) for one in await fill(traded)]
    sealed = traded.seal()
    for size in (1, 2, 255, 256, 257, len(leaves)):
        answer = await ask_consistency(traded, size)
        assert sealed_in(answer.checkpoint) == sealed
        verify_consistency(
            old_size=TreeSize(size),
            old_root=compute_root(leaves[:size]),
            new_size=sealed.size,
            new_root=sealed.root,
            path=[Digest(bytes.fromhex(one)) for one in answer.path or ()],
        )
    assert (await ask_consistency(traded, 0)).path == ()
    behind = await ask_consistency(traded, len(leaves) + 1)
    assert (behind.path, sealed_in(behind.checkpoint)) == (None, sealed)


async def test_a_node_behind_a_seal_proves_nothing(traded: Served) -> None:
    size = TreeSize(traded.node.ledger.tip.tree.size + 1)
    traded.published.take(sign(Checkpoint(ORIGIN, size, Digest(bytes(32))), *VOTERS))
    reply = await traded.get("/v1/proofs/inclusion?index=0")
    assert reply.status == 503
    assert f"{size} events are sealed, of which this node has {size - 1}" in str(reply.json)
    assert parse_checkpoint(parse_note((await traded.get("/checkpoint")).body).text).size == size
