"""The folder: a synthetic year as files: genesis file, events, keys, and what was planted.

Events stand one behind the other: the time at which each reaches the ledger (eight bytes,
milliseconds), the length of its envelope (four bytes), the envelope.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from lab.year.days import YEAR
from lab.year.participants import NODE, NODE_KEYS, Participants
from lab.year.planted import PlantedCase
from lab.year.signer import TimedEvent

from kpledger.base.errors import MalformedError
from kpledger.base.ids import KPCS
from kpledger.base.keys import SigningKey
from kpledger.scheme.envelope import MAX_ENVELOPE_BYTES
from kpledger.scheme.v1.ids import CHAIR, ROOT

GENESIS_NAME: Final = "genesis.json"
EVENTS_NAME: Final = "events.bin"
PLANTED_NAME: Final = "planted.json"
KEYS_NAME: Final = "keys"

_FRAME: Final = struct.Struct(">QI")


def write_events(path: Path, entries: Iterable[TimedEvent]) -> int:
    """Write events, and give how many there are."""
    count = 0
    with path.open("wb") as file:
        for entry in entries:
            file.write(_FRAME.pack(entry.time_ms, len(entry.envelope)) + entry.envelope)
            count += 1
    return count


def read_events(path: Path) -> Iterator[tuple[int, bytes]]:
    """Read events: time and envelope of each.

    Raises:
        MalformedError: the file ends within an event, or one is too long.
    """
    with path.open("rb") as file:
        while frame := file.read(_FRAME.size):
            if len(frame) < _FRAME.size:
                raise MalformedError(path.name, "it ends within an event")
            time_ms, size = _FRAME.unpack(frame)
            envelope = file.read(min(size, MAX_ENVELOPE_BYTES))
            if len(envelope) < size:
                raise MalformedError(path.name, f"an event of {size} bytes does not stand there")
            yield time_ms, envelope


def write_planted(path: Path, cases: Iterable[PlantedCase]) -> None:
    """Write what was planted."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(tuple(cases)), indent=2) + b"\n")


def write_keys(directory: Path, participants: Participants) -> None:
    """Write the seeds of the node's keys and of the roots, each readable by its owner alone."""
    directory.mkdir(parents=True, exist_ok=True)
    labels = {f"{kind}.seed": f"{NODE}/{kind}" for kind in NODE_KEYS}
    labels |= {f"root-{code}.seed": f"{code}/root" for code in participants.codes}
    for name, label in labels.items():
        write_seed(directory / name, participants.seed_of(label))


def load_founded(directory: Path) -> dict[str, SigningKey]:
    """Read the keys that a network was founded with, by their labels in the year.

    Raises:
        OSError: there are none.
    """
    roots = {
        f"{path.stem.removeprefix('root-')}/{ROOT}": path
        for path in sorted(directory.glob("root-*.seed"))
    }
    paths = {**roots, f"{KPCS}/{CHAIR}/{YEAR - 1}": directory / "chair.seed"}
    return {
        label: SigningKey.from_seed(bytes.fromhex(path.read_text(encoding="ascii").strip()))
        for label, path in paths.items()
    }


def write_seed(path: Path, seed: bytes) -> None:
    """Write a seed as key files are written."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(seed.hex() + "\n")
