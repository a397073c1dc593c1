"""E2: who may act on a shipment. The issuer, the destination, and whoever has the goods before it.

From its arrival or its detention on, a shipment is in the hands of one participant, its *holder*;
only the holder releases it, sends it back or seizes it.
"""

from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.events.governance import AuthorityRole
from kpledger.scheme.v1.records import CaseRecord, CertificateRecord
from kpledger.scheme.v1.rules.cases import opening_kind
from kpledger.scheme.v1.rules.standing import check_member


def check_involved(context: Context) -> Refusal | None:
    """E2: an exporting office of the issuer or an importing one of the destination says so."""
    record = context.certificate(context.subject)
    if record is None:
        return None
    office = context.authority(*context.author)
    roles = () if office is None else office.roles
    as_issuer = context.author[0] == record.issuer and AuthorityRole.EXPORTING in roles
    as_destination = context.author[0] == record.destination and AuthorityRole.IMPORTING in roles
    if as_issuer or as_destination:
        return None
    return _refuse_author(
        context,
        f"is neither an exporting office of {record.issuer} nor an importing office of"
        f" {record.destination}",
        f"an exporting office of {record.issuer} or an importing office of {record.destination}",
    )


def check_passing(context: Context) -> Refusal | None:
    """E2: a note of transit comes from neither end of the journey."""
    record = context.certificate(context.subject)
    if record is None or context.author[0] not in (record.issuer, record.destination):
        return None
    return _refuse_author(
        context,
        f"is the issuer or the destination of {record.number}",
        f"a participant other than {record.issuer} and {record.destination}",
    )


def check_elsewhere(context: Context) -> Refusal | None:
    """E2: a shipment that surfaced elsewhere is reported by whoever is not its destination."""
    record = context.certificate(context.subject)
    if record is None or context.author[0] != record.destination:
        return None
    return _refuse_author(
        context,
        f"is the destination of {record.number}",
        f"a participant other than {record.destination}",
    )


def check_detaining(context: Context) -> Refusal | None:
    """E2: goods on their way are held back where they are, and afterwards by their holder."""
    record = _shipment(context)
    if record is None or record.holder is None or opening_kind(context) is not None:
        return None
    return _check_is(context, record.holder, "who has the goods")


def check_member_elsewhere(context: Context) -> Refusal | None:
    """E4: who has been removed holds back nothing that was not sent to it."""
    record = _shipment(context)
    mine = isinstance(record, CertificateRecord) and record.destination == context.author[0]
    return None if mine else check_member(context)


def check_holder(context: Context) -> Refusal | None:
    """E2: only the holder of the goods goes on with them; before any, the destination."""
    record = _shipment(context)
    if record is None:
        return None
    if isinstance(record, CertificateRecord):
        return _check_is(context, record.holder or record.destination, "who has the goods")
    return _check_is(context, record.holder, "who has the goods")


def check_receiver(context: Context) -> Refusal | None:
    """E2: returned goods are received by whoever issued the certificate."""
    record = _shipment(context)
    if record is None:
        return None
    if isinstance(record, CertificateRecord):
        return _check_is(context, record.issuer, "the issuer")
    if record.returned_to is None:
        return _refuse_author(context, "is not where the goods came from", "nobody: it is unknown")
    return _check_is(context, record.returned_to, "who must receive the goods")


def _shipment(context: Context) -> CertificateRecord | CaseRecord | None:
    return context.certificate(context.subject) or context.case(context.subject)


def _check_is(context: Context, code: str, what: str) -> Refusal | None:
    if context.author[0] == code:
        return None
    return _refuse_author(context, f"is not {code}, {what}", f"an authority of {code}")


def _refuse_author(context: Context, problem: str, accepted: str) -> Refusal:
    subject = context.subject
    return refuse(Rule.E2, "author", f"{context.author[0]} {problem} ({subject})", accepted)
