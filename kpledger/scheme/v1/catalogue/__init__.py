"""The catalogue: who may make which event, the rules it has to pass, and what it does.

One row for each event type, in the order of the scheme's groups. E12 and E1 stand before every
row; the others run in the order written here, and the first refusal is the answer. A new event type
is a body in :mod:`kpledger.scheme.v1.events` and a row in the module of its group.
"""

from typing import Final

from kpledger.scheme.event import Body
from kpledger.scheme.v1.catalogue import certificate, governance, importing, life, statistics
from kpledger.scheme.v1.row import Row

CATALOGUE: Final[dict[type[Body], Row]] = {
    **governance.GOVERNANCE_ROWS,
    **life.LIFE_ROWS,
    **certificate.CERTIFICATE_ROWS,
    **importing.IMPORTING_ROWS,
    **statistics.STATISTICS_ROWS,
}
"""Every event type of this version of the rules."""
