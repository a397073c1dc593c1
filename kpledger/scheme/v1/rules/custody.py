"""E2: who may act on a shipment: the issuer, the destination, and whoever has the goods before it.

From its arrival or its detention on, a shipment is in the hands of one participant, its *holder*;
only the holder releases it, sends it back or seizes it. Cases (E5, E6) are shipments beside the
certificates: when one gets a case, and who opens it.
"""

from typing import Final

from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals, on_certificate
from kpledger.scheme.v1.events.governance import AuthorityRole
from kpledger.scheme.v1.events.importing import CaseKind, CaseOpened
from kpledger.scheme.v1.lifecycles import OPENING, OPENS_CASE
from kpledger.scheme.v1.records import CaseCountRecord, CertificateRecord
from kpledger.scheme.v1.rules.standing import check_member
from kpledger.scheme.v1.rules.subject import shipment
from kpledger.scheme.v1.rules.values import check_past_day
from kpledger.scheme.v1.subjects import case_of_certificate

_OPENED_BY_HAND: Final = (CaseKind.NO_CERTIFICATE, CaseKind.SAMPLE)
_HAS_GOODS: Final = "who has the goods"


def _refuse(context: Context, problem: str, accepted: str) -> Refusal:
    return Refusal(Rule.E2, "author", f"{context.author[0]} {problem}", accepted)


@on_certificate
def check_own_subject(context: Context, record: CertificateRecord) -> Refusals:
    """E2: an issuing participant acts on its own certificate only."""
    if record.issuer != context.author[0]:
        accepted = f"an authority of {record.issuer}"
        yield _refuse(context, f"did not issue {record.number}", accepted)


@on_certificate
def check_destination(context: Context, record: CertificateRecord) -> Refusals:
    """E2: import events come from an authority of the destination."""
    if record.destination != context.author[0]:
        accepted = f"an authority of {record.destination}"
        yield _refuse(context, f"is not the destination of {record.number}", accepted)


@on_certificate
def check_involved(context: Context, record: CertificateRecord) -> Refusals:
    """E2: an exporting office of the issuer or an importing one of the destination says so."""
    ends = (
        (record.issuer, AuthorityRole.EXPORTING, "an exporting office of"),
        (record.destination, AuthorityRole.IMPORTING, "an importing office of"),
    )
    code, office = context.author
    if not any(code == end and context.is_open(code, office, role) for end, role, _ in ends):
        issuing, importing = (f"{what} {end}" for end, _, what in ends)
        problem = f"is neither {issuing} nor {importing} ({context.subject})"
        yield _refuse(context, problem, f"{issuing} or {importing}")


@on_certificate
def check_passing(context: Context, record: CertificateRecord) -> Refusals:
    """E2: a note of transit comes from neither end of the journey."""
    if context.author[0] in (record.issuer, record.destination):
        problem = f"is the issuer or the destination of {record.number} ({context.subject})"
        accepted = f"a participant other than {record.issuer} and {record.destination}"
        yield _refuse(context, problem, accepted)


@on_certificate
def check_elsewhere(context: Context, record: CertificateRecord) -> Refusals:
    """E2: a shipment that surfaced elsewhere is reported by whoever is not its destination."""
    if context.author[0] == record.destination:
        problem = f"is the destination of {record.number} ({context.subject})"
        yield _refuse(context, problem, f"a participant other than {record.destination}")


def check_detaining(context: Context) -> Refusals:
    """E2: goods on their way are held back where they are, and afterwards by their holder."""
    record = shipment(context)
    if record is not None and record.holder is not None and opening_kind(context) is None:
        yield from _check_is(context, record.holder, _HAS_GOODS)


def check_member_elsewhere(context: Context) -> Refusals:
    """E4: who has been removed holds back nothing that was not sent to it."""
    record = context.certificate(context.subject)
    if record is None or record.destination != context.author[0]:
        yield from check_member(context)


def check_holder(context: Context) -> Refusals:
    """E2: only the holder of the goods goes on with them; before any, the destination."""
    record = shipment(context)
    if isinstance(record, CertificateRecord):
        yield from _check_is(context, record.holder or record.destination, _HAS_GOODS)
    elif record is not None:
        yield from _check_is(context, record.holder, _HAS_GOODS)


def check_receiver(context: Context) -> Refusals:
    """E2: returned goods are received by whoever issued the certificate."""
    record = shipment(context)
    if isinstance(record, CertificateRecord):
        yield from _check_is(context, record.issuer, "the issuer")
    elif record is not None and record.returned_to is not None:
        yield from _check_is(context, record.returned_to, "who must receive the goods")
    elif record is not None:
        problem = f"is not where the goods came from ({context.subject})"
        yield _refuse(context, problem, "nobody: it is unknown")


def _check_is(context: Context, code: str, what: str) -> Refusals:
    if context.author[0] != code:
        problem = f"is not {code}, {what} ({context.subject})"
        yield _refuse(context, problem, f"an authority of {code}")


def opening_kind(context: Context) -> CaseKind | None:
    """Give which case an arrival or a detention opens: that of a closed certificate, or none."""
    record = context.certificate(context.subject)
    if record is None or context.event.header.type not in OPENING:
        return None
    return OPENS_CASE.get(record.state)


def next_case(context: Context) -> tuple[str, int]:
    """Give the id of the next case of a certificate, and its serial."""
    serial = context.read_or(CaseCountRecord(count=0), context.subject).count + 1
    return case_of_certificate(context.subject, serial), serial


def check_case(context: Context) -> Refusals:
    """E5: a case is opened by itself for goods without a certificate, on a day that was."""
    body = context.body(CaseOpened)
    if body.kind not in _OPENED_BY_HAND:
        accepted = " or ".join(_OPENED_BY_HAND)
        problem = f"a case of {body.kind} is opened by the arrival or detention of its certificate"
        yield Refusal(Rule.E5, "body.kind", problem, accepted)
    yield from check_past_day(context, Rule.E5, "body.opened_on", body.opened_on)


def check_new_case(context: Context) -> Refusals:
    """E6: the case was not opened before."""
    if context.case(context.subject) is not None:
        problem = f"{context.subject} has been opened already"
        yield Refusal(Rule.E6, "subject", problem, "a name that has never been used")
