"""A node whose disk kept less than it acknowledged starts, says so, and is repaired."""

from pathlib import Path

import plyvel
import pytest
from neighbours import NAMES, neighbours, wait_until

from kpledger.log.layout import block_key
from kpnode.runtime import Committed


async def test_node_that_lost_the_end_of_its_log_alone_starts_and_is_repaired(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was derived from the log says more than the log: no crash does this, a bad disk may."""
    async with neighbours(tmp_path) as network:
        leader = await network.leader()
        name = next(one for one in NAMES if one != leader)
        events = [network.note() for _ in range(5)]
        for event in events:
            (outcome,) = await network.node(leader).submit([event], 10)
            assert isinstance(outcome, Committed)
        top = network.node(leader).ledger.tip
        await wait_until(lambda: network.node(name).ledger.tip.height == top.height)
        assert network.node(name).status().alarms == ()
        database = network.configs[name].node.database
        await network.stop(name)
        with plyvel.DB(str(database)) as store:
            for height in range(top.height - 2, top.height + 1):
                store.delete(block_key(height))
        await network.start(name)
        assert f"its log ended at {top.height - 3}, and must have reached {top.height}" in str(
            network.node(name).status().alarms
        )
        await wait_until(lambda: network.node(name).ledger.tip.height >= top.height)
        assert network.node(name).ledger.block(top.height) == network.node(leader).ledger.block(
            top.height
        )
        await wait_until(lambda: "have come back" in str(network.node(name).status().alarms))
        await network.stop(name)
        await network.start(name)
        assert network.node(name).status().alarms == ()
        assert "The disk has lost entries" in caplog.text
