"""E15: how much of each kind an office may file, and all those of a participant together.

Each has a bucket for each kind, which every event fills and time empties: microseconds, a day's
worth of them for a quota.
"""

from naive.tables import KINDS
from naive.world import Said, World

DAY_US = 86_400_000_000
HEADS = (("KPCS", "chair"), ("KPCS", "secretariat"))


def buckets(world: World, said: Said) -> dict[tuple[str, ...], int]:
    """Give the buckets that an event goes into, and what it fills of each."""
    kind = KINDS[said.type]
    if kind == "-":
        return {}
    quota = world.number(None, f"{kind}_quota")
    units = (said.size + 2047) // 2048
    filled: dict[tuple[str, ...], int] = {(kind, *said.author): units * DAY_US // quota}
    if said.author not in HEADS and said.author[1] != "root":
        together = quota * world.number(None, "quota_offices")
        filled[kind, said.author[0]] = units * DAY_US // together
    return filled


def level(world: World, bucket: tuple[str, ...]) -> int:
    filled, at = world.filed.get(bucket, (0, 0))
    return max(0, filled - (world.now - at) * 1000)


def keeps_quota(world: World, said: Said) -> str | None:
    """E15: a week's worth fits."""
    for bucket, filled in buckets(world, said).items():
        if level(world, bucket) + filled > 7 * DAY_US:
            return "E15"
    return None


def fill(world: World, said: Said) -> None:
    for bucket, filled in buckets(world, said).items():
        world.filed[bucket] = (level(world, bucket) + filled, world.now)
