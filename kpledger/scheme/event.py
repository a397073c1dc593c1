"""Events: what the ledger holds, one signed statement by one office.

The form is the same under every version of the rules, so that an event can be read before it is
known which version holds: a header that says for which ledger, of which type, by whom, when, about
what and after what; around a typed body, which stays raw until its shape is looked up. Shapes are
what a version brings (:class:`kpledger.scheme.version.RuleVersion`).
"""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

import msgspec
from msgspec import Meta

from kpledger.base.codec import decode, encode
from kpledger.base.errors import MalformedError
from kpledger.base.hashing import Digest, Domain, hash_with_domain
from kpledger.base.ids import AuthorCode, AuthorityId, Digest32, EventId, PublicKey, Signature64
from kpledger.base.units import TimeMs

MAX_EVENT_BYTES: Final = 48 * 1024
"""The largest payload of an event. With its signatures it fits a C2SP entry bundle (65,535)."""

MAX_SIGNATURES: Final = 16
"""The most signatures an envelope may carry."""


class Author(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The office that makes a statement."""

    participant: AuthorCode
    """The participant it belongs to, or ``KPCS`` for the Chair."""
    authority: AuthorityId
    """The office: ``root`` for the participant itself, ``chair`` under ``KPCS``."""

    def __str__(self) -> str:
        """Write it as people do, ``BW/gaborone``."""
        return f"{self.participant}/{self.authority}"


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of an event that differs by type.

    A subclass ``CertificateIssued`` is the type ``certificate_issued``: renaming it renames what is
    signed.
    """

    TYPE: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1

    def __init_subclass__(cls) -> None:
        """Take the type from the name of the class."""
        cls.TYPE = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()


Shapes = Mapping[tuple[str, int], type[Body]]
"""The Struct of a body by the type and version that its header names."""


class EventHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event as it is encoded; the body stays raw until its type is known."""

    chain: Digest32
    """The ledger it is meant for: the hash of the genesis file."""
    type: Annotated[str, Meta(pattern=r"^[a-z]+(_[a-z]+)*\Z", max_length=64)]
    """The event's type, for instance ``certificate_issued``."""
    version: Annotated[int, Meta(ge=1, le=255)]
    """The version of the body's form."""
    author: Author
    """Who says so."""
    nonce: Annotated[bytes, Meta(min_length=16, max_length=16)]
    """Random: two equal statements made twice are two events."""
    occurred_at: TimeMs
    """When it happened, by the author's clock; Unix milliseconds."""
    subject: Annotated[str, Meta(pattern=r"^[A-Za-z0-9/-]{1,80}\Z", max_length=80)]
    """What it is about: a certificate number, a participant, an authority, a key, a case, a
    proceeding; each version of the rules says how it is spelled."""
    prev: EventId | None
    """The newest event on the subject that the author had seen (optimistic lock)."""
    body: msgspec.Raw
    """The body, as encoded."""


class EventSignature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signature over the payload."""

    keyid: PublicKey
    """The public key, which is its own id."""
    sig: Signature64
    """Ed25519 over the pre-authentication encoding."""


class SignedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its signatures, decoded once. Its form is checked, its signatures are not."""

    encoded: bytes
    """The envelope as stored: the leaf of the Merkle tree is exactly these bytes."""
    payload: bytes
    """What was signed."""
    event_id: Digest
    """SHA-256 of the payload under the event domain."""
    header: EventHeader
    body: Body
    signatures: tuple[EventSignature, ...]

    @property
    def signers(self) -> tuple[bytes, ...]:
        """The public keys that signed, ascending."""
        return tuple(signature.keyid for signature in self.signatures)


class EventPlace(msgspec.Struct, frozen=True):
    """Where in the ledger an event is executed: all that rules see besides event and state."""

    chain: bytes
    """The ledger's id."""
    now_ms: int
    """Block time."""
    index: int
    """The event's leaf position."""
    height: int
    """The block's height."""


def compute_event_id(payload: bytes) -> Digest:
    """Give the id of the event with this payload."""
    return hash_with_domain(Domain.EVENT, payload)


def encode_event(
    *,
    chain: bytes,
    author: Author,
    nonce: bytes,
    occurred_at: int,
    subject: str,
    prev: bytes | None,
    body: Body,
) -> bytes:
    """Encode a statement as the canonical payload that is signed."""
    header = EventHeader(
        chain=chain,
        type=body.TYPE,
        version=body.VERSION,
        author=author,
        nonce=nonce,
        occurred_at=occurred_at,
        subject=subject,
        prev=prev,
        body=msgspec.Raw(encode(body)),
    )
    return encode(header)


def decode_event_header(payload: bytes) -> EventHeader:
    """Decode a payload; its body stays raw.

    Raises:
        OversizedError: larger than :data:`MAX_EVENT_BYTES`.
        MalformedError: not an event; names the field.
        NotCanonicalError: a second spelling of an event.
    """
    return decode(payload, EventHeader, what="event", max_bytes=MAX_EVENT_BYTES)


def decode_body(header: EventHeader, shapes: Shapes) -> Body:
    """Decode the body of an event in the shape that its header names.

    Raises:
        MalformedError: no such type or version, or not of that type; names the field.
        NotCanonicalError: a second spelling of a body.
    """
    shape = shapes.get((header.type, header.version))
    if shape is None:
        known = ", ".join(sorted(f"{name} v{version}" for name, version in shapes))
        raise MalformedError(
            "event",
            f"there is no event type {header.type} v{header.version}; known types are {known}",
            field="type",
        )
    what = f"body of {header.type}"
    return decode(bytes(header.body), shape, what=what, max_bytes=MAX_EVENT_BYTES)
