"""The catalogue: who may make which event, the rules it has to pass, and what it does.

One row for each event type, in the order of the scheme's groups. E12 and E1 stand before every
row; the others run in the order written here, and the first refusal is the answer. A new event type
is a body in :mod:`kpledger.scheme.v1.events` and a row here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kpledger.scheme.event import Body
from kpledger.scheme.v1 import events
from kpledger.scheme.v1.context import Check, Context, Effect
from kpledger.scheme.v1.effects import (
    certificate as certificate_effects,
    decisions as decision_effects,
    governance as governance_effects,
    importing as importing_effects,
    life as life_effects,
    recovery as recovery_effects,
    withdrawal as withdrawal_effects,
)
from kpledger.scheme.v1.rules import (
    authorship,
    consensus,
    contents,
    custody,
    decisions,
    exporting,
    filings,
    governance,
    importing,
    lineage,
    notes,
    numbering,
    proceedings,
    recovery,
    restrictions,
    standing,
    subject,
    technical,
    withdrawal,
)
from kpledger.scheme.v1.rules.authorship import AuthorKind, Cosigner

Cosigners = Callable[[Context], tuple[Cosigner, ...]]
"""Says who has to sign besides the author, in this state."""


def nobody_else(_context: Context) -> tuple[Cosigner, ...]:
    """Say that the author's signature is enough."""
    return ()


@dataclass(frozen=True, slots=True)
class Row:
    """One event type."""

    offices: tuple[AuthorKind, ...]
    """Any of these may be its author (E1)."""
    checks: tuple[Check, ...]
    """The rules it must pass, in order; the first refusal is the answer."""
    effect: Effect
    """What it changes."""
    cosigners: Cosigners = nobody_else
    """Who must sign besides the author (E1)."""


_CHAIR: Final = (AuthorKind.CHAIR,)
_CLERK: Final = (AuthorKind.CHAIR, AuthorKind.SECRETARIAT)
_ROOT: Final = (AuthorKind.PARTICIPANT_ROOT,)
_CHAIR_OR_ROOT: Final = (AuthorKind.CHAIR, AuthorKind.PARTICIPANT_ROOT)
_HOUSEHOLDER: Final = (AuthorKind.PARTICIPANT_ROOT, AuthorKind.CHAIR)
"""Who arranges the offices and keys of its own house: the Chair those of the scheme."""
_EXPORTING: Final = (AuthorKind.EXPORTING_AUTHORITY,)
_IMPORTING: Final = (AuthorKind.IMPORTING_AUTHORITY,)
_EITHER_END: Final = (AuthorKind.EXPORTING_AUTHORITY, AuthorKind.IMPORTING_AUTHORITY)
_OPENER: Final = (*_CLERK, *_ROOT, *_EITHER_END, AuthorKind.SCHEME_STATISTICS)
_MONITOR: Final = (AuthorKind.MONITOR,)
_STATISTICIAN: Final = (AuthorKind.STATISTICS_OFFICE, AuthorKind.PARTICIPANT_ROOT)
_ANYBODY: Final = (AuthorKind.ANYBODY,)

_FIRST: Final = (subject.check_subject, subject.check_first, standing.check_member)
_HOUSE: Final = (subject.check_subject, subject.check_first, standing.check_house)
_OPEN: Final = (subject.check_name, standing.check_member, proceedings.check_step)
_STEP: Final = (standing.check_member, proceedings.check_step)
_ANSWER: Final = (*_STEP, proceedings.check_concerned)
_SUBMIT: Final = (*_FIRST, filings.check_submitter)
_ISSUE: Final = (
    standing.check_parties,
    numbering.check_certificate_number,
    contents.check_contents,
    standing.check_dates,
    technical.check_technical,
    lineage.check_lineage,
)
_NEXT: Final = (subject.check_transition, subject.check_prev)
_OWN: Final = (custody.check_own_subject, *_NEXT)
_HELD: Final = (custody.check_holder, *_NEXT)
_CONFIRM: Final = (
    custody.check_destination,
    importing.check_confirmed_once,
    importing.check_confirmable,
    *_NEXT,
    importing.check_repeats,
)

