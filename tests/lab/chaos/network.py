"""A founded network of voters, each on a site of its own, joined by links that are ours to cut."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Final

import msgspec
from lab.chaos.preload import Preloads
from lab.chaos.proxy import Link
from lab.chaos.sites import Site
from lab.chaos.voter import Ended, Voter

from kpledger.log.genesis import NO_QUOTAS, Genesis
from kpledger.scheme.v1.events.governance import ParticipantKind
from kpnode.addresses import Address, AddressRange
from kpnode.config import AccessSection, RaftSection, format_config, parse_config
from kpnode.founding import (
    CONFIG_NAME,
    Member,
    PlannedNode,
    found_network,
    plan_nodes,
)

_PARTICIPANTS: Final = ("AE", "AO", "BW", "CA", "CN", "EU", "IN", "US", "ZA")
_API_PORT: Final = 7600
_PEER_PORT: Final = 7700


@dataclass(frozen=True, slots=True)
class Network:
    """What the faults happen to."""

    genesis: Genesis
    directory: Path
    voters: dict[str, Voter]
    links: dict[tuple[str, str], Link]
    """By who dials and who is dialled."""

    def url(self, name: str) -> str:
        """Give the address of a node's API."""
        return f"http://{self.voters[name].site.address}:{_API_PORT}"

    @property
    def names(self) -> tuple[str, ...]:
        """The voters' names."""
        return tuple(self.voters)

    @property
    def majority(self) -> int:
        """How many voters decide."""
        return len(self.voters) // 2 + 1

    def links_between(self, some: set[str]) -> Iterator[tuple[str, str]]:
        """Give the pairs with one end among some voters and the other end elsewhere."""
        return (pair for pair in self.links if (pair[0] in some) != (pair[1] in some))


def plan_names(voters: int) -> tuple[str, ...]:
    """Give the names that so many voters will have.

    Raises:
        SetupError: there cannot be so many.
    """
    return tuple(node.name for node in plan_nodes(_members(), voters, _API_PORT))


def _members() -> tuple[Member, ...]:
    kind = ParticipantKind.STATE
    return tuple(Member(code, f"Participant {code}", kind) for code in _PARTICIPANTS)


async def open_network(
    directory: Path,
    sites: list[Site],
    *,
    raft: RaftSection,
    preloads: Preloads,
    seed: int,
    on_ended: Callable[[Ended], None],
) -> Network:
    """Found a network on these sites and open its links; no voter runs yet.

    Raises:
        SetupError: it cannot be founded.
        OSError: a link cannot listen.
    """
    planned = tuple(
        PlannedNode(
            node.name,
            node.participant,
            Address(f"{site.address}:{_API_PORT}"),
            Address(f"{site.address}:{_PEER_PORT}"),
        )
        for node, site in zip(plan_nodes(_members(), len(sites), _API_PORT), sites, strict=True)
    )
    genesis = found_network(directory, _members(), planned, api_tls=False, policy=NO_QUOTAS)
    logs = directory / "logs"
    logs.mkdir()
    voters = {
        node.name: Voter(node.name, site, logs / f"{node.name}.log", preloads, on_ended)
        for node, site in zip(planned, sites, strict=True)
    }
    links: dict[tuple[str, str], Link] = {}
    addresses: dict[str, dict[str, Address]] = {name: {} for name in voters}
    for dialer, dialled in permutations(voters, 2):
        link = Link(random.Random(f"{seed} {dialer} {dialled}"))
        near = voters[dialer].site.near
        port = await link.open(near, 0, (voters[dialled].site.address, _PEER_PORT))
        links[dialer, dialled] = link
        addresses[dialer][dialled] = Address(f"{near}:{port}")
    for name, voter in voters.items():
        _rewrite_config(voter.site.disk / CONFIG_NAME, addresses[name], raft)
    return Network(genesis, directory, voters, links)


def _rewrite_config(file: Path, addresses: dict[str, Address], raft: RaftSection) -> None:
    config = parse_config(file.read_text(encoding="utf-8"), file)
    peers = msgspec.structs.replace(config.peers, addresses=addresses)
    # Whoever runs the tests asks from the other ends of the nodes' cables.
    access = AccessSection(addresses=(AddressRange("198.18.0.0/15"),))
    changed = msgspec.structs.replace(config, peers=peers, raft=raft, access=access)
    file.write_text(format_config(changed), encoding="utf-8")
