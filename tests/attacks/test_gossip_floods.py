"""Strangers who tell a node as much as they can of what does not hold: it goes on meanwhile."""

import asyncio
from collections import Counter
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from convicting import all_cases
from network import ending, sign_note, start_kpnode

from attacks.siege import HONEST_TICK_MS, SKEW_MS, resident_kb
from attacks.voting import Founded, Watch, found
from kpledger.api.gossip import (
    MAX_GOSSIP_BYTES,
    MAX_RUMOUR_BYTES,
    GossipMessage,
    Rumour,
    encode_gossip,
)
from kpledger.api.routes import GOSSIP, HEARD, MSGPACK_TYPE
from kpledger.base.codec import encode
from kpledger.log.evidence_file import encode_evidence

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

VOTERS = 3
CLIENTS = 8
MESSAGES = 60
GROWTH_KB = 64 << 10


def make_message(network: Founded, kind: str, at: int) -> bytes:
    """Make a message of which nothing holds, unlike any other."""
    if kind == "noise":
        rumours = [at.to_bytes(4, "big") + bytes(MAX_RUMOUR_BYTES - 2000)]
    else:
        # Of another ledger than the test's: each signature is looked at, and none holds.
        cases = [one for name, one in all_cases().items() if name.startswith("good-")]
        rumours = [
            encode(Rumour(evidence=encode_evidence(one) + at.to_bytes(4, "big"))) for one in cases
        ]
    message = GossipMessage(
        chain=network.genesis.chain,
        config_hash=network.genesis.config_hash,
        has=tuple(bytes([one]) * 16 for one in range(200)),
        rumours=tuple(rumours),
    )
    encoded = encode_gossip(message)
    assert len(encoded) <= MAX_GOSSIP_BYTES
    return encoded


@pytest.mark.parametrize("kind", ["noise", "evidence"])
async def test_what_does_not_hold_from_many_lines(tmp_path: Path, kind: str) -> None:
    network = found(tmp_path / "net", VOTERS, tick_ms=HONEST_TICK_MS, skew_ms=SKEW_MS)
    voters = network.nodes[:VOTERS]
    running = [await start_kpnode("run", "--config", node.config) for node in voters]
    statuses: Counter[int] = Counter()
    async with ending(running), aiohttp.ClientSession() as session:
        watching = Watch(session, voters)
        await watching.until(lambda status: bool(status.get("leader")))
        note = sign_note(network.directory / "keys", network.genesis.chain)
        await watching.commit(note)
        before = resident_kb(running[0].pid)

        async def tell(line: int) -> None:
            for at in range(MESSAGES):
                body = make_message(network, kind, line * MESSAGES + at)
                headers = {"Content-Type": MSGPACK_TYPE}
                url = voters[0].api + GOSSIP.path
                with suppress(aiohttp.ClientError):
                    async with session.post(url, data=body, headers=headers) as response:
                        statuses[response.status] += 1

        flood = asyncio.gather(*map(tell, range(CLIENTS)))
        for _ in range(3):
            await watching.commit(sign_note(network.directory / "keys", network.genesis.chain))
        await flood
        assert statuses[200] > 0
        assert statuses[429] > 0
        assert statuses.keys() <= {200, 429, 503}
        assert resident_kb(running[0].pid) - before < GROWTH_KB
        told = await watching.ask()
        assert all(status["evidence"] == 0 for status in told)
        async with session.get(voters[0].api + HEARD.path) as response:
            assert response.status == 200
