"""The projection: what each applied event changes in the indexes.

A projection sees the event and the state *after its block*. Several events of one block may be
about one certificate, so it may rely on what never changes of a record (what was declared, by whom,
for whom) and on its own indexes, never on a state in between.
"""

from collections.abc import Iterable
from typing import Final

from kpledger.analysis.applied import Applied, Projection
from kpledger.analysis.flags.projecting import project_flags
from kpledger.analysis.history import project_history
from kpledger.analysis.index import IndexChanges, IndexReader
from kpledger.analysis.lineage import project_lineage
from kpledger.analysis.listing import project_listing
from kpledger.analysis.presidency import project_presidency
from kpledger.analysis.statistics.counting import count_trade
from kpledger.analysis.statistics.submissions import keep_submission
from kpledger.log.chain import ExecutedBlock

PROJECTIONS: Final[tuple[Projection, ...]] = (
    project_history,
    project_lineage,
    project_listing,
    project_presidency,
    count_trade,
    keep_submission,
    project_flags,
)
"""Every topic, in the order in which they see an event."""


def project_block(
    execution: ExecutedBlock, base: IndexReader, projections: Iterable[Projection] = PROJECTIONS
) -> IndexChanges:
    """Give what the events of a block change in the indexes."""
    changes = IndexChanges(base)
    for position, event in enumerate(execution.events):
        applied = Applied(
            event=event,
            index=execution.header.first_event + position,
            height=execution.header.height,
            time_ms=execution.header.time_ms,
            state=execution.changes,
        )
        for projection in projections:
            projection(applied, changes)
    return changes
