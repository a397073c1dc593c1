"""E4 and E14: trade only between participants in good standing, judged at the event's own time."""

from kpledger.base.ids import KPCS
from kpledger.base.units import DAY_MS, format_time
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.events.certificate import (
    CertificateIssued,
    CertificateKind,
    CertificateReplaced,
)
from kpledger.scheme.v1.events.governance import ParticipantStatusChanged, Standing
from kpledger.scheme.v1.records import ParticipantRecord
from kpledger.scheme.v1.rules.notice import check_notice_period
from kpledger.scheme.v1.rules.numbering import issued_certificate
from kpledger.scheme.v1.rules.restrictions import ShipmentFacts, check_restrictions

_NEXT_STANDINGS = {
    Standing.ACTIVE: (
        Standing.SUSPENDED,
        Standing.SELF_SUSPENDED,
        Standing.MEMBER_NO_TRADE,
        Standing.REMOVED,
    ),
    Standing.SUSPENDED: (Standing.ACTIVE, Standing.MEMBER_NO_TRADE, Standing.REMOVED),
    Standing.SELF_SUSPENDED: (
        Standing.ACTIVE,
        Standing.SUSPENDED,
        Standing.MEMBER_NO_TRADE,
        Standing.REMOVED,
    ),
    Standing.MEMBER_NO_TRADE: (Standing.ACTIVE, Standing.SUSPENDED, Standing.REMOVED),
    Standing.REMOVED: (Standing.ACTIVE,),
}


def check_parties(context: Context) -> Refusal | None:
    """E4: issuer and destination are two different members, both active now (KPCS III(c)).

    Of the certificate that is issued here, or of the one on the ledger that the event is about:
    it is judged anew when it is validated and when its shipment leaves. Trading entities count as
    members. Restrictions on their trade are looked at in the same breath. Goods that are not traded
    go back under a technical certificate to whoever is a member still, suspended or not.
    """
    found = _shipment(context)
    if found is None:
        return None
    shipment, field = found
    if shipment.destination == shipment.issuer:
        return refuse(
            Rule.E4,
            field,
            f"{shipment.destination} is the issuer itself;"
            " trade within a participant has no certificate",
            "another participant",
        )
    for where, code in (("author", shipment.issuer), (field, shipment.destination)):
        refusal = _check_standing(context, code, where, shipment.kind)
        if refusal is not None:
            return refusal
    return check_restrictions(context, shipment)


def _shipment(context: Context) -> tuple[ShipmentFacts, str] | None:
    """Give what is to be judged, and the field that names its destination."""
    if isinstance(context.event.body, CertificateIssued | CertificateReplaced):
        shipment = ShipmentFacts.of_new(context.author[0], issued_certificate(context))
        return shipment, "body.certificate.destination"
    record = context.certificate(context.subject)
    return None if record is None else (ShipmentFacts.of_record(record), "subject")


def _check_standing(
    context: Context, code: str, field: str, kind: CertificateKind
) -> Refusal | None:
    participant = context.participant(code)
    standing = participant.standing_at(context.at.now_ms) if participant else None
    is_traded = kind is CertificateKind.NORMAL
    if standing is Standing.ACTIVE:
        return None
    if not is_traded and standing not in (None, Standing.REMOVED):
        return None
    problem = (
        f"{code} is not a participant of the scheme"
        if standing is None
        else f"{code} is {standing}"
    )
    accepted = "is ACTIVE" if is_traded else "has not been removed"
    return refuse(Rule.E4, field, problem, f"a participant that {accepted}")


def check_member(context: Context) -> Refusal | None:
    """E4: only a participant that has not been removed arranges its house or takes part."""
    code = context.author[0]
    if code == KPCS:
        return None
    participant = context.participant(code)
    standing = participant.standing_at(context.at.now_ms) if participant else None
    if standing in (None, Standing.REMOVED):
        problem = f"{code} is {standing or 'not a participant'}"
        return refuse(Rule.E4, "author", problem, "a participant that has not been removed")
    return None


def check_status_change(context: Context) -> Refusal | None:
    """E14: a standing follows legally on the one before, and never changes the past.

    The effective time may lie before now only as far as the last change: certificates keep the
    judgement of their own time, and auditors see both times. A participant suspends itself from
    today on: what it issued before stays in order for whoever imports it. A standing that lapsed is
    followed by what it interrupted; an admission that lapsed, by what may follow a removal. The
    Chair need not wait for one still to come: nobody shields itself by a self-suspension of next
    year.
    """
    body = context.body(ParticipantStatusChanged)
    participant = context.participant(body.code)
    if participant is None:
        problem = f"{body.code} is not a participant"
        return refuse(Rule.E6, "body.code", problem, "a participant's code")
    newest = _newest(participant, context.at.now_ms)
    accepted = _NEXT_STANDINGS[newest]
    if body.status not in accepted:
        return refuse(
            Rule.E6,
            "body.status",
            f"{body.code} is {newest} and cannot become {body.status}",
            " or ".join(accepted),
        )
    starts = [standing.effective_from for standing in participant.standings]
    if context.author[0] == KPCS:
        starts = [start for start in starts if start <= context.at.now_ms] or starts
    earliest, before = max(starts), "the standing it follows"
    today = context.at.now_ms - DAY_MS
    if context.author[0] != KPCS and today > earliest:
        earliest, before = today, "a participant can suspend itself"
    if body.effective_from < earliest:
        return refuse(
            Rule.E14,
            "body.effective_from",
            f"{format_time(body.effective_from)} is before {before}",
            f"a time from {format_time(earliest)} on",
        )
    return check_notice_period(context, body.effective_from)


def _newest(participant: ParticipantRecord, now_ms: int) -> Standing:
    """Give the standing that was decided last, in force or still to come, and has not lapsed."""
    for standing in reversed(participant.standings):
        if standing.lapses_at is None or standing.lapses_at > now_ms:
            return standing.status
    return Standing.REMOVED
