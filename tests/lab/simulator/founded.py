"""A real ledger for simulated nodes: a genesis file, and signed events, both made from numbers.

Each node belongs to a participant of its own. Every event gives a participant a further key; now
and then two events want the same one, so that the rules have something to refuse.
"""

from functools import cache
from typing import Final

from lab.simulator.clock import WORLD_MS

from kpledger.base.hashing import sha256
from kpledger.base.keys import SigningKey
from kpledger.log.genesis import (
    GENESIS_FORMAT,
    RULES_VERSION,
    Genesis,
    GenesisFile,
    GenesisNode,
    GenesisParticipant,
    GenesisPolicy,
    format_genesis,
    parse_genesis,
)
from kpledger.scheme.envelope import decode_envelope, sign_event
from kpledger.scheme.event import Author, SignedEvent, encode_event
from kpledger.scheme.v1.events.governance import KeyAdded, ParticipantKind

SKEW_MS: Final = 10_000
_CODES: Final = ("AE", "AO", "BW", "CA", "CN", "EU", "IN", "ZA")
_ROOT: Final = "root"
_CONFLICT_EVERY: Final = 7


@cache
def signing_key(name: str) -> SigningKey:
    """Return the key of this name."""
    return SigningKey.from_seed(sha256(b"kpledger simulated key " + name.encode()))


@cache
def make_genesis(nodes: tuple[str, ...]) -> Genesis:
    """Return the genesis of a ledger on which all of these nodes vote."""
    codes = dict(zip(nodes, _CODES, strict=False))
    file = GenesisFile(
        format=GENESIS_FORMAT,
        origin="kp.example/simulated",
        created_at=WORLD_MS,
        rules_version=RULES_VERSION,
        policy=GenesisPolicy(clock_skew_ms=SKEW_MS),
        chair_key=_public("chair"),
        secretariat_key=_public("secretariat"),
        participants=tuple(
            GenesisParticipant(
                code=code, name=code, kind=ParticipantKind.STATE, root_key=_public(f"{code}/root")
            )
            for code in codes.values()
        ),
        nodes=tuple(
            GenesisNode(
                name=node,
                participant=code,
                consensus_key=_public(f"{node}/consensus"),
                cosigning_key=_public(f"{node}/cosigning"),
                tls_key=_public(f"{node}/tls"),
            )
            for node, code in codes.items()
        ),
        voters=nodes,
    )
    return parse_genesis(format_genesis(file))


@cache
def make_event(genesis: Genesis, number: int) -> SignedEvent:
    """Return the event of a number: the next key of some participant."""
    codes = [participant.code for participant in genesis.file.participants]
    code = codes[number % len(codes)]
    conflicts = number % _CONFLICT_EVERY == 0 and number > len(codes)
    key = signing_key(f"key {number - len(codes) if conflicts else number}").public_key
    payload = encode_event(
        chain=genesis.chain,
        author=Author(participant=code, authority=_ROOT),
        nonce=number.to_bytes(16, "big"),
        occurred_at=WORLD_MS,
        subject=key.hex(),
        prev=None,
        body=KeyAdded(authority=_ROOT, key=key, valid_from=WORLD_MS),
    )
    return decode_envelope(sign_event(payload, [signing_key(f"{code}/root")]))


def _public(name: str) -> str:
    return signing_key(name).public_key.hex()
