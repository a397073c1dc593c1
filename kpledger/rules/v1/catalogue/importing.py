"""Rows of groups I and M: what happens to a shipment where it arrives or surfaces."""

from typing import Final

from kpledger.events import Body
from kpledger.events.importing import (
    ArrivalRecorded,
    ImportConfirmed,
    ImportConfirmedDiscrepant,
    ImportRefusedReturned,
    ShipmentDetained,
    ShipmentReleased,
    ShipmentSeized,
)
from kpledger.rules.v1 import authorship, importing, succession
from kpledger.rules.v1.authorship import Office
from kpledger.rules.v1.context import Check
from kpledger.rules.v1.effects import certificate as effects
from kpledger.rules.v1.row import Row

_IMPORT: Final[tuple[Check, ...]] = (
    authorship.check_destination,
    succession.check_transition,
    succession.check_prev,
)
_CONFIRM: Final[tuple[Check, ...]] = (
    authorship.check_destination,
    importing.check_confirmed_once,
    importing.check_alive,
    succession.check_transition,
    succession.check_prev,
    importing.check_repeats,
)


ROWS: Final[dict[type[Body], Row]] = {
    ArrivalRecorded: Row(
        (Office.IMPORTING_AUTHORITY,), (*_IMPORT, importing.check_arrival_day), effects.move
    ),
    ImportConfirmed: Row(
        (Office.IMPORTING_AUTHORITY,), (*_CONFIRM, importing.check_clean), effects.move
    ),
    ImportConfirmedDiscrepant: Row((Office.IMPORTING_AUTHORITY,), _CONFIRM, effects.move),
    ShipmentDetained: Row((Office.IMPORTING_AUTHORITY,), _IMPORT, effects.move),
    ShipmentReleased: Row((Office.IMPORTING_AUTHORITY,), _IMPORT, effects.move),
    ImportRefusedReturned: Row((Office.IMPORTING_AUTHORITY,), _IMPORT, effects.move),
    ShipmentSeized: Row((Office.IMPORTING_AUTHORITY,), _IMPORT, effects.move),
}
