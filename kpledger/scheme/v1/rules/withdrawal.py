"""E2, E6, E10: what was opened by mistake is withdrawn by whoever opened it.

That is a case, a proceeding, or what holds a certificate up: a discrepancy, a diversion, a refusal,
a seizure. Once somebody else has acted on it, it goes its ordinary way: an answer, a verdict, an
agreement, a receipt.
"""

from typing import Final

from kpledger.base.ids import KPCS
from kpledger.scheme.outcome import Refusal, Rule
from kpledger.scheme.v1.context import Context, Refusals
from kpledger.scheme.v1.events.life import OpeningWithdrawn
from kpledger.scheme.v1.ids import CHAIR, ROOT
from kpledger.scheme.v1.records import ProceedingRecord
from kpledger.scheme.v1.rules.custody import check_holder
from kpledger.scheme.v1.rules.proceedings import check_step
from kpledger.scheme.v1.rules.subject import check_prev, check_transition
from kpledger.scheme.v1.rules.technical import moving_certificates
from kpledger.scheme.v1.rules.values import check_words
from kpledger.scheme.v1.subjects import Subject

_BY_OFFICES: Final = (Subject.SUSPECT, Subject.ANOMALY)
"""What offices open, and may withdraw; all else is for a participant's root, or the Chair."""


def check_withdrawn(context: Context) -> Refusals:
    """E2, E6: whoever opened it withdraws it, before anybody else has acted on it."""
    record = context.read(ProceedingRecord, context.subject)
    if record is None:
        yield from check_holder(context)
        yield from check_transition(context)
        yield from check_prev(context)
    else:
        yield from _check_opener(context, record)
        yield from check_step(context)


def _check_opener(context: Context, record: ProceedingRecord) -> Refusals:
    opener = record.opened_by
    head = (opener, CHAIR if opener == KPCS else ROOT)
    by_office = record.kind in _BY_OFFICES and context.author[0] == opener
    if context.author != head and not by_office:
        problem = f"{context.event.header.author} did not open {record.subject}"
        whose = f"an office of {opener}" if record.kind in _BY_OFFICES else "/".join(head)
        yield Refusal(Rule.E2, "author", problem, whose)


def check_mistake(context: Context) -> Refusals:
    """E5: it says how the mistake came about; E10: no certificate moves its goods any more."""
    yield from check_words("body.reason", context.body(OpeningWithdrawn).reason)
    for moving in moving_certificates(context, context.subject):
        problem = f"the goods of {context.subject} move under {moving.number}"
        accepted = "goods that no technical certificate moves: it is taken back first"
        yield Refusal(Rule.E10, "subject", problem, accepted)
