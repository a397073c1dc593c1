"""E4 and E14: trade only between participants in good standing, judged at the event's own time."""

from collections.abc import Iterator
from typing import Final

from kpledger.base.ids import KPCS
from kpledger.base.units import DAY_MS, day_of, end_of_day_ms, format_time, start_of_day_ms
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.events.certificate import (
    CertificateIssued,
    CertificateKind,
    CertificateReplaced,
    CertificateValidated,
    ExportNotified,
)
from kpledger.scheme.v1.events.governance import ParticipantStatusChanged, Standing
from kpledger.scheme.v1.records import CertificateRecord, ParticipantRecord
from kpledger.scheme.v1.rules.contents import issued_record
from kpledger.scheme.v1.rules.restrictions import check_restrictions, field_of, restrictions_on
from kpledger.scheme.v1.rules.values import check_notice_period
from kpledger.scheme.v1.territories import tell_home

MAX_STANDINGS: Final = 500
"""How many standings a participant may have had; each is read whenever it is judged."""

_ALWAYS: Final = (Standing.SUSPENDED, Standing.REMOVED)
"""What may be decided beyond, once more: nobody is kept from stopping a participant."""

_ISSUING: Final = (CertificateIssued, CertificateReplaced)

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


def check_parties(context: Context) -> Refusals:
    """E4: issuer and destination are two different members, both active now (KPCS III(c)).

    Of the certificate that is issued here, or of the one on the ledger that the event is about:
    it is judged anew when it is validated and when its shipment leaves. Trading entities count as
    members. Restrictions on their trade are looked at in the same breath. Goods that are not traded
    go back under a technical certificate to whoever is a member still, suspended or not.
    """
    shipment, now = _shipment_of(context), context.at.now_ms
    if shipment is None:
        return
    issuer, destination = shipment.issuer, shipment.destination
    field = field_of(context, shipment, "destination")
    if destination == issuer:
        problem = f"{destination} is the issuer itself; trade within a participant"
        yield Refusal(Rule.E4, field, f"{problem} has no certificate", "another participant")
    yield from _check_standing(context, issuer, "author", shipment.kind)
    yield from _check_standing(context, destination, field, shipment.kind)
    yield from check_restrictions(context, shipment, now)


def _shipment_of(context: Context) -> CertificateRecord | None:
    if isinstance(context.event.body, _ISSUING):
        return issued_record(context)
    return context.certificate(context.subject)


def check_dates(context: Context) -> Refusals:
    """E4: nor is anything dated into a time when one of them was not, or a restriction held.

    Whoever is in good standing again could else make up for what was forbidden. A day counts if
    at any moment of it, UTC, all was in order at once; one that is not over is judged by now.
    """
    for field, day in _stated_days(context):
        if end_of_day_ms(day) < context.at.now_ms:
            yield from _check_day(context, field, day)


def _check_day(context: Context, field: str, day: str) -> Refusals:
    shipment = _shipment_of(context)
    if shipment is None:
        return
    first, last = start_of_day_ms(day), end_of_day_ms(day)
    within = {at for at in _changes(context, shipment) if first < at <= last}
    found = [_faults_at(context, shipment, at) for at in (first, *sorted(within))]
    if all(found):
        problems = dict.fromkeys(problem for faults in found for problem in faults)
        accepted = "a day on which both were in good standing, and no restriction stood in the way"
        yield Refusal(Rule.E4, field, f"{' and '.join(problems)} on {day}", accepted)


def _changes(context: Context, shipment: CertificateRecord) -> Iterator[int]:
    """Give the instants at which what stands in the way of a shipment may have changed."""
    for code in (shipment.issuer, shipment.destination):
        yield from context.existing(ParticipantRecord, code).changes()
    for _, restriction in restrictions_on(context, shipment):
        yield restriction.effective_from
        if (end := restriction.ends_at()) is not None:
            yield end


def _faults_at(context: Context, shipment: CertificateRecord, time_ms: int) -> list[str]:
    """Say what stood in the way of a shipment at an instant."""
    codes = (shipment.issuer, shipment.destination)
    held = {code: context.standing(code, time_ms) for code in codes}
    faults = [
        f"{code} was {standing or 'no participant'}"
        for code, standing in held.items()
        if not may_trade(standing, shipment.kind)
    ]
    return faults + [one.problem for one in check_restrictions(context, shipment, time_ms)]


def _stated_days(context: Context) -> Iterator[tuple[str, str]]:
    """Give the fields in which an event says when it happened, and the day that each names."""
    body = context.event.body
    match body:
        case CertificateIssued() | CertificateReplaced():
            yield "body.certificate.issued_on", body.certificate.issued_on
            if body.certificate.validated_at is not None:
                yield "body.certificate.validated_at", day_of(body.certificate.validated_at)
        case CertificateValidated():
            yield "body.validated_at", day_of(body.validated_at)
        case ExportNotified():
            yield "body.exported_on", body.exported_on
        case _:
            pass


