"""One sound statement of each type that is about the scheme and not about a certificate.

They are for the ledger that ``founding.open_trade`` gives. Some follow on others: those stand in
``after`` and come first.
"""

from typing import Final, NamedTuple

from founding import CHAIR, DECISION, NOW_MS, TODAY, MemoryLedger, make_event, signing_key, vary

from kpledger.base.codec import encode
from kpledger.base.hashing import sha256
from kpledger.base.state import read_record
from kpledger.scheme.envelope import decode_envelope
from kpledger.scheme.event import Author, Body
from kpledger.scheme.v1.events import decisions as d, governance as g, life, statistics
from kpledger.scheme.v1.events.certificate import HsCode
from kpledger.scheme.v1.events.importing import SuspectJudged, SuspectReported, Verdict
from kpledger.scheme.v1.records import ProceedingRecord

SECRETARIAT: Final = "KPCS/secretariat"
MONITOR: Final = "KPCS/car-team"
NEW_KEY: Final = signing_key("a new key").public_key
PAPER: Final = sha256(b"a paper")
ADMISSION: Final = g.ParticipantAdmitted(
    code="NA",
    name="Namibia",
    kind=g.ParticipantKind.STATE,
    effective_from=NOW_MS,
    root_key=signing_key("NA/root").public_key,
    recovery_key=signing_key("NA/recovery").public_key,
    decision=DECISION,
)
STATUS: Final = g.ParticipantStatusChanged(
    code="BW", status=g.Standing.SUSPENDED, effective_from=NOW_MS, decision=DECISION
)
OFFICE: Final = g.AuthorityRegistered(
    authority="francistown",
    title="Second Diamond Office",
    place="Francistown",
    roles=(g.AuthorityRole.EXPORTING,),
    contact="box 1",
)
MONITORING: Final = g.AuthorityRegistered(
    authority="car-team",
    title="Monitoring team for the Central African Republic",
    place="Bangui",
    roles=(g.AuthorityRole.MONITORING, g.AuthorityRole.STATISTICS),
    contact="",
)
KEY: Final = g.KeyAdded(authority="gaborone", key=NEW_KEY, valid_from=NOW_MS)
ROTATION: Final = g.KeyRotated(
    old=signing_key("BW/gaborone").public_key, new=NEW_KEY, valid_from=NOW_MS
)
REVOCATION: Final = g.KeyRevoked(
    key=signing_key("BW/gaborone").public_key, reason=g.RevocationReason.RETIRED, suspect_since=None
)
RECOVERY: Final = g.ParticipantRecovered(
    code="BW",
    root_key=NEW_KEY,
    recovery_key=signing_key("another new key").public_key,
    suspect_height=None,
    reason="the safe burnt down",
)
CHAIR_RECOVERY: Final = g.ChairRecovered(
    year=2026,
    chair="ZA",
    vice_chair=None,
    key=NEW_KEY,
    secretariat_key=signing_key("another new key").public_key,
    suspect_height=None,
    reason="the safe burnt down",
)
RANGE: Final = g.NumberRange(
    prefix="BW",
    width=6,
    first=100_000,
    last=199_999,
    use_from="2026-01-01",
    use_until="2026-12-31",
)
ALLOTMENT: Final = g.NumberRangeAllocated(authority="gaborone", range=RANGE)
RETIREMENT: Final = g.NumberRangeRetired(
    authority="gaborone", prefix="BW", width=6, first=1, reason="printed anew"
)
FORMAT: Final = g.CertificateFormatNotified(
    masks=("BW######",), specimen=PAPER, features="a hologram", valid_from=NOW_MS
)
RESTRICTION: Final = d.RestrictionSet(
    restriction="zones",
    participant="BW",
    scope=d.Scope.ORIGIN,
    mode=d.Mode.PRE,
    zones=("BW/jwaneng", "BW/orapa"),
    approver=Author(participant="KPCS", authority="car-team"),
    effective_from=NOW_MS,
    effective_until=None,
    decision=DECISION,
)
LIFTING: Final = d.RestrictionLifted(
    restriction="zones", participant="BW", effective_from=NOW_MS + 1, decision=DECISION
)
APPROVAL: Final = d.ShipmentApproved(
    restriction="zones",
    participant="BW",
    number="BW000001",
    carat_thousandths=100_000,
    reference="MT-7",
    photos=(PAPER,),
)
NEXT_CHAIR_KEY: Final = signing_key("the next chair").public_key
HAND_OVER: Final = d.ChairRotated(
    year=2027, chair="ZA", key=NEXT_CHAIR_KEY, vice_chair="IN", decision=DECISION
)
POLICY: Final = d.PolicySet(
    participant="BW",
    values=d.PolicyValues(max_validity_months=2, expiry=d.ExpiryMeaning.JOURNEY),
    effective_from=NOW_MS,
    decision=None,
)
REVIEW: Final = life.ReviewRequested(
    participant="ZA", kind=life.ReviewKind.VISIT, reason="the usual"
)
REPORTED: Final = life.ReviewReported(
    document=PAPER,
    recommendations=(
        life.Recommendation(name="count", text="count the parcels", due_on="2026-12-31"),
        life.Recommendation(name="train", text="train the officers", due_on=None),
    ),
)
MEETING: Final = life.MeetingAnnounced(
    kind=life.MeetingKind.INTERSESSIONAL,
    from_day="2026-02-24",
    until_day="2026-02-27",
    place="Gaborone",
)
BODY: Final = life.BodyComposed(
    name="wgs",
    title="Working Group on Statistics",
    kind=life.BodyKind.WORKING_GROUP,
    chair="ZA",
    members=("BW", "ZA"),
    observers=("wdc",),
    dissolved=False,
)
CONCERN: Final = life.ConcernRaised(
    participant="ZA", text="no answers to mail", document=None, answer_due_on="2026-06-01"
)
OBSERVER: Final = life.ObserverRegistered(
    observer="wdc",
    title="World Diamond Council",
    kind=life.ObserverKind.INDUSTRY,
    key=signing_key("KPCS/wdc").public_key,
    contact="",
)
SUSPECT: Final = SuspectReported(
    claimed_issuer="BW", claimed_number="BW 1/2", claimed_issue=TODAY, image=None, remarks=""
)
TRADE: Final = statistics.TradeStatisticsSubmitted(
    quarter="2025Q4",
    edition=1,
    rows=(
        statistics.TradeRow(
            flow=statistics.Flow.EXPORT,
            partner="EU",
            origin="BW",
            hs=HsCode.UNSORTED,
            carat_thousandths=1_000,
            value_usd_cents=100_000,
        ),
        statistics.TradeRow(
            flow=statistics.Flow.IMPORT,
            partner="EU",
            origin="",
            hs=HsCode.UNSORTED,
            carat_thousandths=0,
            value_usd_cents=0,
        ),
    ),
    remarks="",
)
PRODUCTION: Final = statistics.ProductionStatisticsSubmitted(
    half_year="2025H2", edition=1, carat_thousandths=1_000, value_usd_cents=100_000, remarks=""
)
COUNTS: Final = statistics.CountStatisticsSubmitted(
    quarter="2025Q4",
    edition=1,
    rows=(statistics.CountRow(partner="EU", issued=1, received=0),),
    remarks="",
)
QUESTION: Final = statistics.AnomalyQuestioned(
    participant="BW",
    series=statistics.Series.TRADE,
    period="2025Q4",
    question="Is the fourth row right?",
    answer_due_on="2026-05-01",
)
NOTE: Final = life.NoteFiled(text="Seen.", references=(), document=None)


