"""One stolen root key: what a thief does with it, and how owner and Chair get everything back."""

import asyncio
import secrets
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
from network import GLANCE_S, PATIENCE_S, Network, running_network

from attacks.thief import HEADERS, Thief
from kpledger.api.answers import Problem
from kpledger.base.keys import SigningKey
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.governance import (
    AuthorityClosed,
    AuthorityRegistered,
    AuthorityRole,
    KeyAdded,
    KeyRevoked,
    KeyRotated,
    NumberRange,
    NumberRangeAllocated,
    NumberRangeRetired,
    ParticipantRecovered,
    RevocationReason,
)
from kpledger.scheme.v1.events.life import NoteFiled

ROLES: Final = (AuthorityRole.EXPORTING, AuthorityRole.IMPORTING)
OFFICE: Final = "BW/gaborone"


def _draw() -> SigningKey:
    return SigningKey.from_seed(secrets.token_bytes(32))


def _add(authority: str, key: SigningKey) -> KeyAdded:
    return KeyAdded(authority=authority, key=key.public_key, valid_from=0)


def _register(name: str) -> AuthorityRegistered:
    return AuthorityRegistered(authority=name, title=name, place=name, roles=ROLES, contact="")


def _allot(name: str, first: int) -> NumberRangeAllocated:
    numbers = NumberRange(
        prefix="BW",
        width=8,
        first=first,
        last=first + 999,
        use_from="2026-01-01",
        use_until="2099-12-31",
    )
    return NumberRangeAllocated(authority=name, range=numbers)


def _note(text: str) -> NoteFiled:
    return NoteFiled(text=text, references=(), document=None)


def _recover(
    root: SigningKey, recovery: SigningKey, suspect_height: int | None
) -> ParticipantRecovered:
    return ParticipantRecovered(
        code="BW",
        root_key=root.public_key,
        recovery_key=recovery.public_key,
        suspect_height=suspect_height,
        reason="the root key was stolen",
    )


class House:
    """Says what is signed for Botswana, and hears what becomes of it."""

    def __init__(self, network: Network, session: aiohttp.ClientSession) -> None:
        self.signer = Thief(network, session)
        self.key = network.signing_key
        self.height: object = None

    async def say(
        self, author: str, body: Body, subject: str, *keys: SigningKey
    ) -> tuple[str, str, str]:
        """Send a statement; gives how it was answered, the rule, and what would be accepted."""
        event = self.signer.sign(author, body, subject, *keys)
        post = self.signer.session.post(self.signer.url, data=event, headers=HEADERS)
        async with post as response:
            answered = await response.read()
        if response.status == 201:
            self.height = msgspec.json.decode(answered, type=dict[str, object])["height"]
            return "committed", "", ""
        problem = msgspec.json.decode(answered, type=Problem)
        return str(problem.type).rpartition(":")[2], str(problem.rule), str(problem.accepted)

    async def record(self, author: str, body: Body, subject: str, *keys: SigningKey) -> int:
        """Send a statement that must be committed; gives its height."""
        assert await self.say(author, body, subject, *keys) == ("committed", "", "")
        assert isinstance(self.height, int)
        return self.height

    async def flagged(self) -> list[str]:
        """Give the subjects of what flag F16 shows of Botswana, once the books know of it."""
        api = self.signer.url.partition("/v1/")[0]
        async with asyncio.timeout(PATIENCE_S):
            while True:
                asked = f"{api}/v1/flags?flag=F16&participant=BW&limit=100"
                async with self.signer.session.get(asked) as response:
                    found = msgspec.json.decode(await response.read(), type=dict[str, object])
                if response.status == 200:
                    findings = found["findings"]
                    assert isinstance(findings, list)
                    return sorted(str(one["subject"]) for one in findings)
                await asyncio.sleep(GLANCE_S)


REASON: Final = RevocationReason.RETIRED


async def found_office(house: House, office: SigningKey) -> int:
    """Open an office with a key and numbers; gives the height of the last event."""
    root, chair = house.key("root-BW"), house.key("chair")
    await house.record("BW/root", _register("gaborone"), OFFICE, root, chair)
    await house.record("BW/root", _add("gaborone", office), office.public_key.hex(), root)
    return await house.record("BW/root", _allot("gaborone", 1), OFFICE, root)


