"""Batches whose every event has 15 valid signatures of strangers, and noise under a known key."""

from network import NetworkSeen, sign_note

from attacks.flood import Attack
from attacks.forgeries import sign_as_strangers
from attacks.posting import post_for_ever

_EVENTS = 470
_CONNECTIONS = 8


async def _attack(network: NetworkSeen) -> None:
    chain = bytes.fromhex(network.chain)
    events = [sign_as_strangers(sign_note(network.keys, chain, "BW")) for _ in range(_EVENTS)]
    await post_for_ever(network, [events], connections=_CONNECTIONS)


ATTACK = Attack(
    number=1,
    summary=f"{_CONNECTIONS} connections with batches of {_EVENTS} events signed by 15 strangers",
    run=_attack,
)
