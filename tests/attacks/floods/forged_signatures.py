"""Events that a rule would accept, with noise for the signatures of keys that may sign them."""

from network import NetworkSeen, sign_note

from attacks.flood import Attack
from attacks.forgeries import forge
from attacks.posting import post_for_ever
from kpledger.api.routes import MAX_BATCH

_CONNECTIONS = 8


async def _attack(network: NetworkSeen) -> None:
    chain = bytes.fromhex(network.chain)
    events = [forge(sign_note(network.keys, chain, "BW")) for _ in range(MAX_BATCH)]
    await post_for_ever(network, [events], connections=_CONNECTIONS)


ATTACK = Attack(
    number=1,
    summary=f"{_CONNECTIONS} connections with batches of {MAX_BATCH} forged events of BW/root",
    run=_attack,
)
