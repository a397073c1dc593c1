"""What the machine itself can do: Ed25519 on one core and on all, and syncs of its disk."""

import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

from kpledger.base.keys import SigningKey, verify_signature

RECORD_BYTES: Final = 512
MESSAGE: Final = bytes(600)
"""As long as what is signed of a usual event."""
RATE_KEY: Final = SigningKey.from_seed(bytes(32))
_BATCH: Final = 200

CORES: Final = len(os.sched_getaffinity(0))


def measure_verify_per_s(processes: int, seconds: float) -> float:
    """Verify one signature after another in so many processes at the same time."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        # Once in vain, so that every process has started before any of them is timed.
        list(pool.map(_verify_for, [0.2] * processes))
        return sum(pool.map(_verify_for, [seconds] * processes))


def _verify_for(seconds: float) -> float:
    signature = RATE_KEY.sign(MESSAGE)
    count, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        for _ in range(_BATCH):
            verify_signature(RATE_KEY.public_key, MESSAGE, signature, what="a message")
        count += _BATCH
    return count / elapsed


def measure_sign_per_s(seconds: float) -> float:
    """Sign one message after another on one core."""
    count, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        for _ in range(_BATCH):
            RATE_KEY.sign(MESSAGE)
        count += _BATCH
    return count / elapsed


def measure_syncs_per_s(directory: Path, seconds: float) -> float:
    """Append a small record and sync it to the disk, again and again."""
    file = os.open(directory / "syncs", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    count, started = 0, time.perf_counter()
    try:
        while (elapsed := time.perf_counter() - started) < seconds:
            os.write(file, bytes(RECORD_BYTES))
            os.fdatasync(file)
            count += 1
    finally:
        os.close(file)
    return count / elapsed


def find_percentile(ordered: Sequence[float], percent: int) -> float:
    """Give the value below which so many percent lie; the values ascend."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