def standing_at_issue(context: Context, record: CertificateRecord) -> Standing | None:
    """Give the standing in which the issuer was when a certificate was issued.

    That is when it was recorded; or on the day that it states, if it was not in good standing then.
    """
    issuer, recorded_at = context.existing(ParticipantRecord, record.issuer), record.recorded_at
    recorded, last = issuer.standing_at(recorded_at), end_of_day_ms(record.issued_on)
    if last >= recorded_at or not may_trade(recorded, record.kind):
        return recorded
    stated = issuer.standings_within(start_of_day_ms(record.issued_on), last)
    return recorded if any(may_trade(one, record.kind) for one in stated) else stated[-1]


def may_trade(standing: Standing | None, kind: CertificateKind) -> bool:
    """Tell whether who has a standing takes part in what a certificate is for.

    What is not traded may come from and go to whoever is suspended.
    """
    if kind is CertificateKind.NORMAL:
        return standing is Standing.ACTIVE
    return standing not in (None, Standing.REMOVED)


def _check_standing(context: Context, code: str, field: str, kind: CertificateKind) -> Refusals:
    if not may_trade(context.standing(code), kind):
        problem = _describe_standing(context, code)
        accepted = "is ACTIVE" if kind is CertificateKind.NORMAL else "takes part"
        yield Refusal(Rule.E4, field, problem, f"a participant that {accepted}")


def check_member(context: Context) -> Refusals:
    """E4: only a participant that has not been removed takes part."""
    code = context.author[0]
    if code != KPCS and context.standing(code) in (None, Standing.REMOVED):
        problem = _describe_standing(context, code)
        yield Refusal(Rule.E4, "author", problem, "a participant that takes part")


def check_house(context: Context) -> Refusals:
    """E4: a participant arranges its house unless it was removed, and before it takes part.

    Who is admitted from a day on has its offices, keys and numbers ready on that day.
    """
    participant = context.participant(context.author[0])
    if participant is None or not participant.is_awaited(context.at.now_ms):
        yield from check_member(context)


def _describe_standing(context: Context, code: str) -> str:
    participant, now = context.participant(code), context.at.now_ms
    if participant is not None and participant.is_awaited(now):
        begin = min(one.effective_from for one in participant.standings)
        return f"{code} takes part only from {format_time(begin)} on"
    standing = context.standing(code)
    return f"{code} is {standing or 'not a participant of the scheme'}{tell_home(code)}"


def check_status_change(context: Context) -> Refusals:
    """E14: a standing follows legally on the one before, and never changes the past.

    The effective time may lie before now only as far as the last change: certificates keep the
    judgement of their own time, and auditors see both times. A participant suspends itself from
    today on: what it issued before stays in order for whoever imports it. A standing that lapsed is
    followed by what it interrupted; an admission that lapsed, by what may follow a removal. The
    Chair need not wait for one still to come: nobody shields itself by a self-suspension of next
    year.
    """
    body = context.body(ParticipantStatusChanged)
    participant, now = context.participant(body.code), context.at.now_ms
    if participant is None:
        problem = f"{body.code} is not a participant{tell_home(body.code)}"
        yield Refusal(Rule.E6, "body.code", problem, "a participant's code")
        return
    newest = _newest(participant, now)
    accepted = _NEXT_STANDINGS[newest]
    if body.status not in accepted:
        problem = f"{body.code} is {newest} and cannot become {body.status}"
        yield Refusal(Rule.E6, "body.status", problem, " or ".join(accepted))
    if len(participant.standings) >= MAX_STANDINGS and body.status not in _ALWAYS:
        problem = f"{body.code} has had {len(participant.standings)} standings"
        yield Refusal(Rule.E6, "body.status", problem, " or ".join(_ALWAYS))
    starts = [standing.effective_from for standing in participant.standings]
    if context.author[0] == KPCS:
        starts = [start for start in starts if start <= now] or starts
    earliest, before = max(starts), "the standing it follows"
    if context.author[0] != KPCS and now - DAY_MS > earliest:
        earliest, before = now - DAY_MS, "a participant can suspend itself"
    if body.effective_from < earliest:
        problem = f"{format_time(body.effective_from)} is before {before}"
        since = f"a time from {format_time(earliest)} on"
        yield Refusal(Rule.E14, "body.effective_from", problem, since)
    yield from check_notice_period(context, body.effective_from)


def _newest(participant: ParticipantRecord, now_ms: int) -> Standing:
    """Give the standing that was decided last, in force or still to come, and has not lapsed."""
    for standing in reversed(participant.standings):
        if standing.lapses_at is None or standing.lapses_at > now_ms:
            return standing.status
    return Standing.REMOVED
