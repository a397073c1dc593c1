"""What a node answers, as typed values, and how its JSON is read.

An answer is a claim. What can be verified about it is verified in
:mod:`kpclient.net.ledger_client`; the rest is what the node says, until an audit has replayed the
ledger. Fields that this version does not know are ignored, so that a newer node can say more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from kpledger.scheme.event import SignedEvent
from kpledger.scheme.v1.events.governance import AuthorityRole, ParticipantKind, Standing
from kpledger.scheme.v1.records import AllottedRange, CertificateRecord, KeyRecord, StandingSince

A = TypeVar("A", bound=msgspec.Struct)

HexDigest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Count = Annotated[int, Meta(ge=0)]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem document (RFC 9457): why something was not done."""

    type: str = "about:blank"
    title: str = ""
    status: int = 0
    detail: str = ""
    rule: str = ""
    """Code of the rule behind it; empty where there is none."""
    clause: str = ""
    field: str = ""
    accepted: str = ""


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """How a node keeps what it acknowledges."""

    durability: str
    failed: str | None = None


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where a node stands."""

    node: str
    participant: str
    chain: HexDigest
    origin: str
    version: str
    role: str
    term: Count
    leader: str | None
    voters: tuple[str, ...]
    height: Count
    last_index: Count
    head: HexDigest
    tree_size: Count
    tree_root: HexDigest
    state_digest: HexDigest
    block_time_ms: Count
    uptime_s: float
    pending: Count
    storage: Storage


class Office(msgspec.Struct, frozen=True, kw_only=True):
    """An authority of a participant."""

    authority: str
    title: str
    place: str
    contact: str
    roles: tuple[AuthorityRole, ...]


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """A participant, its offices and its numbers."""

    code: str
    name: str
    kind: ParticipantKind
    status: Standing | None
    standings: tuple[StandingSince, ...]
    authorities: tuple[Office, ...]
    ranges: tuple[AllottedRange, ...]


class Participants(msgspec.Struct, frozen=True, kw_only=True):
    """All participants."""

    participants: tuple[Participant, ...]


class HistoryItem(msgspec.Struct, frozen=True, kw_only=True):
    """One event on a certificate; what it says is read from the event itself."""

    id: HexDigest


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The events on a certificate, oldest first."""

    events: tuple[HistoryItem, ...]


class EventAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says about an event id."""

    status: Literal["unknown", "pending", "committed", "sealed"]
    height: Count = 0
    index: Count = 0
    block_time_ms: Count = 0
    envelope: msgspec.Raw = msgspec.Raw(b"null")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one event of a batch."""

    status: Literal["committed", "pending", "refused", "unavailable"]
    id: HexDigest | None = None
    height: Count = 0
    index: Count = 0
    block_time_ms: Count = 0
    duplicate: bool = False
    problem: Problem | None = None


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch, in its order."""

    results: tuple[Result, ...]


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of one event."""

    accepted: bool
    id: HexDigest | None = None
    problem: Problem | None = None


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of events, in their order."""

    results: tuple[Rehearsed, ...]


class CertificatePage(msgspec.Struct, frozen=True, kw_only=True):
    """Some certificates, and where the next ones begin."""

    certificates: tuple[msgspec.Raw, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event on the ledger; its id and its signatures are verified, its place is a claim."""

    event: SignedEvent
    height: int
    index: int
    block_time_ms: int


def read_answer(content: bytes, kind: type[A]) -> A:
    """Read an answer of a node.

    Raises:
        msgspec.DecodeError: it is something else.
    """
    return msgspec.json.decode(content, type=kind)


def read_certificate(content: bytes) -> CertificateRecord:
    """Read a certificate's record; its bytes are hexadecimal in JSON.

    Raises:
        msgspec.DecodeError: it is something else.
        ValueError: its head is not hexadecimal.
    """
    fields = _known_fields(content, CertificateRecord)
    fields["head"] = bytes.fromhex(str(fields.get("head", "")))
    return msgspec.convert(fields, CertificateRecord)


def read_key(content: bytes) -> KeyRecord:
    """Read a key record.

    Raises:
        msgspec.DecodeError: it is something else.
    """
    return msgspec.convert(_known_fields(content, KeyRecord), KeyRecord)


def _known_fields(content: bytes, kind: type[msgspec.Struct]) -> dict[str, object]:
    found: Mapping[str, object] = msgspec.json.decode(content, type=dict[str, object])
    return {name: found[name] for name in kind.__struct_fields__ if name in found}
