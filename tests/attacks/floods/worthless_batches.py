"""Batches of what is no event: a kilobyte each, to be answered with a problem for each part."""

from network import NetworkSeen

from attacks.flood import Attack
from attacks.posting import post_for_ever
from kpledger.api.routes import MAX_BATCH

_CONNECTIONS = 6


async def _attack(network: NetworkSeen) -> None:
    await post_for_ever(network, [[b""] * MAX_BATCH], connections=_CONNECTIONS)


ATTACK = Attack(
    number=1,
    summary=f"batches of {MAX_BATCH} empty events over {_CONNECTIONS} connections",
    run=_attack,
)
