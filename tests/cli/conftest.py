"""One network for all tests of commands; each test uses certificates of its own."""

from collections.abc import Iterator

import pytest
from office import Ledger, open_home, read_seen, start_devnet, stop

from kpclient import keyfile

# Half a second for each key that a command makes or opens would be minutes.
keyfile._COST = (2**10, 8, 1)


@pytest.fixture(scope="session")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    place = tmp_path_factory.mktemp("network")
    process = start_devnet(place / "net", "--voters", "3")
    try:
        yield open_home(read_seen(process), place / "home")
    finally:
        stop(process)
