"""Governance events: who takes part, which offices they have, which keys and numbers those hold.

KPCS core document, sections II, IV(b), V(a) and VI; the catalogue's group G.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from kpledger.base.ids import AuthorityId, ParticipantCode, PublicKey
from kpledger.base.units import TimeMs
from kpledger.scheme.event import Body
from kpledger.scheme.v1.events.base import DocumentHash, LongText, Text
from kpledger.scheme.v1.ids import DecisionId, NumberPrefix, ShortName
from kpledger.scheme.v1.quantities import Day, Year


class ParticipantKind(StrEnum):
    """What kind of member it is (KPCS section I, *Participant*)."""

    STATE = "STATE"
    REIO = "REIO"
    """A regional economic integration organisation: the European Union."""
    ENTITY = "ENTITY"
    """Trades under the scheme without being a participant: Chinese Taipei."""


class Standing(StrEnum):
    """A participant's standing in the scheme at a time."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    SELF_SUSPENDED = "SELF_SUSPENDED"
    MEMBER_NO_TRADE = "MEMBER_NO_TRADE"
    """Takes part in everything but trade, as under an embargo."""
    REMOVED = "REMOVED"


class AuthorityRole(StrEnum):
    """What an authority is designated for (KPCS section IV(b))."""

    EXPORTING = "EXPORTING"
    IMPORTING = "IMPORTING"
    MONITORING = "MONITORING"
    """Approves shipments under a restriction (a working group's team, a zone monitor)."""
    OBSERVER = "OBSERVER"
    """Reads and files notes (KPCS section I, *Observer*)."""
    STATISTICS = "STATISTICS"
    """Submits a participant's statistics, or questions them for the scheme."""


class RevocationReason(StrEnum):
    """Why a key is withdrawn."""

    SUPERSEDED = "SUPERSEDED"
    RETIRED = "RETIRED"
    COMPROMISED = "COMPROMISED"
    RECOVERED = "RECOVERED"
    """Ended by a recovery of its participant, and by nothing else."""


