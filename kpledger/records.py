"""The records of the state: what the ledger knows about each thing, as of the newest block.

Each record stands under a key of its own, ``<kind>/<id>`` in ASCII, as canonical MessagePack. The
pairs (key, encoded record) are what the state digest covers.
"""

from typing import ClassVar

import msgspec

from kpledger.events.certificate import CertificateKind, Party
from kpledger.events.governance import (
    NumberRange,
    ParticipantKind,
    RevocationReason,
    Role,
    Standing,
)
from kpledger.lifecycle import CertificateState


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record of the state; a subclass names its kind, the first part of its key."""

    KIND: ClassVar[str] = ""


class StandingSince(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A standing and the instant it begins."""

    status: Standing
    effective_from: int
    """Unix milliseconds."""
    decision: str
    """The decision behind it."""


class ParticipantRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant of the scheme."""

    KIND: ClassVar[str] = "participant"

    code: str
    name: str
    kind: ParticipantKind
    standings: tuple[StandingSince, ...]
    """Every standing it was given, in ledger order; a later one overrules for its time."""
    authority_count: int
    """How many authorities it has registered; the Chair countersigns the first."""

    def standing_at(self, time_ms: int) -> Standing | None:
        """Give the standing at an instant; None before it was admitted.

        The newest decision that is in effect at the instant counts, not the one with the latest
        date: a decision may correct the time of an earlier one.
        """
        for standing in reversed(self.standings):
            if standing.effective_from <= time_ms:
                return standing.status
        return None


class AuthorityRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An office of a participant."""

    KIND: ClassVar[str] = "authority"

    participant: str
    authority: str
    title: str
    place: str
    contact: str
    roles: tuple[Role, ...]


class AllottedRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run of certificate numbers and the office that may issue them."""

    authority: str
    range: NumberRange


class RangesRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The certificate numbers of a participant, in the order they were allotted."""

    KIND: ClassVar[str] = "ranges"

    ranges: tuple[AllottedRange, ...]


class KeyRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signing key and whose it is."""

    KIND: ClassVar[str] = "key"

    participant: str
    """A participant's code, or ``KPCS``."""
    authority: str
    valid_from: int
    """Unix milliseconds of block time."""
    revoked_at: int | None
    """Block time of its revocation; signatures count before it."""
    reason: RevocationReason | None
    suspect_since: int | None


class CertificateRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate: what was declared, and where it stands."""

    KIND: ClassVar[str] = "certificate"

    number: str
    kind: CertificateKind
    state: CertificateState
    marks: tuple[str, ...]
    """Remarkable things that happened to it, for auditors; in order of appearance, each once."""
    head: bytes
    """Id of the newest event on it: the optimistic lock."""
    issuer: str
    authority: str
    destination: str
    issued_on: str
    expires_on: str
    recorded_at: int
    """Block time of its issuance."""
    exporter: Party
    importer: Party
    origins: tuple[str, ...]
    parcels: int
    carat_thousandths: int
    value_usd_cents: int
    replaces: str | None
    replaced_by: str | None


class EventRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an event stands; its existence makes submitting twice harmless, for ever."""

    KIND: ClassVar[str] = "event"

    index: int
    """Leaf position in the tree, 0-based."""
    height: int
    """Block that holds it."""


class PolicyRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the scheme leaves open and this network has settled, from the genesis file."""

    KIND: ClassVar[str] = "policy"

    max_validity_days: int
    """Longest time from issue to expiry."""
    carat_tolerance_ppm: int
    """How far found may differ from declared weight in a clean confirmation, in millionths."""
    value_tolerance_ppm: int
    """Likewise for value."""
    clock_skew_ms: int
    """How far ``occurred_at`` and block time may run ahead of the clock that checks them."""


def participant_key(code: str) -> bytes:
    """Give the key of a participant's record."""
    return b"participant/" + code.encode()


def authority_key(participant: str, authority: str) -> bytes:
    """Give the key of an authority's record."""
    return f"authority/{participant}/{authority}".encode()


def ranges_key(participant: str) -> bytes:
    """Give the key of the record of a participant's number ranges."""
    return b"ranges/" + participant.encode()


def key_key(public_key: bytes) -> bytes:
    """Give the key of a key record."""
    return b"key/" + public_key.hex().encode()


def certificate_key(number: str) -> bytes:
    """Give the key of a certificate's record."""
    return b"certificate/" + number.encode()


def event_key(event_id: bytes) -> bytes:
    """Give the key of an event's record."""
    return b"event/" + event_id.hex().encode()


POLICY_KEY = b"policy/network"
"""The key of the one policy record."""
