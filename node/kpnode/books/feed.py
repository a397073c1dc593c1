"""The feed: committed blocks for the books, and how far these are.

The books first say at which height they stand, 8 bytes big-endian, and hear in the same form up to
which they have to be seen to be this ledger's before they answer: its end, or where they stand if
only the log of the node is as far yet. If the log ends before them, they hear that, and are of
another chain. Then they get what ``GET /v1/blocks`` gives, from the newest signed block at or below
their height on, and each further block soon after it is committed, at once if somebody waits for
it; and they say again how far they are whenever they have written something.
"""

import asyncio
import struct
from contextlib import suppress
from typing import Final, Protocol

from kpledger.log.layout import BLOCK_ENTRY, decode_stored_entry
from kpnode.api.blocks import AT_HAND, read_piece
from kpnode.api.served import ServedNode
from kpnode.ledger import Ledger
from kpnode.process import run_until_first

HEIGHT: Final = struct.Struct(">Q")
"""How a height is said."""
GATHER_S: Final = 0.1
"""How long blocks are gathered that nobody waits for: to write many costs little more than one."""


class OnHeight(Protocol):
    """Hears how far the books are, and whether they are ready for questions."""

    def __call__(self, height: int, *, is_ready: bool) -> None:
        """Take it in."""


async def feed_books(
    node: ServedNode,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    wanted: asyncio.Event,
    on_height: OnHeight,
) -> None:
    """Send blocks and take heights until the other side is gone.

    ``wanted`` is set when somebody waits for the newest block.

    Raises:
        StorageError: a block cannot be read.
    """
    # The process may end; whoever watches it knows more.
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        height = await _read_height(reader)
        # A block was in the log before it was in the books, but a node that starts may not know
        # yet that the end of its log is committed.
        goal = max(node.ledger.tip.height, min(height, node.status().last_index))
        # They are ready for questions only once they say that they have reached it.
        on_height(height, is_ready=False)
        writer.write(HEIGHT.pack(goal))
        await run_until_first(
            _send_blocks(node, writer, wanted, height), _take_heights(reader, goal, on_height)
        )


async def _read_height(reader: asyncio.StreamReader) -> int:
    (height,) = HEIGHT.unpack(await reader.readexactly(HEIGHT.size))
    return int(height)


async def _take_heights(reader: asyncio.StreamReader, goal: int, on_height: OnHeight) -> None:
    while True:
        height = await _read_height(reader)
        on_height(height, is_ready=height >= goal)


async def _send_blocks(
    node: ServedNode, writer: asyncio.StreamWriter, wanted: asyncio.Event, height: int
) -> None:
    following = _find_signed(node.ledger, min(height, node.ledger.tip.height))
    while True:
        await node.reach(following)
        if node.ledger.tip.height - following >= AT_HAND:
            last = node.ledger.tip.height
            piece, following = await asyncio.to_thread(read_piece, node.ledger, following, last)
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER_S):
                    await wanted.wait()
            wanted.clear()
            piece, following = read_piece(node.ledger, following, node.ledger.tip.height)
        writer.write(piece)
        await writer.drain()


def _find_signed(ledger: Ledger, height: int) -> int:
    """Find the newest block of events at or below a height, or else the first block.

    The header of one that opens a term is derived from the block before.
    """
    while height > 1:
        stored = ledger.block(height)
        if stored is not None and decode_stored_entry(stored).kind == BLOCK_ENTRY:
            return height
        height -= 1
    return 1
