"""The records of the state: what the ledger knows about each thing, as of the newest block.

Each record stands under a key of its own, ``<kind>/<id>`` in ASCII, as canonical MessagePack. The
pairs (key, encoded record) are what the state digest covers.
"""

from kpledger.base.record import Record as Record
from kpledger.scheme.v1.records.members import (
    AllottedRange as AllottedRange,
    AuthorityRecord as AuthorityRecord,
    FormatSince as FormatSince,
    FormatsRecord as FormatsRecord,
    KeyRecord as KeyRecord,
    ParticipantRecord as ParticipantRecord,
    PolicyRecord as PolicyRecord,
    PolicySince as PolicySince,
    RangesRecord as RangesRecord,
    Restriction as Restriction,
    RestrictionsRecord as RestrictionsRecord,
    StandingSince as StandingSince,
    authority_key as authority_key,
    formats_key as formats_key,
    key_key as key_key,
    participant_key as participant_key,
    policy_key as policy_key,
    ranges_key as ranges_key,
    restrictions_key as restrictions_key,
)
from kpledger.scheme.v1.records.scheme import (
    SCHEME_KEY as SCHEME_KEY,
    BodyRecord as BodyRecord,
    CorrectionRecord as CorrectionRecord,
    DecisionRecord as DecisionRecord,
    EditionRecorded as EditionRecorded,
    EventRecord as EventRecord,
    ProceedingRecord as ProceedingRecord,
    RecommendationStatus as RecommendationStatus,
    ReportRecord as ReportRecord,
    SchemeRecord as SchemeRecord,
    SubmissionRecord as SubmissionRecord,
    body_key as body_key,
    correction_key as correction_key,
    decision_key as decision_key,
    event_key as event_key,
    proceeding_key as proceeding_key,
    report_key as report_key,
    submission_key as submission_key,
)
from kpledger.scheme.v1.records.trade import (
    ApprovalRecord as ApprovalRecord,
    CaseCountRecord as CaseCountRecord,
    CaseRecord as CaseRecord,
    CertificateRecord as CertificateRecord,
    DrawnRecord as DrawnRecord,
    Found as Found,
    TechnicalRecord as TechnicalRecord,
    approval_key as approval_key,
    case_count_key as case_count_key,
    case_key as case_key,
    certificate_key as certificate_key,
    drawn_key as drawn_key,
    technical_key as technical_key,
)
