"""Checkpoints on real processes: asked for by a voter that lies, by strangers, and across kills."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from network import (
    GLANCE_S,
    PATIENCE_S,
    Network,
    NodeSeen,
    ending,
    running_network,
    start_kpnode,
)

from kpledger.api.routes import ADD_CHECKPOINT, MSGPACK_TYPE, NOTE_TYPE
from kpledger.base.errors import LedgerError
from kpledger.base.hashing import Digest, hash_leaf
from kpledger.base.keys import SigningKey
from kpledger.log.checkpoint import Checkpoint, format_checkpoint, parse_checkpoint, sign_checkpoint
from kpledger.log.genesis import Genesis, parse_genesis
from kpledger.log.merkle import TreeSize, compute_root, prove_consistency
from kpledger.log.note import Note, identify_signers, parse_note
from kpledger.log.witnessing import AddCheckpoint, format_add_checkpoint
from kpnode.addresses import Address, Place
from kpnode.contacts import Said
from kpnode.keyfile import load_seed
from kpnode.raft import NodeId
from kpnode.sealing.cosigner import COSIGNED_NAME
from kpnode.transport.contact import Contact
from kpnode.transport.link import Peer

pytestmark = pytest.mark.timeout(240)

STRANGERS = 200


def genesis_of(network: Network) -> Genesis:
    return parse_genesis(network.seen.genesis.read_bytes())


async def record(session: aiohttp.ClientSession, node: NodeSeen, event: bytes) -> None:
    headers = {"Content-Type": MSGPACK_TYPE}
    target = f"{node.api}/v1/events?wait=sealed&timeout_ms=60000"
    async with session.post(target, data=event, headers=headers) as response:
        answer = await response.json()
        assert (response.status, answer["sealed"]) == (201, True), answer


class Liar:
    """Holds all keys of one voter, and asks another in its name."""

    def __init__(self, genesis: Genesis, own: NodeSeen, victim: NodeSeen) -> None:
        keys = own.config.parent
        self.origin = genesis.file.origin
        self._key = SigningKey.from_seed(load_seed(keys / "consensus.seed"))
        tls = Ed25519PrivateKey.from_private_bytes(load_seed(keys / "tls.seed"))
        peer = Peer(Place(Address(victim.peers)), bytes.fromhex(genesis.node(victim.name).tls_key))
        self.contact = Contact.member(NodeId(own.name), tls, NodeId(victim.name), peer)

    async def ask(self, old: int, leaves: Sequence[Digest]) -> Said:
        """Ask for a cosignature on the tree of these leaves, with a proof that holds."""
        size = TreeSize(len(leaves))
        path = prove_consistency(
            lambda start, end: compute_root(leaves[start:end]), TreeSize(old), size
        )
        tree = Checkpoint(self.origin, size, compute_root(leaves))
        note = Note(format_checkpoint(tree), (sign_checkpoint(tree, key=self._key),))
        return await self.contact.post(
            ADD_CHECKPOINT.path,
            format_add_checkpoint(AddCheckpoint(TreeSize(old), path, note)),
            {"Content-Type": NOTE_TYPE},
            timeout_s=PATIENCE_S,
            max_bytes=1 << 16,
        )


async def read_leaves(session: aiohttp.ClientSession, node: NodeSeen) -> list[Digest]:
    """Give the leaves of what a node has cosigned last."""
    size = cosigned_by(node).size
    async with session.get(f"{node.api}/tile/0/000.p/{size}") as response:
        data = await response.read()
    return [Digest(data[at : at + 32]) for at in range(0, len(data), 32)]


def cosigned_by(node: NodeSeen) -> Checkpoint:
    file = node.config.with_name(COSIGNED_NAME)
    return parse_checkpoint(parse_note(file.read_bytes()).text)


async def test_a_voter_that_lies_gets_no_cosignature(tmp_path: Path) -> None:
    async with (
        running_network(tmp_path / "net", "--voters", "4") as network,
        aiohttp.ClientSession() as session,
    ):
        genesis, (own, victim, *_) = genesis_of(network), network.seen.nodes
        liar = Liar(genesis, own, victim)
        await record(session, victim, network.note())
        leaves = await read_leaves(session, victim)
        size = len(leaves)
        # A tree that goes on from the true one, by an event that nobody has recorded.
        invented = [*leaves, hash_leaf(b"an event of the liar")]
        said = await liar.ask(size, invented)
        assert (said.status, b"is not final at" in said.body) == (503, True), said
        # Another tree of the size that is known, and a smaller one.
        said = await liar.ask(size, [*leaves[:-1], hash_leaf(b"another")])
        assert said.status == 422, said
        said = await liar.ask(size - 1, leaves[:-1]) if size > 1 else said
        assert said.status in (409, 422), said
        await record(session, victim, network.note())
        said = await liar.ask(len(await read_leaves(session, victim)), invented)
        assert said.status in (400, 409, 422), said
        # All the while what is true is sealed.
        await record(session, own, network.note())
        assert cosigned_by(victim).size == size + 2
        await liar.contact.close()


async def test_strangers_get_nothing_cosigned_and_keep_nobody_from_it(tmp_path: Path) -> None:
    async with (
        running_network(tmp_path / "net", "--voters", "3") as network,
        aiohttp.ClientSession() as session,
    ):
        (node, *_), key = network.seen.nodes, SigningKey.from_seed(bytes(32))
        tree = Checkpoint(network.seen.origin, TreeSize(1), hash_leaf(b"an event"))
        note = Note(format_checkpoint(tree), (sign_checkpoint(tree, key=key),))
        body = format_add_checkpoint(AddCheckpoint(TreeSize(0), (), note))

        async def knock() -> int:
            target = f"{node.api}{ADD_CHECKPOINT.path}"
            async with session.post(target, data=body, headers={"Content-Type": NOTE_TYPE}) as said:
                return said.status

        knocking = [asyncio.create_task(knock()) for _ in range(STRANGERS)]
        await record(session, node, network.note())
        # Devnets list this machine, so that they come as far as the key that signed nothing here.
        assert set(await asyncio.gather(*knocking)) <= {403, 429, 503}
        await record(session, node, network.note())


@asynccontextmanager
async def watching(
    session: aiohttp.ClientSession, node: NodeSeen, genesis: Genesis
) -> AsyncIterator[list[tuple[int, int]]]:
    """Collect size and time of each cosignature of a node that it hands out."""
    seen: list[tuple[int, int]] = []
    (key,) = (
        one
        for one, name in genesis.note_keys.items()
        if name == node.name and one.name != genesis.file.origin
    )

    async def look() -> None:
        while True:
            await asyncio.sleep(GLANCE_S)
            try:
                async with session.get(f"{node.api}/checkpoint") as response:
                    note = parse_note(await response.read())
                times = [one.time_s or 0 for one in identify_signers(note, [key])]
            except (aiohttp.ClientError, LedgerError):
                continue
            found = parse_checkpoint(note.text).size, times[0]
            if found not in seen:
                seen.append(found)

    task = asyncio.create_task(look())
    try:
        yield seen
    finally:
        task.cancel()


async def test_no_kill_makes_a_node_say_less_than_before(tmp_path: Path) -> None:
    place, chance = tmp_path / "net", random.Random(1)
    async with running_network(place, "--voters", "1") as network:
        (node,), genesis = network.seen.nodes, genesis_of(network)
    async with aiohttp.ClientSession() as session, watching(session, node, genesis) as seen:
        for _ in range(6):
            process = await start_kpnode("run", "--config", node.config)
            async with ending([process]):
                assert process.stdout is not None
                await process.stdout.readline()
                await record(session, node, network.note())
                rest = [
                    asyncio.create_task(record(session, node, network.note())) for _ in range(3)
                ]
                await asyncio.sleep(chance.uniform(0, 0.4))
                process.kill()
                await process.wait()
                await asyncio.gather(*rest, return_exceptions=True)
            # What anybody has seen is no more than what the node knows that it said.
            assert max(size for size, _ in seen) <= cosigned_by(node).size
    assert seen == sorted(seen)
    assert len(seen) > 6
