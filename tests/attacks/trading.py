"""A ledger with something on it: what attacks on questions and downloads ask for."""

import time
from collections.abc import Iterator

import aiohttp
import msgpack
import msgspec
from lab.year.files import load_founded
from lab.year.live import LiveTrade
from network import NetworkSeen

from kpledger.api.answers import BatchAnswer, CommittedAnswer
from kpledger.api.routes import MAX_BATCH, MSGPACK_TYPE

_TRADERS = ("AO", "CN", "US", "ZW")
"""Others than those who trade honestly while an attack is measured."""


async def fill_ledger(network: NetworkSeen, certificates: int) -> None:
    """Let a few offices issue and confirm so many certificates."""
    events = list(_make_events(network, certificates))
    async with aiohttp.ClientSession() as session:
        for start in range(0, len(events), MAX_BATCH):
            async with session.post(
                f"{network.nodes[0].api}/v1/events?timeout_ms=60000",
                data=msgpack.packb(events[start : start + MAX_BATCH]),
                headers={"Content-Type": MSGPACK_TYPE},
            ) as response:
                answer = msgspec.json.decode(await response.read(), type=BatchAnswer)
            refused = [one for one in answer.results if not isinstance(one, CommittedAnswer)]
            assert not refused, refused[0]


def _make_events(network: NetworkSeen, certificates: int) -> Iterator[bytes]:
    trade = LiveTrade(bytes.fromhex(network.chain), load_founded(network.keys), _TRADERS)
    now_ms = time.time_ns() // 1_000_000
    for event in trade.open_offices(now_ms):
        yield event.envelope
    for _ in range(certificates):
        for event in trade.ship(now_ms):
            yield event.envelope
