"""What operators see: the log, one line an entry on standard error."""

import logging
import sys


def set_up_logging(*, verbose: bool) -> None:
    """Log warnings and what happens to leadership; everything when verbose."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("aiohttp").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
