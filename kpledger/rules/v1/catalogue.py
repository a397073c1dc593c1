"""The catalogue: who may make which event, the rules it has to pass, and what it does.

One row for each event type, in the order of the scheme's groups. E12 and E1 stand before every
row; the others run in the order written here, and the first refusal is the answer. A new event type
is a body in :mod:`kpledger.events` and a row here.
"""

from dataclasses import dataclass
from typing import Final

from kpledger.events import Body
from kpledger.events.certificate import CertificateIssued, CertificateReplaced, CertificateVoided
from kpledger.events.governance import (
    AuthorityRegistered,
    KeyAdded,
    KeyRevoked,
    NumberRangeAllocated,
    ParticipantAdmitted,
    ParticipantStatusChanged,
)
from kpledger.events.importing import (
    ArrivalRecorded,
    ImportConfirmed,
    ImportConfirmedDiscrepant,
    ImportRefusedReturned,
    ShipmentDetained,
    ShipmentReleased,
    ShipmentSeized,
)
from kpledger.rules.v1 import (
    authorship,
    contents,
    effects,
    governance,
    importing,
    numbering,
    standing,
    succession,
)
from kpledger.rules.v1.authorship import Office
from kpledger.rules.v1.context import Check, Effect


@dataclass(frozen=True, slots=True)
class Row:
    """One event type."""

    offices: tuple[Office, ...]
    """Any of these may be its author (E1)."""
    checks: tuple[Check, ...]
    """The rules it must pass, in order."""
    effect: Effect
    """What it changes."""


_ISSUE: Final[tuple[Check, ...]] = (
    standing.check_trade,
    numbering.check_number,
    contents.check_contents,
)
_GOVERN: Final[tuple[Check, ...]] = (governance.check_subject, succession.check_first)
_OWN_HOUSE: Final[tuple[Check, ...]] = (*_GOVERN, governance.check_member)
_IMPORT: Final[tuple[Check, ...]] = (
    authorship.check_destination,
    succession.check_transition,
    succession.check_prev,
)
_CONFIRM: Final[tuple[Check, ...]] = (
    authorship.check_destination,
    importing.check_confirmed_once,
    importing.check_alive,
    succession.check_transition,
    succession.check_prev,
    importing.check_repeats,
)

CATALOGUE: Final[dict[type[Body], Row]] = {
    ParticipantAdmitted: Row(
        (Office.CHAIR,), (*_GOVERN, governance.check_admission), effects.admit_participant
    ),
    ParticipantStatusChanged: Row(
        (Office.CHAIR, Office.PARTICIPANT_ROOT),
        (*_GOVERN, authorship.check_self_suspension, standing.check_status_change),
        effects.change_status,
    ),
    AuthorityRegistered: Row(
        (Office.PARTICIPANT_ROOT,),
        (*_OWN_HOUSE, governance.check_registration),
        effects.register_authority,
    ),
    KeyAdded: Row(
        (Office.PARTICIPANT_ROOT,), (*_OWN_HOUSE, governance.check_new_key), effects.add_key
    ),
    KeyRevoked: Row(
        (Office.PARTICIPANT_ROOT,),
        (*_OWN_HOUSE, governance.check_revocation),
        effects.revoke_key,
    ),
    NumberRangeAllocated: Row(
        (Office.PARTICIPANT_ROOT,),
        (*_OWN_HOUSE, governance.check_range_holder, numbering.check_range),
        effects.allot_range,
    ),
    CertificateIssued: Row(
        (Office.EXPORTING_AUTHORITY,),
        (contents.check_issue_subject, succession.check_first, *_ISSUE),
        effects.issue,
    ),
    CertificateVoided: Row(
        (Office.EXPORTING_AUTHORITY,),
        (authorship.check_own_subject, succession.check_transition, succession.check_prev),
        effects.move,
    ),
    CertificateReplaced: Row(
        (Office.EXPORTING_AUTHORITY,),
        (
            authorship.check_own_subject,
            succession.check_transition,
            succession.check_prev,
            succession.check_replacement,
            *_ISSUE,
        ),
        effects.replace,
    ),
    ArrivalRecorded: Row(
        (Office.IMPORTING_AUTHORITY,), (*_IMPORT, importing.check_arrival_day), effects.move
    ),
    ImportConfirmed: Row(
        (Office.IMPORTING_AUTHORITY,), (*_CONFIRM, importing.check_clean), effects.move
    ),
    ImportConfirmedDiscrepant: Row((Office.IMPORTING_AUTHORITY,), _CONFIRM, effects.move),
    ShipmentDetained: Row((Office.IMPORTING_AUTHORITY,), _IMPORT, effects.move),
    ShipmentReleased: Row((Office.IMPORTING_AUTHORITY,), _IMPORT, effects.move),
    ImportRefusedReturned: Row((Office.IMPORTING_AUTHORITY,), _IMPORT, effects.move),
    ShipmentSeized: Row((Office.IMPORTING_AUTHORITY,), _IMPORT, effects.move),
}
"""Every event type of this version of the rules."""
