"""Rows of groups I and M: what happens to a shipment where it arrives or surfaces; cases."""

from typing import Final

from kpledger.scheme.event import Body
from kpledger.scheme.v1.context import Check
from kpledger.scheme.v1.effects import importing as effects
from kpledger.scheme.v1.effects.cases import open_named, or_case
from kpledger.scheme.v1.effects.certificate import move
from kpledger.scheme.v1.events import importing as events
from kpledger.scheme.v1.row import Row
from kpledger.scheme.v1.rules import (
    authorship,
    cases,
    custody,
    importing,
    standing,
    subject,
    succession,
    technical,
)
from kpledger.scheme.v1.rules.authorship import AuthorKind

_NEXT: Final[tuple[Check, ...]] = (succession.check_transition, succession.check_prev)
_HELD: Final[tuple[Check, ...]] = (custody.check_holder, *_NEXT)
_CONFIRM: Final[tuple[Check, ...]] = (
    authorship.check_destination,
    importing.check_confirmed_once,
    importing.check_confirmable,
    *_NEXT,
    importing.check_repeats,
)
_IMPORTING: Final = (AuthorKind.IMPORTING_AUTHORITY,)

IMPORTING_ROWS: Final[dict[type[Body], Row]] = {
    events.ArrivalRecorded: Row(
        _IMPORTING,
        (authorship.check_destination, *_NEXT, importing.check_arrival),
        effects.arrive,
    ),
    events.ImportConfirmed: Row(_IMPORTING, (*_CONFIRM, importing.check_clean), effects.confirm),
    events.ImportConfirmedDiscrepant: Row(_IMPORTING, _CONFIRM, effects.confirm_discrepant),
    events.DiscrepancyResolved: Row(
        (AuthorKind.EXPORTING_AUTHORITY,),
        (authorship.check_own_subject, *_NEXT),
        effects.resolve,
        importing.importing_destination,
    ),
    events.ShipmentDetained: Row(
        _IMPORTING,
        (custody.check_detaining, *_NEXT, custody.check_member_elsewhere),
        or_case(effects.detain),
    ),
    events.ShipmentReleased: Row(_IMPORTING, _HELD, or_case(effects.release)),
    events.ImportRefusedReturned: Row(
        _IMPORTING, (*_HELD, technical.check_return_papers), or_case(move)
    ),
    events.ShipmentSeized: Row(_IMPORTING, _HELD, or_case(move)),
    events.ReturnReceived: Row(
        (AuthorKind.EXPORTING_AUTHORITY,),
        (custody.check_receiver, *_NEXT, importing.check_return),
        or_case(effects.receive_back),
    ),
    events.ShipmentDiverted: Row(
        _IMPORTING,
        (
            custody.check_elsewhere,
            *_NEXT,
            custody.check_member_elsewhere,
            importing.check_found_day,
        ),
        effects.take_over,
    ),
    events.CaseOpened: Row(
        (AuthorKind.EXPORTING_AUTHORITY, AuthorKind.IMPORTING_AUTHORITY),
        (
            subject.check_name,
            succession.check_first,
            standing.check_member,
            cases.check_new_case,
            cases.check_case,
        ),
        open_named,
    ),
}