CATALOGUE: Final[dict[type[Body], Row]] = {
    # Groups G and M: who takes part, offices, keys, numbers, decisions, restrictions.
    events.governance.ParticipantAdmitted: Row(
        _CHAIR,
        (*_FIRST, governance.check_admission, decisions.check_decision),
        governance_effects.admit_participant,
    ),
    events.governance.ParticipantStatusChanged: Row(
        _CHAIR_OR_ROOT,
        (
            *_FIRST,
            authorship.check_self_suspension,
            standing.check_status_change,
            decisions.check_decision,
        ),
        governance_effects.change_status,
    ),
    events.decisions.RestrictionSet: Row(
        _CHAIR,
        (*_FIRST, restrictions.check_restriction, decisions.check_decision),
        decision_effects.set_restriction,
    ),
    events.decisions.RestrictionLifted: Row(
        _CHAIR,
        (*_FIRST, restrictions.check_lifting, decisions.check_decision),
        decision_effects.lift_restriction,
    ),
    events.governance.AuthorityRegistered: Row(
        _HOUSEHOLDER,
        (*_HOUSE, governance.check_registration),
        governance_effects.register_authority,
        authorship.chair_for_the_first_office,
    ),
    events.governance.AuthorityClosed: Row(
        _HOUSEHOLDER, (*_HOUSE, governance.check_closing), governance_effects.close_authority
    ),
    events.governance.KeyAdded: Row(
        _HOUSEHOLDER,
        (*_HOUSE, governance.check_new_key),
        governance_effects.add_key,
        authorship.two_own_keys,
    ),
    events.governance.KeyRotated: Row(
        _HOUSEHOLDER,
        (*_HOUSE, governance.check_own_key, governance.check_key_rotation),
        governance_effects.rotate_key,
        authorship.two_own_keys,
    ),
    events.governance.KeyRevoked: Row(
        _HOUSEHOLDER,
        (*_HOUSE, governance.check_own_key, governance.check_revocation),
        governance_effects.revoke_key,
        authorship.two_own_keys,
    ),
    events.governance.ParticipantRecovered: Row(
        _CHAIR,
        (*_FIRST, recovery.check_recovery),
        recovery_effects.recover_participant,
        recovery.who_recovers,
    ),
    events.governance.ChairRecovered: Row(
        _ROOT,
        (subject.check_subject, subject.check_first, recovery.check_chair_recovery),
        recovery_effects.recover_chair,
        recovery.quorum_of_participants,
    ),
    events.governance.NumberRangeAllocated: Row(
        _ROOT, (*_HOUSE, numbering.check_range), governance_effects.allot_range
    ),
    events.governance.NumberRangeRetired: Row(
        _ROOT, (*_HOUSE, numbering.check_retirement), governance_effects.retire_range
    ),
    events.governance.CertificateFormatNotified: Row(
        _ROOT, (*_HOUSE, numbering.check_format), governance_effects.notify_format
    ),
    events.decisions.ChairRotated: Row(
        _CHAIR,
        (*_FIRST, decisions.check_chair_rotation),
        decision_effects.hand_over_chair,
        decisions.next_chair,
    ),
    events.decisions.ViceChairElected: Row(
        _CHAIR, (*_FIRST, decisions.check_election), decision_effects.elect_vice_chair
    ),
    events.decisions.DecisionRecorded: Row(
        _CLERK, (*_FIRST, decisions.check_record), decision_effects.record_decision
    ),
    events.decisions.PositionTaken: Row(
        _ROOT, (*_FIRST, consensus.check_position), decision_effects.take_position
    ),
    events.decisions.PolicySet: Row(
        _CHAIR_OR_ROOT, (*_HOUSE, decisions.check_policy), decision_effects.settle_policy
    ),
    events.decisions.RulesActivated: Row(
        _CHAIR, (*_FIRST, decisions.check_activation), decision_effects.activate_rules
    ),
    events.decisions.ShipmentApproved: Row(
        _MONITOR, (*_FIRST, restrictions.check_approval), decision_effects.answer_shipment
    ),
    events.decisions.ShipmentDeclined: Row(
        _MONITOR, (*_FIRST, restrictions.check_approval), decision_effects.answer_shipment
    ),
    # The life of the scheme: reports, reviews, meetings, concerns, observers, notes.
    events.life.AnnualReportFiled: Row(
        _ROOT, (*_FIRST, filings.check_annual_report), life_effects.file_report
    ),
    events.life.ReviewRequested: Row(
        _CHAIR_OR_ROOT, (*_OPEN, proceedings.check_request), life_effects.open_proceeding
    ),
    events.life.ReviewConsented: Row(_ROOT, _ANSWER, life_effects.proceed),
    events.life.ReviewCarriedOut: Row(
        _CLERK, (*_STEP, proceedings.check_carried_out), life_effects.proceed
    ),
    events.life.ReviewReported: Row(
        _CLERK, (*_STEP, proceedings.check_review_report), life_effects.proceed
    ),
    events.life.RecommendationFollowedUp: Row(
        _ROOT, (*_ANSWER, proceedings.check_follow_up), life_effects.proceed
    ),
    events.life.MeetingAnnounced: Row(
        _CHAIR, (*_OPEN, proceedings.check_meeting), life_effects.open_proceeding
    ),
    events.life.MeetingHeld: Row(_CLERK, (*_STEP, proceedings.check_held), life_effects.proceed),
    events.life.BodyComposed: Row(_CHAIR, (*_FIRST, filings.check_body), life_effects.compose_body),
    events.life.ConcernRaised: Row(
        _ROOT, (*_OPEN, proceedings.check_concern), life_effects.open_proceeding
    ),
    events.life.ConcernAnswered: Row(
        _ROOT, (*_ANSWER, proceedings.check_answer), life_effects.proceed
    ),
    events.life.ConcernClosed: Row(
        _CHAIR, (*_STEP, proceedings.check_solution), life_effects.proceed
    ),
    events.life.ObserverRegistered: Row(
        _CHAIR, (*_FIRST, governance.check_observer), governance_effects.register_observer
    ),
    events.life.ObserverWithdrawn: Row(
        _CHAIR, (*_FIRST, governance.check_withdrawal), governance_effects.withdraw_observer
    ),
    events.importing.SuspectReported: Row(
        _EITHER_END, (*_OPEN, proceedings.check_suspect), life_effects.open_proceeding
    ),
    events.importing.SuspectJudged: Row(
        (*_CHAIR_OR_ROOT, *_EITHER_END), (*_STEP, proceedings.check_judge), life_effects.proceed
    ),
    events.life.NoteFiled: Row(
        _ANYBODY, (subject.check_first, notes.check_note), life_effects.keep_note
    ),
    events.life.EventCountersigned: Row(
        _ANYBODY, (subject.check_first, notes.check_countersigned), life_effects.countersign
    ),
    events.life.CorrectionMade: Row(
        _ANYBODY, (subject.check_first, notes.check_correction), life_effects.correct
    ),
    events.life.OpeningWithdrawn: Row(
        _OPENER, (withdrawal.check_withdrawn, withdrawal.check_mistake), withdrawal_effects.withdraw
    ),
    # Group C: what an issuing participant does with its certificates.
    events.certificate.CertificateIssued: Row(
        _EXPORTING, (subject.check_subject, subject.check_first, *_ISSUE), certificate_effects.issue
    ),
    events.certificate.CertificateValidated: Row(
        _EXPORTING,
        (*_OWN, standing.check_parties, exporting.check_validation, standing.check_dates),
        certificate_effects.move,
    ),
    events.certificate.ExportNotified: Row(
        _EXPORTING,
        (
            *_OWN,
            standing.check_parties,
            exporting.check_unexpired,
            exporting.check_export_notice,
            standing.check_dates,
        ),
        certificate_effects.notify_export,
    ),
    events.certificate.AmendmentEndorsed: Row(
        _EXPORTING,
        (*_OWN, exporting.check_amendment),
        certificate_effects.amend,
        exporting.destination_once_arrived,
    ),
    events.certificate.CertificateVoided: Row(_EXPORTING, _OWN, certificate_effects.take_back),
    events.certificate.CertificateReplaced: Row(
        _EXPORTING, (*_OWN, subject.check_replacement, *_ISSUE), certificate_effects.replace
    ),
    events.certificate.CertificateLost: Row(
        _EITHER_END, (custody.check_involved, *_NEXT), certificate_effects.lose
    ),
    events.certificate.CertificateFound: Row(
        _EITHER_END, (custody.check_involved, *_NEXT, subject.check_lost), certificate_effects.find
    ),
    events.certificate.CertificateReturnedUnused: Row(
        _EXPORTING, (*_OWN, exporting.check_return_day), certificate_effects.take_back
    ),
    events.certificate.TransitNoted: Row(
        _EITHER_END,
        (custody.check_passing, *_NEXT, standing.check_member, exporting.check_transit_days),
        life_effects.keep_note,
    ),
    # Groups I and M: what happens to a shipment where it arrives or surfaces; cases.
    events.importing.ArrivalRecorded: Row(
        _IMPORTING,
        (custody.check_destination, *_NEXT, importing.check_arrival),
        importing_effects.arrive,
    ),
    events.importing.ImportConfirmed: Row(
        _IMPORTING, (*_CONFIRM, importing.check_clean), importing_effects.confirm
    ),
    events.importing.ImportConfirmedDiscrepant: Row(
        _IMPORTING,
        (*_CONFIRM, importing.check_discrepant),
        importing_effects.confirm_discrepant,
    ),
    events.importing.DiscrepancyResolved: Row(
        _EXPORTING,
        (custody.check_own_subject, *_NEXT),
        importing_effects.resolve,
        importing.importing_destination,
    ),
    events.importing.ShipmentDetained: Row(
        _IMPORTING,
        (custody.check_detaining, *_NEXT, custody.check_member_elsewhere),
        importing_effects.or_case(importing_effects.detain),
    ),
    events.importing.ShipmentReleased: Row(
        _IMPORTING, _HELD, importing_effects.or_case(importing_effects.release)
    ),
    events.importing.ImportRefusedReturned: Row(
        _IMPORTING,
        (*_HELD, technical.check_return_papers),
        importing_effects.or_case(certificate_effects.move),
    ),
    events.importing.ShipmentSeized: Row(
        _IMPORTING, _HELD, importing_effects.or_case(certificate_effects.move)
    ),
    events.importing.ReturnReceived: Row(
        _EXPORTING,
        (custody.check_receiver, *_NEXT, importing.check_return),
        importing_effects.or_case(importing_effects.receive_back),
    ),
    events.importing.ShipmentDiverted: Row(
        _IMPORTING,
        (
            custody.check_elsewhere,
            *_NEXT,
            custody.check_member_elsewhere,
            importing.check_found_day,
        ),
        importing_effects.take_over,
    ),
    events.importing.CaseOpened: Row(
        _EITHER_END,
        (
            subject.check_name,
            subject.check_first,
            standing.check_member,
            custody.check_new_case,
            custody.check_case,
        ),
        importing_effects.open_named,
    ),
    # Group S: what participants submit, and questions about it.
    events.statistics.TradeStatisticsSubmitted: Row(
        _STATISTICIAN, (*_SUBMIT, filings.check_trade_statistics), life_effects.submit
    ),
    events.statistics.ProductionStatisticsSubmitted: Row(
        _STATISTICIAN, (*_SUBMIT, filings.check_production), life_effects.submit
    ),
    events.statistics.CountStatisticsSubmitted: Row(
        _STATISTICIAN, (*_SUBMIT, filings.check_counts), life_effects.submit
    ),
    events.statistics.AnomalyQuestioned: Row(
        (AuthorKind.SECRETARIAT, AuthorKind.SCHEME_STATISTICS),
        (subject.check_name, proceedings.check_step, proceedings.check_question),
        life_effects.open_proceeding,
    ),
    events.statistics.AnomalyAnswered: Row(
        _STATISTICIAN, (*_ANSWER, proceedings.check_answer), life_effects.proceed
    ),
}
"""Every event type of this version of the rules."""
