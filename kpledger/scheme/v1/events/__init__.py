"""The event catalogue: every statement that the ledger can hold, one Struct for each.

A new event type is a :class:`~kpledger.scheme.event.Body` in the module of its group and a row in
the catalogue of the rules (:mod:`kpledger.scheme.v1.catalogue`).
"""

from typing import Final

from kpledger.scheme.event import Body
from kpledger.scheme.v1.events import (
    certificate,
    decisions,
    governance,
    importing,
    life,
    statistics,
)

BODIES: Final[dict[tuple[str, int], type[Body]]] = {
    (body.TYPE, body.VERSION): body
    for group in (certificate, decisions, governance, importing, life, statistics)
    for body in vars(group).values()
    if isinstance(body, type) and issubclass(body, Body) and body.TYPE
}
"""Every known (type, version) and the Struct of its body."""
