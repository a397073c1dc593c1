"""F9: shipments under a restriction that asks for an approval afterwards, and do not have it."""

from collections.abc import Iterator

from kpledger.analysis.flags.finding import Finding, hexadecimal
from kpledger.analysis.flags.indexes.papers import Paper, read_issued
from kpledger.analysis.flags.look import Look
from kpledger.analysis.flags.periods import days_between
from kpledger.analysis.flags.words import count_of
from kpledger.base.units import add_days, day_of
from kpledger.scheme.v1.events.certificate import CertificateKind
from kpledger.scheme.v1.events.restrictions import Mode, Scope
from kpledger.scheme.v1.lifecycles.certificate import DEAD
from kpledger.scheme.v1.records import (
    ApprovalRecord,
    CertificateRecord,
    Restriction,
    RestrictionsRecord,
    approval_key,
    certificate_key,
    restrictions_key,
)


def detect_unapproved(look: Look) -> Iterator[Finding]:
    """F9: issued, and some time later the approver has said nothing, or no."""
    found: list[Finding] = []
    for member in look.members:
        record = look.book.record(restrictions_key(member.code), RestrictionsRecord)
        for restriction in record.restrictions if record is not None else ():
            if restriction.mode is Mode.POST:
                found += _unapproved(look, member.code, restriction)
    yield from sorted(found, key=lambda one: (one.day, one.subject), reverse=True)


def _unapproved(look: Look, code: str, restriction: Restriction) -> Iterator[Finding]:
    days = look.settings.f9.approval_days
    for issued_on, issue, certificate in _issued_under(look, code, restriction):
        day = add_days(issued_on, days + 1)
        if day > look.at or not look.covers(day):
            continue
        key = approval_key(certificate.number, code, restriction.restriction)
        approval = look.book.record(key, ApprovalRecord)
        if approval is not None and approval.approved:
            continue
        waiting = days_between(issued_on, look.at)
        said = "has declined it" if approval is not None else "has not approved it"
        approver = "/".join(restriction.approver or ())
        yield Finding(
            flag="F9",
            subject=certificate.number,
            participant=certificate.issuer,
            partner=certificate.destination,
            day=day,
            measure=waiting,
            explanation=(
                f"Issued on {issued_on} under restriction {code}/{restriction.restriction};"
                f" {count_of(waiting, 'day')} later {approver} {said}. Cross-checks take a month"
                f" or more where papers go by post; goods from outside the zones are the other"
                f" reason."
            ),
            evidence=hexadecimal(
                issue, restriction.event, *(() if approval is None else (approval.event,))
            ),
        )


def _issued_under(
    look: Look, code: str, restriction: Restriction
) -> Iterator[tuple[str, bytes, CertificateRecord]]:
    """Give day, event and certificate of what was issued in a restriction's scope in its time."""
    days = look.settings.f9.approval_days
    # It holds for what is recorded in its time, which may be dated earlier: F16 sees how much.
    begin = add_days(day_of(restriction.effective_from), -look.settings.f16.days)
    first = max(add_days(look.from_day, -days - 1), begin)
    last = min(look.until_day, add_days(look.at, -days - 1))
    if restriction.effective_until is not None:
        last = min(last, day_of(restriction.effective_until))
    issuers = [code]
    if restriction.scope is not Scope.EXPORT:
        issuers = [member.code for member in look.members]
    for issuer in issuers:
        for issued_on, paper in read_issued(look.book.index, issuer, first, last):
            if not _may_be_in_scope(paper, code, restriction.scope):
                continue
            record = look.book.record(certificate_key(paper.number), CertificateRecord)
            if record is None or not look.concerns(record.issuer, record.destination):
                continue
            held = restriction.holds_at(record.recorded_at)
            if held and _is_in_scope(record, code, restriction.scope):
                yield issued_on, paper.issue, record


def _may_be_in_scope(paper: Paper, code: str, scope: Scope) -> bool:
    """Tell whether the record is worth reading: most papers name one origin, and another."""
    return {
        Scope.EXPORT: True,
        Scope.IMPORT: paper.destination == code,
        Scope.ORIGIN: paper.origin in {"", code},
    }[scope]


def _is_in_scope(record: CertificateRecord, code: str, scope: Scope) -> bool:
    if record.kind is CertificateKind.TECHNICAL or record.state in DEAD:
        return False
    return {
        Scope.EXPORT: record.issuer == code,
        Scope.IMPORT: record.destination == code,
        Scope.ORIGIN: code in record.origins,
    }[scope]
