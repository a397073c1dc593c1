"""What a node was told is stored, is stored: killed processes, torn files, lost pages.

Run as a program, this file is the process that gets killed.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

from leveldb_files import copy_directory, record_ends
from memory_storage import MemoryStorage

from kpledger.log.layout import APPLIED_KEY, state_key
from kpnode.raft import Entry, EntryKind, HardState, Index, NodeId, Term
from kpnode.storage.leveldb import LevelStorage

CHAIN = bytes(range(32))
WHOLE = (Index(1), Index(1 << 40), 1 << 40)

Save = tuple[HardState | None, tuple[Entry, ...]]
Content = tuple[HardState, tuple[Entry, ...]]


def draw_saves(seed: int) -> Iterator[Save]:
    """Draw an endless course of saves: appends, overwritten tails, new terms, votes."""
    random = Random(seed)
    last, term = 0, 1
    while True:
        hard_state = None
        if random.random() < 0.3:
            term += 1
            hard_state = HardState(Term(term), random.choice([None, NodeId("bw-1")]))
        first = max(1, last + 1 - random.choice([0, 0, 0, 1, 5]))
        last = first + random.randrange(4)
        payload = random.randbytes(random.choice([0, 10, 5000]))
        entries = tuple(
            Entry(Index(index), Term(term), EntryKind.BLOCK, payload)
            for index in range(first, last + 1)
        )
        yield hard_state, entries


def save_and_apply(storage: LevelStorage, number: int, save: Save) -> None:
    """Do what a node does for one step."""
    storage.save(*save)
    storage.apply(step_records(number))


def step_records(number: int) -> list[tuple[bytes, bytes]]:
    """Return what is derived in a step: a record of its own, and how far the steps got."""
    digits = str(number).encode()
    return [(state_key(digits), b"step %d." % number), (APPLIED_KEY, digits)]


def read_content(storage: LevelStorage) -> Content:
    return storage.hard_state, storage.entries(*WHOLE)


def contents_after_each(saves: list[Save]) -> list[Content]:
    """Say what a storage holds before the first save, and after each."""
    memory = MemoryStorage()
    contents = [(memory.hard_state, memory.entries(*WHOLE))]
    for save in saves:
        memory.save(*save)
        contents.append((memory.hard_state, memory.entries(*WHOLE)))
    return contents


def count_applied(storage: LevelStorage) -> int:
    """Return how many steps were applied, after checking that none before the last is missing."""
    applied = int(storage.get(APPLIED_KEY) or b"0")
    keys = {key for key, _ in storage.scan(state_key(b""), limit=1 << 40)}
    assert keys == {state_key(str(number).encode()) for number in range(1, applied + 1)}
    return applied


def test_kill_loses_nothing_that_save_returned_for(directory: Path) -> None:
    random = Random(6)
    for seed in range(8):
        target = directory.with_name(f"ledger-{seed}")
        saver = [sys.executable, __file__, str(target), str(seed)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(saver, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            for _ in range(random.randrange(1, 400)):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            reported = len(process.stdout.readlines())
        done = Path(f"{target}.done").stat().st_size
        assert done >= reported

        storage = LevelStorage(target, chain=CHAIN, create=False)
        contents = contents_after_each(list(islice(draw_saves(seed), done + 1)))
        # The step under way when the process died may be there or not, but never in part.
        assert read_content(storage) in contents[done : done + 2]
        # What was applied last waits for a save.
        assert count_applied(storage) in {max(0, done - 1), done}
        storage.close()


def test_torn_write_is_dropped_whole(directory: Path) -> None:
    saves = list(islice(draw_saves(1), 12))
    storage = LevelStorage(directory, chain=CHAIN, create=True)
    for number, save in enumerate(saves, 1):
        save_and_apply(storage, number, save)
    storage.close()
    (log,) = directory.glob("*.log")
    whole = log.read_bytes()
    contents = contents_after_each(saves)
    ends = record_ends(whole)

    for cut in sorted({*range(ends[0], ends[0] + 60), *range(ends[0], len(whole), 211), *ends}):
        log.write_bytes(whole[:cut])
        copy = copy_directory(directory, directory.with_name(f"cut-{cut}"))
        storage = LevelStorage(copy, chain=CHAIN, create=False)
        # Records: the founding, one for each save, and what was applied last.
        complete = sum(end <= cut for end in ends) - 1
        assert read_content(storage) == contents[min(complete, len(saves))]
        assert count_applied(storage) == max(0, complete - 1)
        storage.close()


def test_what_was_applied_is_stored_with_the_next_save_and_once(directory: Path) -> None:
    """An unsynced batch of its own could be lost while a later one is kept."""
    storage = LevelStorage(directory, chain=CHAIN, create=True)
    for height in range(1, 7):
        storage.save(None, (Entry(Index(height), Term(1), EntryKind.BLOCK, b"p"),))
        storage.apply(step_records(2 * height - 1))
        storage.apply(step_records(2 * height))
    assert count_applied(storage) == 12
    storage.close()
    (log,) = directory.glob("*.log")
    written = log.read_bytes()
    # The founding, six saves, and what was applied after the last of them.
    assert len(record_ends(written)) == 8
    assert [written.count(b"step %d." % step) for step in range(1, 13)] == [1] * 12
    again = LevelStorage(directory, chain=CHAIN, create=False)
    assert count_applied(again) == 12
    again.close()


def main() -> None:
    """Save until killed, noting in a file, byte by byte, what is done."""
    target, seed = Path(sys.argv[1]), int(sys.argv[2])
    storage = LevelStorage(target, chain=CHAIN, create=True)
    done = os.open(f"{target}.done", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number, save in enumerate(draw_saves(seed), 1):
        storage.save(*save)
        os.write(done, b".")
        os.write(1, b"\n")
        storage.apply(step_records(number))


if __name__ == "__main__":
    main()
