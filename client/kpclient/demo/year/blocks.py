"""Blocks: the events of the year as one node would seal them, executed by the real rules."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from kpclient.demo.year.cast import NODE
from kpclient.demo.year.days import HOUR_MS
from kpclient.demo.year.pen import Entry
from kpledger.block import BlockKind
from kpledger.chain import BlockBuilder, Execution, Tip
from kpledger.envelope import decode_envelope
from kpledger.genesis import Genesis
from kpledger.state import StateReader

BLOCK_EVENTS: Final = 256
TERM: Final = 1
"""The one term of a ledger that no election was held for."""

Refused = Callable[[Entry, str], None]
"""Told of an event that the rules refuse."""


def cut_blocks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Cut events into blocks: of one hour, and not too many."""
    block: list[Entry] = []
    for entry in entries:
        same_hour = block and entry.time_ms // HOUR_MS == block[0].time_ms // HOUR_MS
        if block and (not same_hour or len(block) >= BLOCK_EVENTS):
            yield block
            block = []
        block.append(entry)
    if block:
        yield block


def execute_block(
    genesis: Genesis, tip: Tip, state: StateReader, block: list[Entry], refused: Refused
) -> Execution | None:
    """Execute the events of a block; None if all of them are refused."""
    builder = BlockBuilder(genesis, tip, state, block[-1].time_ms)
    for entry in block:
        refusal = builder.add(decode_envelope(entry.envelope))
        if refusal is not None:
            refused(entry, str(refusal))
    return builder.finish(TERM, NODE, BlockKind.BLOCK) if builder.events else None
