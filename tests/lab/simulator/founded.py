"""A real ledger for simulated nodes: a genesis file, and signed events, both made from numbers.

Each node belongs to a participant of its own. Every event is a note of a participant; now and then
one refers to the note after it, so that the rules refuse it unless that one came first.
"""

from functools import cache
from typing import Final

import msgspec
from lab.simulator.clock import WORLD_MS

from kpledger.base.hashing import sha256
from kpledger.base.keys import SigningKey
from kpledger.log.genesis import (
    GENESIS_FORMAT,
    NO_QUOTAS,
    RULES_VERSION,
    Genesis,
    GenesisFile,
    GenesisNode,
    GenesisParticipant,
    GenesisRecovery,
    format_genesis,
    parse_genesis,
)
from kpledger.scheme.envelope import decode_envelope, sign_event
from kpledger.scheme.event import Author, SignedEvent, encode_event
from kpledger.scheme.v1.events.governance import ParticipantKind
from kpledger.scheme.v1.events.life import NoteFiled

SKEW_MS: Final = 10_000
_CODES: Final = ("AE", "AO", "BW", "CA", "CN", "EU", "IN", "ZA")
_ROOT: Final = "root"
_REFERENCE_EVERY: Final = 7


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
        policy=msgspec.structs.replace(NO_QUOTAS, clock_skew_ms=SKEW_MS),
        recovery=GenesisRecovery(witnesses=1, chair_quorum=2),
        chair_key=_public("chair"),
        secretariat_key=_public("secretariat"),
        participants=tuple(
            GenesisParticipant(
                code=code,
                name=code,
                kind=ParticipantKind.STATE,
                root_key=_public(f"{code}/root"),
                recovery_key=_public(f"{code}/recovery"),
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
    """Return the event of a number: a note of some participant."""
    codes = [participant.code for participant in genesis.file.participants]
    code = codes[number % len(codes)]
    refers = number % _REFERENCE_EVERY == 0
    references = (make_event(genesis, number + 1).event_id,) if refers else ()
    payload = encode_event(
        chain=genesis.chain,
        author=Author(participant=code, authority=_ROOT),
        nonce=number.to_bytes(16, "big"),
        occurred_at=WORLD_MS,
        subject=code,
        prev=None,
        body=NoteFiled(text=f"Note {number}.", references=references, document=None),
    )
    return decode_envelope(sign_event(payload, [signing_key(f"{code}/root")]))


def _public(name: str) -> str:
    return signing_key(name).public_key.hex()