class ParticipantAdmitted(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Chair admits a participant (KPCS VI.8 and VI.9)."""

    code: ParticipantCode
    """ISO 3166-1 alpha-2; also the event's subject."""
    name: Text
    """The participant's name in English."""
    kind: ParticipantKind
    """State, regional organisation or trading entity."""
    effective_from: TimeMs
    """From when it may trade; Unix milliseconds."""
    root_key: PublicKey
    """The key that speaks for the participant itself."""
    recovery_key: PublicKey
    """Signs with it where the participant's own keys change; kept off line."""
    decision: DecisionId
    """The recorded decision that admits it, or the Chair's notice."""
    interim: bool = False
    """Decided by the Chair's notice alone: it lapses unless it is ratified."""


class ParticipantStatusChanged(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The standing of a participant changes: by the Chair, or by itself for a self-suspension."""

    code: ParticipantCode
    """The participant; also the event's subject."""
    status: Standing
    """The new standing."""
    effective_from: TimeMs
    """From when it holds; Unix milliseconds."""
    decision: DecisionId
    """The recorded decision, or the Chair's notice; a participant's own reference when it
    suspends itself."""
    interim: bool = False
    """Decided by the Chair's notice alone: it lapses unless it is ratified."""


class AuthorityRegistered(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant designates an office (KPCS IV(b)).

    The Chair countersigns the first one, and one that serves a territory. It registers the offices
    of the scheme itself: monitoring teams, working groups.
    """

    authority: AuthorityId
    """The office, unique within the participant; the subject is ``<code>/<authority>``."""
    title: Text
    """Its full name."""
    place: Text
    """Where it is."""
    roles: Annotated[tuple[AuthorityRole, ...], Meta(min_length=1, max_length=4)]
    """What it is designated for, in alphabetical order, each once."""
    contact: LongText
    """How others reach it."""
    territory: ParticipantCode | None = None
    """A territory with numbers of its own that it serves: ``HK`` under China."""


class AuthorityClosed(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant closes an office: it signs nothing more, and what it signed stays."""

    authority: AuthorityId
    """The office; the subject is ``<code>/<authority>``."""
    reason: LongText
    """Why, and who takes over."""


class KeyAdded(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant gives one of its authorities a signing key."""

    authority: AuthorityId
    """The office that will sign with it; ``root`` or ``recovery`` for a further key of the
    participant itself."""
    key: PublicKey
    """The Ed25519 public key; the subject is its hexadecimal form."""
    valid_from: TimeMs
    """From when signatures under it count; Unix milliseconds."""
    officer: ShortName | None = None
    """Whose key it is among the office's people: where several must sign, each counts once."""


class KeyRotated(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant puts a new key in the place of one of its own, in one step."""

    old: PublicKey
    """The key that ends, SUPERSEDED; the subject is its hexadecimal form."""
    new: PublicKey
    """The key that follows it, for the same office and officer."""
    valid_from: TimeMs
    """From when signatures under the new one count; Unix milliseconds."""


class KeyRevoked(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant withdraws a key; what it signed before stays on the ledger."""

    key: PublicKey
    """The key; the subject is its hexadecimal form."""
    reason: RevocationReason
    """Why."""
    suspect_since: TimeMs | None
    """For a compromised key: the first moment it may have been in other hands."""


class ParticipantRecovered(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Chair sets the keys of a participant anew, after theft or loss.

    With the Chair signs a key of the participant itself, root or recovery; or, where it has none
    left, as many other participants as the genesis file says. All its root and recovery keys end,
    and two new ones take their place. Where it was a theft, what was arranged from
    ``suspect_height`` on is put back: keys that were added and offices that were opened end,
    offices that were closed are open again, number ranges, forms, policy and annual reports are
    again what they were. What was signed with its own keys from there on, or with a key that was
    added since, may be a thief's (flag F16). It stays on the ledger, as do certificates.
    An office's key that was withdrawn since stays so: whose it is gets a new one.
    """

    code: ParticipantCode
    """The participant; also the event's subject."""
    root_key: PublicKey
    """The key that speaks for it from now on."""
    recovery_key: PublicKey
    """Its new recovery key, kept off line."""
    suspect_height: Annotated[int, Meta(ge=1, le=2**53 - 1)] | None
    """The first block with a statement that may be a thief's; null where keys were only lost."""
    reason: LongText
    """What happened."""


class ChairRecovered(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Participants give the Chair and the secretariat new keys, after theft or loss.

    As many of their roots sign as the genesis file says, and the new Chair's key. All keys of Chair
    and secretariat end, and two new ones take their place. Where it was a theft, what was arranged
    for the scheme from ``suspect_height`` on is put back: keys that were added, offices that were
    opened and observers that were registered end, those that were closed or withdrawn are open
    again, policy for all is again what it was. What was signed with these keys from there on may
    be a thief's (flag F16). It stays on the ledger: decisions, standings and restrictions have to
    be decided anew.
    """

    year: Year
    """The year for which the Chair presides; the subject is ``KPCS/chair``."""
    chair: ParticipantCode
    """Who presides."""
    vice_chair: ParticipantCode | None
    """Who follows next, if that is decided."""
    key: PublicKey
    """The Chair's new key."""
    secretariat_key: PublicKey
    """The secretariat's new key."""
    suspect_height: Annotated[int, Meta(ge=1, le=2**53 - 1)] | None
    """The first block with a statement that may be a thief's; null where keys were only lost."""
    reason: LongText
    """What happened."""


class NumberRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run of certificate numbers: a prefix and zero-padded serials of one width."""

    prefix: NumberPrefix
    """What stands before the digits."""
    width: Annotated[int, Meta(ge=1, le=12)]
    """How many digits a number of this range has."""
    first: Annotated[int, Meta(ge=0, lt=10**12)]
    """The first serial."""
    last: Annotated[int, Meta(ge=0, lt=10**12)]
    """The last serial, included."""
    use_from: Day
    """The first day on which its numbers may be issued."""
    use_until: Day
    """The last day on which its numbers may be issued."""


class NumberRangeAllocated(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant allots a run of certificate numbers to one of its exporting authorities."""

    authority: AuthorityId
    """The office that may issue them; the subject is ``<code>/<authority>``."""
    range: NumberRange
    """The run of numbers."""


class NumberRangeRetired(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant withdraws a run of numbers: what is not issued by then never will be."""

    authority: AuthorityId
    """The office that holds it; the subject is ``<code>/<authority>``."""
    prefix: NumberPrefix
    """With the first serial and the width it names the range."""
    width: Annotated[int, Meta(ge=1, le=12)]
    """How many digits its numbers have."""
    first: Annotated[int, Meta(ge=0, lt=10**12)]
    """Its first serial."""
    reason: LongText
    """Why."""


class CertificateFormatNotified(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A participant tells the others what its certificates look like (KPCS II(d))."""

    masks: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[A-Z]{2}[A-Z-]{0,6}#{1,12}\Z")], ...],
        Meta(min_length=1, max_length=16),
    ]
    """The forms of its numbers: letters as they are, ``#`` for a digit, as ``EU########``; in
    alphabetical order, each once."""
    specimen: DocumentHash
    """Hash of the specimen that was sent round."""
    features: LongText
    """Its security features, as far as they are public."""
    valid_from: TimeMs
    """From when numbers must have one of these forms; Unix milliseconds."""
