"""A node that does not know where other voters are says which."""

from pathlib import Path

import msgspec
import pytest
from neighbours import NAMES, found_three
from ports import FOR_PEERS

from kpnode.config import load_config
from kpnode.founding import CONFIG_NAME
from kpnode.keyring import load_keys
from kpnode.voter import VoterService


@pytest.mark.parametrize("known", [NAMES, NAMES[:2], NAMES[:1]])
async def test_voters_without_an_address_are_named_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, known: tuple[str, ...]
) -> None:
    genesis = found_three(tmp_path)
    whole = load_config(tmp_path / NAMES[0] / CONFIG_NAME)
    addresses = {name: whole.peers.addresses[name] for name in known}
    peers = msgspec.structs.replace(whole.peers, addresses=addresses)
    config = msgspec.structs.replace(whole, peers=peers)
    service = VoterService(config, genesis, load_keys(config, genesis))
    try:
        await service.start(FOR_PEERS)
    finally:
        await service.stop()
    told = [one.getMessage() for one in caplog.records if "sends nothing to" in one.getMessage()]
    if known == NAMES:
        assert told == []
    else:
        missing = NAMES[len(known) :]
        [line] = told
        assert line.startswith(f"This node sends nothing to {', '.join(missing)}: [peers.")
        assert f'such as {missing[0]} = "' in line
