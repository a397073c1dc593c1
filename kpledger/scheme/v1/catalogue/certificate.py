"""Rows of group C: what an issuing participant does with its certificates."""

from typing import Final

from kpledger.scheme.event import Body
from kpledger.scheme.v1.context import Check
from kpledger.scheme.v1.effects import certificate as effects
from kpledger.scheme.v1.effects.notes import keep_note
from kpledger.scheme.v1.events import certificate as events
from kpledger.scheme.v1.row import Row
from kpledger.scheme.v1.rules import (
    amendments,
    authorship,
    contents,
    custody,
    exporting,
    lineage,
    numbering,
    standing,
    succession,
    technical,
)
from kpledger.scheme.v1.rules.authorship import AuthorKind

_ISSUE: Final[tuple[Check, ...]] = (
    standing.check_parties,
    numbering.check_certificate_number,
    contents.check_contents,
    technical.check_technical,
    lineage.check_lineage,
)
_NEXT: Final[tuple[Check, ...]] = (succession.check_transition, succession.check_prev)
_OWN: Final[tuple[Check, ...]] = (authorship.check_own_subject, *_NEXT)
_EITHER_END: Final = (AuthorKind.EXPORTING_AUTHORITY, AuthorKind.IMPORTING_AUTHORITY)

CERTIFICATE_ROWS: Final[dict[type[Body], Row]] = {
    events.CertificateIssued: Row(
        (AuthorKind.EXPORTING_AUTHORITY,),
        (contents.check_issue_subject, succession.check_first, *_ISSUE),
        effects.issue,
    ),
    events.CertificateValidated: Row(
        (AuthorKind.EXPORTING_AUTHORITY,),
        (*_OWN, standing.check_parties, exporting.check_validation),
        effects.move,
    ),
    events.ExportNotified: Row(
        (AuthorKind.EXPORTING_AUTHORITY,),
        (
            *_OWN,
            standing.check_parties,
            exporting.check_unexpired,
            exporting.check_export_notice,
        ),
        effects.notify_export,
    ),
    events.AmendmentEndorsed: Row(
        (AuthorKind.EXPORTING_AUTHORITY,),
        (*_OWN, amendments.check_amendment),
        effects.amend,
        amendments.destination_once_arrived,
    ),
    events.CertificateVoided: Row((AuthorKind.EXPORTING_AUTHORITY,), _OWN, effects.take_back),
    events.CertificateReplaced: Row(
        (AuthorKind.EXPORTING_AUTHORITY,),
        (*_OWN, succession.check_replacement, *_ISSUE),
        effects.replace,
    ),
    events.CertificateLost: Row(_EITHER_END, (custody.check_involved, *_NEXT), effects.lose),
    events.CertificateFound: Row(
        _EITHER_END, (custody.check_involved, *_NEXT, succession.check_lost), effects.find
    ),
    events.CertificateReturnedUnused: Row(
        (AuthorKind.EXPORTING_AUTHORITY,), (*_OWN, exporting.check_return_day), effects.take_back
    ),
    events.TransitNoted: Row(
        _EITHER_END,
        (custody.check_passing, *_NEXT, standing.check_member, exporting.check_transit_days),
        keep_note,
    ),
}
