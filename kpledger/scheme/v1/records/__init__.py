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
)
from kpledger.scheme.v1.records.trade import (
    ApprovalRecord as ApprovalRecord,
    CaseCountRecord as CaseCountRecord,
    CaseRecord as CaseRecord,
    CertificateRecord as CertificateRecord,
    DrawnRecord as DrawnRecord,
    FoundGoods as FoundGoods,
    TechnicalRecord as TechnicalRecord,
)
