"""The projection of the flags: each event goes to every index that needs it, in this order."""

from kpledger.analysis.applied import Applied
from kpledger.analysis.flags.indexes.flows import take_flow
from kpledger.analysis.flags.indexes.pairs import take_pair
from kpledger.analysis.flags.indexes.papers import take_paper
from kpledger.analysis.flags.indexes.prices import take_prices
from kpledger.analysis.flags.indexes.serials import take_serial
from kpledger.analysis.flags.indexes.signers import take_signers
from kpledger.analysis.flags.indexes.submissions import take_submission
from kpledger.analysis.flags.passages import follow
from kpledger.analysis.flags.statements import watch_edition, watch_statement
from kpledger.analysis.flags.watching import watch_move, watch_order
from kpledger.analysis.index import IndexChanges


def project_flags(applied: Applied, changes: IndexChanges) -> None:
    """Write what an event changes in the indexes of the flags."""
    for moved in follow(applied, changes):
        take_paper(moved, changes)
        take_flow(moved, changes)
        take_pair(moved, changes)
        take_prices(moved, changes)
        highest = take_serial(moved, changes)
        if highest is not None:
            watch_order(moved, highest, changes)
        watch_move(moved, changes)
    take_signers(applied, changes)
    edition = take_submission(applied, changes)
    if edition is not None:
        watch_edition(applied, changes, edition)
    watch_statement(applied, changes)
