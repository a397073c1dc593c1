"""E4 and E14: trade only between participants in good standing, judged at the event's own time."""

from kpledger.events.certificate import CertificateIssued, CertificateReplaced
from kpledger.events.governance import ParticipantStatusChanged, Standing
from kpledger.outcome import Refusal, Rule
from kpledger.rules.v1.context import Context, refuse
from kpledger.rules.v1.numbering import issued_certificate
from kpledger.units import DAY_MS

MAX_NOTICE_MS = 366 * DAY_MS
"""How far ahead a change of standing may be decided. Standings follow each other in time, so one
set by mistake for a distant year would stand in the way of all others until then."""

_NEXT_STANDINGS = {
    Standing.ACTIVE: (Standing.SUSPENDED, Standing.SELF_SUSPENDED, Standing.REMOVED),
    Standing.SUSPENDED: (Standing.ACTIVE, Standing.REMOVED),
    Standing.SELF_SUSPENDED: (Standing.ACTIVE, Standing.SUSPENDED, Standing.REMOVED),
    Standing.REMOVED: (Standing.ACTIVE,),
}


def check_trade(context: Context) -> Refusal | None:
    """E4: issuer and destination are two different members, both active now (KPCS III(c)).

    Of the certificate that is issued here, or of the one that the event is about: it is judged
    anew when a certificate is validated and when its shipment leaves.
    """
    if isinstance(context.event.body, CertificateIssued | CertificateReplaced):
        destination, field = issued_certificate(context).destination, "body.certificate.destination"
    else:
        record = context.certificate(context.subject)
        if record is None:
            return None
        destination, field = record.destination, "subject"
    issuer = context.author[0]
    if destination == issuer:
        return refuse(
            Rule.E4,
            field,
            f"{destination} is the issuer itself; trade within a participant has no certificate",
            "another participant",
        )
    for where, code in (("author", issuer), (field, destination)):
        refusal = _check_active(context, code, where)
        if refusal is not None:
            return refusal
    return None


def _check_active(context: Context, code: str, field: str) -> Refusal | None:
    participant = context.participant(code)
    standing = participant.standing_at(context.at.now_ms) if participant else None
    if standing is Standing.ACTIVE:
        return None
    problem = (
        f"{code} is not a participant of the scheme"
        if standing is None
        else f"{code} is {standing}"
    )
    return refuse(Rule.E4, field, problem, "a participant that is ACTIVE")


def check_status_change(context: Context) -> Refusal | None:
    """E14: a standing follows legally on the one before, and never changes the past.

    The effective time may lie before now only as far as the last change: certificates keep the
    judgement of their own time, and auditors see both times.
    """
    body = context.body(ParticipantStatusChanged)
    participant = context.participant(body.code)
    if participant is None:
        problem = f"{body.code} is not a participant"
        return refuse(Rule.E6, "body.code", problem, "a participant's code")
    newest = participant.standings[-1]
    accepted = _NEXT_STANDINGS[newest.status]
    if body.status not in accepted:
        return refuse(
            Rule.E6,
            "body.status",
            f"{body.code} is {newest.status} and cannot become {body.status}",
            " or ".join(accepted),
        )
    if body.effective_from < newest.effective_from:
        return refuse(
            Rule.E14,
            "body.effective_from",
            f"{body.effective_from} is before the standing it follows",
            f"a time from {newest.effective_from} on",
        )
    latest = context.at.now_ms + MAX_NOTICE_MS
    if body.effective_from > latest:
        return refuse(
            Rule.E14,
            "body.effective_from",
            f"{body.effective_from} is too far ahead: no later standing could come before it",
            f"a time up to {latest}",
        )
    return None
