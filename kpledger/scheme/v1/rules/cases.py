"""Cases: when a shipment gets one beside the certificates, and what opens it (E5, E6)."""

from typing import Final

from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, refuse
from kpledger.scheme.v1.days import check_past_day
from kpledger.scheme.v1.events.importing import CaseKind, CaseOpened
from kpledger.scheme.v1.lifecycles import OPENING, OPENS_CASE
from kpledger.scheme.v1.records import CaseCountRecord
from kpledger.scheme.v1.subjects import case_of_certificate

_OPENED_BY_HAND: Final = (CaseKind.NO_CERTIFICATE, CaseKind.SAMPLE)


def opening_kind(context: Context) -> CaseKind | None:
    """Give which case an arrival or a detention opens: that of a closed certificate, or none."""
    record = context.certificate(context.subject)
    if record is None or context.event.header.type not in OPENING:
        return None
    return OPENS_CASE.get(record.state)


def next_case(context: Context) -> tuple[str, int]:
    """Give the id of the next case of a certificate, and its serial."""
    known = context.state.read(CaseCountRecord.key_for(context.subject), CaseCountRecord)
    serial = 1 if known is None else known.count + 1
    return case_of_certificate(context.subject, serial), serial


def check_case(context: Context) -> Refusal | None:
    """E5: a case is opened by itself for goods without a certificate, on a day that was."""
    body = context.body(CaseOpened)
    if body.kind not in _OPENED_BY_HAND:
        accepted = " or ".join(_OPENED_BY_HAND)
        problem = f"a case of {body.kind} is opened by the arrival or detention of its certificate"
        return refuse(Rule.E5, "body.kind", problem, accepted)
    return check_past_day(context, Rule.E5, "body.opened_on", body.opened_on)


def check_new_case(context: Context) -> Refusal | None:
    """E6: the case was not opened before."""
    if context.case(context.subject) is None:
        return None
    problem = f"{context.subject} has been opened already"
    return refuse(Rule.E6, "subject", problem, "a name that has never been used")
