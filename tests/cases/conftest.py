"""One network for all cases, with a wall clock that goes through the years with them."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from chronicle import Refused, Story, Town, WallClock
from office import Ledger, read_seen, start_devnet, stop

from kpclient.keystore import Keystore
from kpledger.base.units import parse_time
from kpledger.scheme.event import Author

HERE = Path(__file__).parent
FOUNDED = "2003-06-01T00:00:00Z"
PASSPHRASE = b"for the tests only"
CHEAP = (2**10, 8, 1)
"""What scrypt costs for a key: nobody attacks these, and each command opens several."""


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    place = tmp_path_factory.mktemp("cases")
    clock = WallClock(place / "clock")
    clock.set(parse_time(FOUNDED))
    process = start_devnet(place / "net", "--voters", "3", environment=clock.environment())
    try:
        town = Town(Ledger(read_seen(process), place / "home"), clock)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("kpclient.keyfile._COST", CHEAP)
            make_keys(town)
            assert Story(town, HERE / "offices.ndjson").tell() == []
        yield town
    finally:
        stop(process)


@pytest.fixture(scope="module")
def story(town: Town, request: pytest.FixtureRequest) -> Story:
    """The story beside a test file: ``2004_congo.ndjson`` for ``test_2004_congo.py``."""
    return Story(town, HERE / f"{request.path.stem.removeprefix('test_')}.ndjson")


@pytest.fixture(scope="module")
def refused(story: Story) -> list[Refused]:
    """What was refused when the whole story was told."""
    return story.tell()


def make_keys(town: Town) -> None:
    """Fill the home with every key that signs a line of a story, under its name there."""
    used = {
        name
        for file in HERE.glob("*.ndjson")
        for line in file.read_text(encoding="utf-8").splitlines()
        for name in json.loads(line)["keys"]
    }
    keystore = Keystore(town.ledger.home / "keys")
    for name in sorted(used):
        keystore.create(
            name=name, author=author_of(name), seed=seed_of(town, name), passphrase=PASSPHRASE
        )


def author_of(name: str) -> Author:
    """Give whom a key signs for: ``chair``, ``secretariat``, or as ``cg-brazzaville``."""
    if name in ("chair", "secretariat"):
        return Author(participant="KPCS", authority=name)
    code, _, authority = name.partition("-")
    return Author(participant=code.upper(), authority=authority)


def seed_of(town: Town, name: str) -> bytes:
    """Give the seed of a key: what the network was founded with, or one made from its name.

    The stories name the public keys of offices, so these are the same each time.
    """
    author = author_of(name)
    founded = name if author.participant == "KPCS" else f"root-{author.participant}"
    if author.authority in ("chair", "secretariat", "root"):
        return bytes.fromhex((town.ledger.seen.keys / f"{founded}.seed").read_text().strip())
    return hashlib.sha256(f"tests/cases {name}".encode()).digest()
