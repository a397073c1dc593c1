"""Whether the memory of nodes grows: a world under load for long, sampled."""

from pathlib import Path
from typing import Final

import world

SAMPLES: Final = 240


def run(
    voters: int, replicas: int, rate: float, minutes: float, directory: Path
) -> dict[str, object]:
    """Load a world for so many minutes, and give what :func:`world.run` measures of it."""
    seconds = minutes * 60
    load = world.WorldLoad(
        voters=voters,
        replicas=replicas,
        rate=rate,
        seconds=seconds,
        is_parted=False,
        sample_s=max(1.0, seconds / SAMPLES),
    )
    return world.run(load, directory) | {"benchmark": "soak"}
