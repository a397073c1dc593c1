"""Checkpoints of a running network: sealed by its voters, and handed out by each of them."""

import asyncio
import os
import signal
import time
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from network import (
    GLANCE_S,
    PATIENCE_S,
    Network,
    NodeSeen,
    find_leader,
    running_network,
    wait_until_alarm,
)

from kpledger.api.routes import MSGPACK_TYPE
from kpledger.base.errors import LedgerError
from kpledger.base.keys import SigningKey
from kpledger.log.checkpoint import Checkpoint, cosign_checkpoint
from kpledger.log.genesis import Genesis, parse_genesis
from kpledger.log.note import KeyType, Note, NoteKey, format_vkey, identify_signers, parse_note
from kpledger.log.policy import Sealed, TrustPolicy, parse_policy, policy_of
from kpledger.log.receipt import parse_receipt, verify_receipt
from kpledger.log.witnessing import (
    WitnessError,
    format_cosignatures,
    parse_add_checkpoint,
    witness_checkpoint,
)
from kpledger.scheme.envelope import decode_envelope
from kpnode.addresses import OutsideWitness as OutsideWitnessLine
from kpnode.config import format_config, load_config

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

VOTERS = ("--voters", "4")


def genesis_of(network: Network) -> Genesis:
    return parse_genesis(network.seen.genesis.read_bytes())


def policy_for(network: Network) -> TrustPolicy:
    return policy_of(genesis_of(network))


async def record(session: aiohttp.ClientSession, node: NodeSeen, event: bytes) -> dict[str, object]:
    headers = {"Content-Type": MSGPACK_TYPE}
    async with session.post(f"{node.api}/v1/events", data=event, headers=headers) as response:
        assert response.status == 201, await response.text()
        found = await response.json()
    assert isinstance(found, dict)
    return found