async def take_over(house: House, his: SigningKey) -> None:
    """Try what would make the participant the thief's: a second own key has to sign."""
    root, new, other = house.key("root-BW"), his.public_key, house.key("recovery-BW").public_key
    accepted = "a signature by another key of BW/root or BW/recovery"
    for body, key in (
        (KeyRotated(old=root.public_key, new=new, valid_from=0), root.public_key),
        (_add("root", his), new),
        (_add("recovery", his), new),
        (KeyRevoked(key=other, reason=REASON, suspect_since=None), other),
    ):
        answer = await house.say("BW/root", body, key.hex(), root)
        assert answer == ("refused", "E1", accepted), body
    for keys in ((root,), (root, his)):
        anew = _recover(his, _draw(), None)
        assert (await house.say("KPCS/chair", anew, "BW", *keys))[1] == "E1"


async def do_harm(house: House, his: SigningKey, office: SigningKey) -> None:
    """Do what one root key may do, and lock the owner out; the office goes on meanwhile."""
    root = house.key("root-BW")
    await house.record("BW/root", _add("gaborone", his), his.public_key.hex(), root)
    await house.record("BW/root", _register("thief"), "BW/thief", root)
    await house.record("BW/root", _allot("thief", 5_000), "BW/thief", root)
    withdrawn = NumberRangeRetired(authority="gaborone", prefix="BW", width=8, first=1, reason="")
    await house.record("BW/root", withdrawn, OFFICE, root)
    await house.record(OFFICE, _note("the thief's"), "BW", his)
    await house.record(OFFICE, _note("the office's"), "IN", office)
    await house.record("BW/root", AuthorityClosed(authority="gaborone", reason=""), OFFICE, root)
    stop = KeyRevoked(key=root.public_key, reason=REASON, suspect_since=None)
    await house.record("BW/root", stop, root.public_key.hex(), root)
    assert (await house.say("BW/root", _note("locked out"), "BW", root))[1] == "E1"


async def test_thief_of_a_root_key_is_undone_by_owner_and_chair(tmp_path: Path) -> None:
    async with (
        running_network(tmp_path / "network", "--voters", "1") as network,
        aiohttp.ClientSession() as session,
    ):
        house = House(network, session)
        office, his, new_root, new_recovery = (_draw() for _ in range(4))
        begun = await found_office(house, office)
        await take_over(house, his)
        await do_harm(house, his, office)

        # The Chair alone may not, nor with one other; with the owner's recovery key it may.
        root, chair, india = map(house.key, ("root-BW", "chair", "root-IN"))
        back = _recover(new_root, new_recovery, begun + 1)
        for keys in ((chair,), (chair, india)):
            assert (await house.say("KPCS/chair", back, "BW", *keys))[1] == "E1"
        await house.record("KPCS/chair", back, "BW", chair, house.key("recovery-BW"))

        for author, key in (("BW/root", root), (OFFICE, his)):
            assert (await house.say(author, _note("again"), "BW", key))[1] == "E1"
        await house.record(OFFICE, _note("open again"), "BW", office)
        await house.record("BW/root", _allot("gaborone", 5_000), OFFICE, new_root)
        again = (await house.say("BW/root", _allot("gaborone", 1), OFFICE, new_root))[1]
        assert again == "E3", "the range that he withdrew is in use again"

        # What he signed is shown, and nothing else.
        keys_named = [his.public_key.hex(), root.public_key.hex()]
        suspects = [*keys_named, "BW/thief", "BW/thief", OFFICE, "BW", OFFICE]
        assert await house.flagged() == sorted(suspects)

        # Without any key left, other participants witness it.
        once_more = _recover(_draw(), _draw(), None)
        others = (india, house.key("root-ZA"))
        await house.record("KPCS/chair", once_more, "BW", chair, *others)
        assert (await house.say("BW/root", _note("ended"), "BW", new_root))[1] == "E1"
