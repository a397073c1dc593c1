"""Files of a synthetic year: keys, and what was planted."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from lab.year.days import YEAR
from lab.year.planted import PlantedCase

from kpledger.base.ids import KPCS
from kpledger.base.keys import SigningKey
from kpledger.scheme.v1.ids import CHAIR, ROOT

GENESIS_NAME: Final = "genesis.json"
PLANTED_NAME: Final = "planted.json"


def write_planted(path: Path, cases: Iterable[PlantedCase]) -> None:
    """Write what was planted."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(tuple(cases)), indent=2) + b"\n")


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
