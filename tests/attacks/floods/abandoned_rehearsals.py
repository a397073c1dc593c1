"""Rehearsals of large batches whose client leaves at once, again and again."""

from network import NetworkSeen, sign_note

from attacks.flood import Attack
from attacks.forgeries import sign_as_strangers
from attacks.posting import post_for_ever
from kpledger.api.routes import MAX_BATCH

_CONNECTIONS = 16


async def _attack(network: NetworkSeen) -> None:
    chain = bytes.fromhex(network.chain)
    signed = [sign_note(network.keys, chain, "BW") for _ in range(MAX_BATCH)]
    strangers = [sign_as_strangers(event) for event in signed[: MAX_BATCH // 2]]
    await post_for_ever(
        network,
        [signed, strangers],
        connections=_CONNECTIONS,
        path="/v1/rehearsals",
        abandon=True,
    )


ATTACK = Attack(
    number=3,
    summary=f"{_CONNECTIONS} clients that ask for rehearsals of {MAX_BATCH} events and leave",
    run=_attack,
)
