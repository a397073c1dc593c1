"""One registered key submits acceptable events as fast as it can."""

from network import NetworkSeen, sign_note

from attacks.flood import Attack
from attacks.posting import post_for_ever

_BATCHES = 200
_EVENTS = 100
_CONNECTIONS = 8


async def _attack(network: NetworkSeen) -> None:
    chain = bytes.fromhex(network.chain)
    batches = [
        [sign_note(network.keys, chain, "ZA") for _ in range(_EVENTS)] for _ in range(_BATCHES)
    ]
    await post_for_ever(network, batches, connections=_CONNECTIONS)


ATTACK = Attack(
    number=6,
    summary=f"{_CONNECTIONS} connections with batches of {_EVENTS} acceptable events of ZA/root",
    run=_attack,
)