class Statement(NamedTuple):
    """A statement, what it is about where it does not say so, who signs it, what comes before."""

    author: str
    body: Body
    subject: str | None = None
    after: tuple[str, ...] = ()
    signers: tuple[str, ...] | None = None


_REVIEW = "ZA/review/2026-1"
_MEETING = "KPCS/meeting/2026-1"
_CONCERN = "ZA/concern/mail"
_ANOMALY = "BW/anomaly/row-4"
_SUSPECT = "EU/suspect/1"
_TO_CARRIED_OUT = ("review_requested", "review_consented", "review_carried_out")

STATEMENTS: Final[dict[str, Statement]] = {
    one.body.TYPE: one
    for one in (
        Statement(CHAIR, ADMISSION),
        Statement(CHAIR, STATUS),
        Statement(CHAIR, RESTRICTION, after=("authority_registered",)),
        Statement(CHAIR, LIFTING, after=("authority_registered", "restriction_set")),
        Statement(CHAIR, MONITORING),
        Statement("BW/root", g.AuthorityClosed(authority="gaborone", reason="moved")),
        Statement("BW/root", KEY),
        Statement("BW/root", ROTATION),
        Statement("BW/root", REVOCATION),
        Statement(CHAIR, RECOVERY, signers=(CHAIR, "BW/recovery")),
        Statement(
            "BW/root", CHAIR_RECOVERY, signers=("BW/root", "EU/root", "ZA/root", "a new key")
        ),
        Statement("BW/root", ALLOTMENT),
        Statement("BW/root", RETIREMENT),
        Statement("BW/root", FORMAT),
        Statement(CHAIR, HAND_OVER, signers=(CHAIR, "the next chair")),
        Statement(CHAIR, d.ViceChairElected(vice_chair="IN", decision=DECISION)),
        Statement(
            SECRETARIAT,
            d.DecisionRecorded(
                decision="AD-2026-2",
                title="A further decision",
                document=PAPER,
                procedure=d.Procedure.PLENARY,
                decided_on=TODAY,
                supports=("BW",),
                objections=(),
                ratifies=(),
            ),
        ),
        Statement(
            "BW/root",
            d.PositionTaken(
                decision="AD-2026-2", document=PAPER, stance=d.Stance.SUPPORT, remarks=""
            ),
        ),
        Statement("BW/root", POLICY),
        Statement(CHAIR, d.RulesActivated(version=2, height=1_000, decision=DECISION)),
        Statement(MONITOR, APPROVAL, after=("authority_registered", "restriction_set")),
        Statement(
            MONITOR,
            d.ShipmentDeclined(
                restriction="zones", participant="BW", number="BW000001", reason="no photos"
            ),
            after=("authority_registered", "restriction_set"),
        ),
        Statement("BW/root", life.AnnualReportFiled(year=2025, document=PAPER, remarks="")),
        Statement(CHAIR, REVIEW, _REVIEW),
        Statement(
            "ZA/root",
            life.ReviewConsented(consented=True, remarks=""),
            _REVIEW,
            after=_TO_CARRIED_OUT[:1],
        ),
        Statement(
            CHAIR,
            life.ReviewCarriedOut(from_day="2026-02-01", until_day="2026-02-05", team=("BW",)),
            _REVIEW,
            after=_TO_CARRIED_OUT[:2],
        ),
        Statement(SECRETARIAT, REPORTED, _REVIEW, after=_TO_CARRIED_OUT),
        Statement(
            "ZA/root",
            life.RecommendationFollowedUp(
                name="count", status=life.FollowUpStatus.DONE, text="counted", document=PAPER
            ),
            _REVIEW,
            after=(*_TO_CARRIED_OUT, "review_reported"),
        ),
        Statement(CHAIR, MEETING, _MEETING),
        Statement(
            SECRETARIAT,
            life.MeetingHeld(document=PAPER, present=("BW", "ZA")),
            _MEETING,
            after=("meeting_announced",),
        ),
        Statement(CHAIR, BODY, after=("observer_registered",)),
        Statement("BW/root", CONCERN, _CONCERN),
        Statement(
            "ZA/root",
            life.ConcernAnswered(text="now we answer", document=None),
            _CONCERN,
            after=("concern_raised",),
        ),
        Statement(CHAIR, life.ConcernClosed(text="solved"), _CONCERN, after=("concern_raised",)),
        Statement(CHAIR, OBSERVER),
        Statement(
            CHAIR,
            life.ObserverWithdrawn(observer="wdc", reference="letter 7"),
            after=("observer_registered",),
        ),
        Statement("EU/antwerp", SUSPECT, _SUSPECT),
        Statement(
            "BW/gaborone",
            SuspectJudged(verdict=Verdict.FAKE, remarks=""),
            _SUSPECT,
            after=("suspect_reported",),
        ),
        Statement("BW/root", TRADE),
        Statement("BW/root", PRODUCTION),
        Statement("BW/root", COUNTS),
        Statement(SECRETARIAT, QUESTION, _ANOMALY),
        Statement(
            "BW/root",
            statistics.AnomalyAnswered(answer="It is.", document=None),
            _ANOMALY,
            after=("anomaly_questioned",),
        ),
        Statement(
            "EU/antwerp",
            life.OpeningWithdrawn(reason="the wrong number"),
            _SUSPECT,
            after=("suspect_reported",),
        ),
        Statement("BW/root", NOTE, "BW"),
    )
}
"""Every type but ``correction_made``, which names an event: :func:`correction_of` makes it."""


