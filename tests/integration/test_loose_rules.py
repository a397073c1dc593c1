"""A voter whose rules were loosened on purpose cannot get an invalid event onto the ledger.

Its own rules let it seal a certificate to a non-participant into a block. The others re-run the
rules, refuse the block, follow it no longer, and elect another leader.
"""

import asyncio
import os
import secrets
import signal
import sys
import time
from pathlib import Path

import aiohttp
import msgspec
import pytest
from founding import make_certificate, vary
from network import (
    Network,
    NodeSeen,
    ending,
    find_leader,
    running_network,
    start_kpnode,
    wait_until_ended,
    wait_until_level,
)

from kpledger.base.keys import SigningKey
from kpledger.scheme.envelope import sign_event
from kpledger.scheme.event import Author, compute_event_id, encode_event
from kpledger.scheme.v1.events.certificate import Certificate, CertificateIssued
from kpledger.scheme.v1.events.governance import (
    AuthorityRegistered,
    AuthorityRole,
    KeyAdded,
    NumberRange,
    NumberRangeAllocated,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

OFFICE = SigningKey.from_seed(bytes(range(32)))
HEADERS = {"Content-Type": "application/msgpack"}
Status = dict[str, object]


def certificate(number: str, destination: str) -> Certificate:
    # The certificate of the small world is dated; the node's clock is not, so only the past counts.
    return vary(make_certificate(number, destination), issued_on="2026-03-02")


def sign_issue(network: Network, one: Certificate) -> bytes:
    payload = encode_event(
        chain=bytes.fromhex(network.seen.chain),
        author=Author(participant="BW", authority="gaborone"),
        nonce=secrets.token_bytes(16),
        occurred_at=time.time_ns() // 1_000_000,
        subject=one.number,
        prev=None,
        body=CertificateIssued(certificate=one),
    )
    return sign_event(payload, [OFFICE])


def opening(network: Network) -> list[bytes]:
    """Give what opens BW/gaborone; the first authority is countersigned by the Chair."""
    registered = AuthorityRegistered(
        authority="gaborone",
        title="Diamond Office",
        place="Gaborone",
        roles=(AuthorityRole.EXPORTING,),
        contact="",
    )
    payload = encode_event(
        chain=bytes.fromhex(network.seen.chain),
        author=Author(participant="BW", authority="root"),
        nonce=secrets.token_bytes(16),
        occurred_at=time.time_ns() // 1_000_000,
        subject="BW/gaborone",
        prev=None,
        body=registered,
    )
    keys = [network.signing_key("root-BW"), network.signing_key("chair")]
    key = KeyAdded(authority="gaborone", key=OFFICE.public_key, valid_from=0)
    numbers = NumberRange(
        prefix="BW", width=6, first=1, last=99, use_from="2026-01-01", use_until="2026-12-31"
    )
    allotted = NumberRangeAllocated(authority="gaborone", range=numbers)
    return [
        sign_event(payload, keys),
        network.sign("BW", OFFICE.public_key.hex(), key),
        network.sign("BW", "BW/gaborone", allotted),
    ]


async def post(session: aiohttp.ClientSession, node: NodeSeen, event: bytes) -> Status:
    url = f"{node.api}/v1/events?timeout_ms=8000"
    async with session.post(url, data=event, headers=HEADERS) as response:
        return msgspec.json.decode(await response.read(), type=Status)


async def start_loose(node: NodeSeen) -> asyncio.subprocess.Process:
    script = Path(__file__).with_name("loose_node.py")
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        *("run", "--config", str(node.config)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def make_leader(
    session: aiohttp.ClientSession,
    network: Network,
    wanted: NodeSeen,
    pids: dict[str, int],
    processes: list[asyncio.subprocess.Process],
) -> None:
    """Take every other leader down until the wanted one leads."""
    while (leader := await find_leader(session, network)).name != wanted.name:
        os.kill(pids[leader.name], signal.SIGKILL)
        await wait_until_ended(pids[leader.name])
        await find_leader(session, network)
        process = await start_kpnode("run", "--config", leader.config)
        pids[leader.name] = process.pid
        processes.append(process)
        await wait_until_level(session, network)


async def test_a_block_with_an_invalid_event_never_commits(tmp_path: Path) -> None:
    processes: list[asyncio.subprocess.Process] = []
    async with (
        running_network(tmp_path / "net", "--voters", "4", "--no-quotas") as network,
        ending(processes),
        aiohttp.ClientSession() as session,
    ):
        loose = network.seen.nodes[0]
        for event in opening(network):
            assert (await post(session, loose, event))["status"] == "committed"
        pids = {node.name: node.pid for node in network.seen.nodes}
        os.kill(loose.pid, signal.SIGTERM)
        await wait_until_ended(loose.pid)
        processes.append(await start_loose(loose))
        pids[loose.name] = processes[0].pid
        await wait_until_level(session, network)
        await make_leader(session, network, loose, pids, processes)

        forbidden = sign_issue(network, certificate("BW000001", "KE"))
        await post(session, loose, forbidden)

        leader = await find_leader(session, network)
        allowed = sign_issue(network, certificate("BW000002", "IN"))
        assert (await post(session, leader, allowed))["status"] == "committed"
        found = await wait_until_level(session, network)
        honest = [one for one in found if one["node"] != loose.name]
        blamed = [msgspec.convert(one["refused_blocks"], list[Status]) for one in honest]
        assert any(block["leader"] == loose.name for blocks in blamed for block in blocks)
        assert "E4" in str(blamed)
        event_id = compute_event_id(msgspec.msgpack.decode(forbidden)["payload"]).hex()
        for node in network.seen.nodes:
            async with session.get(f"{node.api}/v1/events/{event_id}") as response:
                answer = msgspec.json.decode(await response.read(), type=Status)
            assert answer["status"] == "unknown", node.name
