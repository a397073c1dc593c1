"""Whoever has a key of somebody: signs what he likes with it, and sends it."""

import secrets
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

import aiohttp
import msgpack
import msgspec
from network import Network

from kpledger.api.answers import BatchAnswer, CommittedAnswer, RefusedAnswer
from kpledger.base.keys import SigningKey
from kpledger.scheme.envelope import sign_event
from kpledger.scheme.event import Author, Body, encode_event

HEADERS: Final = {"Content-Type": "application/msgpack"}
BATCH: Final = 64


class Thief:
    """Signs what he likes by the keys that he has, and sends it."""

    def __init__(self, network: Network, session: aiohttp.ClientSession) -> None:
        self.chain = bytes.fromhex(network.seen.chain)
        self.url = f"{network.seen.nodes[0].api}/v1/events?timeout_ms=20000"
        self.session = session

    def sign(self, author: str, body: Body, subject: str, *keys: SigningKey) -> bytes:
        participant, _, authority = author.partition("/")
        payload = encode_event(
            chain=self.chain,
            author=Author(participant=participant, authority=authority),
            nonce=secrets.token_bytes(16),
            occurred_at=time.time_ns() // 1_000_000,
            subject=subject,
            prev=None,
            body=body,
        )
        return sign_event(payload, keys)

    async def send(self, events: Sequence[bytes]) -> Counter[str]:
        """Send events, and count what became of them: committed, or the rule that refuses."""
        found: Counter[str] = Counter()
        for start in range(0, len(events), BATCH):
            body = msgpack.packb(events[start : start + BATCH])
            async with self.session.post(self.url, data=body, headers=HEADERS) as response:
                answered = msgspec.json.decode(await response.read(), type=BatchAnswer)
            for one in answered.results:
                match one:
                    case CommittedAnswer():
                        found["committed"] += 1
                    case RefusedAnswer(problem=problem):
                        found[str(problem.rule)] += 1
                    case _:
                        raise AssertionError(one)
        return found