def correction_of(encoded: bytes, body: Body) -> life.CorrectionMade:
    """Give the correction of an event to what it should have said."""
    event_id = decode_envelope(encoded).event_id
    return life.CorrectionMade(event=event_id, body=encode(body), reason="a slip")


def head_of(ledger: MemoryLedger, name: str) -> bytes | None:
    """Give the newest event on the proceeding that a statement goes on with."""
    subject = STATEMENTS[name].subject
    if subject is None:
        return None
    record = read_record(ledger.state, ProceedingRecord.key_for(subject), ProceedingRecord)
    return None if record is None else record.head


def state(ledger: MemoryLedger, name: str, /, **changes: object) -> bytes:
    """Give the event of a statement, for this ledger: on a proceeding, it follows its newest."""
    one = STATEMENTS[name]
    body = vary(one.body, **changes)
    head = head_of(ledger, name)
    return make_event(one.author, body, subject=one.subject, prev=head, signers=one.signers)


def prepare(ledger: MemoryLedger, name: str) -> MemoryLedger:
    """Record what a statement follows on, and the key of its author."""
    one = STATEMENTS[name]
    for earlier in one.after:
        ledger.record(state(ledger, earlier))
        if earlier == "authority_registered":
            ledger.record(add_monitor_key())
    return ledger


def add_monitor_key() -> bytes:
    """Give the event in which the Chair gives the monitoring team its key."""
    key = signing_key(MONITOR).public_key
    return make_event(CHAIR, g.KeyAdded(authority="car-team", key=key, valid_from=NOW_MS))
