"""Rows of the life of the scheme: reports, reviews, meetings, concerns, observers, notes."""

from typing import Final

from kpledger.events import Body
from kpledger.rules.v1.row import Row

ROWS: Final[dict[type[Body], Row]] = {}
