"""Who sends an event first with fewer signatures, or more, takes no signature away for good."""

import asyncio
import secrets
import time
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
from network import PATIENCE_S, Network, running_network

from kpledger.api.answers import CommittedAnswer, Problem, RecordedEvent
from kpledger.base.keys import SigningKey
from kpledger.scheme.envelope import sign_event
from kpledger.scheme.event import Author, Body, compute_event_id, encode_event
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.decisions import PolicySet, PolicyValues
from kpledger.scheme.v1.events.governance import AuthorityRegistered, AuthorityRole, KeyAdded
from kpledger.scheme.v1.events.life import EventCountersigned, NoteFiled

HEADERS: Final = {"Content-Type": "application/msgpack"}
OFFICE: Final = "BW/gaborone"
NOTICE_MS: Final = 1_000


class Sender:
    """Sends what an office of two officers says, under whatever signatures."""

    def __init__(self, network: Network, session: aiohttp.ClientSession) -> None:
        self.chain = bytes.fromhex(network.seen.chain)
        self.root = network.signing_key("root-BW")
        self.url = network.seen.nodes[0].api
        self.session = session

    def payload(self, body: Body, subject: str = OFFICE, authority: str = "gaborone") -> bytes:
        return encode_event(
            chain=self.chain,
            author=Author(participant="BW", authority=authority),
            nonce=secrets.token_bytes(16),
            occurred_at=time.time_ns() // 1_000_000,
            subject=subject,
            prev=None,
            body=body,
        )

    async def send(self, event: bytes) -> CommittedAnswer | Problem:
        async with self.session.post(
            f"{self.url}/v1/events", data=event, headers=HEADERS
        ) as response:
            content = await response.read()
        kind: type[CommittedAnswer | Problem] = (
            CommittedAnswer if response.status == 201 else Problem
        )
        return msgspec.json.decode(content, type=kind)

    async def commit(self, event: bytes) -> CommittedAnswer:
        answer = await self.send(event)
        assert isinstance(answer, CommittedAnswer), answer
        return answer

    async def rule(self, event: bytes) -> str | None:
        answer = await self.send(event)
        assert isinstance(answer, Problem), answer
        return answer.rule

    async def say(self, subject: str, body: Body, *cosigners: SigningKey) -> None:
        """Let the root of BW say something; others sign as well."""
        payload = self.payload(body, subject, "root")
        await self.commit(sign_event(payload, [self.root, *cosigners]))

    async def open_office(self, *keys: SigningKey, chair: SigningKey) -> None:
        registered = AuthorityRegistered(
            authority="gaborone",
            title="Diamond Office",
            place="Gaborone",
            roles=(AuthorityRole.EXPORTING,),
            contact="",
        )
        await self.say(OFFICE, registered, chair)
        for key in keys:
            added = KeyAdded(authority="gaborone", key=key.public_key, valid_from=0)
            await self.say(key.public_key.hex(), added)

    async def ask_for_two_officers(self) -> None:
        """Settle that two officers sign, in a moment: no policy begins before its block."""
        settled = PolicySet(
            participant="BW",
            values=PolicyValues(officers=2),
            effective_from=time.time_ns() // 1_000_000 + NOTICE_MS,
            decision=None,
        )
        await self.say("BW/policy", settled)

    async def recorded(self, event_id: bytes) -> RecordedEvent:
        async with self.session.get(f"{self.url}/v1/events/{event_id.hex()}") as response:
            return msgspec.json.decode(await response.read(), type=RecordedEvent)


async def test_a_signature_that_was_stripped_is_told_and_added(tmp_path: Path) -> None:
    first, second, stranger = (SigningKey.from_seed(secrets.token_bytes(32)) for _ in range(3))
    async with (
        running_network(tmp_path / "network", "--voters", "1") as network,
        aiohttp.ClientSession() as session,
    ):
        sender = Sender(network, session)
        await sender.open_office(first, second, chair=network.signing_key("chair"))
        note = NoteFiled(text="Two of us say so.", references=(), document=None)
        payload = sender.payload(note)

        # Nobody adds a signature that does not count.
        assert await sender.rule(sign_event(payload, [first, second, stranger])) == Rule.E1.code
        # Whoever is first with one signature fixes the record, and the answer tells the other.
        stripped = await sender.commit(sign_event(payload, [first]))
        told = await sender.commit(sign_event(payload, [first, second]))
        assert (stripped.duplicate, told.duplicate) == (False, True)
        assert stripped.signers == told.signers == (first.public_key.hex(),)

        # The second officer adds the signature, and nobody else can.
        event = compute_event_id(payload)
        added = sender.payload(EventCountersigned(event=event))
        assert await sender.rule(sign_event(added, [stranger])) == Rule.E1.code
        await sender.commit(sign_event(added, [second]))
        recorded = await sender.recorded(event)
        assert recorded.countersigned == (compute_event_id(added).hex(),)

        # Where the policy asks for two officers, what one has signed is not recorded at all.
        await sender.ask_for_two_officers()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                payload = sender.payload(note)
                answer = await sender.send(sign_event(payload, [first]))
                if isinstance(answer, Problem):
                    break
        assert answer.rule == Rule.E1.code
        whole = await sender.commit(sign_event(payload, [first, second]))
        both = sorted(key.public_key.hex() for key in (first, second))
        assert (whole.duplicate, list(whole.signers)) == (False, both)
