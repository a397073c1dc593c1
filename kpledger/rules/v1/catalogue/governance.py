"""Rows of group G: who takes part, which offices, keys and numbers there are, what is decided."""

from typing import Final

from kpledger.events import Body
from kpledger.events.governance import (
    AuthorityRegistered,
    KeyAdded,
    KeyRevoked,
    NumberRangeAllocated,
    ParticipantAdmitted,
    ParticipantStatusChanged,
)
from kpledger.rules.v1 import authorship, governance, numbering, standing, succession
from kpledger.rules.v1.authorship import Office
from kpledger.rules.v1.context import Check
from kpledger.rules.v1.effects import governance as effects
from kpledger.rules.v1.row import Row

_GOVERN: Final[tuple[Check, ...]] = (governance.check_subject, succession.check_first)
_OWN_HOUSE: Final[tuple[Check, ...]] = (*_GOVERN, standing.check_member)

ROWS: Final[dict[type[Body], Row]] = {
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
        authorship.chair_for_the_first_office,
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
}
