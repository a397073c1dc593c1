"""Three voters in one event loop, on real disks and real links: for what no node can show alone.

Each is put together by the service that production uses; only time goes faster.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from network import sign_note
from ports import FOR_PEERS

from kpledger.log.genesis import NO_QUOTAS, Genesis
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.governance import ParticipantKind
from kpnode.addresses import Address
from kpnode.config import NodeConfig, RaftSection, load_config
from kpnode.devnet import find_ports
from kpnode.founding import CONFIG_NAME, KEYS_NAME, Member, PlannedNode, found_network
from kpnode.keyring import load_keys
from kpnode.raft import Role
from kpnode.runtime import Node
from kpnode.voter import VoterService

PATIENCE_S: Final = 30.0
GLANCE_S: Final = 0.005
NAMES: Final = ("bw-1", "eu-2", "za-3")
PACE: Final = RaftSection(tick_ms=20, election_ticks=10, heartbeat_ticks=2)


@dataclass
class Neighbours:
    """The voters that run, by name."""

    genesis: Genesis
    directory: Path
    configs: dict[str, NodeConfig]
    running: dict[str, VoterService] = field(default_factory=dict)

    def node(self, name: str) -> Node:
        return self.running[name].node

    def note(self) -> SignedEvent:
        return decode_envelope(sign_note(self.directory / KEYS_NAME, self.genesis.chain))

    async def start(self, name: str) -> None:
        config = self.configs[name]
        service = VoterService(config, self.genesis, load_keys(config, self.genesis))
        self.running[name] = service
        await service.start(FOR_PEERS)

    async def stop(self, name: str) -> None:
        await self.running.pop(name).stop()

    async def leader(self) -> str:
        """Wait until one leads and all that run follow it."""

        def find() -> str | None:
            seen = [one.node.raft for one in self.running.values()]
            leaders = {one.leader for one in seen}
            leads = [str(one.node) for one in seen if one.role is Role.LEADER]
            return leads[0] if len(leads) == 1 and leaders == set(leads) else None

        await wait_until(lambda: find() is not None)
        found = find()
        assert found is not None
        return found


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 (conditions of many kinds, no event for each)
            await asyncio.sleep(GLANCE_S)


def free_addresses(count: int) -> list[Address]:
    """Find ports nobody listens on."""
    first = find_ports("127.0.0.1", range(count))
    return [Address(f"127.0.0.1:{first + place}") for place in range(count)]


def found_three(directory: Path) -> Genesis:
    """Found a network of three, each on a port of its own; its directories may be there already."""
    codes = [name[:2].upper() for name in NAMES]
    ports = free_addresses(2 * len(NAMES))
    planned = tuple(
        PlannedNode(name, code, ports.pop(), ports.pop())
        for name, code in zip(NAMES, codes, strict=True)
    )
    members = tuple(Member(code, code, ParticipantKind.STATE) for code in codes)
    return found_network(directory, members, planned, api_tls=False, policy=NO_QUOTAS)


@asynccontextmanager
async def neighbours(directory: Path) -> AsyncIterator[Neighbours]:
    """Run a network of three, and stop what still runs in the end."""
    genesis = found_three(directory)
    configs = {
        name: msgspec.structs.replace(load_config(directory / name / CONFIG_NAME), raft=PACE)
        for name in NAMES
    }
    network = Neighbours(genesis, directory, configs)
    try:
        for name in NAMES:
            await network.start(name)
        yield network
    finally:
        for name in list(network.running):
            await network.stop(name)
