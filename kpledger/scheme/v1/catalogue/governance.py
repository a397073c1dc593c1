"""Rows of group G and M: who takes part, offices, keys, numbers, decisions, restrictions."""

from typing import Final

from kpledger.scheme.event import Body
from kpledger.scheme.v1.context import Check
from kpledger.scheme.v1.effects import (
    decisions as decided,
    governance as effects,
    restrictions as restricted,
)
from kpledger.scheme.v1.events import governance as events
from kpledger.scheme.v1.events.decisions import (
    ChairRotated,
    DecisionRecorded,
    PolicySet,
    RulesActivated,
    ViceChairElected,
)
from kpledger.scheme.v1.events.restrictions import (
    RestrictionLifted,
    RestrictionSet,
    ShipmentApproved,
    ShipmentDeclined,
)
from kpledger.scheme.v1.row import Row
from kpledger.scheme.v1.rules import (
    authorship,
    decisions,
    governance,
    keys,
    numbering,
    policies,
    restrictions,
    standing,
    subject,
    succession,
)
from kpledger.scheme.v1.rules.authorship import AuthorKind

_GOVERN: Final[tuple[Check, ...]] = (
    subject.check_subject,
    succession.check_first,
    standing.check_member,
)
_CHAIR: Final = (AuthorKind.CHAIR,)
_ROOT: Final = (AuthorKind.PARTICIPANT_ROOT,)
_HOUSEHOLDER: Final = (AuthorKind.PARTICIPANT_ROOT, AuthorKind.CHAIR)
"""Who arranges the offices and keys of its own house: the Chair those of the scheme."""

GOVERNANCE_ROWS: Final[dict[type[Body], Row]] = {
    events.ParticipantAdmitted: Row(
        _CHAIR,
        (*_GOVERN, governance.check_admission, decisions.check_decision),
        effects.admit_participant,
    ),
    events.ParticipantStatusChanged: Row(
        (AuthorKind.CHAIR, AuthorKind.PARTICIPANT_ROOT),
        (
            *_GOVERN,
            authorship.check_self_suspension,
            standing.check_status_change,
            decisions.check_decision,
        ),
        effects.change_status,
    ),
    RestrictionSet: Row(
        _CHAIR,
        (*_GOVERN, restrictions.check_restriction, decisions.check_decision),
        restricted.set_restriction,
    ),
    RestrictionLifted: Row(
        _CHAIR,
        (*_GOVERN, restrictions.check_lifting, decisions.check_decision),
        restricted.lift_restriction,
    ),
    events.AuthorityRegistered: Row(
        _HOUSEHOLDER,
        (*_GOVERN, governance.check_registration),
        effects.register_authority,
        authorship.chair_for_the_first_office,
    ),
    events.AuthorityClosed: Row(
        _HOUSEHOLDER, (*_GOVERN, governance.check_closing), effects.close_authority
    ),
    events.KeyAdded: Row(_HOUSEHOLDER, (*_GOVERN, keys.check_new_key), effects.add_key),
    events.KeyRotated: Row(
        _HOUSEHOLDER, (*_GOVERN, keys.check_own_key, keys.check_key_rotation), effects.rotate_key
    ),
    events.KeyRevoked: Row(
        _HOUSEHOLDER, (*_GOVERN, keys.check_own_key, keys.check_revocation), effects.revoke_key
    ),
    events.NumberRangeAllocated: Row(_ROOT, (*_GOVERN, numbering.check_range), effects.allot_range),
    events.NumberRangeRetired: Row(
        _ROOT, (*_GOVERN, numbering.check_retirement), effects.retire_range
    ),
    events.CertificateFormatNotified: Row(
        _ROOT, (*_GOVERN, numbering.check_format), effects.notify_format
    ),
    ChairRotated: Row(
        _CHAIR,
        (*_GOVERN, decisions.check_chair_rotation),
        decided.hand_over_chair,
        decisions.next_chair,
    ),
    ViceChairElected: Row(_CHAIR, (*_GOVERN, decisions.check_election), decided.elect_vice_chair),
    DecisionRecorded: Row(
        (AuthorKind.CHAIR, AuthorKind.SECRETARIAT),
        (*_GOVERN, decisions.check_record),
        decided.record_decision,
    ),
    PolicySet: Row(
        (AuthorKind.CHAIR, AuthorKind.PARTICIPANT_ROOT),
        (*_GOVERN, policies.check_policy),
        decided.settle_policy,
    ),
    RulesActivated: Row(_CHAIR, (*_GOVERN, policies.check_activation), decided.activate_rules),
    ShipmentApproved: Row(
        (AuthorKind.MONITOR,), (*_GOVERN, restrictions.check_approval), restricted.approve_shipment
    ),
    ShipmentDeclined: Row(
        (AuthorKind.MONITOR,), (*_GOVERN, restrictions.check_approval), restricted.decline_shipment
    ),
}
