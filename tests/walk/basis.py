"""What measures of the scheme have in common: who takes them, from when, on which decision."""

from naive.dates import DAY
from naive.world import Office

from walk.chance import Chance

CHAIR: Office = ("KPCS", "chair")
SECRETARIAT: Office = ("KPCS", "secretariat")
HASH = bytes(32)


def soon(chance: Chance) -> int:
    """Give an instant around now."""
    now = chance.world.now
    return now + chance.weighed(
        {0: 30, 1: 10, DAY: 15, 10 * DAY: 10, -1: 5, -DAY: 3, 400 * DAY: 1, 9_000 * DAY: 1}
    )


def some_decision(chance: Chance) -> tuple[str, bool]:
    """Give a decision to rest on, and whether what rests on it is interim."""
    by_notice = chance.likely(25)
    known = [
        name
        for name, one in chance.world.decisions.items()
        if (one.procedure == "CHAIR_NOTICE") == by_notice
    ]
    name = (
        chance.maybe(known[-10:])
        if chance.likely(94)
        else chance.maybe(list(chance.world.decisions))
    )
    interim = by_notice if chance.likely(96) else not by_notice
    return (name if name is not None and chance.likely(97) else "NO-SUCH-1"), interim
