"""A log that nothing can fill."""

import logging

from kpnode.process import LOG_LINES, LOG_PERIOD_S, set_up_logging


def test_one_place_in_the_program_cannot_fill_the_log() -> None:
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    try:
        root.handlers.clear()
        set_up_logging(verbose=False)
        (handler,) = root.handlers
        made = [
            logging.LogRecord("aiohttp", logging.ERROR, "x.py", 7, "bad %s", (number,), None)
            for number in range(LOG_LINES + 9)
        ]
        assert sum(bool(handler.filter(record)) for record in made) == LOG_LINES
        elsewhere = logging.LogRecord("aiohttp", logging.ERROR, "x.py", 8, "good", (), None)
        assert handler.filter(elsewhere)
        later = logging.LogRecord("aiohttp", logging.ERROR, "x.py", 7, "bad %s", (1,), None)
        later.created += LOG_PERIOD_S + 1
        assert handler.filter(later)
        assert later.getMessage() == "bad 1 (9 more were left out)"
    finally:
        root.handlers[:] = before
