"""A process of a node: what it logs, how it collects garbage, and how one that it started is ended.

Operators see the log, one line an entry, on standard error.
"""

import asyncio
import gc
import logging
import sys
from contextlib import suppress
from typing import Final

from kpledger.base.text import clean, clean_lines

GARBAGE_THRESHOLD: Final = 20_000
"""Objects more than were freed before the collector looks at them; Python's own 700 is reached
every few events."""


class _Harmless(logging.Formatter):
    """Writes what other nodes and clients said so that it can only be read, and on one line."""

    def format(self, record: logging.LogRecord) -> str:
        record.msg, record.args = clean(record.getMessage()), ()
        return clean_lines(super().format(record))


def set_up_logging(*, verbose: bool) -> None:
    """Log warnings and what happens to leadership; everything when verbose."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Harmless("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
    logging.getLogger("aiohttp").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def rest_collector() -> None:
    """Let the collector rest; called when everything is loaded that stays."""
    # To look through what stays took 100 ms each time.
    gc.collect()
    gc.freeze()
    # What serves one request dies with it, nearly all of it by counting references.
    gc.set_threshold(GARBAGE_THRESHOLD)


async def stop_process(process: asyncio.subprocess.Process, patience_s: float) -> None:
    """Ask a process to end, wait, and kill it if it takes too long."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), patience_s)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
