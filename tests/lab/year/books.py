"""A synthetic year as books: real rules, real tables, no node and no blocks on disk."""

import sys
from pathlib import Path

from lab.year.blocks import TERM, Refused, cut_blocks, execute_block
from lab.year.signer import TimedEvent
from lab.year.year import Year

from kpledger.base.state import MemoryState
from kpledger.books.database import open_books
from kpledger.books.writer import BooksWriter
from kpledger.log.chain import ExecutedBlock, execute_noop, genesis_tip


def stop_at_refusal(entry: TimedEvent, why: str) -> None:
    """End the program: an honest year breaks no rule, and fraud does not either."""
    sys.exit(f"the rules refuse {entry.type} on {entry.subject}: {why}")


def write_books(year: Year, path: Path, *, refused: Refused = stop_at_refusal) -> None:
    """Live a year by the rules, and write its books into a new file."""
    genesis, state = year.genesis, MemoryState()
    seed = genesis.seed_state(state)
    tip = genesis_tip(genesis, seed)
    state.apply(seed)
    connection = open_books(str(path))
    writer = BooksWriter(connection, genesis)

    def take(block: ExecutedBlock) -> None:
        nonlocal tip
        writer.append(block.header, block.events)
        state.apply(block.changes)
        tip = block.tip

    take(execute_noop(genesis, tip, state, TERM))
    for entries in cut_blocks(year.events()):
        block = execute_block(genesis, tip, state, entries, refused)
        if block is not None:
            take(block)
    writer.complete()
    connection.close()
