"""Rows of group S: what participants submit, and questions about it."""

from typing import Final

from kpledger.events import Body
from kpledger.rules.v1.row import Row

ROWS: Final[dict[type[Body], Row]] = {}
