"""F1, F9 and F10: certificates without news, arrivals without a confirmation, and a last rush."""

from collections.abc import Iterator

from kpledger.analysis.flags.finding import Finding, hexadecimal
from kpledger.analysis.flags.indexes.papers import Paper, read_arrived, read_issued
from kpledger.analysis.flags.look import Look
from kpledger.analysis.flags.passages import is_withdrawn, read_passage
from kpledger.analysis.flags.periods import add_working_days, days_between, working_days
from kpledger.analysis.flags.words import count_of
from kpledger.base.units import add_days, day_of, end_of_day_ms, format_carats
from kpledger.scheme.v1.events.governance import Standing
from kpledger.scheme.v1.policy import Policy, resolve_policy
from kpledger.scheme.v1.records import (
    CertificateRecord,
    ParticipantRecord,
    PolicyRecord,
    StandingSince,
    certificate_key,
    policy_key,
)


def detect_unconfirmed(look: Look) -> Iterator[Finding]:
    """F1: expired, and for some time nobody has said anything about the goods."""
    days = look.settings.f1.days
    until = min(look.until_day, look.at)
    first, last = (add_days(day, -days - 1) for day in (look.from_day, until))
    for expired, paper in look.unanswered(first, last):
        record = look.book.record(certificate_key(paper.number), CertificateRecord)
        lost = " It was reported lost." if record is not None and record.lost else ""
        waiting = days_between(expired, look.at)
        yield _finding(
            "F1",
            paper,
            day=add_days(expired, days + 1),
            measure=waiting,
            explanation=(
                f"{format_carats(paper.carat_thousandths)} ct from {paper.issuer} to"
                f" {paper.destination}, valid until {expired}: no arrival or"
                f" confirmation in the {count_of(waiting, 'day')} since, and nobody holds it.{lost}"
                f" It may never have left, the confirmation may be forgotten, or the goods went"
                f" elsewhere."
            ),
        )


def detect_waiting(look: Look) -> Iterator[Finding]:
    """F9: arrived, and not confirmed within the destination's own limit."""
    limits: dict[str, int] = {}
    found: list[Finding] = []
    until = min(look.until_day, look.at)
    for arrived, paper in read_arrived(look.book.index, "", until):
        if not look.concerns(paper.issuer, paper.destination):
            continue
        if paper.destination not in limits:
            limits[paper.destination] = policy_at(look, paper.destination).confirm_within_days
        usual = limits[paper.destination]
        limit = usual + look.settings.f9.grace_days
        taken = working_days(arrived, look.at)
        day = add_working_days(arrived, limit + 1)
        if taken <= limit or not look.covers(day):
            continue
        passage = read_passage(look.book.index, paper.number)
        arrival = passage.arrival if passage is not None else b""
        found.append(
            _finding(
                "F9",
                paper,
                day=day,
                measure=taken - usual,
                evidence=(paper.issue, arrival),
                explanation=(
                    f"There in {paper.destination} on {arrived} and not confirmed in the"
                    f" {count_of(taken, 'working day')} since, where the limit is {usual}. Holidays"
                    f" are not taken off; customs may still be at work on it."
                ),
            )
        )
    # Each destination has its own limit, so that the order of arrivals is not that of days.
    yield from sorted(found, key=lambda one: (one.day, one.subject), reverse=True)


def detect_before_suspension(look: Look) -> Iterator[Finding]:
    """F10: issued shortly before the issuer's standing was taken away."""
    days = look.settings.f10.days
    found: list[Finding] = []
    for member in look.members:
        for standing in member.standings:
            if not _ends_good_standing(member, standing):
                continue
            # Up to the hour on the last day: after it the rules let nobody issue.
            end = day_of(standing.effective_from)
            first = max(look.from_day, add_days(end, -days))
            last = min(look.until_day, end)
            became = "became" if end <= look.at else "becomes"
            for day, paper in read_issued(look.book.index, member.code, first, last):
                mine = look.concerns(paper.issuer, paper.destination)
                if mine and not is_withdrawn(look.book.index, paper.number):
                    before = days_between(day, end)
                    found.append(
                        _finding(
                            "F10",
                            paper,
                            day=day,
                            measure=before,
                            evidence=(paper.issue, standing.event or b""),
                            explanation=(
                                f"Issued {count_of(before, 'day')} before {member.code} {became}"
                                f" {standing.status} on {end}"
                                f" ({format_carats(paper.carat_thousandths)} ct to"
                                f" {paper.destination}). Ordinary trade goes on until the last"
                                f" day; so does a sale of what could not be sold later."
                            ),
                        )
                    )
    yield from sorted(found, key=lambda one: one.day, reverse=True)


def _ends_good_standing(member: ParticipantRecord, standing: StandingSince) -> bool:
    """Tell whether trade ended with it; a later decision may have moved or overruled it."""
    begin = standing.effective_from
    return (
        standing.status is not Standing.ACTIVE
        and member.standing_at(begin - 1) is Standing.ACTIVE
        and member.standing_at(begin) is standing.status
    )


def policy_at(look: Look, code: str | None) -> Policy:
    """Give the policy in force at the end of the day that is today."""
    network = look.book.record(policy_key(None), PolicyRecord)
    own = None if code is None else look.book.record(policy_key(code), PolicyRecord)
    return Policy() if network is None else resolve_policy(network, own, end_of_day_ms(look.at))


def _finding(
    flag: str,
    paper: Paper,
    *,
    day: str,
    measure: int,
    explanation: str,
    evidence: tuple[bytes, ...] = (),
) -> Finding:
    return Finding(
        flag=flag,
        subject=paper.number,
        participant=paper.issuer,
        partner=paper.destination,
        day=day,
        measure=measure,
        explanation=explanation,
        evidence=hexadecimal(*(evidence or (paper.issue,))),
    )
