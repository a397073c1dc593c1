"""Rows of group C: what an issuing participant does with its certificates."""

from typing import Final

from kpledger.events import Body
from kpledger.events.certificate import CertificateIssued, CertificateReplaced, CertificateVoided
from kpledger.rules.v1 import authorship, contents, numbering, standing, succession
from kpledger.rules.v1.authorship import Office
from kpledger.rules.v1.context import Check
from kpledger.rules.v1.effects import certificate as effects
from kpledger.rules.v1.row import Row

_ISSUE: Final[tuple[Check, ...]] = (
    standing.check_trade,
    numbering.check_number,
    contents.check_contents,
)

ROWS: Final[dict[type[Body], Row]] = {
    CertificateIssued: Row(
        (Office.EXPORTING_AUTHORITY,),
        (contents.check_issue_subject, succession.check_first, *_ISSUE),
        effects.issue,
    ),
    CertificateVoided: Row(
        (Office.EXPORTING_AUTHORITY,),
        (authorship.check_own_subject, succession.check_transition, succession.check_prev),
        effects.move,
    ),
    CertificateReplaced: Row(
        (Office.EXPORTING_AUTHORITY,),
        (
            authorship.check_own_subject,
            succession.check_transition,
            succession.check_prev,
            succession.check_replacement,
            *_ISSUE,
        ),
        effects.replace,
    ),
}