async def wait_for_seal(
    session: aiohttp.ClientSession,
    node: NodeSeen,
    policy: TrustPolicy,
    size: int,
    *,
    after_s: int = 0,
) -> Sealed:
    """Wait until a node hands out a checkpoint over so many events that the policy accepts."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with session.get(f"{node.api}/checkpoint") as response:
                body = await response.read()
            try:
                sealed = policy.judge(body)
            except LedgerError:
                sealed = None
            if (
                sealed is not None
                and sealed.signed.checkpoint.size >= size
                and (sealed.time_s or 0) > after_s
            ):
                return sealed
            await asyncio.sleep(GLANCE_S)


async def test_each_voter_hands_out_what_all_have_sealed(tmp_path: Path) -> None:
    async with (
        running_network(tmp_path / "net", *VOTERS) as network,
        aiohttp.ClientSession() as session,
    ):
        policy, nodes = policy_for(network), network.seen.nodes
        events = [network.note() for _ in nodes]
        for event, node in zip(events, nodes, strict=True):
            await record(session, node, event)
        for node in nodes:
            sealed = await wait_for_seal(session, node, policy, len(events))
            for event in events:
                event_id = decode_envelope(event).event_id.hex()
                async with session.get(f"{node.api}/v1/receipts/{event_id}") as response:
                    assert response.status == 200, await response.text()
                    receipt = parse_receipt(await response.read())
                verify_receipt(receipt, event, policy)
        # Where nothing is new, time goes on all the same.
        await wait_for_seal(session, nodes[0], policy, len(events), after_s=sealed.time_s or 0)


async def test_below_two_thirds_nothing_is_sealed_and_the_leader_says_so(tmp_path: Path) -> None:
    async with (
        running_network(tmp_path / "net", "--voters", "3") as network,
        aiohttp.ClientSession() as session,
    ):
        policy, nodes = policy_for(network), network.seen.nodes
        await record(session, nodes[0], network.note())
        await wait_for_seal(session, nodes[0], policy, 1)
        leader = await find_leader(session, network)
        lost, other = (node for node in nodes if node != leader)
        os.kill(lost.pid, signal.SIGSTOP)
        try:
            await record(session, leader, network.note())
            alarms = await wait_until_alarm(session, leader, "Nothing has been sealed for")
            assert lost.name in alarms
            async with session.get(f"{other.api}/checkpoint") as response:
                assert policy.judge(await response.read()).signed.checkpoint.size == 1
        finally:
            os.kill(lost.pid, signal.SIGCONT)
        await wait_for_seal(session, lost, policy, 2)


async def test_a_replica_hands_out_what_voters_have_sealed_and_adds_that_it_has_it(
    tmp_path: Path,
) -> None:
    options = ("--voters", "3", "--replicas", "1")
    async with (
        running_network(tmp_path / "net", *options) as network,
        aiohttp.ClientSession() as session,
    ):
        policy, genesis = policy_for(network), genesis_of(network)
        *voters, replica = network.seen.nodes
        event = network.note()
        await record(session, replica, event)
        await wait_for_seal(session, replica, policy, 1)
        event_id = decode_envelope(event).event_id.hex()
        async with session.get(f"{replica.api}/v1/receipts/{event_id}") as response:
            verify_receipt(parse_receipt(await response.read()), event, policy)
        async with asyncio.timeout(PATIENCE_S):
            while (  # noqa: ASYNC110 -- of another process
                replica.name not in await cosigners_at(session, replica, genesis)
            ):
                await asyncio.sleep(GLANCE_S)
        assert {one.name for one in voters} <= await cosigners_at(session, replica, genesis)


async def cosigners_at(
    session: aiohttp.ClientSession, node: NodeSeen, genesis: Genesis
) -> set[str]:
    """Name the nodes whose verified cosignatures a node hands out."""
    async with session.get(f"{node.api}/checkpoint") as response:
        note = parse_note(await response.read())
    signers = identify_signers(note, genesis.note_keys)
    return {genesis.note_keys[one.key] for one in signers if one.time_s is not None}


class OutsideWitness:
    """A witness that knows the log by its name and keys alone, and speaks tlog-witness."""

    def __init__(self, policy: TrustPolicy) -> None:
        self._logs = policy.logs
        self._key = SigningKey.from_seed(bytes(range(32)))
        self._stored: Checkpoint | None = None
        self.name = "witness.example"

    @property
    def vkey(self) -> str:
        return format_vkey(NoteKey(self.name, KeyType.COSIGNATURE, self._key.public_key))

    async def answer(self, request: web.Request) -> web.Response:
        asked = parse_add_checkpoint(await request.read())
        try:
            self._stored = witness_checkpoint(self._stored, asked, self._logs)
        except WitnessError as error:
            text = str(error if error.size is None else error.size)
            return web.Response(status=error.status, text=f"{text}\n")
        line = cosign_checkpoint(
            self._stored, name=self.name, key=self._key, time_s=int(time.time())
        )
        return web.Response(body=format_cosignatures(Note(asked.note.text, (line,))))


async def test_an_outside_witness_cosigns_what_a_policy_may_ask_for(tmp_path: Path) -> None:
    place, options = tmp_path / "net", ("--voters", "1")
    async with running_network(place, *options) as network:
        (node,) = network.seen.nodes
    witness = OutsideWitness(policy_for(network))
    app = web.Application()
    app.router.add_post("/kp/add-checkpoint", witness.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    asked = OutsideWitnessLine(f"{witness.vkey} http://127.0.0.1:{port}/kp")
    config = load_config(node.config)
    section = msgspec.structs.replace(config.witness, outside=(asked,))
    node.config.write_text(format_config(msgspec.structs.replace(config, witness=section)))
    wanted = parse_policy(
        f"log {format_vkey(policy_for(network).logs[0])}\n"
        f"witness outside {witness.vkey}\nquorum outside\n".encode()
    )
    try:
        async with (
            running_network(place, *options) as network,
            aiohttp.ClientSession() as session,
        ):
            (node,) = network.seen.nodes
            event = network.note()
            await record(session, node, event)
            await wait_for_seal(session, node, wanted, 1)
            event_id = decode_envelope(event).event_id.hex()
            async with session.get(f"{node.api}/v1/receipts/{event_id}") as response:
                verify_receipt(parse_receipt(await response.read()), event, wanted)
    finally:
        await runner.cleanup()
