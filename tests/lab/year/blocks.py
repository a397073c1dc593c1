"""Blocks: the events of the year as one node would seal them, executed by the real rules."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from lab.year.days import HOUR_MS
from lab.year.participants import NODE
from lab.year.signer import TimedEvent

from kpledger.base.state import StateReader
from kpledger.log.block import BlockKind
from kpledger.log.chain import BlockExecutor, ExecutedBlock, Tip
from kpledger.log.genesis import Genesis
from kpledger.scheme.envelope import decode_envelope

BLOCK_EVENTS: Final = 256
TERM: Final = 1
"""The one term of a ledger that no election was held for."""

Refused = Callable[[TimedEvent, str], None]
"""Told of an event that the rules refuse."""


def cut_blocks(entries: Iterable[TimedEvent]) -> Iterator[list[TimedEvent]]:
    """Cut events into blocks: of one hour, and not too many."""
    block: list[TimedEvent] = []
    for entry in entries:
        same_hour = block and entry.time_ms // HOUR_MS == block[0].time_ms // HOUR_MS
        if block and (not same_hour or len(block) >= BLOCK_EVENTS):
            yield block
            block = []
        block.append(entry)
    if block:
        yield block


def stop_at_refusal(entry: TimedEvent, why: str) -> None:
    """End the program: an honest year breaks no rule, and fraud does not either."""
    sys.exit(f"the rules refuse {entry.type} on {entry.subject}: {why}")


def execute_block(
    genesis: Genesis,
    tip: Tip,
    state: StateReader,
    block: list[TimedEvent],
    refused: Refused = stop_at_refusal,
) -> ExecutedBlock | None:
    """Execute the events of a block; None if all of them are refused."""
    executor = BlockExecutor(genesis, tip, state, block[-1].time_ms)
    for entry in block:
        refusal = executor.add(decode_envelope(entry.envelope))
        if refusal is not None:
            refused(entry, str(refusal))
    return executor.finish(TERM, NODE, BlockKind.BLOCK) if executor.events else None
