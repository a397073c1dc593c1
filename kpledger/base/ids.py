"""Identifiers that every version of the rules shares: who speaks, nodes, digests and keys.

All identifiers are ASCII with one spelling. The annotated types are used in events and records,
so that a wrong identifier is refused while decoding; the ``parse_*`` functions serve text that
people type.
"""

import re
from typing import Annotated, Final

from msgspec import Meta

from kpledger.base.errors import MalformedError

KPCS: Final = "KPCS"
"""Stands where a participant's code would, for the offices of the scheme itself."""

PARTICIPANT_PATTERN: Final = r"^[A-Z]{2}\Z"
NAME_PATTERN: Final = r"^[a-z0-9]+(-[a-z0-9]+)*\Z"

ParticipantCode = Annotated[str, Meta(pattern=PARTICIPANT_PATTERN, max_length=2)]
"""ISO 3166-1 alpha-2 code of a participant; ``EU`` and ``TW`` included (KPCS Annex I.A)."""

AuthorCode = Annotated[str, Meta(pattern=r"^([A-Z]{2}|KPCS)\Z", max_length=4)]
"""A participant's code, or ``KPCS`` for the Chair and the secretariat."""

MAX_NAME_CHARS: Final = 32
"""The longest name of an authority or a node."""

AuthorityId = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=MAX_NAME_CHARS)]
"""An office of a participant, unique within the participant, for instance ``antwerp``."""

NodeName = Annotated[str, Meta(pattern=NAME_PATTERN, max_length=MAX_NAME_CHARS)]
"""A server of the network, for instance ``bw-1``."""

HexDigest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z", max_length=64)]
"""A SHA-256 digest, or a public key, as JSON has it."""

Digest32 = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""A SHA-256 digest."""

EventId = Digest32
"""SHA-256 of an event's payload under the event domain."""

PublicKey = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""An Ed25519 public key. It is also the *key id*: a signature can then be checked before any
state is known, and no two keys can share an id."""

Signature64 = Annotated[bytes, Meta(min_length=64, max_length=64)]
"""An Ed25519 signature."""


def _parse(text: str, pattern: str, what: str, accepted: str) -> str:
    if len(text) > MAX_NAME_CHARS or re.match(pattern, text) is None:
        raise MalformedError(what, f"{text[:80]!r} is not {accepted}")
    return text


def parse_participant(text: str) -> str:
    """Read a participant's code.

    Raises:
        MalformedError: not two capital letters.
    """
    return _parse(text, PARTICIPANT_PATTERN, "participant code", "two capital letters, such as BW")


def parse_node_name(text: str) -> str:
    """Read a node's name.

    Raises:
        MalformedError: not lower-case letters and digits joined by hyphens, or too long.
    """
    accepted = f"at most {MAX_NAME_CHARS} lower-case letters and digits joined by hyphens"
    return _parse(text, NAME_PATTERN, "node name", f"{accepted}, such as bw-1")


def parse_hex32(text: str, what: str) -> bytes:
    """Read 32 bytes of lower-case hexadecimal.

    Raises:
        MalformedError: not 64 lower-case hexadecimal digits.
    """
    if re.match(r"^[0-9a-f]{64}\Z", text) is None:
        raise MalformedError(what, f"{text[:80]!r} is not 64 lower-case hexadecimal digits")
    return bytes.fromhex(text)
