"""E10: technical certificates move the goods of a case, and no others.

What was detained, seized or refused is not traded and yet has to cross borders, as have samples
for research; the certificate then says whose goods it moves. Its value is nobody's price and is
not judged. What was weighed of a case is the most that all its certificates together may weigh;
goods that were not weighed move under one certificate at a time.
"""

from typing import Final

from kpledger.base.units import format_carats
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.events.certificate import Certificate, CertificateKind
from kpledger.scheme.v1.events.importing import ImportRefusedReturned
from kpledger.scheme.v1.lifecycles import DEAD, USED, CaseState, CertificateState
from kpledger.scheme.v1.records import CaseRecord, CertificateRecord, TechnicalRecord
from kpledger.scheme.v1.rules.importing import exceeds
from kpledger.scheme.v1.rules.numbering import issued_certificate

_HELD: Final = (
    CertificateState.ARRIVED,
    CertificateState.DETAINED,
    CertificateState.DIVERTED,
    CertificateState.RETURNED,
    CertificateState.SEIZED,
)
_GONE: Final = (*DEAD, CertificateState.RETURN_CLOSED)
"""States of a technical certificate that moves nothing: it was taken back, or its goods were."""

MAX_TECHNICAL: Final = 100
"""How many technical certificates may move the goods of one case."""

_TECHNICAL: Final = CertificateKind.TECHNICAL
_FIELD: Final = "body.certificate.case"
_ACCEPTED: Final = "a case, or a certificate with its goods, that the author holds"


def check_technical(context: Context) -> Refusals:
    """E10: a technical certificate names goods that its issuer holds, any other names none."""
    certificate = issued_certificate(context)
    named = certificate.case
    if certificate.kind is not _TECHNICAL:
        if named:
            problem = f"a {certificate.kind} certificate names the case {named}"
            yield Refusal(Rule.E10, _FIELD, problem, "empty, or a TECHNICAL certificate")
    elif (case := context.case(named)) is not None:
        yield from _check_case(context, certificate, case)
    else:
        yield from _check_held(context, named)
        yield from _check_only(context, named)


def _check_case(context: Context, certificate: Certificate, case: CaseRecord) -> Refusals:
    issuer = context.author[0]
    if case.holder != issuer:
        problem = f"the goods of {case.case} are with {case.holder}"
        yield Refusal(Rule.E10, _FIELD, problem, _ACCEPTED)
    if case.state in (CaseState.RETURN_CLOSED, CaseState.WITHDRAWN):
        yield Refusal(Rule.E10, _FIELD, f"{case.case} is {case.state}", _ACCEPTED)
    weighed = case.carat_thousandths
    if weighed is None:
        yield from _check_only(context, case.case)
        return
    moved = moving_certificates(context, case.case)
    if len(moved) >= MAX_TECHNICAL:
        problem = f"{len(moved)} certificates move the goods of {case.case}"
        yield Refusal(Rule.E10, _FIELD, problem, f"at most {MAX_TECHNICAL}")
    before = sum(one.carat_thousandths for one in moved)
    policy, more = context.policy(issuer), before + certificate.carat_thousandths - weighed
    if exceeds(more, weighed, policy.carat_tolerance_ppm, policy.carat_tolerance_thousandths):
        left = max(weighed - before, 0)
        field = "body.certificate.carat_thousandths"
        problem = (
            f"{format_carats(certificate.carat_thousandths)} ct of {case.case}, of which"
            f" {format_carats(weighed)} ct were weighed and {format_carats(left)} ct are left"
        )
        yield Refusal(Rule.E10, field, problem, f"up to {left}")


def moving_certificates(context: Context, case: str) -> tuple[CertificateRecord, ...]:
    """Give the technical certificates that move the goods of a case, but one replaced here."""
    numbers = context.read_or(TechnicalRecord(numbers=()), case).numbers
    found = (context.certificate(number) for number in numbers if number != context.subject)
    return tuple(one for one in found if one is not None and one.state not in _GONE)


def _check_only(context: Context, case: str) -> Refusals:
    for moved in moving_certificates(context, case):
        problem = f"the goods of {case}, which were not weighed, move under {moved.number}"
        yield Refusal(Rule.E10, _FIELD, problem, "goods that no technical certificate moves")


def _check_held(context: Context, number: str) -> Refusals:
    record, accepted = context.certificate(number), _ACCEPTED
    if record is None:
        problem = f"there is no case or certificate {number}" if number else "it names no goods"
    elif record.state not in _HELD:
        problem = f"{number} is {record.state}"
        accepted = f"a certificate that is {', '.join(_HELD)}"
    elif record.holder != context.author[0]:
        problem = f"the goods of {number} are with {record.holder}"
    else:
        return
    yield Refusal(Rule.E10, _FIELD, problem, accepted)


def check_return_papers(context: Context) -> Refusals:
    """E10: what goods are sent back under is a technical certificate of the author for them."""
    number = context.body(ImportRefusedReturned).technical_certificate
    if number is None:
        return
    record, code = context.certificate(number), context.author[0]
    if record is None:
        problem = f"there is no certificate {number}"
    elif (record.kind, record.issuer, record.case) != (_TECHNICAL, code, context.subject):
        what = f" for {record.case}" if record.case else ""
        problem = f"{number} is a {record.kind} certificate of {record.issuer}{what}"
    elif record.state in (*DEAD, *USED):
        problem = f"{number} is {record.state}"
    else:
        return
    accepted = f"null, or a TECHNICAL certificate of {code} for {context.subject}"
    yield Refusal(Rule.E10, "body.technical_certificate", problem, accepted)
