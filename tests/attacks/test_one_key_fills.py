"""One key, and one participant by many offices, add a bounded number of bytes to the ledger."""

import secrets
from collections import Counter
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
from network import running_network

from attacks.thief import HEADERS, Thief
from kpledger.api.answers import Problem
from kpledger.base.keys import SigningKey
from kpledger.log.genesis import GenesisPolicy
from kpledger.scheme.outcome import Rule
from kpledger.scheme.v1.events.governance import (
    AuthorityRegistered,
    AuthorityRole,
    KeyAdded,
    KeyRevoked,
    RevocationReason,
)
from kpledger.scheme.v1.events.life import NoteFiled
from kpledger.scheme.v1.rules.quotas import SAVED_DAYS, UNIT_BYTES

NOTE: Final = NoteFiled(text="\U0001f48e" * 2_000, references=(), document=None)
"""As long as a note can be: 8,000 bytes."""
STOCK: Final = SAVED_DAYS * GenesisPolicy().notes_quota
"""Units of notes that an office may file at once."""
OFFICES: Final = 6


async def flood(thief: Thief, author: str, key: SigningKey, events: int) -> Counter[str]:
    """File so many of the longest notes."""
    return await thief.send([thief.sign(author, NOTE, "BW", key) for _ in range(events)])


async def test_one_key_and_one_participant_fill_nothing(tmp_path: Path) -> None:
    async with (
        running_network(tmp_path / "network", "--voters", "1") as network,
        aiohttp.ClientSession() as session,
    ):
        thief = Thief(network, session)
        root, chair = network.signing_key("root-BW"), network.signing_key("chair")
        units = -(-len(thief.sign("BW/root", NOTE, "BW", root)) // UNIT_BYTES)
        most = STOCK // units

        flooded = await flood(thief, "BW/root", root, most + 40)
        assert flooded == {"committed": most, Rule.E15.code: 40}
        one_more = thief.sign("BW/root", NOTE, "BW", root)
        async with thief.session.post(thief.url, data=one_more, headers=HEADERS) as response:
            answer = msgspec.json.decode(await response.read(), type=Problem)
        assert (response.status, answer.rule, answer.field) == (422, Rule.E15.code, "author")
        assert str(answer.accepted).startswith("the same, filed again from 2")

        # Further offices gain the participant a bounded number of times as much.
        keys = {
            f"office-{n}": SigningKey.from_seed(secrets.token_bytes(32)) for n in range(OFFICES)
        }
        opening = [
            event
            for n, (name, key) in enumerate(keys.items())
            for event in _open(thief, name, key, root, *((chair,) if n == 0 else ()))
        ]
        assert await thief.send(opening) == {"committed": len(opening)}
        by_offices: Counter[str] = Counter()
        for name, key in keys.items():
            by_offices += await flood(thief, f"BW/{name}", key, most)
        most_together = STOCK * GenesisPolicy().quota_offices // units
        assert by_offices["committed"] == most_together
        assert by_offices[Rule.E15.code] == OFFICES * most - most_together

        # Others file, and the owner withdraws what was stolen.
        other = thief.sign("ZA/root", NOTE, "BW", network.signing_key("root-ZA"))
        stolen = keys["office-0"].public_key
        revoked = KeyRevoked(key=stolen, reason=RevocationReason.RETIRED, suspect_since=None)
        withdrawn = thief.sign("BW/root", revoked, stolen.hex(), root)
        assert await thief.send([other, withdrawn]) == {"committed": 2}


def _open(thief: Thief, name: str, key: SigningKey, *signers: SigningKey) -> tuple[bytes, bytes]:
    registered = AuthorityRegistered(
        authority=name, title=name, place=name, roles=(AuthorityRole.EXPORTING,), contact=""
    )
    added = KeyAdded(authority=name, key=key.public_key, valid_from=0)
    return (
        thief.sign("BW/root", registered, f"BW/{name}", *signers),
        thief.sign("BW/root", added, key.public_key.hex(), signers[0]),
    )
